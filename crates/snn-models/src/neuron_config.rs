//! The neurons' constants as config files and recipes say them.

use serde::{Deserialize, Serialize};
use snn_neuron::{Adaptation, Levels, LifConfig, Reset, Surrogate};

use crate::{Error, Result};

/// The neuron's constants under the names that config files and recipes use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NeuronConfig {
    /// `lif`, or `if` (no leak), `plif` (`tau` is learned), `alif` (the threshold adapts), `ilif` (whole numbers, as I-LIF
    /// sends them) or `qcfs` (the activation of an ANN to convert).
    ///
    /// `if` reads neither `tau` nor `decay_input`. `ilif` reads `levels` alone, all else is as published. `qcfs` reads
    /// `levels` and `v_threshold`, where its learned ceiling starts; it has no time and is trained at T = 1.
    #[serde(skip_serializing_if = "is_lif")]
    #[cfg_attr(feature = "schemars", schemars(extend("default" = "lif")))]
    pub kind: String,
    /// Membrane time constant in steps; of `plif` where it starts, above 1.
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
    /// Bits of a spike before and after the point: `[1, 1]` sends 0, 0.5, 1 or 1.5; more than `[1, 0]` needs `reset = "soft"`,
    /// `strict = false` and `surrogate = "rectangle"`.
    ///
    /// Multi-bit spikes: independent re-implementation from the abstract; constants ours.
    #[serde(skip_serializing_if = "is_one_bit")]
    #[cfg_attr(feature = "schemars", schemars(inner(range(max = 8)), extend("default" = [1, 0])))]
    pub bits: [u8; 2],
    /// `ilif`, `qcfs`: the greatest whole number that is sent.
    #[serde(skip_serializing_if = "is_default_levels")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 255), extend("default" = 4)))]
    pub levels: u8,
    /// `alif`: time constant of the threshold's return, in steps.
    #[serde(skip_serializing_if = "is_default_tau_threshold")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1.0), extend("default" = 20.0)))]
    pub tau_threshold: f64,
    /// `alif`: what the threshold rises by while every step has a spike.
    #[serde(skip_serializing_if = "is_default_gain")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0), extend("default" = 1.8)))]
    pub threshold_gain: f64,
    /// Potential before the first step, in thresholds; the reset potential (soft: 0) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v_start: Option<f64>,
    /// What a spike is worth to the next layer: `one`, or its `threshold`, as a converted ANN has it.
    #[serde(skip_serializing_if = "is_one")]
    #[cfg_attr(feature = "schemars", schemars(extend("default" = "one")))]
    pub spike: String,
    /// Temporal effective batch norm (TEBN), of all layers: a learned factor of each normalized current for each time step; the
    /// network then runs as many steps as it was trained with.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "schemars", schemars(extend("default" = false)))]
    pub tebn: bool,
    /// Threshold-dependent batch norm (tdBN), of all layers: the norms' scales start at this times `v_threshold`, in place of
    /// the network's own start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub tdbn: Option<f64>,
}

impl Default for NeuronConfig {
    fn default() -> Self {
        Self {
            kind: "lif".into(),
            tau: 2.0,
            v_threshold: 0.5,
            surrogate: Surrogate::default().name().into(),
            reset: "hard".into(),
            v_reset: 0.0,
            detach_reset: true,
            decay_input: true,
            strict: true,
            bits: [1, 0],
            levels: 4,
            tau_threshold: 20.0,
            threshold_gain: 1.8,
            v_start: None,
            spike: "one".into(),
            tebn: false,
            tdbn: None,
        }
    }
}

fn is_lif(kind: &str) -> bool {
    kind == "lif"
}

fn is_one_bit(bits: &[u8; 2]) -> bool {
    *bits == [1, 0]
}

fn is_default_levels(levels: &u8) -> bool {
    *levels == 4
}

fn is_default_tau_threshold(tau: &f64) -> bool {
    *tau == 20.0
}

fn is_default_gain(gain: &f64) -> bool {
    *gain == 1.8
}

fn is_one(spike: &str) -> bool {
    spike == "one"
}

/// What a layer of neurons computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Neuron {
    /// Spikes over time.
    Spiking {
        /// The constants.
        lif: LifConfig,
        /// Whether `tau` is where a parameter starts.
        learns_tau: bool,
        /// What a spike of k = 1 is worth to the next layer.
        unit: f32,
    },
    /// The activation of an ANN, [`snn_neuron::qcfs`].
    Qcfs {
        /// L, the greatest whole number that is sent.
        levels: u8,
        /// Where the ceiling starts.
        ceiling: f64,
    },
}

fn refuse<T>(field: &str, why: String) -> Result<T> {
    Err(Error::Config { field: format!("neuron.{field}"), why })
}

impl NeuronConfig {
    /// What the neurons compute.
    ///
    /// # Errors
    /// [`Error::Config`] or the neuron's own, naming the field.
    pub fn neuron(&self) -> Result<Neuron> {
        if let Some(alpha) = self.tdbn.filter(|alpha| !(alpha.is_finite() && *alpha > 0.0)) {
            return refuse("tdbn", format!("is {alpha}; use a number above 0"));
        }
        let is_bits = !is_one_bit(&self.bits);
        let lif = match self.kind.as_str() {
            "lif" | "plif" => self.lif()?,
            "if" => LifConfig { tau: f32::INFINITY, decay_input: false, ..self.lif()? },
            "alif" if is_bits => {
                return refuse("bits", "are of neurons whose threshold is constant".into());
            }
            "alif" => {
                let (tau, gain) = (self.tau_threshold as f32, self.threshold_gain as f32);
                LifConfig { adaptation: Some(Adaptation { tau, gain }), ..self.lif()? }
            }
            "ilif" | "qcfs" if is_bits => {
                return refuse("bits", format!("are set, and {} has levels", self.kind));
            }
            "ilif" => ilif(self.levels),
            "qcfs" => {
                if self.levels == 0 {
                    return refuse("levels", "are 0; use 1 to 255".into());
                }
                if self.tebn {
                    return refuse("tebn", "is true, and qcfs has no time".into());
                }
                // Refuses the threshold that no neuron could have.
                self.lif()?;
                return Ok(Neuron::Qcfs { levels: self.levels, ceiling: self.v_threshold });
            }
            other => {
                let why = format!("`{other}` is unknown; use lif, if, plif, alif, ilif or qcfs");
                return refuse("kind", why);
            }
        };
        let learns_tau = self.kind == "plif";
        if learns_tau && self.tau <= 1.0 {
            return refuse("tau", format!("is {}; plif starts above 1", self.tau));
        }
        lif.check().map_err(of_neuron)?;
        let unit = match self.spike.as_str() {
            "one" => lif.levels.unit(),
            "threshold" => lif.v_threshold * lif.levels.unit(),
            other => return refuse("spike", format!("`{other}` is unknown; use one or threshold")),
        };
        Ok(Neuron::Spiking { lif, learns_tau, unit })
    }

    /// The keys that are not at their default, and that neurons of this kind do not read.
    pub fn unread(&self) -> Vec<&'static str> {
        let by = Self::default();
        let changed = [
            ("tau", self.tau != by.tau),
            ("v_threshold", self.v_threshold != by.v_threshold),
            ("surrogate", self.surrogate != by.surrogate),
            ("reset", self.reset != by.reset),
            ("v_reset", self.v_reset != by.v_reset),
            ("detach_reset", self.detach_reset != by.detach_reset),
            ("decay_input", self.decay_input != by.decay_input),
            ("strict", self.strict != by.strict),
            ("levels", self.levels != by.levels),
            ("tau_threshold", self.tau_threshold != by.tau_threshold),
            ("threshold_gain", self.threshold_gain != by.threshold_gain),
            ("v_start", self.v_start != by.v_start),
        ];
        let is_read = |key: &str| match self.kind.as_str() {
            "ilif" => key == "levels",
            "qcfs" => ["levels", "v_threshold"].contains(&key),
            kind => match key {
                "tau" | "decay_input" => kind != "if",
                "levels" => false,
                "tau_threshold" | "threshold_gain" => kind == "alif",
                "v_reset" => self.reset != "soft",
                _ => true,
            },
        };
        changed.into_iter().filter(|(key, is)| *is && !is_read(key)).map(|(key, _)| key).collect()
    }

    /// The constants of the leaky neuron that these keys describe, whatever the kind.
    ///
    /// # Errors
    /// As [`NeuronConfig::neuron`].
    pub fn lif(&self) -> Result<LifConfig> {
        let reset = match self.reset.as_str() {
            "hard" => Reset::Hard(self.v_reset as f32),
            "soft" => Reset::Soft,
            other => return refuse("reset", format!("`{other}` is unknown; use hard or soft")),
        };
        let [whole, fraction] = self.bits;
        let config = LifConfig {
            tau: self.tau as f32,
            v_threshold: self.v_threshold as f32,
            reset,
            detach_reset: self.detach_reset,
            decay_input: self.decay_input,
            strict: self.strict,
            surrogate: Surrogate::from_name(&self.surrogate).map_err(of_neuron)?,
            levels: match is_one_bit(&self.bits) {
                true => Levels::Binary,
                false => Levels::Bits { whole, fraction },
            },
            adaptation: None,
            v_start: self.v_start.map(|share| (share * self.v_threshold) as f32),
        };
        config.check().map_err(of_neuron)?;
        Ok(config)
    }
}

/// I-LIF as SpikeYOLO's code has it: a quarter of the potential stays, and the reset carries no gradient.
fn ilif(levels: u8) -> LifConfig {
    LifConfig {
        tau: 4.0 / 3.0,
        v_threshold: 1.0,
        reset: Reset::Soft,
        decay_input: false,
        strict: false,
        surrogate: Surrogate::Rectangle,
        levels: Levels::Counts(levels),
        ..LifConfig::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn says(config: NeuronConfig, what: &str) {
        let error = config.neuron().unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    }

    #[test]
    fn defaults_write_the_keys_that_they_always_wrote() {
        let text = serde_json::to_string(&NeuronConfig::default()).unwrap();
        let old = r#"{"tau":2.0,"v_threshold":0.5,"surrogate":"bireal","reset":"hard","v_reset":0.0,"detach_reset":true,"decay_input":true,"strict":true}"#;
        assert_eq!(text, old);
        assert_eq!(serde_json::from_str::<NeuronConfig>(old).unwrap(), NeuronConfig::default());
    }

    #[test]
    fn keys_that_a_kind_does_not_read_are_told() {
        let unread =
            |text: &str| serde_json::from_str::<NeuronConfig>(text).unwrap().unread().join(" ");
        assert_eq!(unread("{}"), "");
        assert_eq!(unread(r#"{"tau":4,"v_threshold":1,"surrogate":"atan","v_start":0.5}"#), "");
        assert_eq!(unread(r#"{"levels":8,"threshold_gain":1}"#), "levels threshold_gain");
        assert_eq!(unread(r#"{"kind":"alif","levels":8,"threshold_gain":1}"#), "levels");
        assert_eq!(unread(r#"{"kind":"if","tau":4,"decay_input":false}"#), "tau decay_input");
        assert_eq!(unread(r#"{"kind":"ilif","levels":8,"v_threshold":3}"#), "v_threshold");
        assert_eq!(unread(r#"{"kind":"qcfs","levels":8,"v_threshold":3,"v_start":1}"#), "v_start");
        assert_eq!(unread(r#"{"reset":"soft","v_reset":0.1}"#), "v_reset");
    }

    #[test]
    fn kinds_are_read_and_misfits_named() {
        let base = NeuronConfig::default;
        let kind = |kind: &str| NeuronConfig { kind: kind.into(), ..base() };
        let Neuron::Spiking { lif, learns_tau, unit } = kind("if").neuron().unwrap() else {
            panic!("no neuron")
        };
        assert!(lif.tau.is_infinite() && !lif.decay_input && !learns_tau && unit == 1.0);
        let soft = NeuronConfig {
            reset: "soft".into(),
            strict: false,
            surrogate: "rectangle".into(),
            bits: [1, 2],
            ..base()
        };
        let unit_of = |config: &NeuronConfig| match config.neuron().unwrap() {
            Neuron::Spiking { unit, .. } => unit,
            Neuron::Qcfs { .. } => panic!("no neuron"),
        };
        assert_eq!(unit_of(&soft), 0.25);
        assert_eq!(unit_of(&NeuronConfig { spike: "threshold".into(), ..soft.clone() }), 0.125);
        says(NeuronConfig { bits: [1, 1], ..base() }, "neuron.reset: is hard; spikes of several");
        says(NeuronConfig { bits: [4, 5], ..soft.clone() }, "neuron.bits: are [4, 5], 9 bits");
        says(NeuronConfig { kind: "alif".into(), ..soft.clone() }, "neuron.bits: are of neurons");
        says(NeuronConfig { kind: "qcfs".into(), ..soft.clone() }, "neuron.bits: are set");
        says(NeuronConfig { spike: "half".into(), ..soft }, "neuron.spike: `half` is unknown");
        says(NeuronConfig { tau: 1.0, ..kind("plif") }, "neuron.tau: is 1; plif");
        says(NeuronConfig { levels: 0, ..kind("qcfs") }, "neuron.levels: are 0");
        says(NeuronConfig { levels: 0, ..kind("ilif") }, "neuron.levels: are 0");
        says(NeuronConfig { tau_threshold: 0.0, ..kind("alif") }, "neuron.tau_threshold: is 0");
        says(NeuronConfig { tdbn: Some(0.0), ..base() }, "neuron.tdbn: is 0");
        says(kind("izhikevich"), "neuron.kind: `izhikevich` is unknown; use lif");
    }
}
