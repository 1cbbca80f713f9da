//! What a network's neurons remember between steps.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// The name of the membrane potential among a neuron's tensors.
const POTENTIAL: &str = "v";

/// What the neurons of a batch of sequences remember, and how many steps they have seen. A new one has seen none: all
/// potentials are those of the neurons' start.
#[derive(Clone, Debug, Default)]
pub struct State {
    steps: u64,
    /// Channels last.
    potentials: BTreeMap<String, Tensor>,
}

impl State {
    /// Before the first step.
    pub fn new() -> Self {
        Self::default()
    }

    /// The steps that it has seen.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Every neuron's tensors by `NEURON.v`: the potential after the last step, `[N, C, H, W]` or `[N, C]`.
    ///
    /// # Errors
    /// When candle cannot copy.
    pub fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let outside = |(name, v): (&String, &Tensor)| {
            let v = if v.rank() == 4 {
                v.permute((0, 3, 1, 2))?.force_contiguous()?
            } else {
                v.clone()
            };
            Ok((format!("{name}.{POTENTIAL}"), v))
        };
        self.potentials.iter().map(outside).collect()
    }

    /// The state after so many steps with the tensors that [`State::tensors`] gives.
    ///
    /// # Errors
    /// [`Error::Config`] for a name that ends otherwise, [`Error::Tensor`] when candle cannot copy.
    pub fn from_tensors(steps: u64, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let inside = |(name, v): (&String, &Tensor)| {
            let neuron = name.strip_suffix(POTENTIAL).and_then(|name| name.strip_suffix('.'));
            let why = || format!("is no tensor of a neuron's state; use NEURON.{POTENTIAL}");
            let neuron = neuron.ok_or_else(|| Error::Config { field: name.clone(), why: why() })?;
            let v = if v.rank() == 4 {
                v.permute((0, 2, 3, 1))?.force_contiguous()?
            } else {
                v.clone()
            };
            Ok((neuron.to_string(), v))
        };
        Ok(Self { steps, potentials: tensors.iter().map(inside).collect::<Result<_>>()? })
    }

    pub(crate) fn potential(&self, neuron: &str) -> Option<&Tensor> {
        self.potentials.get(neuron)
    }

    /// N, once there has been a step.
    pub(crate) fn samples(&self) -> Option<usize> {
        self.potentials.values().next()?.dims().first().copied()
    }

    /// Takes over what a step left.
    pub(crate) fn advance(&mut self, potentials: Vec<(String, Tensor)>) {
        self.steps += 1;
        self.potentials.extend(potentials);
    }
}
