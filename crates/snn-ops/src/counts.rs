//! Spikes counted.

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
    const PIECE: usize = 1 << 16;
    let len = buffer::elements("spike counts", spikes.dims())?;
    let t_steps = spikes.dims().first().copied().unwrap_or(1);
    with_data("spike counts", spikes, |data| match data {
        Data::U8(data) => {
            let sum = |x: &[u8]| x.iter().map(|&v| u64::from(v)).sum::<u64>();
            let steps = data.chunks_exact(len / t_steps);
            Ok(steps.map(|step| step.par_chunks(PIECE).map(sum).sum()).collect())
        }
        Data::F32(_) | Data::Bf16(_) => {
            let why = format!("needs u8 elements, got {:?}", spikes.dtype());
            Err(Error::Unsupported { what: "spike counts", why })
        }
    })
}
