//! What a finished run leaves: result.json and a CHECKPOINT directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snn_models::Model;

use crate::setup::{Run, RunOptions};
use crate::{DataRecipe, Error, Recipe, Result, atomic, journal, metrics::Metrics, write_atomic};

/// File name of a run's result.
pub const RESULT_FILE: &str = "result.json";
/// Directory name of a run's exported checkpoint.
pub const CHECKPOINT_DIR: &str = "checkpoint";

/// result.json. Accuracies are percentages, AURC is times 10^3; all are those of the last epoch, except the ones
/// called best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The loss.
    pub loss: String,
    /// Time steps.
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
    /// Hash of both splits.
    pub data_hash: String,
    /// Hash of recipe.toml.
    pub recipe_hash: String,
    /// How the samples were made, so that an evaluation can make them again.
    pub data: DataRecipe,
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
    /// The best test top-1 of any epoch, which the TKS paper reports. It is chosen on the test split.
    pub best_top1: f64,
    /// Its epoch, counted from 0.
    pub best_epoch: usize,
    /// Epochs.
    pub epochs: usize,
    /// Wall-clock seconds of all epochs; an epoch that was interrupted counts its last part.
    pub seconds: f64,
    /// The largest resident memory of the process that finished the run, in MiB.
    pub peak_rss_mb: f64,
    /// The exported checkpoint.
    pub checkpoint: PathBuf,
}

impl RunResult {
    /// The result in a run directory; none while the run is not finished, or when its checkpoint has gone.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the file is damaged, [`Error::Io`] when it cannot be read.
    pub fn load(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(RESULT_FILE);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Error::io(&path))?,
        };
        let mut result: Self = serde_json::from_slice(&bytes).map_err(|e| {
            let why = format!("is damaged ({e}); delete it, and resuming the run writes it again");
            Error::checkpoint(path, why)
        })?;
        // The directory may have been moved since.
        result.checkpoint = dir.join(CHECKPOINT_DIR);
        let files = ["config.json", "model.safetensors"].map(|name| result.checkpoint.join(name));
        let missing = files.iter().find(|file| !file.is_file());
        if let Some(file) = missing {
            tracing::warn!(file = %file.display(), "is missing; the checkpoint is exported again");
        }
        Ok(missing.is_none().then_some(result))
    }
}

/// Exports the model with its card, then writes result.json: where that stands, the run is finished.
pub(crate) fn finish(
    run: &mut Run,
    recipe: &Recipe,
    options: &RunOptions,
    last: Metrics,
) -> Result<RunResult> {
    let checkpoint = run.dir.join(CHECKPOINT_DIR);
    let (best_top1, best_epoch) =
        run.progress.best.unwrap_or((last.top1, recipe.schedule.epochs - 1));
    let result = RunResult {
        dataset: run.test.name().into(),
        split: run.test.split().into(),
        split_hash: run.split_hash.clone(),
        architecture: recipe.model.architecture.name().into(),
        loss: recipe.loss.name().into(),
        t_steps: recipe.t_steps(),
        seed: recipe.seed,
        precision: recipe.train.precision.name().into(),
        engine: options.engine().into(),
        commit: options.commit.clone(),
        data_hash: run.identity.data_hash.clone(),
        recipe_hash: run.identity.recipe_hash.clone(),
        data: recipe.data.clone(),
        n: last.n,
        top1: last.top1,
        top5: last.top5,
        aurc_softmax: last.aurc_softmax,
        aurc_logit: last.aurc_logit,
        per_step_top1: last.per_step_top1,
        cumulative_top1: last.cumulative_top1,
        best_top1,
        best_epoch,
        epochs: recipe.schedule.epochs,
        seconds: run.seconds,
        peak_rss_mb: journal::peak_rss_mb(),
        checkpoint,
    };
    run.model.config_mut().metrics = card(&result)?;
    export(&run.model, &result.checkpoint)?;
    atomic::write_json(&run.dir.join(RESULT_FILE), &result)?;
    Ok(result)
}

/// Writes a CHECKPOINT directory: `model.safetensors` and `config.json`, each whole or not at all.
///
/// # Errors
/// [`Error::Io`] when the directory cannot be written, [`Error::Model`] when the model cannot be encoded.
pub fn export(model: &Model, dir: &Path) -> Result<()> {
    atomic::create_dir(dir)?;
    for (name, bytes) in model.to_files()? {
        write_atomic(&dir.join(name), &bytes)?;
    }
    Ok(())
}

/// The result without what differs between equal runs.
fn card(result: &RunResult) -> Result<serde_json::Value> {
    let fault = |e: serde_json::Error| Error::checkpoint(RESULT_FILE, e.to_string());
    let mut card = serde_json::to_value(result).map_err(fault)?;
    if let Some(fields) = card.as_object_mut() {
        for clock in ["seconds", "peak_rss_mb", "checkpoint"] {
            fields.remove(clock);
        }
    }
    Ok(card)
}
