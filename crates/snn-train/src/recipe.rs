//! A recipe: the TOML file that says everything a run depends on, apart from where the data lies.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snn_data::{Augment, DataConfig, FrameBy, Normalize};
use snn_losses::Loss;
use snn_models::{Architecture, NeuronConfig, Precision};
use snn_ops::Tape;

use crate::{Error, Result, optim::OptimizerConfig, overrides, schedule::ScheduleConfig, validate};

/// Bytes of a recipe's file, at most.
const LONGEST: u64 = 1 << 20;

/// A whole recipe. Unknown keys are refused in every table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Where every random number comes from; default 42, the authors' seed.
    #[serde(default = "seed")]
    pub seed: u64,
    /// The samples.
    pub data: DataRecipe,
    /// The network.
    pub model: ModelRecipe,
    /// The neuron; its defaults are the TKS paper's.
    #[serde(default)]
    pub neuron: NeuronConfig,
    /// The loss; default `ce`.
    #[serde(default)]
    pub loss: LossRecipe,
    /// The optimizer; default AdamW.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The learning rate over the epochs.
    pub schedule: ScheduleConfig,
    /// Batches, evaluation and checkpoints.
    #[serde(default)]
    pub train: TrainRecipe,
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// The data set, such as `cifar10`.
    pub name: String,
    /// Time steps, T, at least 1: how often an image is shown, or into how many frames events are cut.
    pub t_steps: usize,
    /// Side in pixels that samples are resized to; their own size when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// How events are cut into frames: `time`, the default, `time-whole`, `count` or `count-even`.
    #[serde(default)]
    pub frames_by: FrameBy,
    /// What is done to training samples; default nothing.
    #[serde(default)]
    pub augment: Augment,
    /// How the data set is divided, such as `dvs-cifar10/tebn` or `tebn`; its first split when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Draw as many training samples as there are, with replacement and every class equally likely, instead of
    /// visiting each once; default false.
    #[serde(default)]
    pub class_balanced: bool,
    /// Use that many training samples only, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_train: Option<usize>,
    /// Use that many test samples only, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
            t_steps: self.t_steps,
            size: self.size,
            frames_by: self.frames_by,
            normalize: Normalize::Window,
            split: self.split.clone(),
            limit_train: self.limit_train,
            limit_test: self.limit_test,
            cache: None,
            seed: 0,
        }
    }
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecipe {
    /// The network's name.
    pub architecture: Architecture,
    /// Factor of every layer's channels; default 1.
    #[serde(default = "one")]
    pub width: f64,
    /// Start from the weights of this checkpoint rather than at random. Its time steps and neuron may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
}

/// The names of the losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// Cross entropy of the mean answer.
    #[default]
    Ce,
    /// Label smoothing.
    Ls,
    /// Temporal efficient training.
    Tet,
    /// Temporal knowledge sharing as released.
    Tks,
    /// Temporal knowledge sharing as printed.
    TksPaper,
}

/// `[loss]`. Each kind reads its own constants and leaves the others alone, so that one recipe serves all kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossRecipe {
    /// Which loss; default `ce`.
    pub kind: LossKind,
    /// `ls`: weight of the uniform distribution, 0 to 1; default 0.1.
    pub epsilon: f64,
    /// `tet`: weight of the pull towards `mean`, 0 to 1; default 0.
    pub lambda: f64,
    /// `tet`: where the logits are pulled to; default 1.
    pub mean: f64,
    /// `tks`, `tks-paper`: the weight that the ramp grows to, 0 to 1; default 0.7.
    pub alpha: f64,
    /// `tks`, `tks-paper`: softens the distributions, above 0; default 3.
    pub temperature: f64,
}

impl Default for LossRecipe {
    fn default() -> Self {
        let kind = LossKind::default();
        Self { kind, epsilon: 0.1, lambda: 0.0, mean: 1.0, alpha: 0.7, temperature: 3.0 }
    }
}

impl LossRecipe {
    /// The loss with the constants that it reads.
    pub fn loss(&self) -> Loss {
        let (tks_alpha_max, temperature) = (self.alpha, self.temperature);
        match self.kind {
            LossKind::Ce => Loss::CrossEntropy,
            LossKind::Ls => Loss::LabelSmoothing { epsilon: self.epsilon },
            LossKind::Tet => Loss::Tet { lambda: self.lambda, mean: self.mean },
            LossKind::Tks => Loss::Tks { tks_alpha_max, temperature },
            LossKind::TksPaper => Loss::TksPaper { tks_alpha_max, temperature },
        }
    }
}

/// What a training step keeps of its forward pass for the backward pass. Results are the same, to the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpointing {
    /// Every activation that a gradient needs.
    #[default]
    None,
    /// The input of each stage: a residual block, or a convolution of `vgg_snn` with its neurons. Its activations are computed a
    /// second time, which takes time and saves memory.
    Stage,
}

impl Checkpointing {
    /// Whether everything is kept.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainRecipe {
    /// Samples of a step, at least 1; default 128. The last, smaller batch of an epoch is dropped.
    pub batch: usize,
    /// Steps of an epoch, at least 1 and at most those of the data; all of them when absent. Samples are drawn anew for each
    /// epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps_per_epoch: Option<usize>,
    /// Number format, `f32` or `bf16`; default `f32`.
    pub precision: Precision,
    /// `none`, the default, or `stage`: a step keeps the inputs of the network's stages and computes what is inside them
    /// again, which takes less memory and more time. It is about activations; a run's checkpoints are the same.
    #[serde(skip_serializing_if = "Checkpointing::is_none")]
    pub checkpoint: Checkpointing,
    /// Evaluate every that many epochs, at least 1, and after the last; default 1.
    pub eval_every: usize,
    /// Steps between checkpoints; default 0, one after every epoch.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept, at least 1; default 2.
    pub keep: usize,
    /// Threads that prepare batches ahead; default 1. They change the speed only, but are part
    /// of the recipe, which a run keeps.
    pub workers: usize,
    /// End as diverged when an epoch's mean loss after the warm-up is above that many times the loss of a
    /// uniform answer, above 1; default 3.
    pub loss_limit: f64,
}

impl Default for TrainRecipe {
    fn default() -> Self {
        Self {
            batch: 128,
            steps_per_epoch: None,
            precision: Precision::F32,
            checkpoint: Checkpointing::None,
            eval_every: 1,
            checkpoint_every: 0,
            keep: 2,
            workers: 1,
            loss_limit: 3.0,
        }
    }
}

impl Recipe {
    /// Reads a recipe, applies `key=value` overrides with dotted keys, and checks every range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with name and line for what is not a recipe, [`Error::Setting`] for a value out of range.
    pub fn parse(text: &str, origin: &str, sets: &[String]) -> Result<Self> {
        let recipe: Self = overrides::read(text, origin, sets)?;
        validate::check(&recipe)?;
        Ok(recipe)
    }

    /// [`Recipe::parse`] of a file.
    ///
    /// # Errors
    /// As there, and [`Error::Recipe`] when the file cannot be read.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self> {
        let origin = path.display().to_string();
        let mut text = String::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        match read {
            Ok(n) if n as u64 > LONGEST => {
                Err(Error::Recipe { origin, why: format!("longer than {LONGEST} bytes") })
            }
            Ok(_) => Self::parse(&text, &origin, sets),
            Err(error) => Err(Error::Recipe { origin, why: error.to_string() }),
        }
    }

    /// The recipe written out with all defaults: what a run directory keeps, and what [`Recipe::hash`] hashes.
    ///
    /// # Errors
    /// [`Error::Recipe`] when TOML cannot hold a number of the recipe (a seed of 2^63 or more).
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|e| Error::Recipe { origin: "recipe".into(), why: e.to_string() })
    }

    /// The SHA-256 of [`Recipe::to_toml`] in hexadecimal: equal for recipes that mean the same.
    ///
    /// # Errors
    /// As [`Recipe::to_toml`].
    pub fn hash(&self) -> Result<String> {
        Ok(crate::hash::sha256(self.to_toml()?.as_bytes()))
    }
}

fn seed() -> u64 {
    42
}

fn one() -> f64 {
    1.0
}
