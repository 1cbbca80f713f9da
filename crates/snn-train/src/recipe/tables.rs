//! The tables of a recipe.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use snn_data::transform::Interpolation;
use snn_data::{Augment, DataConfig, FrameBy, MAX_SIZE, MAX_T_STEPS, Normalize, Representation};
use snn_losses::Loss;
use snn_models::{Architecture, Encoding, ModelConfig, NeuronChange, NeuronConfig, Precision};
use snn_ops::Tape;

use super::phase::Phase;
use crate::{
    Method,
    optim::OptimizerConfig,
    schedule::{MOST, ScheduleConfig},
};

/// A whole recipe. Unknown keys are refused in every table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Where every random number comes from. 42 is the authors' seed.
    #[serde(default = "seed")]
    pub seed: u64,
    /// The samples.
    pub data: DataRecipe,
    /// The network.
    pub model: ModelRecipe,
    /// The neuron; its defaults are those of the TKS authors' released trainer.
    #[serde(default)]
    pub neuron: NeuronConfig,
    /// Constants of single layers of neurons, by name: `[neurons."layer1.0.lif2"]` with keys of `[neuron]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub neurons: BTreeMap<String, NeuronChange>,
    /// The loss and its constants.
    #[serde(default)]
    pub loss: Loss,
    /// What is asked of the network and its answers beyond the loss of one pass; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The optimizer.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The learning rate over the epochs.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Batches, evaluation and checkpoints.
    #[serde(default)]
    pub train: TrainRecipe,
    /// Parts of the run with settings of their own, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phase: Vec<Phase>,
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// The data set, such as `cifar10`.
    pub name: String,
    /// Recordings: the frames that each is cut into, the network's time steps T. Still samples have
    /// `model.t_steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_T_STEPS))]
    pub t_steps: Option<usize>,
    /// Side in pixels that samples are resized to, samples of a signal's window or points of a cloud; their own, or 1024,
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_SIZE))]
    pub size: Option<usize>,
    /// Signals: samples between the beginnings of two training windows, which overlap where it is less than a window, as
    /// long as when absent; test windows never overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_SIZE))]
    pub stride: Option<usize>,
    /// By which mean and deviation samples are normalized: `window` is pictures by the set's own, each window of a signal by its
    /// own; `training` is all windows by those of the training windows; `braincog` is CIFAR's training pictures by ImageNet's
    /// and its test pictures by CIFAR-10's, as the TKS paper's code does.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("default" = "window"))]
    pub normalize: Normalize,
    /// Signals: decibels by which training recordings are above the normal noise that is added to them before windows are
    /// normalized; no noise when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub train_snr: Option<f32>,
    /// Signals: decibels by which test recordings are above their noise; no noise when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub test_snr: Option<f32>,
    /// Sets with a file for each picture: how one is resized for evaluation. The TKS paper's code, as timm, does so with
    /// `bicubic`.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("default" = "bilinear"))]
    pub interpolation: Interpolation,
    /// Point clouds: the distance from the center that becomes 1, in the files' unit; that of each cloud's farthest point when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub radius: Option<f32>,
    /// How the events of recordings are cut into frames.
    #[serde(default)]
    pub frames_by: FrameBy,
    /// What the numbers of those frames are: `counts` of events, a `voxel-grid` or `time-surfaces`; all but counts are cut by
    /// time.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("default" = "counts"))]
    pub representation: Representation,
    /// What is done to training samples.
    #[serde(default)]
    pub augment: Augment,
    /// How the data set is divided, such as `dvs-cifar10/tebn` or `tebn`; its first split when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Draw as many training samples as there are, with replacement and every class equally likely, instead of
    /// visiting each once.
    #[serde(default)]
    pub class_balanced: bool,
    /// Use that many training samples only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub limit_train: Option<usize>,
    /// Use that many test samples only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = u32::MAX))]
    pub limit_test: Option<usize>,
}

impl DataRecipe {
    /// What the data crate needs to open the set in `dir`.
    ///
    /// Generated and simulated samples are one data set, whatever the run's seed, so theirs is 0.
    pub fn config(&self, dir: Option<PathBuf>) -> DataConfig {
        DataConfig {
            name: self.name.clone(),
            dir,
            roots: Vec::new(),
            // Still samples ignore it.
            t_steps: self.t_steps.unwrap_or(1),
            size: self.size,
            stride: self.stride,
            radius: self.radius,
            frames_by: self.frames_by,
            representation: self.representation,
            normalize: self.normalize,
            train_snr: self.train_snr,
            test_snr: self.test_snr,
            interpolation: self.interpolation,
            split: self.split.clone(),
            limit_train: self.limit_train,
            limit_test: self.limit_test,
            cache: None,
            verify: false,
            seed: 0,
        }
    }
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRecipe {
    /// The network's name.
    #[schemars(schema_with = "architectures")]
    pub architecture: Architecture,
    /// Factor of every layer's channels.
    #[serde(default = "one")]
    #[schemars(range(max = ModelConfig::MAX_WIDTH), extend("exclusiveMinimum" = 0.0))]
    pub width: f64,
    /// Still samples: the time steps T for which each is shown. Recordings have `data.t_steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_T_STEPS))]
    pub t_steps: Option<usize>,
    /// Optional parts of the network that are turned on or off, such as `{ dendrites = false }` of `mra_snn`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, bool>,
    /// Still samples: whether every step sees the sample (`direct`), or each of its numbers is one spike, the larger the
    /// sooner (`latency`).
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("default" = "direct"))]
    pub encoding: Encoding,
    /// Start from the weights of this checkpoint rather than at random. Its time steps and neuron may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// What becomes of that checkpoint's classifier: `new` starts one at random, `keep` takes it over. When absent it is
    /// taken over where it has as many classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_head: Option<InitHead>,
}

/// What becomes of the classifier of a checkpoint that a run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InitHead {
    /// Another one starts at random.
    New,
    /// It is taken over.
    Keep,
}

/// What a training step computes a second time in its backward pass. The results are equal to the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recompute {
    /// Nothing: every activation that a gradient needs is kept.
    #[default]
    None,
    /// What lies inside a stage, a residual block or a convolution of `vgg_snn` with its neurons: its input alone is kept,
    /// which saves memory and takes time.
    Stage,
}

impl Recompute {
    /// Whether nothing is.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The tape of a training step.
    pub(crate) fn tape(self) -> Tape {
        match self {
            Self::None => Tape::new(),
            Self::Stage => Tape::recomputing(),
        }
    }
}

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainRecipe {
    /// Samples of a step. The last, smaller batch of an epoch is dropped.
    #[schemars(range(min = 1, max = MOST))]
    pub batch: usize,
    /// Steps of an epoch, at most those of the data; all of them when absent. Samples are drawn anew for each
    /// epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST))]
    pub steps_per_epoch: Option<usize>,
    /// Number format of convolutions' results.
    #[schemars(with = "String", extend("enum" = ["f32", "bf16"]))]
    pub precision: Precision,
    /// With `stage` a step keeps the inputs of the network's stages and computes what lies inside them again, which
    /// takes less memory and more time.
    #[serde(skip_serializing_if = "Recompute::is_none")]
    #[schemars(extend("default" = "none"))]
    pub recompute: Recompute,
    /// Evaluate every that many epochs, and after the last.
    #[schemars(range(min = 1, max = MOST))]
    pub eval_every: usize,
    /// Steps between checkpoints; 0 is one after every epoch.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept.
    #[schemars(range(min = 1, max = MOST))]
    pub keep: usize,
    /// Keep the weights of the best epoch too, as a checkpoint directory `best`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("default" = false))]
    pub keep_best: bool,
    /// Threads that prepare batches ahead.
    #[schemars(range(max = 256))]
    pub workers: usize,
    /// End as diverged when an epoch's mean loss after the warm-up is above that many times the loss of a
    /// uniform answer.
    #[schemars(extend("exclusiveMinimum" = 1.0))]
    pub loss_limit: f64,
    /// Write a line for every step to steps.jsonl.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("default" = false))]
    pub log_steps: bool,
}

impl Default for TrainRecipe {
    fn default() -> Self {
        Self {
            batch: 128,
            steps_per_epoch: None,
            precision: Precision::F32,
            recompute: Recompute::None,
            eval_every: 1,
            checkpoint_every: 0,
            keep: 2,
            keep_best: false,
            workers: 1,
            loss_limit: 3.0,
            log_steps: false,
        }
    }
}

impl Recipe {
    /// The time steps T that the network runs: those of a still sample, or the frames of a recording.
    pub fn t_steps(&self) -> usize {
        self.model.t_steps.or(self.data.t_steps).unwrap_or(1)
    }
}

fn architectures(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "enum": Architecture::ALL.map(Architecture::name)})
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn seed() -> u64 {
    42
}

fn one() -> f64 {
    1.0
}
