//! The vector loops of neurons whose threshold adapts.

use multiversion::multiversion;

use super::config::{Adaptation, LifConfig, Reset};
use super::kernel::{Rates, by_surrogate};
use crate::Surrogate;

/// The neuron's constants as the loops use them.
#[derive(Clone, Copy)]
pub(super) struct Adaptive {
    pub(super) rates: Rates,
    threshold: f32,
    /// Rise of the threshold, and what stays of the adaptation.
    rise: f32,
    stays: f32,
    strict: bool,
    soft: bool,
    v_reset: f32,
    detach: bool,
}

impl Adaptive {
    pub(super) fn new(
        config: &LifConfig,
        Adaptation { tau, gain }: Adaptation,
        rates: Rates,
    ) -> Self {
        Self {
            rates,
            threshold: config.v_threshold,
            rise: gain,
            stays: 1.0 - 1.0 / tau,
            strict: config.strict,
            soft: config.reset == Reset::Soft,
            v_reset: if let Reset::Hard(v) = config.reset { v } else { 0.0 },
            detach: config.detach_reset,
        }
    }

    #[inline(always)]
    fn threshold(&self, a: f32) -> f32 {
        self.threshold + self.rise * a
    }

    #[inline(always)]
    fn fires(&self, u: f32, threshold: f32) -> bool {
        (u > threshold) | (!self.strict & (u == threshold))
    }

    /// The potential and the adaptation after the step.
    #[inline(always)]
    fn after(&self, u: f32, a: f32, threshold: f32) -> (f32, f32) {
        let fired = self.fires(u, threshold);
        let reset = if self.soft { u - threshold } else { self.v_reset };
        let sent = if fired { 1.0 } else { 0.0 };
        (if fired { reset } else { u }, self.stays * a + (1.0 - self.stays) * sent)
    }
}

/// As [`super::kernel::fire`]; `a` goes from the adaptation before the step to the one after it.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(super) fn fire(k: Adaptive, v: &mut [f32], a: &mut [f32], z: &[f32], spikes: &mut [u8]) {
    for (((v, a), &z), s) in v.iter_mut().zip(a).zip(z).zip(spikes) {
        let (u, threshold) = (k.rates.potential(*v, z), k.threshold(*a));
        *s = u8::from(k.fires(u, threshold));
        (*v, *a) = k.after(u, *a, threshold);
    }
}

/// As [`super::kernel::replay`]; `thresholds` are those of the step.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn replay(
    k: Adaptive,
    v: &mut [f32],
    a: &mut [f32],
    z: &mut [f32],
    thresholds: &mut [f32],
) {
    for (((v, a), z), threshold) in v.iter_mut().zip(a).zip(z).zip(thresholds) {
        let u = k.rates.potential(*v, *z);
        *threshold = k.threshold(*a);
        (*v, *a) = k.after(u, *a, *threshold);
        *z = u;
    }
}

/// Gradients on their way back, of one block: of the potential, and of the adaptation.
pub(super) struct Back<'a> {
    pub(super) gv: &'a mut [f32],
    pub(super) ga: &'a mut [f32],
}

/// As [`super::kernel::retreat`].
pub(super) fn retreat(
    k: Adaptive,
    surrogate: Surrogate,
    to: Back<'_>,
    gs: &[f32],
    at: (&[f32], &[f32]),
    dz: &mut [f32],
) {
    by_surrogate!(surrogate, |slope| back(k, slope, to, gs, at, dz));
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn back<F: Fn(f32) -> f32>(
    k: Adaptive,
    slope: F,
    to: Back<'_>,
    gs: &[f32],
    (u, thresholds): (&[f32], &[f32]),
    dz: &mut [f32],
) {
    let lanes = to.gv.iter_mut().zip(to.ga).zip(gs).zip(u).zip(thresholds).zip(dz);
    for (((((gv, ga), &gs), &u), &threshold), dz) in lanes {
        let fired = k.fires(u, threshold);
        let dv_ds = if k.soft { -threshold } else { k.v_reset - u };
        let through = if k.detach { 0.0 } else { *gv * dv_ds };
        let kept = if !k.soft & fired { 0.0 } else { *gv };
        // A soft reset takes the threshold itself from the potential.
        let taken = if !k.detach & k.soft & fired { *gv } else { 0.0 };
        let sent = (gs + through + (1.0 - k.stays) * *ga) * slope(u - threshold);
        let gu = sent + kept;
        *ga = k.stays * *ga - k.rise * (sent + taken);
        *dz += k.rates.gain * gu;
        *gv = k.rates.decay * gu;
    }
}
