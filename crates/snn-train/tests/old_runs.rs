//! Run directories of format 1, which older versions left: they are read, finished and evaluated.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use snn_models::Model;
use snn_train::{DataRecipe, EVAL_BATCH, Error, Outcome, Recipe, RunOptions, evaluate, train};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/run-1").join(name)
}

/// A copy of a golden run directory, which the test may change.
fn copy(name: &str) -> tempfile::TempDir {
    fn tree(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => tree(&entry.path(), &target),
                false => drop(std::fs::copy(entry.path(), target).unwrap()),
            }
        }
    }
    let to = tempfile::tempdir().unwrap();
    tree(&golden(name), to.path());
    to
}

fn recipe(sets: &[&str]) -> Recipe {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    Recipe::load(&golden("interrupted/recipe.toml"), &sets).unwrap()
}

fn resume(recipe: &Recipe, dir: &Path) -> snn_train::Result<Outcome> {
    snn_ops::set_engine("portable").unwrap();
    let options = RunOptions { dir: dir.into(), resume: true, ..RunOptions::default() };
    train(recipe, &options, &mut (), &AtomicBool::new(false))
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn an_interrupted_run_goes_on() {
    let dir = copy("interrupted");
    let Outcome::Finished(result) = resume(&recipe(&[]), dir.path()).unwrap() else { panic!() };
    assert_eq!((result.epochs, result.t_steps, result.loss.as_str()), (3, 2, "tks"));
    let finished = json(&golden("finished/result.json"));
    assert_eq!(result.recipe_hash, finished["recipe_hash"]);
    assert_eq!(result.data_hash, finished["data_hash"]);
    // What this machine computes with is told by a run that it starts.
    let fresh = tempfile::tempdir().unwrap();
    resume(&recipe(&["schedule.epochs=1"]), fresh.path()).unwrap();
    let (was, is) = (json(&golden("finished/run.json")), json(&fresh.path().join("run.json")));
    if was["instructions"] != is["instructions"] || was["engine"] != is["engine"] {
        println!("skipped: the golden run was computed with {}", was["instructions"]);
        return;
    }
    let weights = |dir: &Path| std::fs::read(dir.join("checkpoint/model.safetensors")).unwrap();
    assert!(weights(dir.path()) == weights(&golden("finished")));
}

#[test]
fn a_finished_run_is_returned() {
    let dir = copy("finished");
    let before = std::fs::read(dir.path().join("result.json")).unwrap();
    let Outcome::Finished(result) = resume(&recipe(&[]), dir.path()).unwrap() else { panic!() };
    assert_eq!((result.top1, result.checkpoint), (9.375, dir.path().join("checkpoint")));
    assert_eq!(std::fs::read(dir.path().join("result.json")).unwrap(), before);
}

#[test]
fn a_checkpoint_is_evaluated_on_the_data_of_its_card() {
    snn_ops::set_engine("portable").unwrap();
    let model = Model::load(&golden("finished/checkpoint")).unwrap();
    let data: DataRecipe = serde_json::from_value(model.config().metrics["data"].clone()).unwrap();
    let test = Arc::new(snn_data::open(&data.config(None)).unwrap().test);
    let metrics = evaluate(&model, &test, EVAL_BATCH).unwrap();
    assert_eq!((metrics.n, metrics.top1), (32, 9.375));
}

#[test]
fn another_recipe_or_a_lost_one_is_refused_by_name() {
    let dir = copy("interrupted");
    let error = resume(&recipe(&["loss.alpha=0.6"]), dir.path()).unwrap_err();
    assert!(matches!(error, Error::Identity { what: "recipe", .. }), "{error}");
    assert!(error.to_string().contains("loss.alpha was 0.5, is 0.6"), "{error}");
    // Keys that never change weights were in the hash of format 1, and may change all the same.
    resume(&recipe(&["train.keep=3", "train.workers=0"]), dir.path()).unwrap();
    let path = dir.path().join("recipe.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("seed = 7", "seed = 8")).unwrap();
    std::fs::remove_file(dir.path().join("result.json")).unwrap();
    let error = resume(&recipe(&[]), dir.path()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("recipe.toml"), "{error}");
}
