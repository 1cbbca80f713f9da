//! Which loops a layer of neurons takes, decided once a call.

use snn_ops::buffer;

use super::adaptive::{self, Adaptive, Back};
use super::config::{LifConfig, Reset};
use super::graded::{self, Ladder};
use super::kernel::{self, Constants, Rates};
use super::layer::Layer;
use super::levels::Levels;
use crate::{Error, Result, Surrogate};

/// A layer's arithmetic.
#[derive(Clone, Copy)]
pub(super) struct Dynamics {
    kind: Kind,
    surrogate: Surrogate,
    /// The potential before the first step where none is given.
    pub(super) start: f32,
    pub(super) leak: Option<Leak>,
}

#[derive(Clone, Copy)]
enum Kind {
    Binary(Constants),
    Graded(Ladder),
    Adaptive(Adaptive),
}

/// A leak that is learned.
#[derive(Clone, Copy)]
pub(super) struct Leak {
    /// `1/tau = sigmoid(w)`.
    rate: f32,
    decay_input: bool,
    v_reset: f32,
    /// The factor of the current, which the loops leave to [`Leak::share`].
    gain: f32,
}

impl Dynamics {
    pub(super) fn new(config: &LifConfig, layer: &Layer<'_>) -> Result<Self> {
        let v_reset = if let Reset::Hard(v) = config.reset { v } else { 0.0 };
        let mut rates = Rates::new(config);
        let mut leak = None;
        if let Some(w) = layer.leak {
            if w.tensor().elem_count() != 1 {
                let (expected, got) = ("[1]".into(), w.dims().to_vec());
                return Err(Error::Shape { what: "leak", expected, got });
            }
            let w = buffer::with_f32("leak", w.tensor(), |w| Ok(w[0]))?;
            let rate = 1.0 / (1.0 + (-w).exp());
            let gain = if config.decay_input { rate } else { 1.0 };
            rates = Rates { decay: 1.0 - rate, gain, rest: v_reset * rate };
            leak = Some(Leak { rate, decay_input: config.decay_input, v_reset, gain });
        }
        let kind = match (config.levels, config.adaptation) {
            (Levels::Binary, None) => Kind::Binary(Constants::new(config, rates)),
            (Levels::Binary, Some(adaptation)) => {
                Kind::Adaptive(Adaptive::new(config, adaptation, rates))
            }
            (Levels::Bits { .. } | Levels::Counts(_), _) => {
                Kind::Graded(Ladder::new(config, rates))
            }
        };
        Ok(Self { kind, surrogate: config.surrogate, start: config.start(), leak })
    }

    /// Whether the neurons remember more than their potential.
    pub(super) fn adapts(&self) -> bool {
        matches!(self.kind, Kind::Adaptive(_))
    }

    /// These constants, by which gradients of the current are left without its factor.
    pub(super) fn without_gain(mut self) -> Self {
        match &mut self.kind {
            Kind::Binary(k) => k.rates.gain = 1.0,
            Kind::Graded(k) => k.rates.gain = 1.0,
            Kind::Adaptive(k) => k.rates.gain = 1.0,
        }
        self
    }

    /// One step forward; `a` is empty unless the neurons adapt.
    pub(super) fn fire(&self, v: &mut [f32], a: &mut [f32], z: &[f32], spikes: &mut [u8]) {
        match self.kind {
            Kind::Binary(k) => kernel::fire(k, v, z, spikes),
            Kind::Graded(k) => graded::fire(k, v, z, spikes),
            Kind::Adaptive(k) => adaptive::fire(k, v, a, z, spikes),
        }
    }

    /// One step of the recomputation; `thresholds`, too, is empty unless the neurons adapt.
    pub(super) fn replay(
        &self,
        v: &mut [f32],
        a: &mut [f32],
        z: &mut [f32],
        thresholds: &mut [f32],
    ) {
        match self.kind {
            Kind::Binary(k) => kernel::replay(k, v, z),
            Kind::Graded(k) => graded::replay(k, v, z),
            Kind::Adaptive(k) => adaptive::replay(k, v, a, z, thresholds),
        }
    }

    /// One step back, from its potentials and thresholds.
    pub(super) fn retreat(&self, to: Back<'_>, gs: &[f32], at: (&[f32], &[f32]), dz: &mut [f32]) {
        match self.kind {
            Kind::Binary(k) => kernel::retreat(k, self.surrogate, to.gv, gs, at.0, dz),
            Kind::Graded(k) => graded::retreat(k, to.gv, gs, at.0, dz),
            Kind::Adaptive(k) => adaptive::retreat(k, self.surrogate, to, gs, at, dz),
        }
    }
}

impl Leak {
    /// Adds the current's gradient to `dz` and each neuron's share of the leak's to `sums`, where `gu` is the gradient of
    /// the potentials `u` and `before` are the ones before the step.
    ///
    /// With `k = sigmoid(w)`: `du/dw = (1 - k) (u - before)` for an input that decays, else `k (1 - k) (v_reset - before)`.
    pub(super) fn share(
        &self,
        gu: &[f32],
        (u, before): (&[f32], &[f32]),
        sums: &mut [f32],
        dz: &mut [f32],
    ) {
        for ((((dz, sum), gu), u), before) in dz.iter_mut().zip(sums).zip(gu).zip(u).zip(before) {
            *dz += self.gain * gu;
            let change = if self.decay_input { u - before } else { self.v_reset - before };
            *sum += gu * change;
        }
    }

    /// The gradient of `w` from the sum of all shares.
    pub(super) fn gradient(&self, sum: f64) -> f32 {
        let k = f64::from(self.rate);
        let slope = if self.decay_input { 1.0 - k } else { k * (1.0 - k) };
        (slope * sum) as f32
    }
}
