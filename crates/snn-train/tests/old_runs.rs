//! Run directories that older versions left, of each format that there was: they are read, finished and evaluated.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use snn_models::Model;
use snn_train::{DataRecipe, EVAL_BATCH, Error, Outcome, Recipe, RunOptions, evaluate, train};

fn golden(name: &str) -> PathBuf {
    of_format(1, name)
}

fn of_format(format: u32, name: &str) -> PathBuf {
    let folder = format!("../../data/golden/run-{format}");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name)
}

/// A copy of a golden run directory, which the test may change.
fn copy(name: &str) -> tempfile::TempDir {
    copy_of(&golden(name))
}

fn copy_of(golden: &Path) -> tempfile::TempDir {
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
    tree(golden, to.path());
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
    for format in [1, 2] {
        goes_on(format);
    }
}

/// A run that was stopped after ten steps of 24 ends as the one that was not.
fn goes_on(format: u32) {
    let golden = |name| of_format(format, name);
    let recipe = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        Recipe::load(&golden("interrupted/recipe.toml"), &sets).unwrap()
    };
    let dir = copy_of(&golden("interrupted"));
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
        return snn_needs::skipped(snn_needs::Need::GoldenInstructions);
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

#[test]
fn every_format_that_was_ever_written_is_kept_here_and_others_are_refused_by_their_number() {
    assert_eq!(snn_records::FORMAT, 2, "a new format needs golden runs of it");
    for format in 1..=snn_records::FORMAT {
        let dir = copy_of(&of_format(format, "finished"));
        let Outcome::Finished(result) = resume(&recipe(&[]), dir.path()).unwrap() else { panic!() };
        assert_eq!((result.top1, result.epochs), (9.375, 3), "{format}");
        let dir = copy_of(&of_format(format, "interrupted"));
        let path = dir.path().join("run.json");
        let mut run = json(&path);
        assert_eq!(run["format"].as_u64().unwrap_or(1), u64::from(format));
        run["format"] = 3.into();
        std::fs::write(&path, run.to_string()).unwrap();
        let error = resume(&recipe(&[]), dir.path()).unwrap_err().to_string();
        assert!(error.contains("has format 3, this version reads 1 and 2"), "{error}");
        // What an old state is a network of is noted once it goes on.
        let dir = copy_of(&of_format(format, "interrupted"));
        let out = tempfile::tempdir().unwrap();
        let export = || {
            snn_train::export_run(
                dir.path(),
                snn_train::Which::Last,
                &out.path().join("checkpoint"),
            )
        };
        let error = export().unwrap_err().to_string();
        assert!(error.contains("run.json") && error.contains("resume the run once"), "{error}");
        resume(&recipe(&[]), dir.path()).unwrap();
        assert_eq!(export().unwrap().step, 24);
    }
}
