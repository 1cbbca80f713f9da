//! TKS: the steps that are right teach the others. Two forms, because the paper and the authors' released trainer do
//! not compute the same thing.

use candle_core::{D, Tensor};

use crate::{
    Error, Result,
    batch::{Batch, check_range, log_softmax},
    cross_entropy,
};

/// Temporal knowledge sharing as the authors' released trainer computes it.
///
/// # Equation
/// ```text
/// m_t  = 1 if the largest entry of o_t is the label's, else 0
/// S    = sum_t m_t o_t
/// p    = softmax(S / temperature)                         the gradient flows through p too
/// kd   = (1/T) sum_t (1/N) sum_n -sum_c p_c log softmax(o_t)_c
/// loss = (1 - alpha) CE(O, y) + alpha temperature^2 kd
/// ```
/// A sample with no correct step has S = 0, so its teacher is uniform.
///
/// # Source
/// The released trainer of "Temporal Knowledge Sharing enable Spiking Neural Network Learning from Past and Future";
/// no difference from it. [`tks_paper`] is the printed form. They differ in five ways: the teacher is the sum (here)
/// or the mean (there) of the correct steps; its distribution is softmax(S / temperature), which the paper
/// leaves out; the student is each step at temperature 1 (here) or the mean over time at `temperature`
/// (there); the teacher is not detached here; and the ramp of alpha ends one step earlier
/// ([`Ramp`](crate::Ramp)).
///
/// # Shapes
/// - `logits`: `[T, N, K]` f32 or f64; `labels`: `[N]` u32; `alpha` of this epoch
/// - returns a scalar of the logits' type
///
/// # Errors
/// [`Error::Config`] when `alpha` is outside 0..=1 or `temperature` is not positive; [`Error::Shape`],
/// [`Error::Type`] and [`Error::Label`] as in [`cross_entropy`](crate::cross_entropy()).
pub fn tks(logits: &Tensor, labels: &Tensor, alpha: f64, temperature: f64) -> Result<Tensor> {
    check(alpha, temperature)?;
    value(&Batch::new(logits, labels)?, alpha, temperature)
}

pub(crate) fn value(batch: &Batch, alpha: f64, temperature: f64) -> Result<Tensor> {
    let teacher_sum = batch.logits.broadcast_mul(&batch.correct()?)?.sum(0)?;
    let teacher = log_softmax(&(teacher_sum / temperature)?)?.exp()?;
    // Each sample has one teacher for all steps, so the steps' mean may be taken first.
    let student = log_softmax(batch.logits)?.mean(0)?;
    share(batch, &teacher, &student, alpha, temperature)
}

/// Temporal knowledge sharing as the paper prints it.
///
/// # Equation
/// ```text
/// m_t  = 1 if the largest entry of o_t is the label's, else 0
/// Z    = sum_t m_t o_t / max(1, sum_t m_t)
/// p    = softmax(Z / temperature), detached
/// kd   = (1/N) sum_n -sum_c p_c log softmax(O / temperature)_c
/// loss = (1 - alpha) CE(O, y) + alpha temperature^2 kd
/// ```
/// A sample with no correct step has a uniform teacher.
///
/// # Source
/// TKS paper, equations 5 to 8. The paper defines Z from membrane potentials and then uses it as a
/// distribution without saying how; softmax(Z / temperature) is our reading, and detaching the teacher is
/// what distillation usually does where the paper is silent. [`tks`] lists how the released code differs.
///
/// # Shapes
/// - `logits`: `[T, N, K]` f32 or f64; `labels`: `[N]` u32; `alpha` of this epoch
/// - returns a scalar of the logits' type
///
/// # Errors
/// As [`tks`].
pub fn tks_paper(logits: &Tensor, labels: &Tensor, alpha: f64, temperature: f64) -> Result<Tensor> {
    check(alpha, temperature)?;
    value_paper(&Batch::new(logits, labels)?, alpha, temperature)
}

pub(crate) fn value_paper(batch: &Batch, alpha: f64, temperature: f64) -> Result<Tensor> {
    let correct = batch.correct()?;
    let count = correct.sum(0)?.maximum(1.0)?;
    let teacher_mean =
        batch.logits.detach().broadcast_mul(&correct)?.sum(0)?.broadcast_div(&count)?;
    let teacher = log_softmax(&(teacher_mean / temperature)?)?.exp()?;
    let student = log_softmax(&(batch.mean_logits()? / temperature)?)?;
    share(batch, &teacher, &student, alpha, temperature)
}

/// The weighted sum of the hard loss and the cross entropy of student against teacher, both `[N, K]`.
fn share(
    batch: &Batch,
    teacher: &Tensor,
    student: &Tensor,
    alpha: f64,
    temperature: f64,
) -> Result<Tensor> {
    let kd = batch.mean(&(teacher * student)?.sum(D::Minus1)?, 0)?;
    let hard = (cross_entropy::value(batch)? * (1.0 - alpha))?;
    Ok((hard - (kd * (alpha * temperature * temperature))?)?)
}

pub(crate) fn check(alpha: f64, temperature: f64) -> Result<()> {
    check_range("alpha", alpha, (0.0, 1.0), "0 to 1")?;
    if temperature > 0.0 && temperature.is_finite() {
        return Ok(());
    }
    Err(Error::Config { field: "temperature", got: temperature, allowed: "a positive number" })
}
