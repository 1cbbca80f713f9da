//! The neuron's constants.

use super::levels::Levels;
use crate::{Error, Result, Surrogate};

/// What happens to the membrane potential after a spike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reset {
    /// It becomes this potential.
    Hard(f32),
    /// The threshold is subtracted.
    Soft,
}

/// A threshold that rises with each spike and falls back:
/// `threshold[t] = v_threshold + gain a[t]`, `a[t+1] = r a[t] + (1 - r) s[t]`, `r = 1 - 1/tau`, `a[0] = 0`.
///
/// # Source
/// Bellec et al., "Long short-term memory and learning-to-learn in networks of spiking neurons" (2018), equations of
/// LSNN. DIFFERS: `r` is written by a time constant in steps, as the membrane's leak is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptation {
    /// Time constant of the return, in steps, at least 1.
    pub tau: f32,
    /// What the threshold rises by while every step has a spike; 0 or more.
    pub gain: f32,
}

/// The constants of a leaky integrate-and-fire neuron.
///
/// The default is what the TKS paper's released trainer uses (BrainCog's LIFNode): tau 2, threshold
/// 0.5, strict, hard reset to 0, reset detached, input scaled by 1/tau, Bi-Real surrogate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LifConfig {
    /// Membrane time constant in time steps, at least 1. TET's code calls the decay factor
    /// `1 - 1/tau` "tau". Infinite for a neuron without leak (IF), whose input is not divided by it.
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
    /// What a spike can say.
    pub levels: Levels,
    /// A threshold that adapts; none is constant.
    pub adaptation: Option<Adaptation>,
    /// Potential before the first step; the reset potential (soft: zero) when absent.
    pub v_start: Option<f32>,
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
            levels: Levels::Binary,
            adaptation: None,
            v_start: None,
        }
    }
}

impl LifConfig {
    /// Refuses constants that make no neuron.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field and its range.
    pub fn check(&self) -> Result<()> {
        let refuse = |field: &'static str, why: String| Err(Error::Config { field, why });
        let is_leaky = self.tau.is_finite();
        if !(self.tau >= 1.0 && (is_leaky || !self.decay_input)) {
            return refuse("tau", format!("is {}; use at least 1 step", self.tau));
        }
        if !(self.v_threshold.is_finite() && self.v_threshold > 0.0) {
            return refuse("v_threshold", format!("is {}; use a potential > 0", self.v_threshold));
        }
        if let Reset::Hard(v) = self.reset
            && !(v.is_finite() && v < self.v_threshold)
        {
            return refuse("v_reset", format!("is {v}; use a potential below v_threshold"));
        }
        if let Some(v) = self.v_start.filter(|v| !v.is_finite()) {
            return refuse("v_start", format!("is {v}; use a finite potential"));
        }
        if let Some(Adaptation { tau, gain }) = self.adaptation {
            if !(tau.is_finite() && tau >= 1.0) {
                return refuse("tau_threshold", format!("is {tau}; use at least 1 step"));
            }
            if !(gain.is_finite() && gain >= 0.0) {
                return refuse("threshold_gain", format!("is {gain}; use 0 or more"));
            }
        }
        self.check_levels()
    }

    /// Refuses bits that a spike cannot have, and constants that only neurons of one bit have.
    fn check_levels(&self) -> Result<()> {
        let refuse = |field: &'static str, why: &str| Err(Error::Config { field, why: why.into() });
        match self.levels {
            Levels::Binary => return Ok(()),
            Levels::Bits { whole, fraction } => {
                let n = u16::from(whole) + u16::from(fraction);
                if !(1..=8).contains(&n) {
                    let why = format!(
                        "are [{whole}, {fraction}], {n} bits; use 1 to 8 in all, such as [1, 1]"
                    );
                    return Err(Error::Config { field: "bits", why });
                }
            }
            Levels::Counts(0) => return refuse("levels", "are 0; use 1 to 255"),
            Levels::Counts(_) => {}
        }
        if self.reset != Reset::Soft {
            return refuse("reset", "is hard; spikes of several levels need soft");
        }
        if self.strict {
            return refuse("strict", "is true; spikes of several levels need false");
        }
        if self.surrogate != Surrogate::Rectangle {
            return refuse("surrogate", "must be rectangle for spikes of several levels");
        }
        if self.adaptation.is_some() {
            return refuse("threshold_gain", "adapts the threshold of neurons of one bit alone");
        }
        Ok(())
    }

    /// The potential before the first step.
    pub(crate) fn start(&self) -> f32 {
        self.v_start.unwrap_or(match self.reset {
            Reset::Hard(v) => v,
            Reset::Soft => 0.0,
        })
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
