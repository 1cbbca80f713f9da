//! A run small enough to be repeated for every way it can be interrupted.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use snn_train::{Observer, Outcome, Recipe, RunOptions, RunResult, StepReport, train};

/// Two epochs of three steps on 8 x 8 images.
pub(crate) const TINY: &str = r#"
    seed = 7
    [data]
    name = "synthetic"
    size = 8
    limit_train = 24
    limit_test = 16
    [model]
    architecture = "sew_resnet19"
    width = 0.0625
    t_steps = 2
    # At this width fewer neurons would fire, and gradients would not reach every layer.
    [neuron]
    v_threshold = 0.1
    [loss]
    kind = "tks"
    [schedule]
    epochs = 2
    warmup_epochs = 1
    warmup_lr = 1e-3
    [optimizer]
    lr = 2e-3
    [train]
    batch = 8
"#;

/// Steps of [`TINY`] in all.
pub(crate) const STEPS: u64 = 6;

pub(crate) fn tiny(sets: &[&str]) -> Recipe {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    Recipe::parse(TINY, "tiny", &sets).unwrap()
}

pub(crate) fn options(dir: &Path) -> RunOptions {
    RunOptions { dir: dir.to_path_buf(), resume: true, ..RunOptions::default() }
}

pub(crate) fn run(recipe: &Recipe, dir: &Path) -> snn_train::Result<Outcome> {
    train(recipe, &options(dir), &mut (), &AtomicBool::new(false))
}

pub(crate) fn finish(recipe: &Recipe, dir: &Path) -> RunResult {
    match run(recipe, dir).unwrap() {
        Outcome::Finished(result) => *result,
        Outcome::Interrupted { step } => panic!("interrupted at {step:?}"),
    }
}

/// Sets the flag after so many further steps.
struct Stop<'a> {
    left: u64,
    flag: &'a AtomicBool,
}

impl Observer for Stop<'_> {
    fn on_step(&mut self, _: &StepReport) {
        self.left -= 1;
        self.flag.store(self.left == 0, Ordering::Relaxed);
    }
}

pub(crate) fn interrupt_after(recipe: &Recipe, dir: &Path, steps: u64) -> u64 {
    let flag = AtomicBool::new(steps == 0);
    let mut stop = Stop { left: steps, flag: &flag };
    match train(recipe, &options(dir), &mut stop, &flag).unwrap() {
        Outcome::Interrupted { step } => step.unwrap_or(0),
        Outcome::Finished(_) => panic!("not interrupted"),
    }
}

/// Stops before the first step, once everything is ready: a checkpoint of step 0.
pub(crate) fn begin(recipe: &Recipe, dir: &Path) {
    struct Begun<'a>(&'a AtomicBool);
    impl Observer for Begun<'_> {
        fn on_begin(&mut self, _: &snn_train::Beginning) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let flag = AtomicBool::new(false);
    let stopped = train(recipe, &options(dir), &mut Begun(&flag), &flag).unwrap();
    assert_eq!(stopped, Outcome::Interrupted { step: Some(0) });
}

/// What equal runs must have in common: the last checkpoint, the export, and the metrics without the clock.
pub(crate) fn bytes(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for name in ["checkpoint/config.json", "checkpoint/model.safetensors", "recipe.toml"] {
        files.push((name.to_string(), std::fs::read(dir.join(name)).unwrap()));
    }
    let manifest = std::fs::read_to_string(dir.join("MANIFEST")).unwrap();
    let last = manifest.lines().last().unwrap().split(' ').next_back().unwrap().to_string();
    files.push((last.clone(), std::fs::read(dir.join(last)).unwrap()));
    let metrics = std::fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    for line in metrics.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("clock").unwrap();
        files.push(("metrics.jsonl".into(), line.to_string().into_bytes()));
    }
    files
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
