//! The specification: plain loops over slices, never optimised. The kernels are tested against it.

use super::config::{Adaptation, LifConfig, Reset};
use super::levels::Levels;

/// What every step left behind, each `[T, n]`, and the last potential `[n]`.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Potential before the reset.
    pub membrane: Vec<f32>,
    /// Threshold of the step.
    pub threshold: Vec<f32>,
    /// 1 where the neuron fired; of several levels, which one.
    pub spikes: Vec<u8>,
    /// Potential after the last step's reset.
    pub v_last: Vec<f32>,
    /// Adaptation after the last step, zero where the threshold is constant.
    pub a_last: Vec<f32>,
}

/// Runs `v0.len()` neurons over `x`, `[T, n]`.
///
/// # Equation
/// ```text
/// u[t] = (1 - 1/tau) v[t-1] + gain x[t] + v_reset / tau      gain = 1/tau with decay_input, else 1
/// s[t] = u[t] > h[t]                                         or >= when not strict
/// v[t] = s[t] ? v_reset : u[t]                               hard;  u[t] - s[t] h[t]  soft
/// h[t] = v_threshold                                         or as `Adaptation` says
/// ```
/// Of several levels, with a soft reset, `d = v_threshold unit` and L the greatest level:
/// ```text
/// s[t] = min(max(floor(u[t] / d), 0), L)                     bits;  round(min(max(u[t] / d, 0), L))  counts
/// v[t] = u[t] - s[t] d
/// ```
///
/// # Source
/// TKS paper, equations 1 and 2; BrainCog's LIFNode. DIFFERS: the sum is not written as
/// `v + (x - v)/tau`, which rounds differently in the last place.
pub fn forward(x: &[f32], v0: &[f32], config: &LifConfig) -> Trace {
    let a_last = vec![0.0; v0.len()];
    let mut trace = Trace { v_last: v0.to_vec(), a_last, ..Trace::default() };
    for x in x.chunks_exact(v0.len().max(1)) {
        for ((v, a), &x) in trace.v_last.iter_mut().zip(&mut trace.a_last).zip(x) {
            let u = config.decay() * *v + (config.gain() * x + config.rest());
            let (gain, stays) = adaptation(config);
            let threshold = config.v_threshold + gain * *a;
            let sent = match config.levels {
                Levels::Binary if config.strict => f32::from(u8::from(u > threshold)),
                Levels::Binary => f32::from(u8::from(u >= threshold)),
                Levels::Bits { .. } => (u / level(config)).floor().clamp(0.0, most(config)),
                Levels::Counts(_) => (u / level(config)).clamp(0.0, most(config)).round_ties_even(),
            };
            *v = match (config.levels, config.reset) {
                (Levels::Bits { .. } | Levels::Counts(_), _) => u - sent * level(config),
                (Levels::Binary, Reset::Hard(v_reset)) if sent == 1.0 => v_reset,
                (Levels::Binary, Reset::Soft) if sent == 1.0 => u - threshold,
                (Levels::Binary, _) => u,
            };
            *a = stays * *a + (1.0 - stays) * sent;
            trace.membrane.push(u);
            trace.threshold.push(threshold);
            trace.spikes.push(sent as u8);
        }
    }
    trace
}

/// What the threshold rises by, and what stays of the adaptation.
fn adaptation(config: &LifConfig) -> (f32, f32) {
    match config.adaptation {
        Some(Adaptation { tau, gain }) => (gain, 1.0 - 1.0 / tau),
        None => (0.0, 0.0),
    }
}

/// The potential of one level.
fn level(config: &LifConfig) -> f32 {
    config.v_threshold * config.levels.unit()
}

fn most(config: &LifConfig) -> f32 {
    f32::from(config.levels.most())
}

/// The gradient of `x` when that of the spikes is `grad_spikes`, both `[T, n]`.
///
/// # Equation
/// ```text
/// gs    = grad_spikes[t] + (detach_reset ? 0 : gv dv/ds) + (1 - r) ga    dv/ds = v_reset - u  or  -h
/// gu    = gs g'(u - h) + gv (hard ? 1 - s : 1)
/// gx[t] = gain gu
/// ga    = r ga - rise (gs g'(u - h) + (soft and not detached ? gv s : 0))
/// gv    = (1 - 1/tau) gu
/// ```
/// Of several levels `g' = 1/d` where `d/2 < u < (L + 1/2) d`, for counts where `0 <= u <= L d`, else 0.
pub fn backward(trace: &Trace, grad_spikes: &[f32], config: &LifConfig) -> Vec<f32> {
    let n = trace.v_last.len();
    let (rise, stays) = adaptation(config);
    let mut grad_x = vec![0f32; grad_spikes.len()];
    for i in 0..n {
        let (mut gv, mut ga) = (0f32, 0f32);
        for at in (i..grad_spikes.len()).step_by(n).rev() {
            let (u, fired) = (trace.membrane[at], trace.spikes[at] != 0);
            let threshold = trace.threshold[at];
            let (dv_ds, kept) = match (config.levels, config.reset) {
                (Levels::Bits { .. } | Levels::Counts(_), _) => (-level(config), 1.0),
                (Levels::Binary, Reset::Hard(v_reset)) => {
                    (v_reset - u, if fired { 0.0 } else { 1.0 })
                }
                (Levels::Binary, Reset::Soft) => (-threshold, 1.0),
            };
            let through = if config.detach_reset { 0.0 } else { gv * dv_ds };
            let later = if config.adaptation.is_some() { (1.0 - stays) * ga } else { 0.0 };
            let sent = (grad_spikes[at] + through + later) * slope(u, threshold, config);
            let gu = sent + gv * kept;
            grad_x[at] = config.gain() * gu;
            let is_taken = !config.detach_reset && config.reset == Reset::Soft && fired;
            ga = stays * ga - rise * (sent + if is_taken { gv } else { 0.0 });
            gv = config.decay() * gu;
        }
    }
    grad_x
}

fn slope(u: f32, threshold: f32, config: &LifConfig) -> f32 {
    let (d, top) = (level(config), most(config));
    let inside = match config.levels {
        Levels::Binary => return config.surrogate.derivative(u - threshold),
        Levels::Bits { .. } => u > 0.5 * d && u < d * (top + 0.5),
        Levels::Counts(_) => (0.0..=d * top).contains(&u),
    };
    if inside { 1.0 / d } else { 0.0 }
}
