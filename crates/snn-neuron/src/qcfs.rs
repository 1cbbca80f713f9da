//! The activation of an ANN that becomes a spiking network without loss at T = 1.

use multiversion::multiversion;
use rayon::prelude::*;
use snn_ops::buffer::{self, Unset, with_f32};
use snn_ops::{Gradient, Gradients, Saved, Tape, Value};

use crate::{Error, Result};

/// Elements of one task.
const PIECE: usize = 1 << 14;

/// The step between two levels: the threshold of the neuron that the activation becomes.
pub fn qcfs_step(ceiling: f32, levels: u8) -> f32 {
    // As a product, which is what the tape multiplies weights with.
    ceiling * (1.0 / f32::from(levels))
}

/// Quantization-clip-floor-shift: of each `x` the level `k` in 0..=L, worth `k d`, where `d` is [`qcfs_step`].
///
/// # Equation
/// `k = min(max(floor((x + d/2) / d), 0), L)`: bit for bit the spike of a neuron without leak at T = 1 that starts at
/// `d/2` with the threshold `d` and L levels.
///
/// Straight through: where `0 <= x <= ceiling` the gradient of `k d` goes to `x`, and the rest of the ceiling's comes from
/// the value of `d` in the next layer: here it gets `-x / ceiling` times the gradient of `k d`.
///
/// # Source
/// Bu et al., "Optimal ANN-SNN Conversion for High-accuracy and Ultra-low-latency Spiking Neural Networks" (ICLR 2022).
///
/// # Shapes
/// - `x`: any, f32; `ceiling`: `[1]` f32, above 0; returns k, the shape of `x`, u8
///
/// # Errors
/// [`Error::Config`] when the ceiling is not above 0 or `levels` are 0, [`Error::Shape`] when it is not one number,
/// [`snn_ops::Error::Unsupported`] on a GPU.
///
/// # Determinism
/// The ceiling's gradient is summed in pieces that the shape fixes.
pub fn qcfs(tape: &mut Tape, x: &Value, ceiling: &Value, levels: u8) -> Result<Value> {
    buffer::elements("qcfs", x.dims())?;
    if ceiling.tensor().elem_count() != 1 {
        let (expected, got) = ("[1]".into(), ceiling.dims().to_vec());
        return Err(Error::Shape { what: "qcfs ceiling", expected, got });
    }
    if levels == 0 {
        return Err(Error::Config { field: "levels", why: "are 0; use 1 to 255".into() });
    }
    let top = with_f32("qcfs ceiling", ceiling.tensor(), |ceiling| Ok(ceiling[0]))?;
    if !(top.is_finite() && top > 0.0) {
        let why = format!("of qcfs is {top}; train with a lower rate or start above 0");
        return Err(Error::Config { field: "ceiling", why });
    }
    let (step, most) = (qcfs_step(top, levels), f32::from(levels));
    let shape = x.tensor().shape();
    let k = with_f32("qcfs", x.tensor(), |x| {
        let mut k = Unset::new(x.len());
        k.blocks(x.len(), PIECE).into_par_iter().zip(x.par_chunks(PIECE)).for_each(|(k, x)| {
            k.zeroed().into_iter().for_each(|k| quantize(x, (step, most), k));
        });
        buffer::tensor(k.finish(), shape)
    })?;
    let (to_x, to_ceiling) = (x.target(), ceiling.target());
    let saved = tape.is_recording().then(|| Saved::new(x.tensor())).transpose()?;
    Ok(tape.push(k, &[x, ceiling], move |dk: Gradient, grads: &mut Gradients| {
        let Some(x) = saved else { return Ok(()) };
        let x = x.tensor()?;
        with_f32("qcfs gradient", &dk, |dk| {
            with_f32("qcfs", &x, |values| {
                let mut dx = Unset::new(dk.len());
                let pieces = dx.blocks(dk.len(), PIECE).into_par_iter();
                let pieces = pieces.zip(dk.par_chunks(PIECE)).zip(values.par_chunks(PIECE));
                // DETERMINISM: pieces of one length, whose sums are added in order.
                let sums: Vec<f64> = pieces
                    .map(|((dx, dk), x)| {
                        let dx = dx.zeroed().into_iter();
                        dx.map(|dx| retreat(dk, x, (step, top), dx)).sum::<f64>()
                    })
                    .collect();
                let gradient = -sums.iter().sum::<f64>() / f64::from(top);
                grads.add(to_ceiling, buffer::tensor(vec![gradient as f32], 1)?)?;
                grads.add(to_x, buffer::tensor(dx.finish(), x.shape())?)
            })
        })
    }))
}

/// The levels of `x`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn quantize(x: &[f32], (step, most): (f32, f32), k: &mut [u8]) {
    for (k, x) in k.iter_mut().zip(x) {
        *k = ((0.5 * step + x) / step).floor().clamp(0.0, most) as i32 as u8;
    }
}

/// Sets `dx`, and returns the sum of its products with `x`. Levels count steps: the gradient of `k d` is that of k over d.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn retreat(dk: &[f32], x: &[f32], (step, top): (f32, f32), dx: &mut [f32]) -> f64 {
    const LANES: usize = 8;
    let slope = 1.0 / step;
    let mut sums = [0f64; LANES];
    for ((dx, dk), x) in dx.chunks_mut(LANES).zip(dk.chunks(LANES)).zip(x.chunks(LANES)) {
        for (((dx, dk), &x), sum) in dx.iter_mut().zip(dk).zip(x).zip(&mut sums) {
            *dx = if (x >= 0.0) & (x <= top) { dk * slope } else { 0.0 };
            *sum += f64::from(*dx) * f64::from(x);
        }
    }
    sums.iter().sum()
}
