//! From the gradient of a sum of currents to those of the values behind it.

use candle_core::DType;
use half::bf16;
use snn_ops::Gradients;
use snn_ops::buffer::{self, Element, Read, with_f32};

use super::branch::Branch;
use super::sums::Sums;

/// Adds the gradient of every value behind the branches to `grads`, where `dz` is that of their sum.
pub(super) fn spread(
    branches: &[Branch],
    sums: &Sums,
    mut dz: Vec<f32>,
    grads: &mut Gradients,
) -> snn_ops::Result<()> {
    let last = branches.iter().rposition(|branch| branch.to_x.is_wanted());
    for (i, (branch, sums)) in branches.iter().zip(&sums.norms).enumerate() {
        if let Some(norm) = &branch.norm {
            let channels = norm.normalized.channels();
            let narrow = |sums: &[f64]| sums.iter().map(|&s| s as f32).collect::<Vec<f32>>();
            let (bias, weight) = sums.split_at(channels);
            grads.add(norm.to_bias, buffer::tensor(narrow(bias), channels)?)?;
            grads.add(norm.to_weight, buffer::tensor(narrow(weight), channels)?)?;
        }
        if !branch.to_x.is_wanted() {
            continue;
        }
        // A gradient has the format of its value. The last one takes the buffer.
        let shape = branch.x.shape();
        let gradient = if branch.x.dtype() == DType::BF16 {
            buffer::tensor(branch.gradient::<bf16>(sums, &dz)?, shape)?
        } else if last == Some(i) {
            branch.gradient_in_place(sums, &mut dz)?;
            buffer::tensor(std::mem::take(&mut dz), shape)?
        } else {
            buffer::tensor(branch.gradient::<f32>(sums, &dz)?, shape)?
        };
        grads.add(branch.to_x, gradient)?;
    }
    Ok(())
}

impl Branch {
    /// The gradient of this summand from that of the sum.
    fn gradient<E: Element>(&self, sums: &[f64], dz: &[f32]) -> snn_ops::Result<Vec<E>> {
        let Some(norm) = &self.norm else { return Ok(buffer::stored(dz)) };
        let x = Read::new("lif input", &self.x)?;
        with_f32("norm weight", &norm.weight, |w| {
            Ok(norm.normalized.input_gradient(x.data(), w, sums, dz))
        })
    }

    /// Turns the gradient of the sum into that of this summand.
    fn gradient_in_place(&self, sums: &[f64], dz: &mut [f32]) -> snn_ops::Result<()> {
        let Some(norm) = &self.norm else { return Ok(()) };
        let x = Read::new("lif input", &self.x)?;
        with_f32("norm weight", &norm.weight, |w| {
            norm.normalized.input_gradient_in_place(x.data(), w, sums, dz);
            Ok(())
        })
    }
}
