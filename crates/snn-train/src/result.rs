//! What a finished run leaves: result.json and a CHECKPOINT directory.

use std::path::Path;

use snn_models::{Model, SUMS_FILE};
use snn_records::{CHECKPOINT_DIR, Metrics, PhaseRecord, RESULT_FILE, RunResult};

use crate::files::{self, RECORD};
use crate::setup::Run;
use crate::{
    Error, Recipe, Result, RunOptions, atomic, journal, plan::Part, run_file, write_atomic,
};

/// The result in a run directory; none while the run is not finished, or when its checkpoint has gone.
///
/// A result that says anything else than the exported checkpoint's card or metrics.jsonl is none either, with a warning:
/// resuming the run measures it again.
///
/// # Errors
/// [`Error::Checkpoint`] when a file is damaged, [`Error::Io`] when it cannot be read.
pub fn load_result(dir: &Path) -> Result<Option<RunResult>> {
    let path = dir.join(RESULT_FILE);
    let Some(bytes) = files::read_if_there(&path, RECORD)? else { return Ok(None) };
    let mut result: RunResult = serde_json::from_slice(&bytes).map_err(|e| {
        let why = format!("is damaged ({e}); delete it, and resuming the run writes it again");
        Error::checkpoint(&path, why)
    })?;
    // The directory may have been moved since.
    result.checkpoint = dir.join(CHECKPOINT_DIR);
    let files = ["config.json", "model.safetensors"].map(|name| result.checkpoint.join(name));
    let missing = files.iter().find(|file| !file.is_file());
    if let Some(file) = missing {
        tracing::warn!(file = %file.display(), "is missing; the checkpoint is exported again");
    }
    if missing.is_some() {
        return Ok(None);
    }
    let doubt = doubt(dir, &result)?;
    if let Some(why) = &doubt {
        tracing::warn!(file = %path.display(), "{why}; the figures are measured again");
    }
    Ok(doubt.is_none().then_some(result))
}

/// What in the directory contradicts a result.
fn doubt(dir: &Path, result: &RunResult) -> Result<Option<String>> {
    let card = match Model::load(&result.checkpoint) {
        Ok(model) => model.config().metrics.clone(),
        Err(error @ snn_models::Error::Checkpoint { .. }) => return Ok(Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    if let Some(field) = result.differs_from(&card) {
        return Ok(Some(format!("its {field} is not the one of checkpoint/config.json")));
    }
    if run_file::read(dir)?.recipe_hash != result.recipe_hash {
        return Ok(Some("it is of another recipe than run.json".into()));
    }
    let lines = journal::read_all(dir)?;
    let last = lines.last().and_then(|line| line.test.as_ref().map(|test| (line.epoch + 1, test)));
    let Some((epochs, test)) = last else {
        return Ok(Some("metrics.jsonl has no last evaluation".into()));
    };
    let figures = [
        ("n", result.n == test.n),
        ("top1", result.top1 == test.top1),
        ("top5", result.top5 == test.top5),
        ("aurc_softmax", result.aurc_softmax == test.aurc_softmax),
        ("aurc_logit", result.aurc_logit == test.aurc_logit),
        ("epochs", result.epochs == epochs),
    ];
    let differs = figures.into_iter().find(|(_, is_same)| !is_same);
    Ok(differs.map(|(field, _)| format!("its {field} is not the one of metrics.jsonl")))
}

/// Exports the model with its card, then writes result.json: where that stands, the run is finished.
pub(crate) fn finish(
    run: &Run,
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
        extended_from: run.extended_from.clone(),
        seconds: run.seconds,
        peak_rss_mb: journal::peak_rss_mb(),
        checkpoint,
    };
    let card = card(&result)?;
    export(&run.model_with(card)?, &result.checkpoint)?;
    atomic::write_json(&run.dir.join(RESULT_FILE), &result)?;
    Ok(result)
}

/// Writes a CHECKPOINT directory: `model.safetensors`, `config.json`, and before them `SHA256SUMS` of both, each whole or
/// not at all.
///
/// # Errors
/// [`Error::Io`] when the directory cannot be written, [`Error::Model`] when the model cannot be encoded.
pub fn export(model: &Model, dir: &Path) -> Result<()> {
    write_checkpoint(dir, &model.to_files()?)
}

/// Writes the files of a CHECKPOINT directory, by name and bytes, and before them `SHA256SUMS` of all.
///
/// # Errors
/// [`Error::Io`] when the directory cannot be written.
pub fn write_checkpoint(dir: &Path, files: &[(&str, Vec<u8>)]) -> Result<()> {
    let is_new = !dir.exists();
    atomic::create_dir(dir)?;
    // First: where a process ends in between, what is there is known not to belong together.
    let written = write_atomic(&dir.join(SUMS_FILE), &snn_models::sums(files)).and_then(|()| {
        files.iter().try_for_each(|(name, bytes)| write_atomic(&dir.join(name), bytes))
    });
    if written.is_err() && is_new {
        // Half a checkpoint would be in the way of the next try.
        let ours = files.iter().map(|(name, _)| *name).chain([SUMS_FILE]);
        ours.for_each(|name| drop(std::fs::remove_file(dir.join(name))));
        let _ = std::fs::remove_dir(dir);
    }
    written
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
