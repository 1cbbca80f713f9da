//! What a pass is asked for, and what it notes.

use candle_core::{DType, Device, Tensor};
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
    /// Whether the spikes of each layer of neurons are counted.
    pub counts: bool,
    /// Whether what is not zero in the input of each convolution, linear layer and gate is counted.
    pub inputs: bool,
}

impl Request {
    /// The scores, and nothing else.
    pub fn new(mode: Mode) -> Self {
        let taps = Vec::new();
        Self { mode, t_steps: None, fork: None, heads: false, taps, counts: false, inputs: false }
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
    /// Spikes of the whole batch, step by step; of several levels, the sum of the whole numbers that are sent.
    pub spikes: Vec<u64>,
    /// Set bits of those numbers: what hardware adds, shifts not counted.
    pub bits: Vec<u64>,
    /// Neurons that send nothing, step by step.
    pub silent: Vec<u64>,
    /// Neurons of the whole batch.
    pub neurons: usize,
}

impl Fired {
    /// Mean set bits of a neuron in a step: a layer's additions are its multiply-accumulates times this.
    pub fn bits_per_neuron(&self) -> f64 {
        self.share(&self.bits)
    }

    /// The share of neurons that send nothing in a step.
    pub fn silent_share(&self) -> f64 {
        self.share(&self.silent)
    }

    fn share(&self, counts: &[u64]) -> f64 {
        counts.iter().sum::<u64>() as f64 / (counts.len().max(1) * self.neurons.max(1)) as f64
    }

    /// Counts the spikes `[T, ..]`.
    pub(crate) fn count(name: &str, spikes: &Tensor) -> Result<Self> {
        let spikes = &spikes.to_device(&Device::Cpu)?;
        let counts = snn_ops::spike_counts(spikes)?;
        let neurons = spikes.elem_count() / counts.len().max(1);
        let (bits, silent) = (snn_ops::spike_bits(spikes)?, snn_ops::spike_zeros(spikes)?);
        Ok(Self { name: name.into(), spikes: counts, bits, silent, neurons })
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
    /// Entries of the whole batch that were not zero; of spikes of several bits, the bits that were not zero.
    pub non_zero: u64,
    /// Entries of the whole batch; those of a still sample count once where they are computed once.
    pub entries: u64,
}

impl Fed {
    /// Counts the entries of `x` that are not zero or, in a network of spikes of `several_bits`, the set bits of spikes.
    pub(crate) fn count(name: &str, x: &Tensor, several_bits: bool) -> Result<Self> {
        let (x, entries) = (x.to_device(&Device::Cpu)?, x.elem_count() as u64);
        let non_zero = match several_bits && x.dtype() == DType::U8 {
            true => snn_ops::spike_bits(&x)?.iter().sum(),
            false => snn_ops::non_zero(&x)?,
        };
        Ok(Self { name: name.into(), non_zero, entries })
    }
}
