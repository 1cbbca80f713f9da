//! What a finished run leaves: result.json and a CHECKPOINT directory.

use std::path::Path;

use snn_models::Model;
use snn_records::{CHECKPOINT_DIR, Metrics, PhaseRecord, RESULT_FILE, RunResult};

use crate::setup::Run;
use crate::{Error, Recipe, Result, RunOptions, atomic, journal, plan::Part, write_atomic};

/// The result in a run directory; none while the run is not finished, or when its checkpoint has gone.
///
/// # Errors
/// [`Error::Checkpoint`] when the file is damaged, [`Error::Io`] when it cannot be read.
pub fn load_result(dir: &Path) -> Result<Option<RunResult>> {
    let path = dir.join(RESULT_FILE);
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io(&path))?,
    };
    let mut result: RunResult = serde_json::from_slice(&bytes).map_err(|e| {
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

/// Exports the model with its card, then writes result.json: where that stands, the run is finished.
pub(crate) fn finish(
    run: &mut Run,
    recipe: &Recipe,
    options: &RunOptions,
    last: Metrics,
) -> Result<RunResult> {
    let checkpoint = run.dir.join(CHECKPOINT_DIR);
    let epochs = run.plan.epochs();
    let (best_top1, best_epoch) = run.counters.best.unwrap_or((last.top1, epochs - 1));
    let part = run.part();
    let test = &run.stage.test;
    let phases = if recipe.phase.is_empty() { &[][..] } else { &run.plan.parts };
    let result = RunResult {
        dataset: test.name().into(),
        split: test.split().into(),
        split_hash: run.stage.split_hash.clone(),
        architecture: recipe.model.architecture.name().into(),
        loss: part.recipe.loss.name().into(),
        method: recipe.method.as_ref().map(|method| method.name().into()),
        t_steps: part.recipe.t_steps(),
        seed: recipe.seed,
        precision: recipe.train.precision.name().into(),
        engine: options.engine().into(),
        commit: options.commit.clone(),
        data_hash: run.identity.data_hash.clone(),
        recipe_hash: run.identity.recipe_hash.clone(),
        data: serde_json::to_value(&part.recipe.data).map_err(fault)?,
        phases: phases.iter().map(|part| phase(part)).collect(),
        n: last.n,
        top1: last.top1,
        top5: last.top5,
        aurc_softmax: last.aurc_softmax,
        aurc_logit: last.aurc_logit,
        per_step_top1: last.per_step_top1,
        cumulative_top1: last.cumulative_top1,
        best_top1,
        best_epoch,
        epochs,
        seconds: run.seconds,
        peak_rss_mb: journal::peak_rss_mb(),
        checkpoint,
    };
    let preprocess = serde_json::to_value(run.stage.test.preprocess()).map_err(fault)?;
    let config = run.model.config_mut();
    (config.preprocess, config.metrics) = (preprocess, card(&result)?);
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

fn phase(part: &Part) -> PhaseRecord {
    let Part { recipe, epochs, steps, .. } = part;
    PhaseRecord {
        epochs: *epochs,
        steps: *steps as u64,
        loss: recipe.loss.name().into(),
        t_steps: recipe.t_steps(),
        size: recipe.data.size,
        batch: recipe.train.batch,
        lr: recipe.optimizer.lr,
    }
}

fn fault(error: serde_json::Error) -> Error {
    Error::checkpoint(RESULT_FILE, error.to_string())
}

/// The result without what differs between equal runs.
fn card(result: &RunResult) -> Result<serde_json::Value> {
    let mut card = serde_json::to_value(result).map_err(fault)?;
    if let Some(fields) = card.as_object_mut() {
        for clock in ["seconds", "peak_rss_mb", "checkpoint"] {
            fields.remove(clock);
        }
    }
    Ok(card)
}
