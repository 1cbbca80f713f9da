//! Which set of kernels does the arithmetic.

use std::sync::atomic::{AtomicU8, Ordering};

use candle_core::Device;

use crate::{Error, Result};

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
/// either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Reference accuracy.
    #[default]
    F32,
    /// Operands and results rounded to bf16, which takes less memory. Made for AMX; without it no faster than f32.
    Bf16,
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

    /// Whether this processor can run the engine; the reason when it cannot.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming the missing instructions.
    pub fn available(self) -> Result<()> {
        match self {
            Engine::Portable => Ok(()),
            Engine::Avx512 if has_avx512() => Ok(()),
            Engine::Avx512 => Err(Error::Unsupported {
                what: "engine avx512",
                why: "this processor has no AVX-512F; use engine `portable`".into(),
            }),
            Engine::Amx => amx().map_err(|why| Error::Unsupported {
                what: "engine amx",
                why: format!("{why}; use engine `avx512` or `portable`"),
            }),
        }
    }

    /// The engine whose kernels sum f32 products.
    pub(crate) fn of_f32(self) -> Self {
        if self == Engine::Amx { Engine::Avx512 } else { self }
    }
}

/// Why AMX cannot be used; its own kernels lean on AVX-512 for the rest.
fn amx() -> std::result::Result<(), &'static str> {
    #[cfg(target_arch = "x86_64")]
    return if has_avx512() { crate::conv::amx_available() } else { Err("it needs AVX-512F too") };
    #[cfg(not(target_arch = "x86_64"))]
    Err("this processor has no AMX-BF16")
}

fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

const UNSET: u8 = u8::MAX;
static CHOICE: AtomicU8 = AtomicU8::new(UNSET);

/// The engine in use: the one that was [chosen](set_engine), else the fastest available.
pub fn engine() -> Engine {
    match CHOICE.load(Ordering::Relaxed) {
        0 => Engine::Portable,
        1 => Engine::Avx512,
        2 => Engine::Amx,
        _ if amx().is_ok() => Engine::Amx,
        _ if has_avx512() => Engine::Avx512,
        _ => Engine::Portable,
    }
}

/// The name of the kernels that compute on `device`, for the record: `cuda`, or on a CPU that of the [`engine`].
pub fn engine_name(device: &Device) -> &'static str {
    if device.is_cuda() { "cuda" } else { engine().name() }
}

/// Chooses the engine by name for the whole process, before the first operator runs.
///
/// # Errors
/// [`Error::Config`] for an unknown name, [`Error::Unsupported`] when the processor cannot run it.
pub fn set_engine(name: &str) -> Result<()> {
    let engine = match name {
        "portable" => Engine::Portable,
        "avx512" => Engine::Avx512,
        "amx" => Engine::Amx,
        other => {
            let why = format!("`{other}` is not an engine; use `portable`, `avx512` or `amx`");
            return Err(Error::Config { field: "engine", why });
        }
    };
    engine.available()?;
    CHOICE.store(engine as u8, Ordering::Relaxed);
    Ok(())
}
