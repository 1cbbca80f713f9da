//! A loader's batch as the tensors that a training step takes.

use candle_core::Tensor;
use snn_data::{Batch, Mixed, Time};
use snn_ops::buffer;

use crate::Result;

/// A batch of samples with their labels, in tensors.
#[derive(Clone, Debug)]
pub struct Examples {
    /// Stills or frames.
    pub x: snn_models::Input,
    /// `[N]` u32.
    pub labels: Tensor,
    /// The labels where the host can read them.
    pub host_labels: Vec<u32>,
    /// The labels `[N]` of what was mixed into the samples, and for each of the N samples the weight of its own.
    pub mixed: Option<(Tensor, Vec<f64>)>,
    /// These samples in the loader's further framings.
    pub framings: Vec<snn_models::Input>,
}

impl Examples {
    /// Takes over a batch; frames `[N, T, C, H, W]` are turned to have time first.
    ///
    /// # Errors
    /// [`Error::Ops`](crate::Error::Ops) when the batch's length does not fit its shape.
    pub fn new(batch: Batch) -> Result<Self> {
        let Batch { x, shape, time, labels: host_labels, mixed, framings, .. } = batch;
        let x = input(time, x, shape)?;
        let framings = framings.into_iter().map(|framing| input(time, framing.x, framing.shape));
        let framings = framings.collect::<Result<_>>()?;
        let labels = buffer::tensor(host_labels.clone(), host_labels.len())?;
        let mixed = match mixed {
            Some(Mixed { labels, weights }) => {
                let n = labels.len();
                Some((buffer::tensor(labels, n)?, weights.into_iter().map(f64::from).collect()))
            }
            None => None,
        };
        Ok(Self { x, labels, host_labels, mixed, framings })
    }
}

fn input(time: Time, x: Vec<f32>, shape: Vec<usize>) -> Result<snn_models::Input> {
    Ok(match (time, shape.as_slice()) {
        (Time::Frames, &[n, t_steps, c, h, w]) if x.len() == n * t_steps * c * h * w => {
            let x = time_first(&x, n, t_steps, c * h * w);
            snn_models::Input::Frames(buffer::tensor(x, vec![t_steps, n, c, h, w])?)
        }
        (Time::Still | Time::Frames, _) => snn_models::Input::Still(buffer::tensor(x, shape)?),
    })
}

/// `[N, T, frame]` to `[T, N, frame]`.
fn time_first(x: &[f32], n: usize, t_steps: usize, frame: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for t in 0..t_steps {
        for sample in 0..n {
            out.extend_from_slice(&x[(sample * t_steps + t) * frame..][..frame]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::time_first;

    #[test]
    fn samples_and_steps_change_places() {
        let x: Vec<f32> = (0..12u8).map(f32::from).collect();
        let expected = [0.0, 1.0, 6.0, 7.0, 2.0, 3.0, 8.0, 9.0, 4.0, 5.0, 10.0, 11.0];
        assert_eq!(time_first(&x, 2, 3, 2), expected);
    }
}
