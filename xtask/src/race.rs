//! `cargo xtask race`: the accuracy on CIFAR-10 that `data/recipes/race.toml` reaches in a fixed time.
//!
//! The recipe is cut into phases. How long a phase's steps take is measured first, outside of the time, as a compiler's
//! work is for those that compile; then each phase is an ordinary run of as many steps as fit. `runs/race/` keeps the
//! recipes, the runs, and accuracy against minutes as CSV and Markdown.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lexopt::prelude::*;
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::reproduce::preset::merge;
use crate::{files, sh};

const OUT: &str = "runs/race";
/// Steps that a phase's speed is measured on.
const PROBE: i64 = 40;
/// What an evaluation of a sample takes of a training step's time for it, about.
const EVALUATION: f64 = 0.35;
const TRAIN_SAMPLES: i64 = 50_000;
const TEST_SAMPLES: f64 = 10_000.0;

/// One phase of the race.
struct Phase {
    share: f64,
    recipe: Table,
}

/// A point of the curve.
struct Point {
    minutes: f64,
    images: f64,
    train_top1: f64,
    test_top1: Option<f64>,
}

/// Reads the arguments that follow `race` and obeys them.
///
/// # Errors
/// Wrong arguments, a recipe that is none, or a run that fails.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut data, mut minutes) = (sh::root().join("target/data/cifar10"), 30.0);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("data") => data = std::path::absolute(parser.value()?)?,
            Long("minutes") => minutes = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(minutes > 0.0, "--minutes {minutes}: use more than 0");
    ensure!(
        data.is_dir(),
        "{}: no such folder; `cargo xtask data cifar10` makes it, or name another with --data",
        data.display()
    );
    let phases = read(&sh::root().join("data/recipes/race.toml"))?;
    let snn = sh::build_snn()?;
    let out = sh::root().join(OUT);
    ensure!(!out.exists(), "{}: holds a race already; move it elsewhere first", out.display());
    let mut points: Vec<Point> = Vec::new();
    let mut checkpoint: Option<PathBuf> = None;
    for (at, phase) in phases.iter().enumerate() {
        let is_last = at + 1 == phases.len();
        let name = format!("phase-{}", at + 1);
        let mut recipe = phase.recipe.clone();
        if let Some(checkpoint) = &checkpoint {
            set(&mut recipe, "model", "init", Value::String(checkpoint_name(checkpoint)?))?;
        }
        let spent = points.last().map_or(0.0, |point| point.minutes);
        // What an earlier phase took too much or too little of is made up for at the end.
        let budget = if is_last { minutes - spent } else { phase.share * minutes };
        let step = probe(&snn, &data, &out, &name, &recipe)?;
        fit(&mut recipe, 60.0 * budget, step, is_last)?;
        train(&snn, &data, &out, &name, &recipe)?;
        points.extend(curve(&out.join(&name), &recipe, points.last())?);
        checkpoint = Some(out.join(&name).join("checkpoint"));
    }
    report(&out, minutes, &points)
}

fn read(path: &Path) -> anyhow::Result<Vec<Phase>> {
    let file: Table = files::read(path)?.parse().with_context(|| path.display().to_string())?;
    let phases = file.get("phase").and_then(Value::as_array).context("no [[phase]]")?;
    let base = file.get("recipe").and_then(Value::as_table).context("no [recipe]")?;
    phases
        .iter()
        .map(|phase| {
            let share = phase.get("share").and_then(Value::as_float).context("no share")?;
            let mut recipe = base.clone();
            if let Some(changes) = phase.get("set").and_then(Value::as_table) {
                merge(&mut recipe, changes);
            }
            Ok(Phase { share, recipe })
        })
        .collect()
}

fn set(recipe: &mut Table, table: &str, key: &str, value: impl Into<Value>) -> anyhow::Result<()> {
    let table = recipe.entry(table).or_insert_with(|| Value::Table(Table::new()));
    table.as_table_mut().context("a table of the recipe is none")?.insert(key.into(), value.into());
    Ok(())
}

fn batch(recipe: &Table) -> anyhow::Result<i64> {
    let batch = recipe.get("train").and_then(|t| t.get("batch")).and_then(Value::as_integer);
    batch.filter(|batch| *batch > 0).context("the recipe has no train.batch")
}

fn checkpoint_name(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().context("a path that is not UTF-8")?.to_string())
}

/// Seconds of a step.
fn probe(snn: &Path, data: &Path, out: &Path, name: &str, recipe: &Table) -> anyhow::Result<f64> {
    let mut recipe = recipe.clone();
    set(&mut recipe, "schedule", "epochs", 1)?;
    set(&mut recipe, "train", "steps_per_epoch", PROBE)?;
    set(&mut recipe, "data", "limit_test", 1)?;
    let name = format!("{name}-speed");
    train(snn, data, out, &name, &recipe)?;
    let points = curve(&out.join(&name), &recipe, None)?;
    Ok(60.0 * points.last().context("no epoch was logged")?.minutes / PROBE as f64)
}

/// Fills in as many epochs and steps as fit into so many seconds, evaluations included.
fn fit(recipe: &mut Table, seconds: f64, step: f64, is_last: bool) -> anyhow::Result<()> {
    let batch = batch(recipe)?;
    let evaluation = TEST_SAMPLES / batch as f64 * EVALUATION * step;
    // One at the end, and before the last phase one in the middle.
    let evaluations = if is_last { 1.0 } else { 2.0 };
    let steps = ((seconds - evaluations * evaluation) / step).floor() as i64;
    ensure!(steps >= 2, "{seconds:.0} s are too few for steps of {step:.2} s; give more --minutes");
    let epochs = (steps as u64).div_ceil((TRAIN_SAMPLES / batch) as u64).max(2) as i64;
    set(recipe, "schedule", "epochs", epochs)?;
    set(recipe, "train", "steps_per_epoch", steps / epochs)?;
    set(recipe, "train", "eval_every", if is_last { epochs } else { (epochs + 1) / 2 })?;
    sh::say(&format!("{epochs} epochs of {} steps of {step:.2} s", steps / epochs));
    Ok(())
}

fn train(snn: &Path, data: &Path, out: &Path, name: &str, recipe: &Table) -> anyhow::Result<()> {
    let path: PathBuf = out.join(format!("{name}.toml"));
    files::write(&path, &toml::to_string(recipe)?)?;
    let mut command = sh::command(snn, &["train"]);
    command.arg(path).arg("--data").arg(data).arg("--run").arg(out.join(name));
    command.stdout(std::io::stderr());
    sh::run(command)
}

/// The epochs of a run, counted on from the run before.
fn curve(run: &Path, recipe: &Table, before: Option<&Point>) -> anyhow::Result<Vec<Point>> {
    let (mut minutes, start) = before.map_or((0.0, 0.0), |point| (point.minutes, point.images));
    let batch = batch(recipe)? as f64;
    let text = files::read(&run.join("metrics.jsonl"))?;
    text.lines()
        .map(|line| {
            let line: Json = serde_json::from_str(line)?;
            let number = |json: &Json, name: &str| {
                json[name].as_f64().with_context(|| format!("metrics.jsonl: no number `{name}`"))
            };
            minutes += number(&line["clock"], "seconds")? / 60.0;
            Ok(Point {
                minutes,
                images: start + batch * number(&line, "step")?,
                train_top1: number(&line, "train_top1")?,
                test_top1: line["test"]["top1"].as_f64(),
            })
        })
        .collect()
}

fn report(out: &Path, asked: f64, points: &[Point]) -> anyhow::Result<()> {
    let mut csv = String::from("minutes,images,train_top1,test_top1\n");
    let mut markdown = String::from(
        "| minutes | images seen | train top-1 % | test top-1 % |\n|---|---|---|---|\n",
    );
    for point in points {
        let Point { minutes, images, train_top1, test_top1 } = point;
        let test = test_top1.map_or(String::new(), |top1| format!("{top1:.2}"));
        let _ = writeln!(csv, "{minutes:.2},{images:.0},{train_top1:.2},{test}");
        let _ = writeln!(markdown, "| {minutes:.1} | {images:.0} | {train_top1:.2} | {test} |");
    }
    let last = points.last().context("no epoch was logged")?;
    let _ = writeln!(
        markdown,
        "\n{:.2} % in {:.1} of {asked:.0} minutes, evaluations included; {:.0} images a second.",
        last.test_top1.context("the last epoch was not evaluated")?,
        last.minutes,
        last.images / (60.0 * last.minutes)
    );
    files::write(&out.join("race.csv"), &csv)?;
    files::write(&out.join("race.md"), &markdown)?;
    sh::print(&markdown)?;
    sh::say(&format!("written: {OUT}/race.csv, race.md"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_recipe_has_phases_that_share_the_time() {
        let phases = read(&sh::root().join("data/recipes/race.toml")).unwrap();
        let total: f64 = phases.iter().map(|phase| phase.share).sum();
        assert!((total - 1.0).abs() < 1e-9);
        let last = phases.last().unwrap();
        assert_eq!(last.recipe["data"]["t_steps"].as_integer(), Some(4));
    }

    #[test]
    fn steps_fill_the_time() {
        let mut recipe: Table = "train = { batch = 100 }".parse().unwrap();
        // 100 evaluation batches of 0.35 s, then steps of 1 s.
        fit(&mut recipe, 1035.0, 1.0, true).unwrap();
        assert_eq!(recipe["schedule"]["epochs"].as_integer(), Some(2));
        assert_eq!(recipe["train"]["steps_per_epoch"].as_integer(), Some(500));
        assert!(fit(&mut recipe, 30.0, 1.0, true).is_err());
    }
}
