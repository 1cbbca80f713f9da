//! The fused operator: currents, their sum, and T steps of the neuron in one pass each way.
//!
//! Neurons are cut into blocks of whole pixels that stay in cache while time runs. The backward pass
//! keeps only the currents' inputs: it replays the potentials block by block.

use candle_core::{DType, Tensor};
use rayon::prelude::*;
use snn_ops::buffer::{self, Read, with_f32};
use snn_ops::{Gradient, Gradients, Moments, Tape, Value};

use super::branch::{Branch, Current, widened};
use super::kernel::{self, Constants};
use super::{LifConfig, Reset};
use crate::{Error, Result};

/// Elements of a block: a few of these fit the first-level cache.
const BLOCK: usize = 2048;
/// Least length of the repeated per-channel constants.
const TILE: usize = 256;
/// Pieces that the backward sums are cut into, whatever the number of threads.
const PIECES: usize = 64;

/// What a layer of neurons sends.
#[derive(Debug)]
pub struct LifOutput {
    /// Spikes, `[T, ..]` u8.
    pub spikes: Value,
    /// Potential after the last step's reset, `[..]` f32; it carries no gradient.
    pub v_last: Tensor,
    /// The batch statistics of every current that was normalised with its own, in order.
    pub moments: Vec<Moments>,
}

/// The shared geometry of one call.
#[derive(Clone, Copy)]
struct Extent {
    /// Time steps of the neuron, and of its input: 1 when every step gets the same current.
    t_steps: usize,
    x_steps: usize,
    /// Neurons, and neurons of a block.
    neurons: usize,
    block: usize,
}

impl Extent {
    /// A profiler's span over one pass of the layer.
    fn span(&self, pass: &'static str, currents: usize) -> tracing::Span {
        tracing::trace_span!(
            "norm_lif",
            pass,
            shape = format!("{} x {} neurons, {currents} currents", self.t_steps, self.neurons),
        )
    }
}

/// Runs `t_steps` of a layer of neurons on the sum of `currents`.
///
/// # Equation
/// [`crate::reference::forward`] with `x` the sum of the currents.
///
/// # Shapes
/// - every current: `[t_steps, .., C]` f32, bf16 or u8, or `[1, .., C]` for the same current at each step
/// - `v0`: `[.., C]` f32, the potential before the first step; zero (or the reset potential) if absent
/// - returns spikes `[t_steps, .., C]` u8
///
/// # Errors
/// [`Error::Shape`] when shapes differ, [`Error::Config`] when the neuron's constants are refused.
///
/// # Determinism
/// Spikes do not depend on engine or threads; gradients of norm weights are summed in fixed pieces.
pub fn norm_lif(
    tape: &mut Tape,
    t_steps: usize,
    currents: &[Current<'_>],
    v0: Option<&Tensor>,
    config: &LifConfig,
) -> Result<LifOutput> {
    config.check()?;
    let (extent, tile, step_shape) = extent(t_steps, currents, v0)?;
    let span = extent.span("forward", currents.len()).entered();
    let mut branches = Vec::with_capacity(currents.len());
    let mut moments = Vec::new();
    for current in currents {
        let (branch, batch) = Branch::new(current, tile)?;
        branches.push(branch);
        moments.extend(batch);
    }
    let start = match (v0, config.reset) {
        (Some(v0), _) => with_f32("v0", v0, |v| Ok(v.to_vec()))?,
        (None, Reset::Hard(v_reset)) => vec![v_reset; extent.neurons],
        (None, Reset::Soft) => vec![0.0; extent.neurons],
    };
    let mut v = start.clone();
    let spikes = forward(&extent, &branches, config, &mut v)?;
    let mut shape = vec![t_steps];
    shape.extend(&step_shape);
    let spikes = buffer::tensor(spikes, shape)?;
    drop(span);
    let inputs: Vec<&Value> = currents.iter().flat_map(Current::values).collect();
    let (config, start) = (*config, v0.is_some().then_some(start));
    let spikes = tape.push(spikes, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let _span = extent.span("backward", branches.len()).entered();
        backward(&extent, branches, &config, start.as_deref(), &dy, grads)
    });
    Ok(LifOutput { spikes, v_last: buffer::tensor(v, step_shape)?, moments })
}

fn extent(
    t_steps: usize,
    currents: &[Current<'_>],
    v0: Option<&Tensor>,
) -> Result<(Extent, usize, Vec<usize>)> {
    let shape = |what, expected, got: &[usize]| Error::Shape { what, expected, got: got.to_vec() };
    let first = currents.first().map(|c| c.value().dims()).unwrap_or_default();
    let Some((&x_steps, step)) = first.split_first().filter(|(_, step)| !step.is_empty()) else {
        return Err(shape("lif input", "[T, .., C]".into(), first));
    };
    if t_steps == 0 || (x_steps != t_steps && x_steps != 1) {
        return Err(shape("lif input", format!("[{} or 1, ..]", t_steps.max(1)), first));
    }
    if let Some(other) = currents.iter().map(|c| c.value().dims()).find(|d| *d != first) {
        return Err(shape("lif current", format!("{first:?}"), other));
    }
    if let Some(v0) = v0.filter(|v| v.dims() != step) {
        return Err(shape("v0", format!("{step:?}"), v0.dims()));
    }
    let channels = step.last().copied().unwrap_or(1).max(1);
    let tile = channels * TILE.div_ceil(channels);
    let block = tile * (BLOCK / tile).max(1);
    let neurons = step.iter().product();
    Ok((Extent { t_steps, x_steps, neurons, block }, tile, step.to_vec()))
}

/// Block after block of neurons, each as its rows in time.
fn by_block<'a, T>(data: &'a mut [T], neurons: usize, block: usize) -> Vec<Vec<&'a mut [T]>> {
    let mut blocks: Vec<Vec<&'a mut [T]>> = Vec::new();
    blocks.resize_with(neurons.div_ceil(block), Vec::new);
    for step in data.chunks_mut(neurons.max(1)) {
        blocks.iter_mut().zip(step.chunks_mut(block)).for_each(|(rows, row)| rows.push(row));
    }
    blocks
}

/// Sets `z` to the sum of the currents of block `at` at input step `t`.
fn sum_currents(
    extent: &Extent,
    branches: &[Branch],
    inputs: &[Read<'_>],
    (t, at): (usize, usize),
    z: &mut [f32],
    wide: &mut Vec<f32>,
) {
    z.fill(0.0);
    let first = t * extent.neurons + at * extent.block;
    for (branch, input) in branches.iter().zip(inputs) {
        branch.add_to(z, input.data().slice(first..first + z.len()), wide);
    }
}

fn forward(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v: &mut [f32],
) -> Result<Vec<u8>> {
    let inputs = branches.iter().map(Branch::read).collect::<Result<Vec<_>>>()?;
    let constants = Constants::new(config);
    let mut spikes = vec![0u8; extent.t_steps * extent.neurons];
    by_block(&mut spikes, extent.neurons, extent.block)
        .into_par_iter()
        .zip(v.par_chunks_mut(extent.block))
        .enumerate()
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |(z, wide), (at, (spikes, v))| {
                z.resize(v.len(), 0.0);
                for (t, spikes) in spikes.into_iter().enumerate() {
                    if t < extent.x_steps {
                        sum_currents(extent, branches, &inputs, (t, at), z, wide);
                    }
                    kernel::fire(constants, v, z, spikes);
                }
            },
        );
    Ok(spikes)
}

/// Per norm branch, per channel: the sums of the current's gradient, then of its product with the
/// centred input.
type Sums = Vec<Vec<f64>>;

fn backward(
    extent: &Extent,
    branches: Vec<Branch>,
    config: &LifConfig,
    start: Option<&[f32]>,
    dy: &Tensor,
    grads: &mut Gradients,
) -> snn_ops::Result<()> {
    let (dz, sums) = current_gradient(extent, &branches, config, start, dy)?;
    let last = branches.len() - 1;
    let mut dz = Some(dz);
    for (i, (branch, sums)) in branches.iter().zip(sums).enumerate() {
        // The last branch takes the buffer, the others a copy.
        let gradient = if i == last { dz.take() } else { dz.clone() };
        let mut gradient = gradient.unwrap_or_default();
        if let Some(norm) = &branch.norm {
            let channels = norm.normalized.mean().len();
            let narrow = |sums: &[f64]| sums.iter().map(|&s| s as f32).collect::<Vec<f32>>();
            let (bias, weight) = sums.split_at(channels);
            grads.add(norm.to_bias, buffer::tensor(narrow(bias), channels)?)?;
            grads.add(norm.to_weight, buffer::tensor(narrow(weight), channels)?)?;
            if branch.to_x.is_wanted() {
                let input = Read::new("lif input", &branch.x)?;
                with_f32("norm weight", &norm.weight, |w| {
                    norm.normalized.input_gradient(input.data(), w, &sums, &mut gradient);
                    Ok(())
                })?;
            }
        }
        if branch.to_x.is_wanted() {
            let shape = branch.x.shape();
            // A gradient has the format of its value.
            let gradient = match branch.x.dtype() {
                DType::BF16 => buffer::tensor(buffer::to_bf16(&gradient), shape)?,
                _ => buffer::tensor(gradient, shape)?,
            };
            grads.add(branch.to_x, gradient)?;
        }
    }
    Ok(())
}

/// The gradient of the summed current, `[x_steps, neurons]`, and the norm branches' sums.
fn current_gradient(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    start: Option<&[f32]>,
    dy: &Tensor,
) -> snn_ops::Result<(Vec<f32>, Sums)> {
    let inputs = branches
        .iter()
        .map(|b| Read::new("lif input", &b.x))
        .collect::<snn_ops::Result<Vec<_>>>()?;
    let rest = if let Reset::Hard(v) = config.reset { v } else { 0.0 };
    let mut dz = vec![0f32; extent.x_steps * extent.neurons];
    let mut blocks = by_block(&mut dz, extent.neurons, extent.block);
    let group = blocks.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Sums> = with_f32("lif gradient", dy, |dy| {
        let work = |(piece, blocks): (usize, &mut [Vec<&mut [f32]>])| {
            let mut scratch = Scratch::default();
            let mut sums: Sums = branches.iter().map(Branch::zero_sums).collect();
            for (i, dz) in blocks.iter_mut().enumerate() {
                let at = piece * group + i;
                let first = at * extent.block;
                scratch.start(extent, dz.first().map_or(0, |row| row.len()));
                match start {
                    Some(v0) => scratch.v.copy_from_slice(&v0[first..][..scratch.len]),
                    None => scratch.v.fill(rest),
                }
                scratch.replay(extent, branches, &inputs, at, config);
                scratch.retreat(extent, &dy[first..], config, dz);
                scratch.add_sums(extent, branches, &inputs, first, dz, &mut sums);
            }
            sums
        };
        Ok(blocks.par_chunks_mut(group).enumerate().map(work).collect())
    })?;
    let mut total: Sums = branches.iter().map(Branch::zero_sums).collect();
    // DETERMINISM: pieces are added in order.
    for sums in pieces {
        for (total, sums) in total.iter_mut().flatten().zip(sums.iter().flatten()) {
            *total += sums;
        }
    }
    for (sums, norm) in
        total.iter_mut().zip(branches).filter_map(|(s, b)| Some((s, b.norm.as_ref()?)))
    {
        let inv_std = norm.normalized.inv_std();
        let products = &mut sums[inv_std.len()..];
        products.iter_mut().zip(inv_std).for_each(|(sum, &s)| *sum *= f64::from(s));
    }
    Ok((dz, total))
}

/// One block's working memory.
#[derive(Default)]
struct Scratch {
    len: usize,
    /// Potentials, then currents' gradients, `[t_steps, len]`.
    u: Vec<f32>,
    v: Vec<f32>,
    wide: Vec<f32>,
    narrow: Vec<f32>,
}

impl Scratch {
    fn start(&mut self, extent: &Extent, len: usize) {
        self.len = len;
        self.u.resize(extent.t_steps * len, 0.0);
        self.v.resize(len, 0.0);
    }

    /// Recomputes the potentials before each reset.
    fn replay(
        &mut self,
        extent: &Extent,
        branches: &[Branch],
        inputs: &[Read<'_>],
        at: usize,
        config: &LifConfig,
    ) {
        let constants = Constants::new(config);
        let (len, x_steps) = (self.len, extent.x_steps);
        let mut rows = self.u.chunks_exact_mut(len.max(1));
        for t in 0..x_steps {
            let Some(z) = rows.next() else { return };
            sum_currents(extent, branches, inputs, (t, at), z, &mut self.wide);
        }
        if x_steps == 1 {
            let (first, others) = self.u.split_at_mut(len);
            others.chunks_exact_mut(len.max(1)).for_each(|row| row.copy_from_slice(first));
        }
        for z in self.u.chunks_exact_mut(len.max(1)) {
            kernel::replay(constants, &mut self.v, z);
        }
    }

    /// Runs time backwards; `dz` gets the current's gradient.
    fn retreat(&mut self, extent: &Extent, dy: &[f32], config: &LifConfig, dz: &mut [&mut [f32]]) {
        let constants = Constants::new(config);
        self.v.fill(0.0);
        for t in (0..extent.t_steps).rev() {
            let u = &mut self.u[t * self.len..(t + 1) * self.len];
            let dy = &dy[t * extent.neurons..][..self.len];
            kernel::retreat(constants, config.surrogate, &mut self.v, dy, u);
            match extent.x_steps {
                1 => kernel::add_plain(dz[0], u),
                _ => dz[t].copy_from_slice(u),
            }
        }
    }

    fn add_sums(
        &mut self,
        extent: &Extent,
        branches: &[Branch],
        inputs: &[Read<'_>],
        first: usize,
        dz: &[&mut [f32]],
        sums: &mut Sums,
    ) {
        for ((branch, input), sums) in branches.iter().zip(inputs).zip(sums) {
            let Some(norm) = &branch.norm else { continue };
            self.narrow.clear();
            self.narrow.resize(sums.len(), 0.0);
            for (t, dz) in dz.iter().enumerate() {
                let first = t * extent.neurons + first;
                let x = widened(input.data().slice(first..first + dz.len()), &mut self.wide);
                kernel::norm_sums(x, dz, norm.normalized.mean(), &mut self.narrow);
            }
            sums.iter_mut().zip(&self.narrow).for_each(|(sum, &s)| *sum += f64::from(s));
        }
    }
}

impl Branch {
    fn zero_sums(&self) -> Vec<f64> {
        vec![0.0; self.norm.as_ref().map_or(0, |norm| 2 * norm.normalized.mean().len())]
    }
}
