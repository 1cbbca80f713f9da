//! What a pass is asked for, and what it notes.

use candle_core::{Device, Tensor};
use snn_ops::Moments;

use crate::Result;

/// Whether batch norm uses the batch's statistics or the running ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The batch's; they come back, for [`Model::folded`](crate::Model::folded).
    Train,
    /// The running ones.
    Eval,
}

/// What a pass is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which statistics norms use.
    pub mode: Mode,
    /// The steps that a still sample is shown for, where they are not those of the configuration.
    pub t_steps: Option<usize>,
    /// What happens to the steps after a layer of neurons.
    pub fork: Option<Fork>,
    /// Whether the auxiliary classifiers answer too.
    pub heads: bool,
    /// The layers of neurons whose spikes come back, by name.
    pub taps: Vec<String>,
    /// Whether the spikes of each layer of neurons are counted, and what is not zero in the input of each convolution and
    /// linear layer.
    pub counts: bool,
}

impl Request {
    /// The scores, and nothing else.
    pub fn new(mode: Mode) -> Self {
        Self { mode, t_steps: None, fork: None, heads: false, taps: Vec::new(), counts: false }
    }
}

/// A second way through the network from a layer of neurons on: its spikes in another order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The layer.
    pub after: String,
    /// The old step that each new one is; each of `0..T` once.
    pub order: Vec<usize>,
    /// Both ways are gone together, as 2 N samples, the reordered ones last; else the second way alone.
    pub joined: bool,
}

/// The batch statistics of a pass's norms, in the order of the walk, before they become running ones.
#[derive(Clone, Debug, Default)]
pub struct Statistics(Vec<(String, Moments, usize)>);

impl Statistics {
    /// `repeats` equal copies of the batch were seen.
    pub(crate) fn push(&mut self, norm: &str, moments: Moments, repeats: usize) {
        self.0.push((norm.into(), moments, repeats));
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(String, Moments, usize)> {
        self.0.iter()
    }
}

/// How often a layer of neurons fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// The layer.
    pub name: String,
    /// Spikes of the whole batch, step by step.
    pub spikes: Vec<u64>,
    /// Neurons of the whole batch.
    pub neurons: usize,
}

impl Fired {
    /// Counts the spikes `[T, ..]`.
    pub(crate) fn count(name: &str, spikes: &Tensor) -> Result<Self> {
        let counts = snn_ops::spike_counts(&spikes.to_device(&Device::Cpu)?)?;
        let neurons = spikes.elem_count() / counts.len().max(1);
        Ok(Self { name: name.into(), spikes: counts, neurons })
    }
}

/// How much of what entered a convolution or linear layer was not zero.
///
/// It is measured, not derived from [`Fired`]: a sum of spikes, a maximum or a mean over pixels, and spikes that a
/// convolution's stride passes over are no one layer's rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// The layer.
    pub name: String,
    /// Entries of the whole batch that were not zero.
    pub non_zero: u64,
    /// Entries of the whole batch; those of a still sample count once where they are computed once.
    pub entries: u64,
}

impl Fed {
    pub(crate) fn count(name: &str, x: &Tensor) -> Result<Self> {
        let non_zero = snn_ops::non_zero(&x.to_device(&Device::Cpu)?)?;
        Ok(Self { name: name.into(), non_zero, entries: x.elem_count() as u64 })
    }
}
