//! Reverse mode: a list of closures, run backwards once.
//!
//! An operator computes its output and, when the tape records and an input wants a gradient,
//! pushes one `FnOnce` that turns the output's gradient into its inputs' gradients. The first
//! gradient of a value is moved into place, later ones are added in place; what an operator saved
//! is freed as soon as its closure has run; a parameter's gradient is announced the moment its
//! last use has been differentiated, so that it can be reduced or applied while the rest runs.

use std::{ops::Deref, sync::Arc};

use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor};
use rayon::prelude::*;

use crate::{Error, Result};

/// A tensor with its place on a tape. Cloning shares the elements.
#[derive(Clone, Debug)]
pub struct Value {
    tensor: Tensor,
    slot: Option<usize>,
}

impl Value {
    /// A value that wants no gradient.
    pub fn constant(tensor: Tensor) -> Self {
        Self { tensor, slot: None }
    }

    /// The elements.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The shape.
    pub fn dims(&self) -> &[usize] {
        self.tensor.dims()
    }

    /// Whether the tape will ask for this value's gradient: operators skip the work otherwise.
    pub fn wants_gradient(&self) -> bool {
        self.slot.is_some()
    }

    /// Where this value's gradient goes.
    pub fn target(&self) -> Target {
        Target(self.slot)
    }
}

/// The address of a value's gradient, held by a closure in place of the value itself so that the
/// value's elements are not kept alive.
#[derive(Clone, Copy, Debug)]
pub struct Target(Option<usize>);

impl Target {
    /// Whether a gradient put here will be used.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }
}

/// The gradient of an operator's output, perhaps shared with another branch.
///
/// The `Arc` is ours, so sharing is visible: candle's tensors share elements without telling, and
/// adding in place to a gradient that a residual add handed to two branches would corrupt one.
pub struct Gradient(Arc<Tensor>);

impl Gradient {
    /// A tensor that nobody else holds: the gradient itself, or a copy where it is shared.
    ///
    /// # Errors
    /// When candle cannot copy.
    pub fn into_owned(self) -> Result<Tensor> {
        match Arc::try_unwrap(self.0) {
            Ok(tensor) => Ok(tensor),
            Err(shared) => Ok(shared.copy()?),
        }
    }
}

impl Deref for Gradient {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.0
    }
}

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
        let inputs: Vec<usize> = inputs.iter().filter_map(|v| v.slot).collect();
        if !self.recording || inputs.is_empty() {
            return Value::constant(output);
        }
        for &slot in &inputs {
            self.slots[slot].1 += 1;
        }
        let slot = self.slot(None);
        self.steps.push(Step { output: slot, inputs, backward: Box::new(backward) });
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
        let mut uses: Vec<usize> = self.slots.iter().map(|s| s.1).collect();
        let mut grads = Gradients { slots: vec![None; uses.len()] };
        grads.slots[slot] = Some(Arc::new(seed));
        for step in self.steps.into_iter().rev() {
            if let Some(gradient) = grads.slots[step.output].take() {
                (step.backward)(Gradient(gradient), &mut grads)?;
            }
            for input in step.inputs {
                uses[input] -= 1;
                if uses[input] == 0
                    && let Some(name) = &self.slots[input].0
                    && let Some(gradient) = grads.slots[input].take()
                {
                    ready(name, Gradient(gradient).into_owned()?)?;
                }
            }
        }
        Ok(())
    }

    fn slot(&mut self, name: Option<String>) -> usize {
        self.slots.push((name, 0));
        self.slots.len() - 1
    }
}

/// The gradients that have been found so far.
pub struct Gradients {
    slots: Vec<Option<Arc<Tensor>>>,
}

impl Gradients {
    /// Adds `gradient` to what `target` has. No other tensor may share its elements: reshape
    /// [`Gradient::into_owned`], never a borrowed gradient.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn add(&mut self, target: Target, gradient: Tensor) -> Result<()> {
        self.accumulate(target, Arc::new(gradient))
    }

    /// Hands one gradient to several branches without a copy.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn share(&mut self, targets: &[Target], gradient: Gradient) -> Result<()> {
        targets.iter().try_for_each(|&target| self.accumulate(target, gradient.0.clone()))
    }

    fn accumulate(&mut self, target: Target, gradient: Arc<Tensor>) -> Result<()> {
        let Some(slot) = target.0 else { return Ok(()) };
        self.slots[slot] = Some(match self.slots[slot].take() {
            None => gradient,
            Some(held) => add(held, gradient)?,
        });
        Ok(())
    }
}

/// The sum, in the memory of whichever operand nobody else holds.
fn add(mut a: Arc<Tensor>, mut b: Arc<Tensor>) -> Result<Arc<Tensor>> {
    if a.shape() != b.shape() {
        return Err(Error::Shape {
            what: "gradient sum",
            expected: format!("{:?}", a.dims()),
            got: b.dims().to_vec(),
        });
    }
    if Arc::get_mut(&mut a).is_some() {
        a.inplace_op2(&b, &AddAssign)?;
        Ok(a)
    } else if Arc::get_mut(&mut b).is_some() {
        b.inplace_op2(&a, &AddAssign)?;
        Ok(b)
    } else {
        Ok(Arc::new((&*a + &*b)?))
    }
}

struct AddAssign;

impl InplaceOp2 for AddAssign {
    fn name(&self) -> &'static str {
        "add-assign"
    }

    fn cpu_fwd(
        &self,
        a: &mut CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(a), CpuStorage::F32(b)) = (a, b) else {
            candle_core::bail!("gradients are f32")
        };
        let (Some(a_range), Some(b_range)) =
            (a_layout.contiguous_offsets(), b_layout.contiguous_offsets())
        else {
            candle_core::bail!("gradients are contiguous")
        };
        let (a, b) = (&mut a[a_range.0..a_range.1], &b[b_range.0..b_range.1]);
        a.par_chunks_mut(1 << 16)
            .zip(b.par_chunks(1 << 16))
            .for_each(|(a, b)| a.iter_mut().zip(b).for_each(|(a, b)| *a += b));
        Ok(())
    }
}
