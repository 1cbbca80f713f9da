//! TET: every time step answers for itself.

use candle_core::Tensor;

use crate::{
    Error, Result,
    batch::{Batch, check_range, log_softmax},
};

/// Temporal efficient training: the mean of every step's cross entropy, with a pull of all logits
/// towards one constant.
///
/// # Equation
/// ```text
/// loss = (1 - lambda) (1/T) sum_t (1/N) sum_n -log softmax(o_{t,n})[y_n]
///      + lambda (1/(T N K)) sum_{t,n,c} (o_{t,n,c} - mean)^2
/// ```
///
/// # Source
/// Deng et al., "Temporal Efficient Training of Spiking Neural Network via Gradient Re-weighting", and its
/// released functions. There `mean` is 1 (the threshold of its neuron) and `lambda` is 1e-3 for event data and 0 for
/// CIFAR. The TET rows of the TKS paper were run again on its own baseline, whose framework's TET has no second term and
/// whose trainer smooths labels under it by default: that those rows have `lambda` 0, our default, and no smoothing is
/// inferred; the paper states neither.
///
/// # Shapes
/// - `logits`: `[T, N, K]` f32 or f64; `labels`: `[N]` u32
/// - returns a scalar of the logits' type
///
/// # Errors
/// [`Error::Config`] when `lambda` is outside 0..=1 or `mean` is not finite; [`Error::Shape`], [`Error::Type`]
/// and [`Error::Label`] as in [`cross_entropy`](crate::cross_entropy()).
pub fn tet(logits: &Tensor, labels: &Tensor, lambda: f64, mean: f64) -> Result<Tensor> {
    check(lambda, mean)?;
    value(&Batch::new(logits, labels)?, lambda, mean)
}

pub(crate) fn value(batch: &Batch, lambda: f64, mean: f64) -> Result<Tensor> {
    let step = batch.mean(&batch.pick(&log_softmax(batch.logits)?)?, 1)?;
    if lambda == 0.0 {
        return Ok(step.neg()?);
    }
    let pull = batch.mean(&(batch.logits - mean)?.sqr()?, 1)?;
    Ok(((step * (lambda - 1.0))? + (pull * lambda)?)?)
}

pub(crate) fn check(lambda: f64, mean: f64) -> Result<()> {
    check_range("lambda", lambda, (0.0, 1.0), "0 to 1")?;
    if mean.is_finite() {
        return Ok(());
    }
    Err(Error::Config { field: "mean", got: mean, allowed: "a finite number" })
}
