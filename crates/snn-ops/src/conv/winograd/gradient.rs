//! The weight gradient: `dw = Gt [sum over tiles of (A dy) * (Bt d)] G`, the transpose of the forward pass.
//!
//! Rounds of tiles are transformed, block by block of channels, and for each of their points the
//! product of (input channels x tiles) and (tiles x output channels) is added to one sum.

use rayon::prelude::*;

use super::{Channels, Form, Tiles, columns, four, six, transform};
use crate::Engine;
use crate::buffer::Data;
use crate::conv::plan::Correlation;
#[cfg(target_arch = "x86_64")]
use crate::conv::unsafe_avx512;
use crate::unsafe_gemm::{Strides, matmul};

/// Tiles of one group, which one thread transforms.
const GROUP: usize = 64;
/// Groups of a round: enough that reading and writing the sums is little beside the products.
const GROUPS: usize = 4;

/// The weight gradient, laid out `[tap row][tap column][input channel][output channel]`.
pub(in crate::conv) fn weight_gradient(
    engine: Engine,
    form: Form,
    plan: &Correlation,
    x: Data<'_>,
    dy: Data<'_>,
) -> Vec<f32> {
    let ([.., inputs], [.., outputs], width) = (plan.input, plan.output, columns(engine));
    let tiles = Tiles::new(form, plan, dy.len() / (plan.image * outputs));
    let block = form.points() * GROUP * width;
    let (blocks_x, blocks_y) = (inputs.div_ceil(width), outputs.div_ceil(width));
    let (mut v, mut m) = (Vec::new(), Vec::new());
    // `[point][block of outputs][input][column]`
    let mut sums = vec![0.0; form.points() * blocks_y * inputs * width];
    // DETERMINISM: tiles are added in their order, whatever the threads.
    for first in (0..tiles.count).step_by(GROUP * GROUPS) {
        let round = tiles.part(first, GROUP * GROUPS);
        let groups = round.count.div_ceil(GROUP);
        v.resize(groups * blocks_x * block, 0.0);
        m.resize(groups * blocks_y * block, 0.0);
        v.par_chunks_mut(block).enumerate().for_each(|(i, v)| {
            let channels = Channels::block(i % blocks_x, width, inputs);
            transform::input(plan, &round.part(i / blocks_x * GROUP, GROUP), channels, x, v);
        });
        m.par_chunks_mut(block).enumerate().for_each(|(i, m)| {
            let channels = Channels::block(i % blocks_y, width, outputs);
            transform::output_gradient(
                plan,
                &round.part(i / blocks_y * GROUP, GROUP),
                channels,
                dy,
                m,
            );
        });
        sums.par_chunks_mut(inputs * width).enumerate().for_each(|(i, sums)| {
            let (point, to) = (i / blocks_y, i % blocks_y);
            for (from, sums) in sums.chunks_mut(width * width).enumerate() {
                // Only the last group of a round can hold fewer tiles, which then lie closer together.
                let (whole, rest) = (round.count / GROUP, round.count % GROUP);
                for (group, groups, tiles) in [(0, whole, GROUP), (whole, 1, rest)] {
                    if groups * tiles > 0 {
                        let v = &v[(group * blocks_x + from) * block + point * tiles * width..];
                        let m = &m[(group * blocks_y + to) * block + point * tiles * width..];
                        let steps = (groups, [blocks_x * block, blocks_y * block]);
                        add_product(engine, tiles, width, steps, v, m, sums);
                    }
                }
            }
        });
    }
    transformed(form, &sums, width, inputs, outputs)
}

/// Adds `at b` to `sums` for each of some groups, `at` and `b` being so many elements apart.
fn add_product(
    engine: Engine,
    tiles: usize,
    width: usize,
    (groups, steps): (usize, [usize; 2]),
    a: &[f32],
    b: &[f32],
    sums: &mut [f32],
) {
    let rows = sums.len() / width;
    match engine {
        #[cfg(target_arch = "x86_64")]
        Engine::Avx512 => {
            unsafe_avx512::add_transposed_product((rows, tiles), (groups, steps), a, b, sums);
        }
        _ => {
            let (row, transposed) = (Strides::rows(width), Strides::rows(width).transposed());
            for g in 0..groups {
                let (a, b) = (&a[g * steps[0]..], &b[g * steps[1]..]);
                matmul(rows, width, tiles, a, transposed, b, row, sums, row, true);
            }
        }
    }
}

/// `Gt sums G`, laid out `[tap row][tap column][input][output]`.
fn transformed(form: Form, sums: &[f32], width: usize, inputs: usize, outputs: usize) -> Vec<f32> {
    let (mut dw, blocks) = (vec![0.0; 9 * inputs * outputs], outputs.div_ceil(width));
    let mut taps: Vec<_> =
        dw.chunks_exact_mut(inputs * outputs).map(|tap| tap.chunks_exact_mut(outputs)).collect();
    let lines: Vec<Vec<&mut [f32]>> =
        (0..inputs).map(|_| taps.iter_mut().filter_map(Iterator::next).collect()).collect();
    lines.into_par_iter().enumerate().for_each(|(input, mut taps)| {
        for block in 0..blocks {
            let Channels { first, count, .. } = Channels::block(block, width, outputs);
            let sums = |point: usize| {
                &sums[((point * blocks + block) * inputs + input) * width..][..count]
            };
            let put = |tap: usize, channel: usize, values: &[f32]| {
                taps[tap][first + channel..][..values.len()].copy_from_slice(values);
            };
            match form {
                Form::Four => {
                    transform::weight_gradient(four::weight_gradient_axis, count, sums, put)
                }
                Form::Six => {
                    transform::weight_gradient(six::weight_gradient_axis, count, sums, put)
                }
            }
        }
    });
    dw
}
