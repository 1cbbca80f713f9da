//! The vector loops of neurons whose spikes have several levels.

use multiversion::multiversion;

use super::config::LifConfig;
use super::kernel::Rates;
use super::levels::Levels;

/// The neuron's constants as the loops use them.
#[derive(Clone, Copy)]
pub(super) struct Ladder {
    pub(super) rates: Rates,
    /// Potential of one level, and the greatest level.
    pub(super) step: f32,
    pub(super) most: f32,
    /// To the nearest level rather than the one below.
    rounds: bool,
    /// Between these potentials a level has the slope `1 / step`, the ends included where it rounds.
    pub(super) low: f32,
    pub(super) high: f32,
    slope: f32,
    detach: bool,
}

impl Ladder {
    pub(super) fn new(config: &LifConfig, rates: Rates) -> Self {
        let step = config.v_threshold * config.levels.unit();
        let most = f32::from(config.levels.most());
        let rounds = matches!(config.levels, Levels::Counts(_));
        // A level is the middle of its rectangle when it is cut, and when it rounds the levels span the range.
        let (low, high) =
            if rounds { (0.0, step * most) } else { (0.5 * step, step * (most + 0.5)) };
        let detach = config.detach_reset;
        Self { rates, step, most, rounds, low, high, slope: 1.0 / step, detach }
    }

    /// The level that a potential sends.
    #[inline(always)]
    fn level(&self, u: f32) -> f32 {
        // A quotient is rounded: below the step it stays below 1, so that one level is `u >= step` to the bit.
        let x = u / self.step;
        if self.rounds {
            x.clamp(0.0, self.most).round_ties_even()
        } else {
            x.floor().clamp(0.0, self.most)
        }
    }

    #[inline(always)]
    fn slope(&self, u: f32) -> f32 {
        let inside = (u > self.low) & (u < self.high);
        let ends = self.rounds & ((u == self.low) | (u == self.high));
        if inside | ends { self.slope } else { 0.0 }
    }
}

/// One step forward: `v` becomes the potential after the reset, `spikes` the levels that were sent.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(super) fn fire(k: Ladder, v: &mut [f32], z: &[f32], spikes: &mut [u8]) {
    for ((v, &z), s) in v.iter_mut().zip(z).zip(spikes) {
        let u = k.rates.potential(*v, z);
        let level = k.level(u);
        *s = level as i32 as u8;
        *v = u - level * k.step;
    }
}

/// As [`super::kernel::replay`].
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn replay(k: Ladder, v: &mut [f32], z: &mut [f32]) {
    for (v, z) in v.iter_mut().zip(z) {
        let u = k.rates.potential(*v, *z);
        *z = u;
        *v = u - k.level(u) * k.step;
    }
}

/// As [`super::kernel::retreat`].
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn retreat(k: Ladder, gv: &mut [f32], gs: &[f32], u: &[f32], dz: &mut [f32]) {
    for (((gv, &gs), &potential), dz) in gv.iter_mut().zip(gs).zip(u).zip(dz) {
        let through = if k.detach { 0.0 } else { *gv * -k.step };
        let gu = (gs + through) * k.slope(potential) + *gv;
        *dz += k.rates.gain * gu;
        *gv = k.rates.decay * gu;
    }
}
