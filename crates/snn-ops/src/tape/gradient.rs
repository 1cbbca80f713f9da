//! Gradients on their way back, shared where a residual add shares them.

use std::{ops::Deref, sync::Arc};

use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor};
use rayon::prelude::*;

use super::Target;
use crate::{Error, Result};

/// The gradient of an operator's output, perhaps shared with another branch.
///
/// The `Arc` is ours, so sharing is visible: candle's tensors share elements without telling, and
/// adding in place to a gradient that a residual add handed to two branches would corrupt one.
pub struct Gradient(pub(super) Arc<Tensor>);

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

/// The gradients that have been found so far.
pub struct Gradients {
    pub(super) slots: Vec<Option<Arc<Tensor>>>,
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

    pub(super) fn accumulate(&mut self, target: Target, gradient: Arc<Tensor>) -> Result<()> {
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
    if !a.device().is_cpu() {
        // Without mutable access to memory on a GPU, the sum takes new memory.
        Ok(Arc::new((&*a + &*b)?))
    } else if Arc::get_mut(&mut a).is_some() {
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
