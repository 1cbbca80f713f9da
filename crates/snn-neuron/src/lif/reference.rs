//! The specification: plain loops over slices, never optimised. The kernels are tested against it.

use super::config::{LifConfig, Reset};

/// What every step left behind, each `[T, n]`, and the last potential `[n]`.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Potential before the reset.
    pub membrane: Vec<f32>,
    /// 1 where the neuron fired.
    pub spikes: Vec<u8>,
    /// Potential after the last step's reset.
    pub v_last: Vec<f32>,
}

/// Runs `v0.len()` neurons over `x`, `[T, n]`.
///
/// # Equation
/// ```text
/// u[t] = (1 - 1/tau) v[t-1] + gain x[t] + v_reset / tau      gain = 1/tau with decay_input, else 1
/// s[t] = u[t] > v_threshold                                  or >= when not strict
/// v[t] = s[t] ? v_reset : u[t]                               hard;  u[t] - s[t] v_threshold  soft
/// ```
///
/// # Source
/// TKS paper, equations 1 and 2; BrainCog's LIFNode. DIFFERS: the sum is not written as
/// `v + (x - v)/tau`, which rounds differently in the last place.
pub fn forward(x: &[f32], v0: &[f32], config: &LifConfig) -> Trace {
    let mut trace = Trace { v_last: v0.to_vec(), ..Trace::default() };
    for x in x.chunks_exact(v0.len().max(1)) {
        for (v, &x) in trace.v_last.iter_mut().zip(x) {
            let u = config.decay() * *v + (config.gain() * x + config.rest());
            let fired =
                if config.strict { u > config.v_threshold } else { u >= config.v_threshold };
            *v = match (fired, config.reset) {
                (false, _) => u,
                (true, Reset::Hard(v_reset)) => v_reset,
                (true, Reset::Soft) => u - config.v_threshold,
            };
            trace.membrane.push(u);
            trace.spikes.push(u8::from(fired));
        }
    }
    trace
}

/// The gradient of `x` when that of the spikes is `grad_spikes`, both `[T, n]`.
///
/// # Equation
/// ```text
/// gs    = grad_spikes[t] + (detach_reset ? 0 : gv dv/ds)     dv/ds = v_reset - u  or  -v_threshold
/// gu    = gs g'(u - v_threshold) + gv (hard ? 1 - s : 1)
/// gx[t] = gain gu
/// gv    = (1 - 1/tau) gu
/// ```
pub fn backward(trace: &Trace, grad_spikes: &[f32], config: &LifConfig) -> Vec<f32> {
    let n = trace.v_last.len();
    let mut grad_x = vec![0f32; grad_spikes.len()];
    for i in 0..n {
        let mut gv = 0f32;
        for at in (i..grad_spikes.len()).step_by(n).rev() {
            let (u, fired) = (trace.membrane[at], trace.spikes[at] != 0);
            let (dv_ds, kept) = match config.reset {
                Reset::Hard(v_reset) => (v_reset - u, if fired { 0.0 } else { 1.0 }),
                Reset::Soft => (-config.v_threshold, 1.0),
            };
            let through = if config.detach_reset { 0.0 } else { gv * dv_ds };
            let slope = config.surrogate.derivative(u - config.v_threshold);
            let gu = (grad_spikes[at] + through) * slope + gv * kept;
            grad_x[at] = config.gain() * gu;
            gv = config.decay() * gu;
        }
    }
    grad_x
}
