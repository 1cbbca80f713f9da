//! What a network's neurons remember between steps.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// The names of a neuron's tensors: its membrane potential and, where its threshold adapts, the adaptation.
const PARTS: [&str; 2] = ["v", "a"];

/// What the neurons of a batch of sequences remember, and how many steps they have seen. A new one has seen none: all
/// potentials are those of the neurons' start.
#[derive(Clone, Debug, Default)]
pub struct State {
    steps: u64,
    /// Channels last, by `NEURON.PART`.
    tensors: BTreeMap<String, Tensor>,
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

    /// Every neuron's tensors: by `NEURON.v` the potential after the last step, by `NEURON.a` the adaptation of a threshold
    /// that adapts, `[N, C, H, W]` or `[N, C]`.
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
            Ok((name.clone(), v))
        };
        self.tensors.iter().map(outside).collect()
    }

    /// The state after so many steps with the tensors that [`State::tensors`] gives.
    ///
    /// # Errors
    /// [`Error::Config`] for a name that ends otherwise, [`Error::Tensor`] when candle cannot copy.
    pub fn from_tensors(steps: u64, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        let inside = |(name, v): (&String, &Tensor)| {
            let part = name.rsplit_once('.').map(|(_, part)| part);
            if !part.is_some_and(|part| PARTS.contains(&part)) {
                let why = "is no tensor of a neuron's state; use NEURON.v or NEURON.a".into();
                return Err(Error::Config { field: name.clone(), why });
            }
            let v = if v.rank() == 4 {
                v.permute((0, 2, 3, 1))?.force_contiguous()?
            } else {
                v.clone()
            };
            Ok((name.clone(), v))
        };
        Ok(Self { steps, tensors: tensors.iter().map(inside).collect::<Result<_>>()? })
    }

    /// What the neurons of that name remember.
    pub(crate) fn of(&self, neuron: &str, part: &str) -> Option<&Tensor> {
        self.tensors.get(&format!("{neuron}.{part}"))
    }

    /// N, once there has been a step.
    pub(crate) fn samples(&self) -> Option<usize> {
        self.tensors.values().next()?.dims().first().copied()
    }

    /// Takes over what a step left.
    pub(crate) fn advance(&mut self, tensors: Vec<(String, Tensor)>) {
        self.steps += 1;
        self.tensors.extend(tensors);
    }
}
