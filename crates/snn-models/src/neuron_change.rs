//! The constants of single layers of neurons.

use serde::{Deserialize, Serialize};

use crate::neuron_config::NeuronConfig;

/// What one layer of neurons has of its own; what is absent is that of [`NeuronConfig`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NeuronChange {
    /// As [`NeuronConfig::kind`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// As [`NeuronConfig::tau`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// As [`NeuronConfig::v_threshold`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_threshold: Option<f64>,
    /// As [`NeuronConfig::surrogate`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surrogate: Option<String>,
    /// As [`NeuronConfig::reset`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<String>,
    /// As [`NeuronConfig::v_reset`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_reset: Option<f64>,
    /// As [`NeuronConfig::detach_reset`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detach_reset: Option<bool>,
    /// As [`NeuronConfig::decay_input`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_input: Option<bool>,
    /// As [`NeuronConfig::strict`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// As [`NeuronConfig::bits`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<[u8; 2]>,
    /// As [`NeuronConfig::levels`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<u8>,
    /// As [`NeuronConfig::tau_threshold`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau_threshold: Option<f64>,
    /// As [`NeuronConfig::threshold_gain`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_gain: Option<f64>,
    /// As [`NeuronConfig::v_start`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_start: Option<f64>,
    /// As [`NeuronConfig::spike`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spike: Option<String>,
}

impl NeuronChange {
    /// The constants of the layer.
    pub fn of(&self, all: &NeuronConfig) -> NeuronConfig {
        let text = |own: &Option<String>, all: &String| own.as_ref().unwrap_or(all).clone();
        NeuronConfig {
            kind: text(&self.kind, &all.kind),
            tau: self.tau.unwrap_or(all.tau),
            v_threshold: self.v_threshold.unwrap_or(all.v_threshold),
            surrogate: text(&self.surrogate, &all.surrogate),
            reset: text(&self.reset, &all.reset),
            v_reset: self.v_reset.unwrap_or(all.v_reset),
            detach_reset: self.detach_reset.unwrap_or(all.detach_reset),
            decay_input: self.decay_input.unwrap_or(all.decay_input),
            strict: self.strict.unwrap_or(all.strict),
            bits: self.bits.unwrap_or(all.bits),
            levels: self.levels.unwrap_or(all.levels),
            tau_threshold: self.tau_threshold.unwrap_or(all.tau_threshold),
            threshold_gain: self.threshold_gain.unwrap_or(all.threshold_gain),
            v_start: self.v_start.or(all.v_start),
            spike: text(&self.spike, &all.spike),
            tebn: all.tebn,
            tdbn: all.tdbn,
        }
    }
}
