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
    each_step(spikes, plain)
}

/// The set bits of each step's spikes: what hardware adds for a spike of several bits.
///
/// # Errors
/// As [`spike_counts`].
pub fn spike_bits(spikes: &Tensor) -> Result<Vec<u64>> {
    each_step(spikes, |x| x.iter().map(|spike| u64::from(spike.count_ones())).sum())
}

/// The neurons of each step that send nothing.
///
/// # Errors
/// As [`spike_counts`].
pub fn spike_zeros(spikes: &Tensor) -> Result<Vec<u64>> {
    each_step(spikes, |x| x.iter().map(|&spike| u64::from(spike == 0)).sum())
}

/// The sum of a piece, in lanes that cannot overflow: four times as fast as one sum of u64.
fn plain(x: &[u8]) -> u64 {
    const LANES: usize = 32;
    const ROWS: usize = 256;
    let block = |x: &[u8]| {
        let mut sums = [0u16; LANES];
        let (rows, rest) = x.as_chunks::<LANES>();
        for row in rows {
            sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += u16::from(v));
        }
        let rest = rest.iter().map(|&v| u64::from(v)).sum::<u64>();
        rest + sums.iter().map(|&sum| u64::from(sum)).sum::<u64>()
    };
    x.chunks(LANES * ROWS).map(block).sum()
}

/// The sum of `sum` over the pieces of each step.
fn each_step(spikes: &Tensor, sum: impl Fn(&[u8]) -> u64 + Sync) -> Result<Vec<u64>> {
    const PIECE: usize = 1 << 16;
    let len = buffer::elements("spike counts", spikes.dims())?;
    let t_steps = spikes.dims().first().copied().unwrap_or(1);
    with_data("spike counts", spikes, |data| match data {
        Data::U8(data) => {
            let steps = data.chunks_exact(len / t_steps);
            Ok(steps.map(|step| step.par_chunks(PIECE).map(&sum).sum()).collect())
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
    fn lanes_hold_the_largest_spikes_and_every_length() {
        for n in [1, 31, 32, 33, 8192, 8193, 100_000] {
            assert_eq!(plain(&vec![255; n]), 255 * n as u64);
        }
    }

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
