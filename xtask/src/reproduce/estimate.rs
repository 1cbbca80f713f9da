//! What runs may take, before they are trained: on this machine as it was measured, on a GPU as it is guessed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value as Json;
use toml::Table;

use super::outcome;
use super::preset::{Job, Run};
use crate::{files, sh};

/// What a GPU is taken to sustain in f32, in floating-point operations a second: half of the 19.5 TFLOP/s of an A100.
const GPU_FLOPS: f64 = 1e13;

/// A multiply-accumulate is two operations, and the backward pass takes twice the forward's.
const FLOPS_PER_MAC: f64 = 2.0 * 3.0;

/// The multiply-accumulates that bound a step of a probe, unless one sample has more: a second or so on two cores.
const PROBE_MACS: f64 = 3e10;

/// How the figures came about, for who reads them.
pub(super) const NOTE: &str = "\
Hours on this machine: of a run of the same recipe that finished here (\"as before\"), else a probe: `snn bench train` with a batch
that takes seconds and new weights, whose neurons fire little, so training takes longer; evaluations are not counted.
Hours on a GPU are an estimate: 6 operations for each multiply-accumulate of `snn models`, at 10 TFLOP/s sustained, which is an assumption
(half of an A100's 19.5 in f32). Without the number of training samples in the preset both are unknown.
";

/// The seconds that one run may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) here: Option<Here>,
    pub(super) gpu: Option<f64>,
}

/// The seconds on this machine, and how they are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Here {
    AsBefore(f64),
    Probed(f64),
}

impl Here {
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::AsBefore(seconds) | Self::Probed(seconds) => seconds,
        }
    }
}

/// What of a recipe decides the time of a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    architecture: String,
    width: String,
    t_steps: Option<i64>,
    size: Option<i64>,
    precision: String,
    batch: i64,
}

/// Asks `snn` for each shape once.
pub(super) struct Estimator {
    snn: PathBuf,
    /// Recipes without their seed that finished here, and the seconds they took.
    finished: Vec<(Table, f64)>,
    probes: BTreeMap<Shape, f64>,
    models: BTreeMap<String, Json>,
}

impl Estimator {
    /// With what finished in a folder of runs.
    pub(super) fn new(snn: PathBuf, out: &Path) -> anyhow::Result<Self> {
        let (probes, models) = Default::default();
        Ok(Self { snn, finished: finished(out)?, probes, models })
    }

    /// What a run of a job may take.
    ///
    /// # Errors
    /// When `snn` fails.
    pub(super) fn of(&mut self, job: &Job, run: &Run) -> anyhow::Result<Estimate> {
        let recipe = seedless(&run.recipe);
        let before: Vec<f64> =
            self.finished.iter().filter(|(r, _)| *r == recipe).map(|(_, s)| *s).collect();
        let mean = before.iter().sum::<f64>() / before.len() as f64;
        let before = (!before.is_empty()).then_some(Here::AsBefore(mean));
        let shape = Shape::of(&recipe).context("the recipe names no network")?;
        let Some(samples) = samples(job, &recipe) else {
            return Ok(Estimate { here: before, gpu: None });
        };
        let here = match before {
            Some(before) => before,
            None => Here::Probed(samples * self.probe(&shape)?),
        };
        let gpu = samples * self.macs(&shape)? * FLOPS_PER_MAC / GPU_FLOPS;
        Ok(Estimate { here: Some(here), gpu: Some(gpu) })
    }

    /// Seconds that a training sample takes.
    fn probe(&mut self, shape: &Shape) -> anyhow::Result<f64> {
        if let Some(seconds) = self.probes.get(shape) {
            return Ok(*seconds);
        }
        let most = (PROBE_MACS / self.macs(shape)?).max(1.0);
        let batch = shape.batch.min(most as i64);
        let mut command = Command::new(&self.snn);
        command.args(["bench", "train", "--runs", "1", "--json", "--model", &shape.architecture]);
        command.args(["--width", &shape.width, "--precision", &shape.precision]);
        let numbers =
            [("--batch", Some(batch)), ("--t-steps", shape.t_steps), ("--size", shape.size)];
        for (flag, number) in numbers {
            command.args(number.iter().flat_map(|n| [flag.to_string(), n.to_string()]));
        }
        let json = json(command)?;
        let seconds = json["median_s"].as_f64().context("`snn bench` gives no median_s")?;
        let seconds = seconds / batch as f64;
        self.probes.insert(shape.clone(), seconds);
        Ok(seconds)
    }

    /// Multiply-accumulates of a sample, all steps: those of the network's usual input, scaled by the pixels.
    fn macs(&mut self, shape: &Shape) -> anyhow::Result<f64> {
        if !self.models.contains_key(&shape.width) {
            let mut command = Command::new(&self.snn);
            command.args(["models", "--json", "--width", &shape.width]);
            self.models.insert(shape.width.clone(), json(command)?);
        }
        let models = self.models.get(&shape.width).and_then(|json| json["models"].as_array());
        let mut models = models.into_iter().flatten();
        let of = models.find(|model| model["architecture"] == shape.architecture.as_str());
        let of = of.with_context(|| format!("`snn models` has no {}", shape.architecture))?;
        let number = |value: &Json| value.as_f64().context("`snn models` gives no number");
        let pixels = number(&of["input"][0])? * number(&of["input"][1])?;
        let ours = shape.size.map_or(pixels, |size| (size * size) as f64);
        let t_steps = shape.t_steps.map_or_else(|| number(&of["t_steps"]), |t| Ok(t as f64))?;
        Ok(number(&of["macs_per_step"])? * t_steps * ours / pixels)
    }
}

impl Shape {
    fn of(recipe: &Table) -> Option<Self> {
        let at = |table: &str, key: &str| recipe.get(table)?.get(key).cloned();
        let number = |table, key| at(table, key).and_then(|value| value.as_integer());
        let text = |table, key| at(table, key)?.as_str().map(str::to_owned);
        Some(Self {
            architecture: text("model", "architecture")?,
            width: at("model", "width").map_or("1".into(), |width| width.to_string()),
            t_steps: number("data", "t_steps").or_else(|| number("model", "t_steps")),
            size: number("data", "size"),
            precision: text("train", "precision").unwrap_or_else(|| "f32".into()),
            batch: number("train", "batch")?,
        })
    }
}

/// The samples that a run trains on, each as often as it is seen.
fn samples(job: &Job, recipe: &Table) -> Option<f64> {
    let number = |table: &str, key: &str| recipe.get(table)?.get(key)?.as_integer();
    let batch = number("train", "batch").filter(|batch| *batch > 0)?;
    let all = match number("data", "limit_train") {
        Some(limit) => limit,
        None => i64::try_from(job.samples?).ok()?,
    };
    let steps = number("train", "steps_per_epoch").unwrap_or(all / batch);
    Some((number("schedule", "epochs")? * steps * batch) as f64)
}

fn seedless(recipe: &Table) -> Table {
    let mut recipe = recipe.clone();
    recipe.remove("seed");
    recipe
}

/// The recipes in a folder of runs whose runs finished, with their seconds.
fn finished(out: &Path) -> anyhow::Result<Vec<(Table, f64)>> {
    let (recipes, mut finished) = (out.join("recipes"), Vec::new());
    if !recipes.is_dir() {
        return Ok(finished);
    }
    for name in files::tree(&recipes)? {
        let run = out.join(name.trim_end_matches(".toml"));
        if !name.ends_with(".toml") || !run.join("result.json").is_file() {
            continue;
        }
        let path = recipes.join(&name);
        let recipe: Table =
            files::read(&path)?.parse().with_context(|| format!("in {}", path.display()))?;
        finished.push((seedless(&recipe), outcome::read(&run)?.result.seconds));
    }
    Ok(finished)
}

fn json(command: Command) -> anyhow::Result<Json> {
    sh::say(&format!("$ {}", sh::shown(&command)));
    let shown = sh::shown(&command);
    serde_json::from_str(&sh::output(command)?).with_context(|| format!("reading {shown}"))
}

/// Hours with two digits that say something.
pub(super) fn hours(seconds: f64) -> String {
    let hours = seconds / 3600.0;
    match hours {
        _ if hours >= 10.0 => format!("{hours:.0} h"),
        _ if hours >= 1.0 => format!("{hours:.1} h"),
        _ if hours >= 0.1 => format!("{hours:.2} h"),
        _ if hours >= 0.001 => format!("{hours:.3} h"),
        _ => "under 0.001 h".into(),
    }
}
