//! How far one answer is from another.

use candle_core::{D, Tensor};

use crate::{
    Error, Result,
    batch::{check_range, log_softmax},
};

/// The divergence of a student's answers from a teacher's.
///
/// # Equation
/// ```text
/// p, q = softmax(teacher / temperature), softmax(student / temperature)
/// loss = temperature^2 (1/N) sum_n sum_c p_nc (log p_nc - log q_nc)
/// ```
/// Equal answers have a divergence of exactly 0. The gradient flows to both; give a detached teacher to stop it.
///
/// # Source
/// Hinton et al., "Distilling the Knowledge in a Neural Network"; the factor keeps the gradients' size at any temperature.
///
/// # Shapes
/// - `teacher`, `student`: `[N, K]` f32 or f64
/// - returns a scalar of their type
///
/// # Errors
/// [`Error::Shape`] when they differ, [`Error::Config`] when `temperature` is not positive.
pub fn divergence(teacher: &Tensor, student: &Tensor, temperature: f64) -> Result<Tensor> {
    check_temperature(temperature)?;
    if teacher.dims() != student.dims() || teacher.rank() != 2 {
        let expected = format!("{:?}, that of the teacher, [N, K]", teacher.dims());
        let got = student.dims().to_vec();
        return Err(Error::Shape { what: "student", expected, got });
    }
    let log_p = log_softmax(&(teacher / temperature)?)?;
    let log_q = log_softmax(&(student / temperature)?)?;
    let each = (log_p.exp()? * (&log_p - &log_q)?)?.sum(D::Minus1)?;
    Ok((each.mean_all()? * (temperature * temperature))?)
}

pub(crate) fn check_temperature(temperature: f64) -> Result<()> {
    if temperature > 0.0 && temperature.is_finite() {
        return Ok(());
    }
    Err(Error::Config { field: "temperature", got: temperature, allowed: "a positive number" })
}

pub(crate) fn check_weight(field: &'static str, weight: f64) -> Result<()> {
    check_range(field, weight, (0.0, f64::MAX), "a number of 0 or more")
}
