//! One summand of a neuron's input current, made ready for the block loops.

use candle_core::Tensor;
use snn_ops::buffer::{Data, Read, with_data, with_f32};
use snn_ops::{Moments, Normalized, Saved, Target, Value};

use super::kernel;
use crate::{Error, Result};

/// A summand of the input current. All summands of one call have the same shape.
#[derive(Clone, Copy)]
pub enum Current<'a> {
    /// The value itself: spikes of a shortcut, or a current.
    Plain(&'a Value),
    /// Batch norm of the value: `(x - mean) / sqrt(var + eps) * weight + bias`.
    Norm {
        /// What is normalised, `[T, .., C]`.
        x: &'a Value,
        /// Scale, `[C]`.
        weight: &'a Value,
        /// Shift, `[C]`.
        bias: &'a Value,
        /// Running statistics in evaluation; the batch's own when training.
        running: Option<&'a Moments>,
    },
}

impl<'a> Current<'a> {
    pub(super) fn value(&self) -> &'a Value {
        match *self {
            Current::Plain(x) | Current::Norm { x, .. } => x,
        }
    }

    /// Every value whose gradient this summand can give.
    pub(super) fn values(&self) -> Vec<&'a Value> {
        match *self {
            Current::Plain(x) => vec![x],
            Current::Norm { x, weight, bias, .. } => vec![x, weight, bias],
        }
    }
}

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
    pub(super) fn restored(self) -> snn_ops::Result<Branch> {
        Ok(Branch { x: self.x.tensor()?, to_x: self.to_x, norm: self.norm })
    }
}

impl Branch {
    pub(super) fn saved(self) -> Result<SavedBranch> {
        Ok(SavedBranch { x: Saved::new(&self.x)?, to_x: self.to_x, norm: self.norm })
    }

    /// Takes the statistics when training; they come back for the running ones.
    pub(super) fn new(current: &Current<'_>, tile: usize) -> Result<(Self, Option<Moments>)> {
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

    pub(super) fn read(&self) -> Result<Read<'_>> {
        Ok(Read::new("lif input", &self.x)?)
    }

    /// Sets `z` to this summand's current for the elements `x`; `wide` is scratch.
    pub(super) fn set(&self, z: &mut [f32], x: Data<'_>, wide: &mut Vec<f32>) {
        match &self.norm {
            None => x.copy_to(z),
            Some(norm) => kernel::set_affine(z, x.widened(wide), &norm.scale, &norm.shift),
        }
    }

    /// Adds this summand's current for the elements `x` to `z`; `wide` is scratch.
    pub(super) fn add_to(&self, z: &mut [f32], x: Data<'_>, wide: &mut Vec<f32>) {
        let x = x.widened(wide);
        match &self.norm {
            None => kernel::add_plain(z, x),
            Some(norm) => kernel::add_affine(z, x, &norm.scale, &norm.shift),
        }
    }
}
