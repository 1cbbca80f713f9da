//! Reverse mode: a list of closures, run backwards once.
//!
//! An operator computes its output and, when the tape records and an input wants a gradient,
//! pushes one `FnOnce` that turns the output's gradient into its inputs' gradients. The first
//! gradient of a value is moved into place, later ones are added in place; what an operator saved
//! is freed as soon as its closure has run; a parameter's gradient is announced the moment its
//! last use has been differentiated, so that it can be reduced or applied while the rest runs.

mod gradient;
mod stage;
mod value;

pub use gradient::{Gradient, Gradients};
pub use value::{Target, Value};

use std::sync::Arc;

use candle_core::Tensor;

use crate::{Error, Result};

type Backward = Box<dyn FnOnce(Gradient, &mut Gradients) -> Result<()> + Send>;

struct Step {
    output: usize,
    inputs: Vec<usize>,
    backward: Backward,
}

/// The record of one forward pass.
#[derive(Default)]
pub struct Tape {
    recording: bool,
    /// Whether [`Tape::stage`] keeps its input alone.
    recomputing: bool,
    steps: Vec<Step>,
    /// Per slot: the parameter's name, and how many recorded steps read the value.
    slots: Vec<(Option<String>, usize)>,
}

impl Tape {
    /// A tape that records.
    pub fn new() -> Self {
        Self { recording: true, ..Self::default() }
    }

    /// Evaluation: nothing is recorded, nothing is saved.
    pub fn off() -> Self {
        Self::default()
    }

    /// Whether operators are recorded.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// A parameter, or any other leaf whose gradient is wanted, announced under `name`.
    pub fn leaf(&mut self, name: impl Into<String>, tensor: Tensor) -> Value {
        let slot = self.recording.then(|| self.slot(Some(name.into())));
        Value { tensor, slot }
    }

    /// The output of an operator with the closure that differentiates it.
    ///
    /// `backward` gets the output's gradient and must [`Gradients::add`] to every input that
    /// wants one. It is dropped at once when the tape is off or no input wants a gradient.
    pub fn push(
        &mut self,
        output: Tensor,
        inputs: &[&Value],
        backward: impl FnOnce(Gradient, &mut Gradients) -> Result<()> + Send + 'static,
    ) -> Value {
        let inputs = inputs.iter().filter_map(|v| v.slot).collect();
        self.record(output, inputs, Box::new(backward))
    }

    fn record(&mut self, output: Tensor, inputs: Vec<usize>, backward: Backward) -> Value {
        if !self.recording || inputs.is_empty() {
            return Value::constant(output);
        }
        for &slot in &inputs {
            self.slots[slot].1 += 1;
        }
        let slot = self.slot(None);
        self.steps.push(Step { output: slot, inputs, backward });
        Value { tensor: output, slot: Some(slot) }
    }

    /// Differentiates: `seed` is the gradient of the final scalar with respect to `output`.
    /// `ready` receives each leaf's name and finished gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] when the seed's shape is not the output's; whatever an operator or
    /// `ready` returns.
    pub fn backward(
        self,
        output: &Value,
        seed: Tensor,
        ready: &mut dyn FnMut(&str, Tensor) -> Result<()>,
    ) -> Result<()> {
        let Some(slot) = output.slot else { return Ok(()) };
        if seed.dims() != output.dims() {
            return Err(Error::Shape {
                what: "gradient seed",
                expected: format!("{:?}", output.dims()),
                got: seed.dims().to_vec(),
            });
        }
        let seed = Arc::new(seed.contiguous()?);
        // Held to the end, for the caller may hold the seed's elements, and a gradient that is held twice is not added to.
        let _held = seed.clone();
        self.differentiate(slot, Gradient(seed), ready).map(|_| ())
    }

    /// The same for a seed that is ours. What comes back holds the gradients of leaves without a name.
    fn differentiate(
        self,
        slot: usize,
        seed: Gradient,
        ready: &mut dyn FnMut(&str, Tensor) -> Result<()>,
    ) -> Result<Gradients> {
        let Self { steps, slots, .. } = self;
        let mut uses: Vec<usize> = slots.iter().map(|s| s.1).collect();
        let mut grads = Gradients { slots: vec![None; uses.len()] };
        let mut announce = |slot: usize, grads: &mut Gradients| {
            let Some(name) = &slots[slot].0 else { return Ok(()) };
            let Some(gradient) = grads.slots[slot].take() else { return Ok(()) };
            ready(name, Gradient(gradient).into_owned()?)
        };
        grads.slots[slot] = Some(seed.0);
        if uses[slot] == 0 {
            announce(slot, &mut grads)?;
        }
        for step in steps.into_iter().rev() {
            if let Some(gradient) = grads.slots[step.output].take() {
                (step.backward)(Gradient(gradient), &mut grads)?;
            }
            for input in step.inputs {
                uses[input] -= 1;
                if uses[input] == 0 {
                    announce(input, &mut grads)?;
                }
            }
        }
        Ok(grads)
    }

    fn slot(&mut self, name: Option<String>) -> usize {
        self.slots.push((name, 0));
        self.slots.len() - 1
    }
}
