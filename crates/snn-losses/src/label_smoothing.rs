//! LS: cross entropy against a label softened towards the uniform distribution.

use candle_core::Tensor;

use crate::{
    Result,
    batch::{Batch, check_range, log_softmax},
};

/// Cross entropy of the mean logits with label smoothing.
///
/// # Equation
/// ```text
/// O    = (1/T) sum_t o_t
/// loss = (1/N) sum_n (1 - epsilon) (-log softmax(O_n)[y_n]) + epsilon (-(1/K) sum_c log softmax(O_n)[c])
/// ```
///
/// # Source
/// The usual form in image trainers. The TKS paper compares with "LS" and does not say its epsilon; 0.1
/// is the default of the framework it builds on, and is what our recipes use.
///
/// # Shapes
/// - `logits`: `[T, N, K]` f32 or f64; `labels`: `[N]` u32
/// - returns a scalar of the logits' type
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) when `epsilon` is outside 0..=1;
/// [`Error::Shape`](crate::Error::Shape), [`Error::Type`](crate::Error::Type) and
/// [`Error::Label`](crate::Error::Label) as in [`cross_entropy`](crate::cross_entropy()).
pub fn label_smoothing(logits: &Tensor, labels: &Tensor, epsilon: f64) -> Result<Tensor> {
    check(epsilon)?;
    value(&Batch::new(logits, labels)?, epsilon)
}

pub(crate) fn value(batch: &Batch, epsilon: f64) -> Result<Tensor> {
    let log_p = log_softmax(&batch.mean_logits()?)?;
    let hard = (batch.mean(&batch.pick(&log_p)?, 0)? * (epsilon - 1.0))?;
    let uniform = (batch.mean(&log_p, 0)? * -epsilon)?;
    Ok((hard + uniform)?)
}

pub(crate) fn check(epsilon: f64) -> Result<()> {
    check_range("epsilon", epsilon, (0.0, 1.0), "0 to 1")
}
