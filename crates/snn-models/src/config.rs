//! `config.json`: everything that makes a checkpoint's numbers a network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use snn_ops::Precision;

use crate::boundary::{Head, Transformer};
use crate::encoding::Encoding;
use crate::networks::{Architecture, Source};
use crate::neuron_change::NeuronChange;
use crate::neuron_config::{Neuron, NeuronConfig};
use crate::{Error, Result};

/// The images or event frames a model was made for, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// A model's shape and constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "RawConfig")]
pub struct ModelConfig {
    /// The network.
    pub architecture: Architecture,
    /// Classes, K.
    pub num_classes: usize,
    /// Channels of the input; the architecture's default is 3, for `vgg_snn` 2.
    pub in_channels: usize,
    /// Factor of every layer's channels; default 1.
    pub width: f64,
    /// Time steps, T, of a static image; default 4, for `vgg_snn` 10.
    pub t_steps: usize,
    /// What the steps of a still sample are; default `direct`.
    #[serde(skip_serializing_if = "Encoding::is_default")]
    pub encoding: Encoding,
    /// The neurons.
    pub neuron: NeuronConfig,
    /// What single layers of neurons have of their own, by name: `lif1`, `layer1.0.lif2`, `head.lif`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub neurons: BTreeMap<String, NeuronChange>,
    /// Time steps after a boundary, by its name, at most those before it, which `transformer` makes of them. A recording
    /// must then have `t_steps` frames.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, usize>,
    /// Optional parts of the network by name, such as the `dendrites` of `mra_snn`: whether each is there, where that is
    /// not the network's default.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, bool>,
    /// How the steps change at those boundaries; default `linear`.
    #[serde(skip_serializing_if = "Transformer::is_default")]
    pub transformer: Transformer,
    /// Number format, in training and evaluation; default `f32`.
    pub precision: Precision,
    /// Input size. A network whose head pools over all pixels takes other sizes too; the classifier of `vgg_snn` and
    /// `vgg9` depends on it.
    pub input: InputConfig,
    /// What lies between a file and the input, as snn-data's `Preprocess` writes it.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub preprocess: serde_json::Value,
    /// Boundaries at which an auxiliary classifier stands in training. It is neither exported nor counted.
    #[serde(skip)]
    pub heads: Vec<String>,
    /// What such a classifier is made of.
    #[serde(skip)]
    pub head: Head,
    /// Class names, K of them or none.
    pub labels: Vec<String>,
    /// What was measured with this checkpoint, as its report says.
    pub metrics: serde_json::Value,
}

/// The file's form: everything past `num_classes` may be absent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    architecture: Architecture,
    num_classes: usize,
    in_channels: Option<usize>,
    width: Option<f64>,
    t_steps: Option<usize>,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    neuron: NeuronConfig,
    #[serde(default)]
    neurons: BTreeMap<String, NeuronChange>,
    #[serde(default)]
    steps: BTreeMap<String, usize>,
    #[serde(default)]
    parts: BTreeMap<String, bool>,
    #[serde(default)]
    transformer: Transformer,
    #[serde(default)]
    precision: Precision,
    input: Option<InputConfig>,
    #[serde(default)]
    preprocess: serde_json::Value,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    metrics: serde_json::Value,
}

impl From<RawConfig> for ModelConfig {
    fn from(raw: RawConfig) -> Self {
        let default = Self::new(raw.architecture, raw.num_classes);
        Self {
            in_channels: raw.in_channels.unwrap_or(default.in_channels),
            width: raw.width.unwrap_or(default.width),
            t_steps: raw.t_steps.unwrap_or(default.t_steps),
            encoding: raw.encoding,
            neuron: raw.neuron,
            neurons: raw.neurons,
            steps: raw.steps,
            parts: raw.parts,
            transformer: raw.transformer,
            precision: raw.precision,
            input: raw.input.unwrap_or(default.input),
            preprocess: raw.preprocess,
            labels: raw.labels,
            metrics: raw.metrics,
            ..default
        }
    }
}

impl ModelConfig {
    /// No side of an input, count of classes, channels or steps may exceed this.
    pub const MAX_COUNT: usize = 1 << 16;
    /// The largest factor of the layers' channels.
    pub const MAX_WIDTH: f64 = 16.0;
    /// Neither the parameters nor a feature map, over all time steps and samples of a batch, may hold
    /// more elements: 4 GiB of f32.
    pub const MAX_ELEMENTS: usize = 1 << 30;

    /// The architecture as its source uses it.
    pub fn new(architecture: Architecture, num_classes: usize) -> Self {
        let Source { t_steps, input: [in_channels, height, width], .. } = architecture.source();
        Self {
            architecture,
            num_classes,
            in_channels,
            width: 1.0,
            t_steps,
            encoding: Encoding::default(),
            neuron: NeuronConfig::default(),
            neurons: BTreeMap::new(),
            steps: BTreeMap::new(),
            parts: BTreeMap::new(),
            transformer: Transformer::default(),
            precision: Precision::F32,
            input: InputConfig { height, width },
            preprocess: serde_json::Value::Null,
            heads: Vec::new(),
            head: Head::default(),
            labels: Vec::new(),
            metrics: serde_json::Value::Null,
        }
    }

    /// The architecture with the class count that its source begins with.
    pub fn of_source(architecture: Architecture) -> Self {
        Self::new(architecture, architecture.source().classes)
    }

    /// Refuses fields that are out of their range.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field and its range.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("num_classes", self.num_classes),
            ("in_channels", self.in_channels),
            ("t_steps", self.t_steps),
            ("input.height", self.input.height),
            ("input.width", self.input.width),
        ];
        let refuse = |field: &str, why: String| Err(Error::Config { field: field.into(), why });
        let steps = self.steps.values().map(|&n| ("steps", n));
        for (field, n) in counts.into_iter().chain(steps) {
            if n == 0 || n > Self::MAX_COUNT {
                return refuse(field, format!("is {n}; use 1 to {}", Self::MAX_COUNT));
            }
        }
        if !(self.width > 0.0 && self.width <= Self::MAX_WIDTH) {
            let why =
                format!("is {}; use a number above 0, at most {}", self.width, Self::MAX_WIDTH);
            return refuse("width", why);
        }
        if !self.labels.is_empty() && self.labels.len() != self.num_classes {
            let why = format!("has {} names for {} classes", self.labels.len(), self.num_classes);
            return refuse("labels", why);
        }
        self.neuron.neuron()?;
        for name in self.neurons.keys() {
            self.neuron(name)?;
        }
        Ok(())
    }

    /// What the neurons of that name compute.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field and its range.
    pub fn neuron(&self, name: &str) -> Result<Neuron> {
        match self.neurons.get(name) {
            None => self.neuron.neuron(),
            Some(change) => change.of(&self.neuron).neuron().map_err(|error| Error::Config {
                field: format!("neurons.{name}"),
                why: error.to_string(),
            }),
        }
    }

    /// Whether any layer's spikes have more than one bit.
    pub(crate) fn sends_several_bits(&self) -> bool {
        let own = |neuron: &NeuronConfig| match neuron.neuron() {
            Ok(Neuron::Spiking { lif, .. }) => lif.levels.most() > 1,
            Ok(Neuron::Qcfs { .. }) | Err(_) => false,
        };
        own(&self.neuron) || self.neurons.values().any(|change| own(&change.of(&self.neuron)))
    }

    /// `channels` scaled by the width, at least 1; halves round to even, as Python's `round` does.
    pub fn channels(&self, channels: usize) -> usize {
        ((channels as f64 * self.width).round_ties_even() as usize).max(1)
    }
}
