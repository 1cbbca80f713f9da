//! The neuron's constants.

use crate::{Error, Result, Surrogate};

/// What happens to the membrane potential after a spike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reset {
    /// It becomes this potential.
    Hard(f32),
    /// The threshold is subtracted.
    Soft,
}

/// The constants of a leaky integrate-and-fire neuron.
///
/// The default is what the TKS paper's released trainer uses (BrainCog's LIFNode): tau 2, threshold
/// 0.5, strict, hard reset to 0, reset detached, input scaled by 1/tau, Bi-Real surrogate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LifConfig {
    /// Membrane time constant in time steps, at least 1. TET's code calls the decay factor
    /// `1 - 1/tau` "tau".
    pub tau: f32,
    /// Firing threshold, above 0.
    pub v_threshold: f32,
    /// After a spike.
    pub reset: Reset,
    /// Stops the gradient through the reset.
    pub detach_reset: bool,
    /// Whether the input, too, is divided by tau.
    pub decay_input: bool,
    /// Fires on `u > v_threshold`; otherwise on `u >= v_threshold`, as SpikingJelly does.
    pub strict: bool,
    /// The derivative that stands for the step's.
    pub surrogate: Surrogate,
}

impl Default for LifConfig {
    fn default() -> Self {
        Self {
            tau: 2.0,
            v_threshold: 0.5,
            reset: Reset::Hard(0.0),
            detach_reset: true,
            decay_input: true,
            strict: true,
            surrogate: Surrogate::BiReal,
        }
    }
}

impl LifConfig {
    /// Refuses constants that make no neuron.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field and its range.
    pub fn check(&self) -> Result<()> {
        if !(self.tau.is_finite() && self.tau >= 1.0) {
            let why = format!("is {}; use at least 1 step", self.tau);
            return Err(Error::Config { field: "tau", why });
        }
        if !(self.v_threshold.is_finite() && self.v_threshold > 0.0) {
            let why = format!("is {}; use a potential > 0", self.v_threshold);
            return Err(Error::Config { field: "v_threshold", why });
        }
        match self.reset {
            Reset::Hard(v) if !(v.is_finite() && v < self.v_threshold) => {
                let why = format!("is {v}; use a potential below v_threshold");
                Err(Error::Config { field: "v_reset", why })
            }
            _ => Ok(()),
        }
    }

    /// The potential before the first step.
    pub(crate) fn start(&self) -> f32 {
        match self.reset {
            Reset::Hard(v) => v,
            Reset::Soft => 0.0,
        }
    }

    /// Factor of the previous potential: `1 - 1/tau`.
    pub(crate) fn decay(&self) -> f32 {
        1.0 - 1.0 / self.tau
    }

    /// Factor of the input current.
    pub(crate) fn gain(&self) -> f32 {
        if self.decay_input { 1.0 / self.tau } else { 1.0 }
    }

    /// What leaks in from the reset potential each step.
    pub(crate) fn rest(&self) -> f32 {
        match self.reset {
            Reset::Hard(v) => v / self.tau,
            Reset::Soft => 0.0,
        }
    }
}
