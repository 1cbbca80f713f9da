//! The checks every loss makes on its arguments, and the few pieces the losses share.

use candle_core::{D, DType, Tensor};

use crate::{Error, Result};

/// Logits `[T, N, K]` and labels `[N]` that have been checked on the host.
///
/// The host has to look: candle's gather answers 0 for the label `u32::MAX` on every device, and on
/// a GPU another bad label kills the context instead of giving an error.
pub(crate) struct Batch<'a> {
    pub(crate) logits: &'a Tensor,
    labels: &'a Tensor,
    host_labels: Vec<u32>,
    /// `[N]`, of the logits' type; every sample weighs 1 when absent.
    weights: Option<Tensor>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(logits: &'a Tensor, labels: &'a Tensor) -> Result<Self> {
        let &[t_steps, n, n_classes] = logits.dims() else {
            return Err(shape("logits", "[T, N, K]".into(), logits));
        };
        if t_steps == 0 || n == 0 || n_classes == 0 {
            return Err(shape("logits", "[T, N, K] with no axis of length 0".into(), logits));
        }
        if labels.dims() != [n] {
            return Err(shape("labels", format!("[{n}], one label per sample"), labels));
        }
        if !matches!(logits.dtype(), DType::F32 | DType::F64) {
            let got = logits.dtype();
            return Err(Error::Type { what: "logits", expected: "f32 or f64", got });
        }
        if labels.dtype() != DType::U32 {
            return Err(Error::Type { what: "labels", expected: "u32", got: labels.dtype() });
        }
        let host_labels = labels.to_vec1::<u32>()?;
        for (sample_idx, &label) in host_labels.iter().enumerate() {
            if label as usize >= n_classes {
                return Err(Error::Label { label, sample_idx, n_classes });
            }
        }
        Ok(Self { logits, labels, host_labels, weights: None })
    }

    /// The batch with a weight for each of its N samples.
    pub(crate) fn weighted(mut self, weights: &[f64]) -> Result<Self> {
        let weights = Tensor::new(weights, self.logits.device())?;
        self.weights = Some(weights.to_dtype(self.logits.dtype())?);
        Ok(self)
    }

    /// The mean of all entries of `x`, whose axis `sample_axis` has a place for each of the N samples; with weights,
    /// each entry counts by its sample's weight.
    pub(crate) fn mean(&self, x: &Tensor, sample_axis: usize) -> Result<Tensor> {
        let Some(weights) = &self.weights else { return Ok(x.mean_all()?) };
        let mut shape = vec![1; x.rank()];
        if let Some(n) = shape.get_mut(sample_axis) {
            *n = self.host_labels.len();
        }
        Ok(x.broadcast_mul(&weights.reshape(shape)?)?.mean_all()?)
    }

    /// `O = (1/T) sum_t o_t`, `[N, K]`.
    pub(crate) fn mean_logits(&self) -> Result<Tensor> {
        Ok(self.logits.mean(0)?)
    }

    /// The entry of the last axis that the label names: `[.., N, K]` to `[.., N, 1]`.
    pub(crate) fn pick(&self, x: &Tensor) -> Result<Tensor> {
        let mut dims = x.dims().to_vec();
        let n = self.host_labels.len();
        if let Some(last) = dims.last_mut() {
            *last = 1;
        }
        let index = self.labels.reshape((n, 1))?.broadcast_as(dims)?.contiguous()?;
        Ok(x.contiguous()?.gather(&index, D::Minus1)?)
    }

    /// 1 where a step's largest logit is the label's, else 0: `[T, N, 1]`, a constant.
    ///
    /// Of equal logits the first counts as the largest, as in PyTorch on a CPU.
    pub(crate) fn correct(&self) -> Result<Tensor> {
        let (t_steps, n, _) = self.logits.dims3()?;
        let host = self.logits.detach().to_dtype(DType::F64)?.to_vec3::<f64>()?;
        let mask: Vec<f32> = host
            .iter()
            .flat_map(|step| step.iter().zip(&self.host_labels))
            .map(|(row, &label)| f32::from(is_first_largest(row, label as usize)))
            .collect();
        let mask = Tensor::from_vec(mask, (t_steps, n, 1), self.logits.device())?;
        Ok(mask.to_dtype(self.logits.dtype())?)
    }
}

/// `log softmax` over the last axis, shifted by the largest entry so that `exp` cannot overflow.
///
/// The shift cancels in the value, so it is a constant to the gradient.
pub(crate) fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.detach().max_keepdim(D::Minus1)?)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    Ok(shifted.broadcast_sub(&log_sum)?)
}

/// Whether `x` lies in `low..=high`; NaN does not.
pub(crate) fn check_range(
    field: &'static str,
    got: f64,
    (low, high): (f64, f64),
    allowed: &'static str,
) -> Result<()> {
    if (low..=high).contains(&got) { Ok(()) } else { Err(Error::Config { field, got, allowed }) }
}

fn is_first_largest(row: &[f64], label: usize) -> bool {
    row.iter().enumerate().all(|(i, &v)| if i < label { v < row[label] } else { v <= row[label] })
}

fn shape(what: &'static str, expected: String, got: &Tensor) -> Error {
    Error::Shape { what, expected, got: got.dims().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::is_first_largest;

    #[test]
    fn ties_go_to_the_first() {
        assert!(is_first_largest(&[1.0, 1.0], 0) && !is_first_largest(&[1.0, 1.0], 1));
        assert!(is_first_largest(&[0.0, 2.0, 2.0], 1) && !is_first_largest(&[f64::NAN, 1.0], 1));
    }
}
