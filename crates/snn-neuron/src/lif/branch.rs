//! One summand of a neuron's input current, made ready for the block loops.

use candle_core::Tensor;
use snn_ops::buffer::{Data, Read, with_data, with_f32};
use snn_ops::{Moments, Normalized, Saved, Target};

use super::current::Current;
use super::extent::Extent;
use super::kernel;
use crate::{Error, Result};

/// A summand with its constants.
pub(super) struct Branch {
    pub(super) x: Tensor,
    pub(super) to_x: Target,
    pub(super) norm: Option<Norm>,
}

pub(super) struct Norm {
    pub(super) normalized: Normalized,
    pub(super) weight: Tensor,
    pub(super) to_weight: Target,
    pub(super) to_bias: Target,
    /// Per-channel constants repeated to a length that fills vector registers.
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// A summand that waits for the backward pass.
pub(super) struct SavedBranch {
    x: Saved,
    to_x: Target,
    norm: Option<Norm>,
}

impl SavedBranch {
    fn restored(self) -> snn_ops::Result<Branch> {
        Ok(Branch { x: self.x.tensor()?, to_x: self.to_x, norm: self.norm })
    }
}

/// Makes ready all summands; the statistics that were taken come back for the running ones.
pub(super) fn branches(
    currents: &[Current<'_>],
    extent: &Extent,
) -> Result<(Vec<Branch>, Vec<Moments>)> {
    let made = currents.iter().map(|current| Branch::new(current, extent.tile));
    let (branches, moments): (Vec<_>, Vec<_>) =
        made.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    Ok((branches, moments.into_iter().flatten().collect()))
}

/// Keeps all summands for the backward pass.
pub(super) fn saved(branches: Vec<Branch>) -> Result<Vec<SavedBranch>> {
    branches.into_iter().map(Branch::saved).collect()
}

/// The summands that were kept.
pub(super) fn restored(saved: Vec<SavedBranch>) -> snn_ops::Result<Vec<Branch>> {
    saved.into_iter().map(SavedBranch::restored).collect()
}

/// Borrows the summands' elements.
pub(super) fn read(branches: &[Branch]) -> snn_ops::Result<Vec<Read<'_>>> {
    branches.iter().map(|branch| Read::new("lif input", &branch.x)).collect()
}

/// Sets `z` to the sum of the currents of block `at` at input step `t`; `wide` is scratch.
pub(super) fn sum_currents(
    extent: &Extent,
    branches: &[Branch],
    inputs: &[Read<'_>],
    (t, at): (usize, usize),
    z: &mut [f32],
    wide: &mut Vec<f32>,
) {
    let first = t * extent.neurons + at * extent.block;
    for (i, (branch, input)) in branches.iter().zip(inputs).enumerate() {
        let x = input.data().slice(first..first + z.len());
        if i == 0 { branch.set(z, x, wide) } else { branch.add_to(z, x, wide) }
    }
}

impl Branch {
    fn saved(self) -> Result<SavedBranch> {
        Ok(SavedBranch { x: Saved::new(&self.x)?, to_x: self.to_x, norm: self.norm })
    }

    /// Takes the statistics when training; they come back for the running ones.
    fn new(current: &Current<'_>, tile: usize) -> Result<(Self, Option<Moments>)> {
        let value = current.value();
        let (x, to_x) = (value.tensor().clone(), value.target());
        let Current::Norm { weight, bias, running, .. } = *current else {
            return Ok((Self { x, to_x, norm: None }, None));
        };
        let channels = value.dims().last().copied().unwrap_or(0);
        for (what, given) in [("norm weight", weight.dims()), ("norm bias", bias.dims())] {
            if given != [channels] {
                let expected = format!("[{channels}]");
                return Err(Error::Shape { what, expected, got: given.to_vec() });
            }
        }
        let (moments, normalized) = match running {
            Some(moments) if moments.mean.len() == channels => {
                (moments.clone(), Normalized::fixed(moments))
            }
            Some(moments) => {
                let (expected, got) = (format!("[{channels}]"), vec![moments.mean.len()]);
                return Err(Error::Shape { what: "running statistics", expected, got });
            }
            None => {
                let moments = with_data("norm input", &x, |x| Moments::of(x, channels))?;
                let normalized = Normalized::new(&moments);
                (moments, normalized)
            }
        };
        let (scale, shift) = with_f32("norm weight", weight.tensor(), |w| {
            with_f32("norm bias", bias.tensor(), |b| Ok(moments.affine(w, b)))
        })?;
        let norm = Norm {
            normalized,
            weight: weight.tensor().clone(),
            to_weight: weight.target(),
            to_bias: bias.target(),
            scale: scale.repeat(tile / channels),
            shift: shift.repeat(tile / channels),
        };
        Ok((Self { x, to_x, norm: Some(norm) }, running.is_none().then_some(moments)))
    }

    /// Sets `z` to this summand's current for the elements `x`; `wide` is scratch.
    fn set(&self, z: &mut [f32], x: Data<'_>, wide: &mut Vec<f32>) {
        match &self.norm {
            None => x.copy_to(z),
            Some(norm) => kernel::set_affine(z, x.widened(wide), &norm.scale, &norm.shift),
        }
    }

    /// Adds this summand's current for the elements `x` to `z`; `wide` is scratch.
    fn add_to(&self, z: &mut [f32], x: Data<'_>, wide: &mut Vec<f32>) {
        let x = x.widened(wide);
        match &self.norm {
            None => kernel::add_plain(z, x),
            Some(norm) => kernel::add_affine(z, x, &norm.scale, &norm.shift),
        }
    }
}
