//! Neurons in f64 whose spikes are straight lines about a run, so that finite differences are the gradients that the
//! surrogate stands for.

use snn_neuron::{Adaptation, Levels, LifConfig, Reset};

/// What a run left at every step, `[T, n]`.
#[derive(Clone, Default)]
pub(crate) struct Run {
    pub(crate) u: Vec<f64>,
    pub(crate) threshold: Vec<f64>,
    pub(crate) spikes: Vec<f64>,
}

/// Runs `n` neurons over `x`, `[T, n]`, with the leak `k` = 1/tau; about `base`, where it is given.
pub(crate) fn run(x: &[f64], n: usize, k: f64, config: &LifConfig, base: Option<&Run>) -> Run {
    let (v_threshold, unit) = (f64::from(config.v_threshold), f64::from(config.levels.unit()));
    let most = f64::from(config.levels.most());
    let (rise, stays) = match config.adaptation {
        Some(Adaptation { tau, gain }) => (f64::from(gain), 1.0 - 1.0 / f64::from(tau)),
        None => (0.0, 0.0),
    };
    let v_reset = if let Reset::Hard(v) = config.reset { f64::from(v) } else { 0.0 };
    let gain = if config.decay_input { k } else { 1.0 };
    let (mut v, mut a) = (vec![v_reset; n], vec![0.0; n]);
    let mut run = Run::default();
    for (at, x) in x.iter().enumerate() {
        let i = at % n;
        let u = (1.0 - k) * v[i] + gain * x + k * v_reset;
        let threshold = v_threshold + rise * a[i];
        let hard = match config.levels {
            Levels::Binary => f64::from(u8::from(u > threshold)),
            Levels::Bits { .. } => (u / (v_threshold * unit)).floor().clamp(0.0, most),
            Levels::Counts(_) => (u / v_threshold).clamp(0.0, most).round_ties_even(),
        };
        let (s, reset_s, reset_h) = match base {
            None => (hard, hard, threshold),
            Some(base) => {
                let (u0, h0, s0) = (base.u[at], base.threshold[at], base.spikes[at]);
                let s = s0 + slope(u0, h0, config) * ((u - threshold) - (u0 - h0));
                if config.detach_reset { (s, s0, h0) } else { (s, s, threshold) }
            }
        };
        v[i] = match (config.levels, config.reset) {
            (Levels::Bits { .. } | Levels::Counts(_), _) => u - reset_s * v_threshold * unit,
            (Levels::Binary, Reset::Hard(_)) => u * (1.0 - reset_s) + v_reset * reset_s,
            (Levels::Binary, Reset::Soft) => u - reset_s * reset_h,
        };
        a[i] = stays * a[i] + (1.0 - stays) * s;
        run.u.push(u);
        run.threshold.push(threshold);
        run.spikes.push(s);
    }
    run
}

fn slope(u: f64, threshold: f64, config: &LifConfig) -> f64 {
    let step = f64::from(config.v_threshold) * f64::from(config.levels.unit());
    let most = f64::from(config.levels.most());
    let inside = match config.levels {
        Levels::Binary => {
            return f64::from(config.surrogate.derivative((u - threshold) as f32));
        }
        Levels::Bits { .. } => u > 0.5 * step && u < (most + 0.5) * step,
        Levels::Counts(_) => (0.0..=most * step).contains(&u),
    };
    f64::from(u8::from(inside)) / step
}

/// Central differences of `loss` at `x`.
pub(crate) fn differences(x: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const H: f64 = 1e-5;
    let shifted = |i: usize, h: f64| {
        let mut x = x.to_vec();
        x[i] += h;
        loss(&x)
    };
    (0..x.len()).map(|i| (shifted(i, H) - shifted(i, -H)) / (2.0 * H)).collect()
}
