//! Images to sequences.

use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;
use snn_ops::{buffer, random};

use crate::{Error, Result};

/// Direct encoding: the same image at each step, `[N, ..]` to `[1, N, ..]`.
///
/// The one step stands for all: layers before the first neuron compute it once, and [`crate::norm_lif`]
/// repeats the current.
///
/// # Errors
/// When candle cannot reshape.
pub fn direct(x: &Tensor) -> Result<Tensor> {
    Ok(x.unsqueeze(0)?)
}

/// Poisson encoding: at each step a pixel of intensity p fires with probability p,
/// `[N, ..]` f32 in [0, 1] to `[t_steps, N, ..]` u8. Intensities outside are clipped by the draw.
///
/// # Errors
/// [`Error::Config`] when `t_steps` is 0, [`snn_ops::Error::Shape`] when an axis is empty.
pub fn poisson(x: &Tensor, t_steps: usize, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    if t_steps == 0 {
        return Err(Error::Config { field: "t_steps", why: "is 0; use at least 1".into() });
    }
    let mut shape = vec![t_steps];
    shape.extend(x.dims());
    buffer::elements("poisson output", &shape)?;
    let spikes = buffer::with_f32("poisson input", x, |p| {
        let draw = |_| p.iter().map(|&p| u8::from(random::unit(rng) < p)).collect::<Vec<u8>>();
        Ok((0..t_steps).flat_map(draw).collect::<Vec<u8>>())
    })?;
    Ok(buffer::tensor(spikes, shape)?)
}

/// Latency encoding: a pixel of intensity p fires once, the brighter the sooner, at step `round((T - 1)(1 - p))`;
/// `[N, ..]` f32 in [0, 1] to `[t_steps, N, ..]` u8. Intensities outside are clipped.
///
/// # Source
/// SpikingJelly's `LatencyEncoder` with its function `linear`: a dark pixel fires too, at the last step.
///
/// # Errors
/// [`Error::Config`] when `t_steps` is 0, [`snn_ops::Error::Shape`] when an axis is empty.
pub fn latency(x: &Tensor, t_steps: usize) -> Result<Tensor> {
    if t_steps == 0 {
        return Err(Error::Config { field: "t_steps", why: "is 0; use at least 1".into() });
    }
    let mut shape = vec![t_steps];
    shape.extend(x.dims());
    buffer::elements("latency output", &shape)?;
    let last = (t_steps - 1) as f32;
    let spikes = buffer::with_f32("latency input", x, |p| {
        let due: Vec<f32> = p.iter().map(|p| (last * (1.0 - p.clamp(0.0, 1.0))).round()).collect();
        let step = |t: usize| due.iter().map(move |&due| u8::from(due == t as f32));
        Ok((0..t_steps).flat_map(step).collect::<Vec<u8>>())
    })?;
    Ok(buffer::tensor(spikes, shape)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brighter_pixels_fire_sooner_and_all_fire_once() {
        let x = buffer::tensor(vec![1.0f32, 0.75, 0.5, 0.2, 0.0, -3.0, 7.0], vec![1, 7]).unwrap();
        let spikes = latency(&x, 5).unwrap();
        assert_eq!(spikes.dims(), [5, 1, 7]);
        let spikes = spikes.flatten_all().unwrap().to_vec1::<u8>().unwrap();
        let due = |i: usize| (0..5).filter(|t| spikes[t * 7 + i] == 1).collect::<Vec<usize>>();
        let all: Vec<Vec<usize>> = (0..7).map(due).collect();
        assert_eq!(all, [[0], [1], [2], [3], [4], [4], [0]]);
        assert_eq!(latency(&x, 1).unwrap().flatten_all().unwrap().to_vec1::<u8>().unwrap(), [1; 7]);
        assert!(latency(&x, 0).unwrap_err().to_string().starts_with("t_steps: is 0"));
    }

    #[test]
    fn poisson_rates_are_the_intensities() {
        let x = buffer::tensor(vec![0.0f32, 0.25, 1.0], vec![1, 3]).unwrap();
        let spikes = poisson(&x, 10_000, &mut random::stream(3, "poisson", 0, 0)).unwrap();
        assert_eq!(spikes.dims(), [10_000, 1, 3]);
        let spikes = spikes.flatten_all().unwrap().to_vec1::<u8>().unwrap();
        let rate = |k: usize| {
            spikes.iter().skip(k).step_by(3).map(|&s| f64::from(s)).sum::<f64>() / 10_000.0
        };
        assert_eq!((rate(0), rate(2)), (0.0, 1.0));
        assert!((rate(1) - 0.25).abs() < 0.015, "{}", rate(1));
    }
}
