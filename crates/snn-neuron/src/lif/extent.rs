//! The geometry of one call: steps, neurons, and the blocks they are cut into.

use snn_ops::buffer::{self, Read};

use super::current::Current;
use super::layer::Layer;
use crate::{Error, Result};

/// Elements of a block: a few of these fit the first-level cache.
const BLOCK: usize = 2048;
/// Least length of the repeated per-channel constants.
const TILE: usize = 256;

/// The shared geometry of one call.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Time steps of the neuron, and of its input: 1 when every step gets the same current.
    pub(super) t_steps: usize,
    pub(super) x_steps: usize,
    /// Neurons, those that the repeated per-channel constants span, and those of a block.
    pub(super) neurons: usize,
    pub(super) tile: usize,
    pub(super) block: usize,
}

impl Extent {
    /// The geometry that `currents` and `layer` agree on, and the shape of one step.
    ///
    /// # Errors
    /// [`Error::Shape`] when they do not agree, or an axis is empty.
    pub(super) fn new(
        t_steps: usize,
        currents: &[Current<'_>],
        layer: &Layer<'_>,
    ) -> Result<(Self, Vec<usize>)> {
        let shape =
            |what, expected, got: &[usize]| Error::Shape { what, expected, got: got.to_vec() };
        let first = currents.first().map(|c| c.value().dims()).unwrap_or_default();
        let Some((&x_steps, step)) = first.split_first().filter(|(_, step)| !step.is_empty())
        else {
            return Err(shape("lif input", "[T, .., C]".into(), first));
        };
        if t_steps == 0 || (x_steps != t_steps && x_steps != 1) {
            return Err(shape("lif input", format!("[{} or 1, ..]", t_steps.max(1)), first));
        }
        if let Some(other) = currents.iter().map(|c| c.value().dims()).find(|d| *d != first) {
            return Err(shape("lif current", format!("{first:?}"), other));
        }
        for (what, given) in [("v0", layer.v0), ("a0", layer.a0)] {
            if let Some(given) = given.filter(|v| v.dims() != step) {
                return Err(shape(what, format!("{step:?}"), given.dims()));
            }
        }
        let neurons = buffer::elements("lif input", step)?;
        buffer::elements("lif output", &[t_steps, neurons])?;
        let channels = step.last().copied().unwrap_or(1);
        let tile = channels * TILE.div_ceil(channels);
        let block = tile * (BLOCK / tile).max(1);
        Ok((Self { t_steps, x_steps, neurons, tile, block }, step.to_vec()))
    }

    /// Sets `v`, of block `at`, to what was given for before the first step, or to `rest`.
    pub(super) fn start(&self, given: Option<&Read<'_>>, rest: f32, at: usize, v: &mut [f32]) {
        let first = at * self.block;
        match given {
            Some(given) => given.data().slice(first..first + v.len()).copy_to(v),
            None => v.fill(rest),
        }
    }

    /// A profiler's span over one pass of the layer.
    pub(super) fn span(&self, pass: &'static str, currents: usize) -> tracing::Span {
        tracing::trace_span!(
            "norm_lif",
            pass,
            shape = format!("{} x {} neurons, {currents} currents", self.t_steps, self.neurons),
        )
    }
}
