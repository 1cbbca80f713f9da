//! What metrics.json of an exported checkpoint says of its run and its data.

use std::path::{Path, PathBuf};

use snn_data::DatasetName;
use snn_models::ModelConfig;
use snn_records::{DataFigures, RECIPE_FILE, RunResult, SeedFigures, Seeds, Training};

use crate::recipe::{difference, identity};
use crate::{Error, Recipe, Result, RunState, Which, load_result, run_file};

/// How a state of the run in `dir` was trained.
///
/// # Errors
/// [`Error::Checkpoint`] or [`Error::Io`] when run.json or the recipe cannot be read.
pub fn training(dir: &Path, which: Which, state: &RunState) -> Result<Training> {
    let started = run_file::read(dir)?;
    let metrics = &state.model.config().metrics;
    Ok(Training {
        recipe: run_file::kept(dir)?,
        recipe_hash: started.recipe_hash,
        seed: metrics["seed"].as_u64().unwrap_or_default(),
        loss: text(&metrics["loss"]),
        epochs: state.epoch + 1,
        steps: state.step,
        is_best: which == Which::Best,
        extended_from: started.extended.iter().map(|shorter| shorter.epochs).collect(),
        engine: started.engine,
        instructions: started.instructions,
        precision: started.precision,
        version: started.version,
        commit: started.commit,
    })
}

/// The data of a checkpoint: what its configuration says, and what is known of the set by its name.
pub fn data_figures(config: &ModelConfig) -> DataFigures {
    let metrics = &config.metrics;
    let name = text(&metrics["dataset"]);
    let known = metrics["data"]["name"].as_str().unwrap_or(&name).parse::<DatasetName>().ok();
    let mut figures = DataFigures {
        name,
        split: text(&metrics["split"]),
        split_hash: text(&metrics["split_hash"]),
        data_hash: text(&metrics["data_hash"]),
        ..DataFigures::default()
    };
    if let Some(listing) = known.and_then(DatasetName::listing) {
        figures.kind = listing.kind.name().into();
        figures.what = listing.what.into();
        figures.source = listing.source.into();
        figures.terms = listing.terms.what.into();
        figures.license = listing.terms.license.map(str::to_owned);
    }
    figures
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().into()
}

/// The spread of the finished run in `dir` and `others`, which differ from it in their seeds alone; none without others.
///
/// # Errors
/// [`Error::Checkpoint`] for a run that is not finished, is of another recipe, which is named, has other data, or a seed
/// that another has.
pub fn seeds(dir: &Path, others: &[PathBuf]) -> Result<Option<Seeds>> {
    if others.is_empty() {
        return Ok(None);
    }
    let (recipe, first) = finished(dir)?;
    let mut runs = vec![row(&first)];
    for other in others {
        let (mut theirs, result) = finished(other)?;
        if runs.iter().any(|run| run.seed == result.seed) {
            let why =
                format!("has seed {}, as a run before it; name runs of other seeds", result.seed);
            return Err(Error::checkpoint(other, why));
        }
        theirs.seed = recipe.seed;
        if theirs.hash()? != recipe.hash()? {
            let changes = difference::changes(&identity::text(&recipe)?, &identity::text(&theirs)?);
            let difference = match changes.is_empty() {
                true => "model.init names other weights".into(),
                false => changes.join(", "),
            };
            return Err(Error::checkpoint(
                other,
                format!("is of another recipe ({difference}); name runs of other seeds alone"),
            ));
        }
        if result.data_hash != first.data_hash {
            let why =
                format!("has other samples than {}; train it on the same data", dir.display());
            return Err(Error::checkpoint(other, why));
        }
        runs.push(row(&result));
    }
    let n = runs.len() as f64;
    let top1_mean = runs.iter().map(|run| run.top1).sum::<f64>() / n;
    let squares: f64 = runs.iter().map(|run| (run.top1 - top1_mean).powi(2)).sum();
    Ok(Some(Seeds { runs, top1_mean, top1_std: (squares / (n - 1.0)).sqrt() }))
}

fn finished(dir: &Path) -> Result<(Recipe, RunResult)> {
    let unfinished = || Error::checkpoint(dir, "is not a finished run; go on with it first");
    let result = load_result(dir)?.ok_or_else(unfinished)?;
    Ok((Recipe::load(&dir.join(RECIPE_FILE), &[])?, result))
}

fn row(result: &RunResult) -> SeedFigures {
    SeedFigures {
        seed: result.seed,
        top1: result.top1,
        aurc_softmax: result.aurc_softmax,
        aurc_logit: result.aurc_logit,
        engine: result.engine.clone(),
    }
}
