//! Temporal-channel joint attention (TCJA).

use snn_ops::{Tape, Value};

use crate::Result;

/// The gate of each step and channel: the sigmoid of the product of two convolutions of the maps' means, one along the
/// channels that sums over all steps, one along the steps that sums over all channels.
///
/// # Shapes
/// - `x`: `[T, N, H, W, C]`; `over_time`: `[T, T, k]`; `over_channels`: `[C, C, k]`; returns `[T, N, C]`
///
/// # Source
/// Zhu et al., "TCJA-SNN" (arXiv:2206.10177), and the authors' `tcja.py`: zero padding as PyTorch's `same`, which has one zero
/// less before than after where k is even.
pub(crate) fn gate(
    tape: &mut Tape,
    x: &Value,
    over_time: &Value,
    over_channels: &Value,
) -> Result<Value> {
    let means = snn_ops::mean(tape, x, &[2, 3])?;
    let &[t_steps, n, channels] = means.dims() else { return Ok(means) };
    let by_channel = snn_ops::to_channels_last(tape, &means)?;
    let time = same(tape, &by_channel, over_time)?;
    let by_step = snn_ops::reshape(tape, &by_channel, &[n, channels, 1, t_steps])?;
    let by_step = snn_ops::to_channels_last(tape, &by_step)?;
    let by_step = snn_ops::reshape(tape, &by_step, &[n, t_steps, channels])?;
    let channel = same(tape, &by_step, over_channels)?;
    let channel = snn_ops::reshape(tape, &channel, &[n, 1, t_steps, channels])?;
    let channel = snn_ops::to_channels_first(tape, &channel)?;
    let channel = snn_ops::reshape(tape, &channel, &[n, channels, t_steps])?;
    let joint = snn_ops::multiply(tape, &channel, &time)?;
    let open = snn_ops::sigmoid(tape, &joint)?;
    Ok(snn_ops::to_channels_first(tape, &open)?)
}

/// The convolution of `[N, L, C]` that keeps L.
fn same(tape: &mut Tape, x: &Value, kernel: &Value) -> Result<Value> {
    let taps = kernel.dims().last().copied().unwrap_or(1);
    let y = snn_ops::conv1d(tape, x, kernel, 1, taps / 2)?;
    let (length, longer) = (x.dims()[1], y.dims()[1]);
    match longer == length {
        true => Ok(y),
        false => Ok(snn_ops::narrow(tape, &y, 1, 1, length)?),
    }
}

#[cfg(test)]
mod tests {
    use snn_ops::{buffer, random};

    use super::*;

    /// PyTorch's definition in plain loops and f64.
    fn equation(
        [t_steps, n, pixels, channels]: [usize; 4],
        x: &[f32],
        over_time: &[f32],
        over_channels: &[f32],
    ) -> Vec<f64> {
        const K: usize = 4;
        let mean = |t: usize, i: usize, c: usize| -> f64 {
            let at = |p: usize| f64::from(x[((t * n + i) * pixels + p) * channels + c]);
            (0..pixels).map(at).sum::<f64>() / pixels as f64
        };
        let shifted = |at: usize, j: usize, end: usize| {
            (at + j).checked_sub((K - 1) / 2).filter(|at| *at < end)
        };
        let mut y = Vec::new();
        for (s, i, c) in (0..t_steps * n * channels)
            .map(|at| (at / (n * channels), at / channels % n, at % channels))
        {
            let (mut time, mut channel) = (0.0, 0.0);
            for j in 0..K {
                for t in 0..t_steps {
                    let w = f64::from(over_time[(s * t_steps + t) * K + j]);
                    time += shifted(c, j, channels).map_or(0.0, |c| w * mean(t, i, c));
                }
                for b in 0..channels {
                    let w = f64::from(over_channels[(c * channels + b) * K + j]);
                    channel += shifted(s, j, t_steps).map_or(0.0, |t| w * mean(t, i, b));
                }
            }
            y.push(1.0 / (1.0 + (-time * channel).exp()));
        }
        y
    }

    #[test]
    fn gates_agree_with_their_equation_and_its_differences() {
        let sizes @ [t_steps, n, _, channels] = [3, 2, 4, 5];
        let mut rng = random::stream(4, "joint", 0, 0);
        let mut draw = |n: usize| random::normal(&mut rng, n, 0.1, 0.6);
        let x = draw(sizes.iter().product());
        let (time, channel) = (draw(t_steps * t_steps * 4), draw(channels * channels * 4));
        let seed = draw(t_steps * n * channels);
        let mut tape = Tape::new();
        let shapes: [&[usize]; 3] =
            [&[t_steps, n, 2, 2, channels], &[t_steps, t_steps, 4], &[channels, channels, 4]];
        let inputs = [x, time, channel];
        let leaves: Vec<Value> = (0..3)
            .map(|i| {
                tape.leaf(i.to_string(), buffer::tensor(inputs[i].clone(), shapes[i]).unwrap())
            })
            .collect();
        let y = gate(&mut tape, &leaves[0], &leaves[1], &leaves[2]).unwrap();
        assert_eq!(y.dims(), [t_steps, n, channels]);
        let got: Vec<f32> = y.tensor().flatten_all().unwrap().to_vec1().unwrap();
        let want = equation(sizes, &inputs[0], &inputs[1], &inputs[2]);
        assert!(got.iter().zip(&want).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));
        let loss = |inputs: &[Vec<f32>; 3]| -> f64 {
            let y = equation(sizes, &inputs[0], &inputs[1], &inputs[2]);
            y.iter().zip(&seed).map(|(y, g)| y * f64::from(*g)).sum()
        };
        let seed_tensor = buffer::tensor(seed.clone(), y.dims()).unwrap();
        tape.backward([(&y, seed_tensor)], &mut |name, gradient| {
            let i: usize = name.parse().unwrap();
            let got: Vec<f32> = gradient.flatten_all().unwrap().to_vec1().unwrap();
            // Inputs are f32, so the step is what the sum of it really is.
            for at in (0..got.len()).step_by(3) {
                let shifted = |h: f32| {
                    let mut inputs = inputs.clone();
                    inputs[i][at] += h;
                    (loss(&inputs), f64::from(inputs[i][at]))
                };
                let ((up, x_up), (down, x_down)) = (shifted(1e-2), shifted(-1e-2));
                let want = (up - down) / (x_up - x_down);
                assert!((f64::from(got[at]) - want).abs() < 1e-3, "{name} {at}: {got:?} {want}");
            }
            Ok(())
        })
        .unwrap();
    }
}
