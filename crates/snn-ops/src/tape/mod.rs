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

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use crate::{Error, Result};

type Backward = Box<dyn FnOnce(Gradient, &mut Gradients) -> Result<()> + Send>;

struct Step {
    output: usize,
    inputs: Vec<usize>,
    backward: Backward,
}

/// The record of a forward pass, or of several that share parameters.
#[derive(Default)]
pub struct Tape {
    recording: bool,
    /// Whether [`Tape::stage`] keeps its input alone.
    recomputing: bool,
    exact: bool,
    steps: Vec<Step>,
    /// Per slot: the parameter's name, and how many recorded steps read the value.
    slots: Vec<(Option<String>, usize)>,
    /// The slot of each named leaf.
    leaves: BTreeMap<String, usize>,
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

    /// Evaluation whose results do not depend on what is computed together: operators choose their kernels by the
    /// shapes of one image of one step, so that steps in a row are the sequence, and samples alone the batch, to the bit.
    /// [`Tape::off`] chooses by all the images and their zeros, which is faster and rounds differently.
    pub fn exact() -> Self {
        Self { exact: true, ..Self::default() }
    }

    /// Whether operators are recorded.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// Whether kernels are chosen by the shapes of one image alone.
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// A parameter, or any other leaf whose gradient is wanted, announced under `name`. Leaves of one name are one leaf:
    /// a parameter that several passes use is announced once, with the sum of its gradients.
    pub fn leaf(&mut self, name: impl Into<String>, tensor: Tensor) -> Value {
        let slot = self.recording.then(|| self.named_slot(name.into()));
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

    /// Differentiates a scalar: each seed is its gradient with respect to that output. `ready` receives each leaf's name
    /// and finished gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] when a seed's shape is not its output's; whatever an operator or
    /// `ready` returns.
    pub fn backward<'a>(
        self,
        outputs: impl IntoIterator<Item = (&'a Value, Tensor)>,
        ready: &mut dyn FnMut(&str, Tensor) -> Result<()>,
    ) -> Result<()> {
        let mut seeds = Vec::new();
        for (output, seed) in outputs {
            if seed.dims() != output.dims() {
                return Err(Error::Shape {
                    what: "gradient seed",
                    expected: format!("{:?}", output.dims()),
                    got: seed.dims().to_vec(),
                });
            }
            if let Some(slot) = output.slot {
                seeds.push((slot, Arc::new(seed.contiguous()?)));
            }
        }
        // Held to the end, for the caller may hold the seeds' elements, and a gradient that is held twice is not added to.
        let _held = seeds.clone();
        self.differentiate(seeds, ready).map(|_| ())
    }

    /// [`Tape::backward`] from seeds by slot. What comes back holds the gradients of leaves without a name.
    fn differentiate(
        self,
        seeds: Vec<(usize, Arc<Tensor>)>,
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
        let mut unused = Vec::new();
        for (slot, seed) in seeds {
            grads.accumulate(Target(Some(slot)), seed)?;
            if uses[slot] == 0 {
                unused.push(slot);
            }
        }
        for slot in unused {
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

    fn named_slot(&mut self, name: String) -> usize {
        match self.leaves.get(&name) {
            Some(&slot) => slot,
            None => {
                let slot = self.slot(Some(name.clone()));
                self.leaves.insert(name, slot);
                slot
            }
        }
    }

    fn slot(&mut self, name: Option<String>) -> usize {
        self.slots.push((name, 0));
        self.slots.len() - 1
    }
}
