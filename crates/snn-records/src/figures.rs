//! metrics.json: every figure of an exported checkpoint. Its card, README.md, has no number that does not stand here.

use serde::{Deserialize, Serialize};

use crate::{Metrics, Work};

/// What a checkpoint is, how it was trained and what was measured of it. Equal inputs give equal figures, but for
/// `latency`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The network.
    pub network: NetworkFigures,
    /// The data that it was trained and measured on.
    pub data: DataFigures,
    /// The test side; none where the state was never evaluated.
    pub test: Option<Metrics>,
    /// What only a measurement at export gives; none where the data was not there: `test` is then the run's own.
    pub measured: Option<Measured>,
    /// The spread over runs of other seeds, where they were named.
    pub seeds: Option<Seeds>,
    /// How it was trained.
    pub training: Training,
    /// Seconds of a forward pass; of everything here the one thing that a clock decides.
    pub latency: Option<Latency>,
}

/// The network of a checkpoint; config.json says the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkFigures {
    /// Trained numbers.
    pub parameters: usize,
    /// The type that model.safetensors holds kernels and matrices in, `f32` or `bf16`.
    pub stored: String,
    /// Bytes of model.safetensors.
    pub bytes: usize,
}

/// Which data, and on what terms it is had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataFigures {
    /// The data set, as recipes spell it.
    pub name: String,
    /// `images`, `events`, `signals` or `points`.
    pub kind: String,
    /// What a sample is.
    pub what: String,
    /// Where the set comes from.
    pub source: String,
    /// The terms on which the set is had, as far as they are known.
    pub terms: String,
    /// The set's licence by its identifier, where it has one that others may build on.
    pub license: Option<String>,
    /// The split that was measured.
    pub split: String,
    /// Hash of which samples are on which side of it.
    pub split_hash: String,
    /// Hash of both sides' samples.
    pub data_hash: String,
}

/// What was measured at export, and with what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The kernels.
    pub engine: String,
    /// The instruction set that they choose by; another one rounds differently.
    pub instructions: String,
    /// Version of the program.
    pub version: String,
    /// The source code's commit, where the program knew it.
    pub commit: Option<String>,
    /// What the layers compute for a sample, with estimates of energy.
    pub sample_work: Work,
    /// Where the estimates come from.
    pub energy: Energy,
    /// Steps and accuracy where samples may stop early; empty for networks that cannot be run step by step.
    pub early_exit: Vec<EarlyExit>,
}

/// The constants of the estimates of energy: see [`MAC_PJ`](crate::MAC_PJ).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// The process.
    pub nanometers: u32,
    /// Picojoules of a multiply-accumulate.
    pub mac_pj: f64,
    /// Picojoules of an addition.
    pub ac_pj: f64,
}

impl Default for Energy {
    fn default() -> Self {
        Self { nanometers: 45, mac_pj: crate::MAC_PJ, ac_pj: crate::AC_PJ }
    }
}

/// What comes of stopping each sample at the first step after which the two largest softmax probabilities of the mean
/// logits differ by at least `margin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EarlyExit {
    /// The margin, 0 to 1.
    pub margin: f64,
    /// Steps that a sample takes in the mean.
    pub mean_steps: f64,
    /// Top-1 in percent of the answers given there.
    pub top1: f64,
}

/// Runs that differ in their seed alone, after their last epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seeds {
    /// The runs, this checkpoint's first.
    pub runs: Vec<SeedFigures>,
    /// Mean of top-1 in percent.
    pub top1_mean: f64,
    /// Its sample standard deviation.
    pub top1_std: f64,
}

/// A run's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeedFigures {
    /// The seed.
    pub seed: u64,
    /// Top-1 in percent.
    pub top1: f64,
    /// AURC by the largest softmax, times 10^3.
    pub aurc_softmax: f64,
    /// AURC by the largest logit, times 10^3.
    pub aurc_logit: f64,
    /// The kernels.
    pub engine: String,
}

/// The run that a checkpoint is of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The recipe with all defaults, as TOML.
    pub recipe: String,
    /// Hash of its keys that can change weights.
    pub recipe_hash: String,
    /// The seed.
    pub seed: u64,
    /// The loss.
    pub loss: String,
    /// Epochs that this state has seen, the one that it is in counted.
    pub epochs: usize,
    /// Optimizer steps.
    pub steps: u64,
    /// Whether this is the run's best epoch, which is chosen on the test samples.
    pub is_best: bool,
    /// Epochs that the run was to have before it was extended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_from: Vec<usize>,
    /// The kernels.
    pub engine: String,
    /// The instruction set that they choose by.
    pub instructions: String,
    /// Number format of computation.
    pub precision: String,
    /// Version of the program.
    pub version: String,
    /// The source code's commit, where the program knew it.
    pub commit: Option<String>,
}

/// How long one sample takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median in milliseconds of a forward pass of one sample, all its steps, without its preparation.
    pub median_ms: f64,
    /// Passes.
    pub passes: u32,
    /// Threads.
    pub threads: usize,
    /// The kernels.
    pub engine: String,
    /// The processor, as the operating system names it.
    pub processor: Option<String>,
}
