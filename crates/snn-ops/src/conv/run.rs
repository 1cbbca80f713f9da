//! Cuts a convolution's work into pieces whose number follows from the shapes alone, so that the
//! result does not depend on the number of threads, and runs them on the chosen engine.

use std::cell::Cell;

use rayon::prelude::*;

use super::output::Output;
use super::pad;
use super::plan::{Correlation, Scope, Tap};
use super::portable;
use super::sparse::{self, ByChannel, Spikes};
#[cfg(target_arch = "x86_64")]
use super::unsafe_avx512;
use crate::Engine;
use crate::buffer::{Data, Element};

/// Fewer images than this are cut by rows too, so that single images use several threads.
const IMAGES_ENOUGH: usize = 16;
/// Weight gradients kept at once stay below this many elements.
const PARTIAL_ELEMENTS: usize = 1 << 24;
/// Output channels of one weight-gradient task.
const GROUP: usize = 128;

thread_local! {
    /// Padded rows of the image at hand; taken while in use, so nested calls would only allocate.
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

fn with_scratch<R>(f: impl FnOnce(&mut Vec<f32>) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let result = f(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// The kernels of f32 numbers: the engine's, or those that skip zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    Dense(Engine),
    Sparse(Engine),
}

impl Kernel {
    /// Output channels of one block of packed weights.
    fn width(self, plan: &Correlation) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Dense(Engine::Avx512) => unsafe_avx512::COLUMNS,
            Self::Dense(_) => plan.output[2],
            Self::Sparse(_) => sparse::block(plan.depth(), plan.output[2]),
        }
    }
}

/// Weights in the order a kernel reads them: `weight(tap, input channel, output channel)`.
pub(super) fn pack(
    kernel: Kernel,
    plan: &Correlation,
    taps: &[Tap],
    weight: impl Fn(Tap, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let (inputs, outputs) = (plan.input[2], plan.output[2]);
    let width = kernel.width(plan);
    let mut packed = vec![0.0; outputs.div_ceil(width) * plan.depth() * width];
    packed.par_chunks_mut(plan.depth() * width).enumerate().for_each(|(block, panel)| {
        for (k, line) in panel.chunks_exact_mut(width).enumerate() {
            let (tap, input) = (taps[k / inputs], k % inputs);
            for (j, slot) in line.iter_mut().enumerate().take(outputs - block * width) {
                *slot = weight(tap, input, block * width + j);
            }
        }
    });
    packed
}

/// Runs a correlation over every image of `x` into `out`.
pub(super) fn correlate<E: Element>(
    kernel: Kernel,
    plan: &Correlation,
    x: Data<'_>,
    packed: &[f32],
    out: Output<'_, E>,
    scope: Scope,
) {
    let in_len = plan.input.iter().product::<usize>();
    let out_len = plan.image * plan.output[2];
    let images = scope.images(out.len() / out_len);
    let rows = plan.output[0];
    let piece = match plan.is_dense() && images < IMAGES_ENOUGH {
        true => rows.div_ceil(IMAGES_ENOUGH.div_ceil(images)).max(1),
        false => rows,
    };
    let piece_len = if piece == rows { out_len } else { piece * plan.output[1] * plan.output[2] };
    out.pieces(out_len).enumerate().for_each(|(n, out)| {
        let image = x.slice(n * in_len..(n + 1) * in_len);
        let mut spikes = Spikes::default();
        if matches!(kernel, Kernel::Sparse(_)) {
            spikes.read(image, plan.input[2]);
        }
        out.par_chunks_mut(piece_len).enumerate().for_each(|(p, out)| {
            let first = p * piece;
            let count = piece.min(rows - first);
            E::through(out, |out| match kernel {
                Kernel::Sparse(engine) => {
                    sparse::correlate(engine, plan, &spikes, packed, (first, count), out);
                }
                Kernel::Dense(engine) => with_scratch(|scratch| {
                    pad::fill(plan, image, first, count, scratch);
                    match engine {
                        #[cfg(target_arch = "x86_64")]
                        Engine::Avx512 => {
                            unsafe_avx512::correlate(plan, scratch, packed, count, out);
                        }
                        _ => portable::correlate(plan, scratch, packed, count, out),
                    }
                }),
            });
        });
    });
}

/// The weight gradient, laid out `[tap row][tap column][input channel][output channel]`.
pub(super) fn weight_gradient(
    kernel: Kernel,
    plan: &Correlation,
    x: Data<'_>,
    dy: &[f32],
) -> Vec<f32> {
    let in_len = plan.input.iter().product::<usize>();
    let out_len = plan.image * plan.output[2];
    let (images, channels) = (dy.len() / out_len, plan.output[2]);
    let size = plan.depth() * channels;
    // DETERMINISM: the partial sums follow from the shapes, not from the threads.
    let parts = (PARTIAL_ELEMENTS / size).clamp(2, 16).min(images).max(1);
    let groups: Vec<(usize, usize)> =
        (0..channels).step_by(GROUP).map(|c| (c, GROUP.min(channels - c))).collect();
    let tasks: Vec<(usize, (usize, usize))> =
        (0..parts).flat_map(|p| groups.iter().map(move |&g| (p, g))).collect();
    let partials: Vec<Vec<f32>> = tasks
        .into_par_iter()
        .map(|(part, columns)| {
            let mut dw = vec![0.0; plan.depth() * columns.1];
            let (mut spikes, mut by_channel) = (Spikes::default(), ByChannel::default());
            for n in part * images / parts..(part + 1) * images / parts {
                let (image, dy) =
                    (x.slice(n * in_len..(n + 1) * in_len), &dy[n * out_len..(n + 1) * out_len]);
                match kernel {
                    Kernel::Sparse(engine) => {
                        spikes.read(image, plan.input[2]);
                        by_channel.read(plan, &spikes);
                        sparse::weight_gradient(engine, plan, &by_channel, dy, columns, &mut dw);
                    }
                    Kernel::Dense(engine) => with_scratch(|scratch| {
                        pad::fill(plan, image, 0, plan.output[0], scratch);
                        match engine {
                            #[cfg(target_arch = "x86_64")]
                            Engine::Avx512 => {
                                unsafe_avx512::weight_gradient(plan, scratch, dy, columns, &mut dw);
                            }
                            _ => portable::weight_gradient(plan, scratch, dy, columns, &mut dw),
                        }
                    }),
                }
            }
            dw
        })
        .collect();
    let mut dw = vec![0.0; size];
    dw.par_chunks_mut(channels).enumerate().for_each(|(k, line)| {
        for (t, partial) in partials.iter().enumerate() {
            let (first, width) = groups[t % groups.len()];
            let sums = &partial[k * width..(k + 1) * width];
            line[first..first + width].iter_mut().zip(sums).for_each(|(to, from)| *to += from);
        }
    });
    dw
}
