//! The vector loops of the neuron: one block of neurons at one time step.

use multiversion::multiversion;

use super::config::{LifConfig, Reset};
use crate::Surrogate;

/// Sets `z` to the affine current `x * scale + shift`; per-channel constants repeat along the block.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn set_affine(z: &mut [f32], x: &[f32], scale: &[f32], shift: &[f32]) {
    for (z, x) in z.chunks_mut(scale.len()).zip(x.chunks(scale.len())) {
        for (((z, &x), &a), &b) in z.iter_mut().zip(x).zip(scale).zip(shift) {
            *z = x * a + b;
        }
    }
}

/// Adds the affine current to `z`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn add_affine(z: &mut [f32], x: &[f32], scale: &[f32], shift: &[f32]) {
    for (z, x) in z.chunks_mut(scale.len()).zip(x.chunks(scale.len())) {
        for (((z, &x), &a), &b) in z.iter_mut().zip(x).zip(scale).zip(shift) {
            *z += x * a + b;
        }
    }
}

/// Adds `x` to `z`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn add_plain(z: &mut [f32], x: &[f32]) {
    z.iter_mut().zip(x).for_each(|(z, &x)| *z += x);
}

/// Factors of the potential before and of the current, and what leaks in from the reset potential.
#[derive(Clone, Copy)]
pub(super) struct Rates {
    pub(super) decay: f32,
    pub(super) gain: f32,
    pub(super) rest: f32,
}

impl Rates {
    pub(super) fn new(config: &LifConfig) -> Self {
        Self { decay: config.decay(), gain: config.gain(), rest: config.rest() }
    }

    /// Potential before the reset. Forward and backward share this expression, or backward would
    /// see other spikes than forward sent.
    #[inline(always)]
    pub(super) fn potential(&self, v: f32, z: f32) -> f32 {
        self.decay * v + (self.gain * z + self.rest)
    }
}

/// The neuron's constants as the loops use them.
#[derive(Clone, Copy)]
pub(super) struct Constants {
    pub(super) rates: Rates,
    threshold: f32,
    strict: bool,
    soft: bool,
    v_reset: f32,
    detach: bool,
}

impl Constants {
    pub(super) fn new(config: &LifConfig, rates: Rates) -> Self {
        Self {
            rates,
            threshold: config.v_threshold,
            strict: config.strict,
            soft: config.reset == Reset::Soft,
            v_reset: if let Reset::Hard(v) = config.reset { v } else { 0.0 },
            detach: config.detach_reset,
        }
    }

    #[inline(always)]
    fn fires(&self, u: f32) -> bool {
        (u > self.threshold) | (!self.strict & (u == self.threshold))
    }

    #[inline(always)]
    fn after(&self, u: f32) -> f32 {
        let reset = if self.soft { u - self.threshold } else { self.v_reset };
        if self.fires(u) { reset } else { u }
    }
}

/// One step forward: `v` becomes the potential after the reset, `spikes` what was sent.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(super) fn fire(k: Constants, v: &mut [f32], z: &[f32], spikes: &mut [u8]) {
    for ((v, &z), s) in v.iter_mut().zip(z).zip(spikes) {
        let u = k.rates.potential(*v, z);
        *s = u8::from(k.fires(u));
        *v = k.after(u);
    }
}

/// One step of the recomputation that precedes the backward pass: `z` becomes the potential before
/// the reset, `v` the one after.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn replay(k: Constants, v: &mut [f32], z: &mut [f32]) {
    for (v, z) in v.iter_mut().zip(z) {
        let u = k.rates.potential(*v, *z);
        *z = u;
        *v = k.after(u);
    }
}

/// One copy of a loop for each surrogate, so that none decides inside the loop.
macro_rules! by_surrogate {
    ($surrogate:expr, |$slope:ident| $loop:expr) => {
        match $surrogate {
            $crate::Surrogate::BiReal => {
                let $slope = |x: f32| $crate::Surrogate::BiReal.derivative(x);
                $loop
            }
            $crate::Surrogate::Triangle => {
                let $slope = |x: f32| $crate::Surrogate::Triangle.derivative(x);
                $loop
            }
            $crate::Surrogate::Rectangle => {
                let $slope = |x: f32| $crate::Surrogate::Rectangle.derivative(x);
                $loop
            }
            $crate::Surrogate::Atan => {
                let $slope = |x: f32| $crate::Surrogate::Atan.derivative(x);
                $loop
            }
            $crate::Surrogate::Sigmoid => {
                let $slope = |x: f32| $crate::Surrogate::Sigmoid.derivative(x);
                $loop
            }
        }
    };
}
pub(super) use by_surrogate;

/// One step back: from the potential `u`, the gradient of the current is added to `dz`, and `gv` goes from the
/// gradient of this step's potential to that of the step before.
pub(super) fn retreat(
    k: Constants,
    surrogate: Surrogate,
    gv: &mut [f32],
    grad_spikes: &[f32],
    u: &[f32],
    dz: &mut [f32],
) {
    by_surrogate!(surrogate, |slope| back(k, slope, gv, grad_spikes, u, dz));
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn back<F: Fn(f32) -> f32>(
    k: Constants,
    slope: F,
    gv: &mut [f32],
    gs: &[f32],
    u: &[f32],
    dz: &mut [f32],
) {
    for (((gv, &gs), &potential), dz) in gv.iter_mut().zip(gs).zip(u).zip(dz) {
        let dv_ds = if k.soft { -k.threshold } else { k.v_reset - potential };
        let through = if k.detach { 0.0 } else { *gv * dv_ds };
        let kept = if !k.soft & k.fires(potential) { 0.0 } else { *gv };
        let gu = (gs + through) * slope(potential - k.threshold) + kept;
        *dz += k.rates.gain * gu;
        *gv = k.rates.decay * gu;
    }
}
