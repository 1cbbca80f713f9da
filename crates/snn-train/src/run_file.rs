//! run.json: what a run was started with, and the refusal to go on with anything else.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::journal::METRICS_FILE;
use crate::manifest::MANIFEST_FILE;
use crate::result::{CHECKPOINT_DIR, RESULT_FILE};
use crate::setup::{RECIPE_FILE, RunOptions};
use crate::{Error, Recipe, Result, atomic, checkpoint::Identity};

pub(crate) const RUN_FILE: &str = "run.json";

/// run.json: what the run is, and what it was started on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunFile {
    recipe_hash: String,
    data_hash: String,
    engine: String,
    precision: String,
    threads: usize,
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// Whether the directory holds a run.
pub(crate) fn exists(dir: &Path) -> bool {
    dir.join(RUN_FILE).exists()
}

/// A file of a run, or of anything a run would write over, in a directory that holds no run.
pub(crate) fn remains(dir: &Path) -> Option<&'static str> {
    let ours = [MANIFEST_FILE, METRICS_FILE, RESULT_FILE, CHECKPOINT_DIR, RECIPE_FILE];
    ours.into_iter().find(|name| dir.join(name).exists())
}

/// Refuses to go on with another recipe; the cheap part of the identity.
pub(crate) fn check_recipe(recipe: &Recipe, dir: &Path) -> Result<()> {
    let started = read(dir)?;
    same(dir, "recipe", &started.recipe_hash, &recipe.hash()?)
}

/// Writes it, when a run starts.
pub(crate) fn write(recipe: &Recipe, options: &RunOptions, identity: &Identity) -> Result<()> {
    let run = RunFile {
        recipe_hash: identity.recipe_hash.clone(),
        data_hash: identity.data_hash.clone(),
        engine: snn_ops::engine().name().into(),
        precision: recipe.train.precision.name().into(),
        threads: snn_ops::threads(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: options.commit.clone(),
    };
    atomic::write_json(&options.dir.join(RUN_FILE), &run)
}

fn read(dir: &Path) -> Result<RunFile> {
    let path = dir.join(RUN_FILE);
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::checkpoint(path, format!("is damaged: {e}")))
}

/// Refuses to go on with another recipe or other data; warns of another engine.
pub(crate) fn check(dir: &Path, identity: &Identity) -> Result<()> {
    let started = read(dir)?;
    same(dir, "recipe", &started.recipe_hash, &identity.recipe_hash)?;
    same(dir, "data", &started.data_hash, &identity.data_hash)?;
    let engine = snn_ops::engine().name();
    if started.engine != engine {
        tracing::warn!(was = started.engine, now = engine, "another engine rounds differently");
    }
    Ok(())
}

fn same(dir: &Path, what: &'static str, expected: &str, got: &str) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let (expected, got) = (expected.into(), got.into());
    Err(Error::Identity { path: dir.into(), what, expected, got })
}
