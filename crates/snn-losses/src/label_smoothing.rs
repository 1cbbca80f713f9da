//! LS: cross entropy against a label softened towards the uniform distribution.

use candle_core::Tensor;

use crate::{
    Result,
    input::{Input, check_range, log_softmax},
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
    check_range("epsilon", epsilon, (0.0, 1.0), "0 to 1")?;
    let input = Input::new(logits, labels)?;
    let log_p = log_softmax(&input.mean_logits()?)?;
    let hard = (input.pick(&log_p)?.mean_all()? * (epsilon - 1.0))?;
    let uniform = (log_p.mean_all()? * -epsilon)?;
    Ok((hard + uniform)?)
}
