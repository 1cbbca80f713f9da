//! `cargo xtask race`: the accuracy on CIFAR-10 that `data/recipes/race.toml` reaches in a fixed time.
//!
//! The recipe has phases, and each a share of the time. How long a phase's steps take is measured first, outside of the
//! time, as a compiler's work is for those that compile; as many as fit are written into the recipe, which is then an
//! ordinary run. `runs/race/` keeps the recipe, the run, and accuracy against minutes as CSV and Markdown.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use lexopt::prelude::*;
use snn_records::{EpochReport, METRICS_FILE};
use toml::{Table, Value};

use crate::reproduce::outcome;
use crate::{files, sh};

const OUT: &str = "runs/race";
/// Steps that a phase's speed is measured on.
const PROBE: i64 = 40;
/// What an evaluation of a sample takes of a training step's time for it, about.
const EVALUATION: f64 = 0.35;
const TRAIN_SAMPLES: i64 = 50_000;
const TEST_SAMPLES: f64 = 10_000.0;

/// The recipe without the lengths of its phases.
struct Race {
    recipe: Table,
    phases: Vec<Phase>,
}

/// A phase without its length.
struct Phase {
    share: f64,
    settings: Table,
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
/// Wrong arguments, a file that holds no recipe, or a run that fails.
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
    let race = read(&sh::root().join("data/recipes/race.toml"))?;
    let snn = sh::build_snn()?;
    let out = sh::root().join(OUT);
    ensure!(!out.exists(), "{}: holds a race already; move it elsewhere first", out.display());
    let mut phases = Vec::new();
    for (at, phase) in race.phases.iter().enumerate() {
        let name = format!("phase-{}-speed", at + 1);
        let step = probe(&snn, &data, &out, &name, &race, phase)?;
        let is_last = at + 1 == race.phases.len();
        phases.push(fit(&race, phase, 60.0 * phase.share * minutes, step, is_last)?);
    }
    let batches =
        race.phases.iter().map(|phase| race.batch(phase)).collect::<anyhow::Result<_>>()?;
    train(&snn, &data, &out, "race", &race.with(phases))?;
    report(&out, minutes, &curve(&epochs(&out.join("race"))?, batches))
}

fn read(path: &Path) -> anyhow::Result<Race> {
    let mut file: Table = files::read(path)?.parse().with_context(|| path.display().to_string())?;
    let phases = file.remove("phase").context("no [[phase]]")?;
    let recipe = file.remove("recipe").context("no [recipe]")?.try_into()?;
    let phases: Vec<Table> = phases.try_into()?;
    let phases = phases.into_iter().map(|mut settings| {
        let share = settings.remove("share").and_then(|share| share.as_float());
        Ok(Phase { share: share.context("no share")?, settings })
    });
    Ok(Race { recipe, phases: phases.collect::<anyhow::Result<_>>()? })
}

impl Race {
    /// The recipe with these phases.
    fn with(&self, phases: Vec<Table>) -> Table {
        let mut recipe = self.recipe.clone();
        let phases = phases.into_iter().map(Value::Table).collect();
        recipe.insert("phase".into(), Value::Array(phases));
        recipe
    }

    fn batch(&self, phase: &Phase) -> anyhow::Result<i64> {
        let of = |table: &Table| table.get("train")?.get("batch")?.as_integer();
        let batch = of(&phase.settings).or(of(&self.recipe)).filter(|batch| *batch > 0);
        batch.context("the recipe has no train.batch")
    }
}

fn set(recipe: &mut Table, table: &str, key: &str, value: impl Into<Value>) -> anyhow::Result<()> {
    let table = recipe.entry(table).or_insert_with(|| Value::Table(Table::new()));
    table.as_table_mut().context("not a table of a recipe")?.insert(key.into(), value.into());
    Ok(())
}

/// Seconds of a step of a phase.
fn probe(
    snn: &Path,
    data: &Path,
    out: &Path,
    name: &str,
    race: &Race,
    phase: &Phase,
) -> anyhow::Result<f64> {
    let mut settings = phase.settings.clone();
    settings.insert("epochs".into(), 1.into());
    set(&mut settings, "train", "steps_per_epoch", PROBE)?;
    let mut recipe = race.with(vec![settings]);
    set(&mut recipe, "data", "limit_test", 1)?;
    train(snn, data, out, name, &recipe)?;
    let epochs = epochs(&out.join(name))?;
    Ok(epochs.last().context("no epoch was logged")?.clock.seconds / PROBE as f64)
}

/// A phase with as many epochs and steps as fit into so many seconds, evaluations included.
fn fit(
    race: &Race,
    phase: &Phase,
    seconds: f64,
    step: f64,
    is_last: bool,
) -> anyhow::Result<Table> {
    let batch = race.batch(phase)?;
    let evaluation = TEST_SAMPLES / batch as f64 * EVALUATION * step;
    // One at the end, and before the last phase one in the middle.
    let evaluations = if is_last { 1.0 } else { 2.0 };
    let steps = ((seconds - evaluations * evaluation) / step).floor() as i64;
    ensure!(steps >= 2, "{seconds:.0} s are too few for steps of {step:.2} s; give more --minutes");
    let epochs = (steps as u64).div_ceil((TRAIN_SAMPLES / batch) as u64).max(2) as i64;
    let mut settings = phase.settings.clone();
    settings.insert("epochs".into(), epochs.into());
    set(&mut settings, "train", "steps_per_epoch", steps / epochs)?;
    set(&mut settings, "train", "eval_every", if is_last { epochs } else { (epochs + 1) / 2 })?;
    sh::say(&format!("{epochs} epochs of {} steps of {step:.2} s", steps / epochs));
    Ok(settings)
}

fn train(snn: &Path, data: &Path, out: &Path, name: &str, recipe: &Table) -> anyhow::Result<()> {
    let path = out.join(format!("{name}.toml"));
    files::write(&path, &toml::to_string(recipe)?)?;
    let mut command = sh::command(snn, &["train"]);
    command.arg(path).arg("--data").arg(data).arg("--run").arg(out.join(name));
    command.stdout(std::io::stderr());
    sh::run(command)
}

fn epochs(run: &Path) -> anyhow::Result<Vec<EpochReport>> {
    let path = run.join(METRICS_FILE);
    outcome::curve(&files::read(&path)?).with_context(|| format!("in {}", path.display()))
}

/// The epochs of a run, whose phases have these batches.
fn curve(epochs: &[EpochReport], batches: Vec<i64>) -> Vec<Point> {
    let (mut minutes, mut images, mut step) = (0.0, 0.0, 0);
    epochs
        .iter()
        .map(|epoch| {
            let batch = batches.get(epoch.phase.unwrap_or(0)).copied().unwrap_or_default();
            minutes += epoch.clock.seconds / 60.0;
            images += (epoch.step - step) as f64 * batch as f64;
            step = epoch.step;
            let test_top1 = epoch.test.as_ref().map(|test| test.top1);
            Point { minutes, images, train_top1: epoch.train_top1, test_top1 }
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
        let race = read(&sh::root().join("data/recipes/race.toml")).unwrap();
        let total: f64 = race.phases.iter().map(|phase| phase.share).sum();
        assert!((total - 1.0).abs() < 1e-9);
        let last = race.phases.last().unwrap();
        assert_eq!(race.recipe["model"]["t_steps"].as_integer(), Some(4));
        assert!(last.settings.get("model").is_none() && race.batch(last).unwrap() == 32);
    }

    #[test]
    fn steps_fill_the_time() {
        let recipe = "train = { batch = 100 }".parse().unwrap();
        let phase = Phase { share: 1.0, settings: Table::new() };
        let race = Race { recipe, phases: Vec::new() };
        // 100 evaluation batches of 0.35 s, then steps of 1 s.
        let settings = fit(&race, &phase, 1035.0, 1.0, true).unwrap();
        assert_eq!(settings["epochs"].as_integer(), Some(2));
        assert_eq!(settings["train"]["steps_per_epoch"].as_integer(), Some(500));
        assert!(fit(&race, &phase, 30.0, 1.0, true).is_err());
    }

    #[test]
    fn images_are_counted_by_the_batch_of_their_phase() {
        let epoch =
            |phase, step| EpochReport { phase: Some(phase), step, ..EpochReport::default() };
        let points = curve(&[epoch(0, 10), epoch(1, 15)], vec![32, 64]);
        assert_eq!(points.iter().map(|p| p.images).collect::<Vec<_>>(), [320.0, 640.0]);
    }
}
