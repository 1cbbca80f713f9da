//! The sets of kernels, and the number formats of their results.

/// A set of CPU kernels. Every engine computes the same sums; rounding differs in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Any processor: panels gathered for the `gemm` crate, which picks its own instructions.
    Portable,
    /// Direct convolution on 512-bit registers, without panels; in bf16 on AVX-512 BF16, where that is there and pays.
    Avx512,
    /// Convolution on AMX tiles, in bf16 or in f32 split into bf16 parts, where that pays; else as [`Engine::Avx512`].
    Amx,
}

/// The number format of convolutions' results and of their gradients. Weights, sums, statistics and losses are f32 in
/// either. With the feature `serde` it is written as its [name](Precision::name).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum Precision {
    /// Reference accuracy.
    #[default]
    F32,
    /// Operands and results rounded to bf16, which takes less memory. Made for AMX; without it no faster than f32.
    Bf16,
}

impl Precision {
    /// The name that recipes, config files and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }
}

impl Engine {
    /// The name that `SNN_ENGINE`, recipes and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Portable => "portable",
            Engine::Avx512 => "avx512",
            Engine::Amx => "amx",
        }
    }

    /// The engine whose kernels sum f32 products.
    pub(crate) fn of_f32(self) -> Self {
        if self == Engine::Amx { Engine::Avx512 } else { self }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::Precision;

    #[test]
    fn a_precision_is_written_as_its_name() {
        for precision in [Precision::F32, Precision::Bf16] {
            let text = serde_json::to_string(&precision).unwrap();
            assert_eq!(text, format!("\"{}\"", precision.name()));
            assert_eq!(serde_json::from_str::<Precision>(&text).unwrap(), precision);
        }
    }
}
