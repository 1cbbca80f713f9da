//! Spikes and non-zero entries, counted.

use candle_core::Tensor;
use rayon::prelude::*;

use crate::buffer::{self, Data, with_data};
use crate::{Error, Result};

/// The sum of each step's spikes.
///
/// # Shapes
/// - `spikes`: `[T, ..]` u8; returns T counts
///
/// # Errors
/// [`Error::Shape`] for no axis or an empty one; [`Error::Unsupported`] for other elements, and on a GPU.
pub fn spike_counts(spikes: &Tensor) -> Result<Vec<u64>> {
    each_step(spikes, u64::from)
}

/// The set bits of each step's spikes: what hardware adds for a spike of several bits.
///
/// # Errors
/// As [`spike_counts`].
pub fn spike_bits(spikes: &Tensor) -> Result<Vec<u64>> {
    each_step(spikes, |spike| spike.count_ones().into())
}

/// The neurons of each step that send nothing.
///
/// # Errors
/// As [`spike_counts`].
pub fn spike_zeros(spikes: &Tensor) -> Result<Vec<u64>> {
    each_step(spikes, |spike| u64::from(spike == 0))
}

/// The sum of `f` over each step.
fn each_step(spikes: &Tensor, f: impl Fn(u8) -> u64 + Sync) -> Result<Vec<u64>> {
    const PIECE: usize = 1 << 16;
    let len = buffer::elements("spike counts", spikes.dims())?;
    let t_steps = spikes.dims().first().copied().unwrap_or(1);
    with_data("spike counts", spikes, |data| match data {
        Data::U8(data) => {
            let sum = |x: &[u8]| x.iter().map(|&v| f(v)).sum::<u64>();
            let steps = data.chunks_exact(len / t_steps);
            Ok(steps.map(|step| step.par_chunks(PIECE).map(sum).sum()).collect())
        }
        Data::F32(_) | Data::Bf16(_) => {
            let why = format!("needs u8 elements, got {:?}", spikes.dtype());
            Err(Error::Unsupported { what: "spike counts", why })
        }
    })
}

/// How many entries are not zero; NaN is not zero.
///
/// # Shapes
/// - `x`: any, f32, bf16 or u8
///
/// # Errors
/// [`Error::Unsupported`] for other elements, and on a GPU.
pub fn non_zero(x: &Tensor) -> Result<u64> {
    const PIECE: usize = 1 << 16;
    fn count<T: Sync>(x: &[T], is_zero: impl Fn(&T) -> bool + Sync) -> u64 {
        // A piece's count fits, and narrow sums are the faster ones.
        let piece = |x: &[T]| u64::from(x.iter().map(|v| u32::from(!is_zero(v))).sum::<u32>());
        x.par_chunks(PIECE).map(piece).sum()
    }
    with_data("non-zero entries", x, |data| {
        Ok(match data {
            Data::U8(x) => count(x, |v| *v == 0),
            Data::F32(x) => count(x, |v| *v == 0.0),
            Data::Bf16(x) => count(x, |v| v.to_f32() == 0.0),
        })
    })
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;

    #[test]
    fn entries_that_are_not_zero_are_counted_in_every_type() {
        let values = vec![0.0f32, 1.0, -0.0, 3.0, 0.0, 2.0];
        let x = buffer::tensor(values, vec![2, 3]).unwrap();
        for dtype in [DType::F32, DType::BF16, DType::U8] {
            assert_eq!(non_zero(&x.to_dtype(dtype).unwrap()).unwrap(), 3, "{dtype:?}");
        }
        assert_eq!(non_zero(&buffer::tensor(vec![f32::NAN], 1).unwrap()).unwrap(), 1);
    }
}
