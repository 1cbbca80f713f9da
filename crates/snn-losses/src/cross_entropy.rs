//! CE: cross entropy of the answer averaged over time.

use candle_core::Tensor;

use crate::{
    Result,
    batch::{Batch, log_softmax},
};

/// Cross entropy of the mean logits: the baseline.
///
/// # Equation
/// ```text
/// O    = (1/T) sum_t o_t
/// loss = (1/N) sum_n -log softmax(O_n)[y_n]
/// ```
///
/// # Source
/// TKS paper, equations 3 and 4; no difference.
///
/// # Shapes
/// - `logits`: `[T, N, K]` f32 or f64; `labels`: `[N]` u32
/// - returns a scalar of the logits' type
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) and [`Error::Type`](crate::Error::Type) when an argument is
/// not as above; [`Error::Label`](crate::Error::Label) when a label is K or more.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    value(&Batch::new(logits, labels)?)
}

pub(crate) fn value(batch: &Batch) -> Result<Tensor> {
    let log_p = log_softmax(&batch.mean_logits()?)?;
    Ok(batch.mean(&batch.pick(&log_p)?, 0)?.neg()?)
}
