//! `config.json`: everything that makes a checkpoint's numbers a network.

use serde::{Deserialize, Serialize};
use snn_neuron::{LifConfig, Reset, Surrogate};

use crate::declare::Declare;
use crate::{Error, Result};

/// The networks of the TKS paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// ResNet-19 with threshold-dependent batch norm (STBP-tdBN), for 32 x 32 images.
    Resnet19,
    /// SEW-ResNet-19, for 32 x 32 images.
    SewResnet19,
    /// SEW-ResNet-18, for 224 x 224 images.
    SewResnet18,
    /// SEW-ResNet-34.
    SewResnet34,
    /// SEW-ResNet-50, with bottleneck blocks.
    SewResnet50,
    /// VGG-SNN, for 48 x 48 event frames.
    VggSnn,
}

impl Architecture {
    /// Every architecture.
    pub const ALL: [Self; 6] = [
        Self::Resnet19,
        Self::SewResnet19,
        Self::SewResnet18,
        Self::SewResnet34,
        Self::SewResnet50,
        Self::VggSnn,
    ];

    /// The name in recipes and config files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resnet19 => "resnet19",
            Self::SewResnet19 => "sew_resnet19",
            Self::SewResnet18 => "sew_resnet18",
            Self::SewResnet34 => "sew_resnet34",
            Self::SewResnet50 => "sew_resnet50",
            Self::VggSnn => "vgg_snn",
        }
    }

    /// The architecture of that name.
    ///
    /// # Errors
    /// [`Error::Config`] listing the names.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or_else(|| Error::Config {
            field: "model.architecture".into(),
            why: format!("`{name}` is unknown; use {}", Self::ALL.map(Self::name).join(", ")),
        })
    }

    /// Time steps, input channels, input side and classes that the paper uses with it.
    fn paper(self) -> (usize, usize, usize, usize) {
        match self {
            Self::Resnet19 | Self::SewResnet19 => (4, 3, 32, 10),
            Self::SewResnet18 | Self::SewResnet34 | Self::SewResnet50 => (4, 3, 224, 1000),
            Self::VggSnn => (10, 2, 48, 10),
        }
    }
}

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
            surrogate: Surrogate::from_name(&self.surrogate)?,
        };
        config.check()?;
        Ok(config)
    }
}

/// The number format of convolutions' results and of their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Reference accuracy.
    #[default]
    F32,
    /// Rounded to bf16, which takes less memory. Made for AMX; without it no faster than f32.
    Bf16,
}

impl Precision {
    /// The name that config files, recipes and results use.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }

    /// The operators' own.
    pub(crate) fn of_ops(self) -> snn_ops::Precision {
        match self {
            Precision::F32 => snn_ops::Precision::F32,
            Precision::Bf16 => snn_ops::Precision::Bf16,
        }
    }
}

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
    /// The neuron.
    pub neuron: NeuronConfig,
    /// Number format, in training and evaluation; default `f32`.
    pub precision: Precision,
    /// Input size; the fully connected layer of `vgg_snn` depends on it.
    pub input: InputConfig,
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
    neuron: NeuronConfig,
    #[serde(default)]
    precision: Precision,
    input: Option<InputConfig>,
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
            neuron: raw.neuron,
            precision: raw.precision,
            input: raw.input.unwrap_or(default.input),
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

    /// The architecture as the paper uses it.
    pub fn new(architecture: Architecture, num_classes: usize) -> Self {
        let (t_steps, in_channels, side, _) = architecture.paper();
        Self {
            architecture,
            num_classes,
            in_channels,
            width: 1.0,
            t_steps,
            neuron: NeuronConfig::default(),
            precision: Precision::F32,
            input: InputConfig { height: side, width: side },
            labels: Vec::new(),
            metrics: serde_json::Value::Null,
        }
    }

    /// The architecture with the class count of its first table in the paper.
    pub fn paper(architecture: Architecture) -> Self {
        Self::new(architecture, architecture.paper().3)
    }

    /// Refuses fields that are out of their range.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field, `neuron.KEY` or `model.KEY`, and its range.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("model.num_classes", self.num_classes),
            ("model.in_channels", self.in_channels),
            ("model.t_steps", self.t_steps),
            ("model.input.height", self.input.height),
            ("model.input.width", self.input.width),
        ];
        let refuse = |field: &str, why: String| Err(Error::Config { field: field.into(), why });
        for (field, n) in counts {
            if n == 0 || n > Self::MAX_COUNT {
                return refuse(field, format!("is {n}; use 1 to {}", Self::MAX_COUNT));
            }
        }
        if !(self.width > 0.0 && self.width <= Self::MAX_WIDTH) {
            let why =
                format!("is {}; use a number above 0, at most {}", self.width, Self::MAX_WIDTH);
            return refuse("model.width", why);
        }
        if !self.labels.is_empty() && self.labels.len() != self.num_classes {
            let why = format!("has {} names for {} classes", self.labels.len(), self.num_classes);
            return refuse("model.labels", why);
        }
        self.neuron.lif().map(|_| ())
    }

    /// Refuses a batch of `n` samples over `t_steps` steps, the model's own or a sequence's, that would
    /// make a feature map of more than [`ModelConfig::MAX_ELEMENTS`]; nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field that makes it too large.
    pub fn check_batch(&self, n: usize, t_steps: usize) -> Result<()> {
        let map = Declare::read(self)?.size.largest_map;
        let fits = |factor: usize| {
            map.checked_mul(factor).is_some_and(|elements| elements <= Self::MAX_ELEMENTS)
        };
        if n.checked_mul(t_steps).is_some_and(fits) {
            return Ok(());
        }
        let why = format!(
            "{n} samples x {t_steps} steps x {map} elements make a feature map of more than {}; \
             use a smaller train.batch, t_steps, model.width or input",
            Self::MAX_ELEMENTS
        );
        let field = match (fits(t_steps), fits(1)) {
            (true, _) => "train.batch",
            (false, true) => "model.t_steps",
            (false, false) => "model.width",
        };
        Err(Error::Config { field: field.into(), why })
    }

    /// `channels` scaled by the width, at least 1; halves round to even, as Python's `round` does.
    pub fn channels(&self, channels: usize) -> usize {
        ((channels as f64 * self.width).round_ties_even() as usize).max(1)
    }
}
