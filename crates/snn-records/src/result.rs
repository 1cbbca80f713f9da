//! result.json.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a finished run came to. Accuracies are percentages, AURC is times 10^3; all are those of the last epoch, except
/// the ones called best.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The data set.
    pub dataset: String,
    /// The split that was measured.
    pub split: String,
    /// Hash of which samples are on which side of it; equal for all ways to prepare them.
    #[serde(default)]
    pub split_hash: String,
    /// The network.
    pub architecture: String,
    /// The loss, of the last phase.
    pub loss: String,
    /// The method, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Time steps, of the last phase.
    pub t_steps: usize,
    /// The seed.
    pub seed: u64,
    /// The number format.
    pub precision: String,
    /// The kernels.
    pub engine: String,
    /// The source code's commit, where the program knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Hash of both sides' samples, of the last phase.
    pub data_hash: String,
    /// Hash of the recipe's keys that can change weights.
    pub recipe_hash: String,
    /// `[data]` of the recipe, of the last phase: how the samples were made, so that an evaluation can make them again.
    pub data: serde_json::Value,
    /// The phases, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseRecord>,
    /// Test samples.
    pub n: usize,
    /// Top-1.
    pub top1: f64,
    /// Top-5, clipped at K.
    pub top5: f64,
    /// AURC by the largest softmax.
    pub aurc_softmax: f64,
    /// AURC by the largest logit.
    pub aurc_logit: f64,
    /// Top-1 of each step alone.
    pub per_step_top1: Vec<f64>,
    /// Top-1 of the first 1, 2, .. T steps together.
    pub cumulative_top1: Vec<f64>,
    /// The best test top-1 of any epoch of the last phase, which the authors' released
    /// trainer of TKS reports. It is chosen on the test split.
    pub best_top1: f64,
    /// Its epoch, counted from 0.
    pub best_epoch: usize,
    /// Epochs.
    pub epochs: usize,
    /// Epochs that the run was to have before it was extended, oldest first: its rates and constants were those of shorter
    /// runs until then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended_from: Vec<usize>,
    /// Wall-clock seconds of all epochs; an epoch that was interrupted counts its last part.
    pub seconds: f64,
    /// The largest resident memory of the process that finished the run, in MiB.
    pub peak_rss_mb: f64,
    /// The exported checkpoint.
    pub checkpoint: PathBuf,
}

impl RunResult {
    /// The first field that the card of the exported checkpoint, `metrics` of its config.json, says otherwise: one of the
    /// two was changed. What differs between equal runs stands on no card.
    pub fn differs_from(&self, card: &serde_json::Value) -> Option<String> {
        let own = serde_json::to_value(self).unwrap_or_default();
        let fields = card.as_object()?;
        let differs = |(key, said): &(&String, &serde_json::Value)| {
            own.get(*key).is_some_and(|is| is != *said)
        };
        fields.iter().find(differs).map(|(key, _)| key.clone())
    }
}

/// One phase of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseRecord {
    /// Epochs.
    pub epochs: usize,
    /// Optimizer steps.
    pub steps: u64,
    /// The loss.
    pub loss: String,
    /// Time steps.
    pub t_steps: usize,
    /// Rows and columns of a sample, where the recipe names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// Samples of a step.
    pub batch: usize,
    /// Base learning rate.
    pub lr: f64,
}
