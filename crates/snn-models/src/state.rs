//! What a network's neurons remember between steps.

use std::collections::BTreeMap;

use candle_core::Tensor;
use snn_ops::Tape;

use crate::forward::Input;
use crate::request::{Mode, Request};
use crate::{Error, Model, Result};

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
}

impl Model {
    /// One step of a sequence: its scores `[N, K]`. Steps in a row are the whole sequence to the bit, as
    /// [`Model::forward`] computes it on [`Tape::exact`] in [`Mode::Eval`].
    ///
    /// # Shapes
    /// - `frame`: `[N, C, H, W]`; the N of all steps is one
    ///
    /// # Errors
    /// [`Error::Shape`] when the frame does not fit the model or the state, [`Error::Config`] for a network that
    /// mixes steps. The state is then unchanged.
    pub fn step(&self, frame: &Tensor, state: &mut State) -> Result<Tensor> {
        if let Some(boundary) = self.config().steps.keys().next() {
            let why = "mixes the steps of a sequence; run the whole sequence".into();
            return Err(Error::Config { field: format!("steps.{boundary}"), why });
        }
        let n = frame.dims().first();
        if let Some(v) = state.potentials.values().find(|v| v.dims().first() != n) {
            let expected = format!("[{}, C, H, W], as in the steps before", v.dims()[0]);
            return Err(Error::Shape {
                what: "frame".into(),
                expected,
                got: frame.dims().to_vec(),
            });
        }
        let input = Input::Frames(frame.unsqueeze(0)?);
        let request = Request::new(Mode::Eval);
        let (output, noted) = self.walk(&mut Tape::exact(), &input, &request, Some(state))?;
        let logits = output.logits.tensor().squeeze(0)?;
        state.steps += 1;
        state.potentials.extend(noted.potentials);
        Ok(logits)
    }
}
