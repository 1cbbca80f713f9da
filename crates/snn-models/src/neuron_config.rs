//! The neurons' constants, of all layers and of single ones.

use serde::{Deserialize, Serialize};
use snn_neuron::{LifConfig, Reset, Surrogate};

use crate::{Error, Result};

/// The neuron's constants under the names that config files and recipes use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NeuronConfig {
    /// Membrane time constant in steps.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1.0)))]
    pub tau: f64,
    /// Firing threshold.
    #[cfg_attr(feature = "schemars", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub v_threshold: f64,
    /// Surrogate of the spike's derivative: `bireal`, `triangle`, `rectangle`, `atan` or `sigmoid`.
    pub surrogate: String,
    /// What a spike does to the potential: `hard` sets it to `v_reset`, `soft` takes the threshold from it.
    pub reset: String,
    /// Potential after a hard reset.
    pub v_reset: f64,
    /// No gradient through the reset.
    pub detach_reset: bool,
    /// The input, too, is divided by tau.
    pub decay_input: bool,
    /// Fires on `u > v_threshold` rather than `>=`.
    pub strict: bool,
}

impl Default for NeuronConfig {
    fn default() -> Self {
        Self {
            tau: 2.0,
            v_threshold: 0.5,
            surrogate: Surrogate::default().name().into(),
            reset: "hard".into(),
            v_reset: 0.0,
            detach_reset: true,
            decay_input: true,
            strict: true,
        }
    }
}

impl NeuronConfig {
    /// The neuron.
    ///
    /// # Errors
    /// [`Error::Config`] or the neuron's own, naming the field.
    pub fn lif(&self) -> Result<LifConfig> {
        let reset = match self.reset.as_str() {
            "hard" => Reset::Hard(self.v_reset as f32),
            "soft" => Reset::Soft,
            other => {
                let why = format!("`{other}` is unknown; use hard or soft");
                return Err(Error::Config { field: "neuron.reset".into(), why });
            }
        };
        let config = LifConfig {
            tau: self.tau as f32,
            v_threshold: self.v_threshold as f32,
            reset,
            detach_reset: self.detach_reset,
            decay_input: self.decay_input,
            strict: self.strict,
            surrogate: Surrogate::from_name(&self.surrogate).map_err(of_neuron)?,
            ..LifConfig::default()
        };
        config.check().map_err(of_neuron)?;
        Ok(config)
    }
}

/// The neuron crate names its own fields; here they are keys of a table.
fn of_neuron(error: snn_neuron::Error) -> Error {
    match error {
        snn_neuron::Error::Config { field, why } => {
            Error::Config { field: format!("neuron.{field}"), why }
        }
        other => Error::Neuron(other),
    }
}

/// What one layer of neurons has of its own; what is absent is that of [`NeuronConfig`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NeuronChange {
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
}

impl NeuronChange {
    /// The constants of the layer.
    pub fn of(&self, all: &NeuronConfig) -> NeuronConfig {
        NeuronConfig {
            tau: self.tau.unwrap_or(all.tau),
            v_threshold: self.v_threshold.unwrap_or(all.v_threshold),
            surrogate: self.surrogate.clone().unwrap_or_else(|| all.surrogate.clone()),
            reset: self.reset.clone().unwrap_or_else(|| all.reset.clone()),
            v_reset: self.v_reset.unwrap_or(all.v_reset),
            detach_reset: self.detach_reset.unwrap_or(all.detach_reset),
            decay_input: self.decay_input.unwrap_or(all.decay_input),
            strict: self.strict.unwrap_or(all.strict),
        }
    }
}
