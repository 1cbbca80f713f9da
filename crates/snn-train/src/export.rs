//! A state of a run, finished or not, as a CHECKPOINT directory.

use std::path::Path;

use serde_json::{Value, json};
use snn_models::{CONFIG_FILE, Model, WEIGHTS_FILE};
use snn_records::{
    BEST_DIR, CARD_FILE, CHECKPOINT_DIR, EpochReport, FIGURES_FILE, Metrics, RECIPE_FILE, RUN_FILE,
    RunFile,
};

use crate::manifest::{MANIFEST_FILE, Manifest};
use crate::model_file::PhaseModel;
use crate::{
    Error, Recipe, Result, checkpoint, files, journal, plan, result::export, result::load_result,
    run_file,
};

/// Which state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Last,
    /// The one after so many optimizer steps.
    Step(u64),
    /// The one with the best test accuracy of the last phase, the first of equal ones.
    Best,
}

/// A state of a run.
#[derive(Clone, Debug)]
pub struct RunState {
    /// The network, with what is known of it as the metrics of its configuration.
    pub model: Model,
    /// Optimizer steps that the state had taken.
    pub step: u64,
    /// The epoch that it ended or was in, counted from 0.
    pub epoch: usize,
    /// Its measures, where it was evaluated.
    pub test: Option<Metrics>,
}

/// Writes a state of the run in `dir` to `out`, a new CHECKPOINT directory. The run may go on meanwhile.
///
/// # Errors
/// As [`run_state`]; [`Error::Io`] when a file cannot be written.
pub fn export_run(dir: &Path, which: Which, out: &Path) -> Result<RunState> {
    check_new(out)?;
    let state = run_state(dir, which)?;
    export(&state.model, out)?;
    Ok(state)
}

/// Refuses a folder that holds a file of the names that an export writes.
///
/// # Errors
/// [`Error::Checkpoint`] naming the file.
pub fn check_new(out: &Path) -> Result<()> {
    let names = [CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, FIGURES_FILE, RUN_FILE];
    match names.iter().find(|name| files::is_taken(&out.join(name))) {
        Some(name) => {
            Err(Error::checkpoint(out, format!("holds {name} already; name another folder")))
        }
        None => Ok(()),
    }
}

/// A state of the run in `dir`, which may go on meanwhile.
///
/// # Errors
/// [`Error::Checkpoint`] when the run keeps no such state, saying which it keeps; [`Error::Io`] when a file cannot be read.
pub fn run_state(dir: &Path, which: Which) -> Result<RunState> {
    let started = run_file::read(dir)?;
    let lines = journal::read_all(dir)?;
    let manifest = Manifest::read_if_there(dir)?.unwrap_or_default();
    let newest = manifest.entries.last().map(|entry| entry.step);
    let of_step = |step: u64| lines.iter().find(|line| line.step == step);
    match which {
        Which::Last => {
            if let (Some(step), Some(_)) = (newest, load_result(dir)?) {
                return exported(&dir.join(CHECKPOINT_DIR), step, of_step(step));
            }
            state(dir, &started, &manifest, newest, &lines)
        }
        Which::Step(step) => state(dir, &started, &manifest, Some(step), &lines),
        Which::Best => {
            let best =
                best(&lines).ok_or_else(|| Error::checkpoint(dir, "has not been evaluated yet"))?;
            let kept = dir.join(BEST_DIR);
            if kept.is_dir() {
                return exported(&kept, best.step, Some(best));
            }
            if manifest.entries.iter().any(|entry| entry.step == best.step) {
                return state(dir, &started, &manifest, Some(best.step), &lines);
            }
            let why = format!(
                "keeps no weights of its best epoch, {}, at step {}; a run with train.keep_best = true does",
                best.epoch + 1,
                best.step
            );
            Err(Error::checkpoint(dir, why))
        }
    }
}

/// The best epoch of the last phase.
fn best(lines: &[EpochReport]) -> Option<&EpochReport> {
    let phase = lines.last()?.phase;
    let top1 = |line: &EpochReport| line.test.as_ref().map(|test| test.top1);
    let mut best: Option<&EpochReport> = None;
    for line in lines.iter().filter(|line| line.phase == phase && line.test.is_some()) {
        if best.is_none_or(|best| top1(line) > top1(best)) {
            best = Some(line);
        }
    }
    best
}

/// A state that the run exported itself, as it is checked when it is read.
fn exported(from: &Path, step: u64, line: Option<&EpochReport>) -> Result<RunState> {
    let (epoch, test) = line.map_or((0, None), |line| (line.epoch, line.test.clone()));
    Ok(RunState { model: Model::load(from)?, step, epoch, test })
}

/// A state that MANIFEST lists.
fn state(
    dir: &Path,
    started: &RunFile,
    manifest: &Manifest,
    step: Option<u64>,
    lines: &[EpochReport],
) -> Result<RunState> {
    let entry = manifest.entries.iter().find(|entry| Some(entry.step) == step);
    let entry = entry.ok_or_else(|| {
        let kept: Vec<String> =
            manifest.entries.iter().map(|entry| entry.step.to_string()).collect();
        let kept = if kept.is_empty() { "none yet".into() } else { kept.join(", ") };
        let asked = step.map_or(String::new(), |step| format!("of step {step} "));
        let why = format!("lists no checkpoint {asked}(listed: {kept})");
        Error::checkpoint(dir.join(MANIFEST_FILE), why)
    })?;
    let bytes = entry.read(dir)?;
    let path = dir.join(entry.file());
    let head = checkpoint::head(&bytes, &path)?;
    let of_phase = PhaseModel::read(started, head.progress.phase, dir)?.ok_or_else(|| {
        let why = "does not say what the network of this state is; resume the run once with this version, which notes it";
        Error::checkpoint(dir.join(RUN_FILE), why)
    })?;
    let recipe = dir.join(RECIPE_FILE);
    let recipe = Recipe::load(&recipe, &[])?;
    let phases = plan::recipes(&recipe);
    let (recipe, _) = &phases[head.progress.phase.min(phases.len() - 1)];
    let mut model = Model::new(&of_phase.model, recipe.seed)?;
    checkpoint::weights(&bytes, &path, &mut model)?;
    let line = lines.iter().find(|line| line.step == entry.step);
    let test = line.and_then(|line| line.test.clone());
    let epoch = head.progress.epoch;
    let about = About { started, recipe, of_phase: &of_phase, data_hash: &head.data_hash };
    model.config_mut().metrics = card(&about, epoch, entry.step, test.as_ref());
    Ok(RunState { model, step: entry.step, epoch, test })
}

/// What a state's card is made of.
pub(crate) struct About<'a> {
    pub(crate) started: &'a RunFile,
    pub(crate) recipe: &'a Recipe,
    pub(crate) of_phase: &'a PhaseModel,
    pub(crate) data_hash: &'a str,
}

/// What is known of a state after `step` steps, in the words of a finished run's card.
pub(crate) fn card(about: &About, epoch: usize, step: u64, test: Option<&Metrics>) -> Value {
    let About { started, recipe, of_phase, data_hash } = about;
    let mut card = json!({
        "dataset": of_phase.dataset,
        "split": of_phase.split,
        "split_hash": of_phase.split_hash,
        "architecture": recipe.model.architecture.name(),
        "loss": recipe.loss.name(),
        "t_steps": recipe.t_steps(),
        "seed": recipe.seed,
        "precision": recipe.train.precision.name(),
        "engine": started.engine,
        "data_hash": data_hash,
        "recipe_hash": started.recipe_hash,
        "data": recipe.data,
        "epoch": epoch,
        "step": step,
    });
    if let Some(commit) = &started.commit {
        card["commit"] = commit.as_str().into();
    }
    if let Some(test) = test {
        card["n"] = test.n.into();
        card["top1"] = test.top1.into();
        card["top5"] = test.top5.into();
        card["aurc_softmax"] = test.aurc_softmax.into();
        card["aurc_logit"] = test.aurc_logit.into();
        card["per_step_top1"] = test.per_step_top1.clone().into();
        card["cumulative_top1"] = test.cumulative_top1.clone().into();
    }
    card
}
