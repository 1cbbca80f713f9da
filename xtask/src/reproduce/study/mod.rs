//! `cargo xtask reproduce STUDY`: methods side by side on real data, each run landed as it ends.

mod measure;
mod page;
mod plan;
mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use snn_records::{RunResult, StudyRow};

pub use plan::{Row, Set, Study, Test};

use super::at_once::at_once;
use super::child::Signals;
use super::preset::Run;
use super::runs::{self, State};
use super::{Done as Ended, Options, child, outcome, snn};
use crate::{files, sh};
use summary::Done;

/// The name of the first test: what the run's own result says.
const LAST_EPOCH: &str = "last epoch";

/// The studies that the repository carries.
///
/// # Errors
/// When their folder cannot be read.
pub fn names(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join("data/studies");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            names.push(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// A run of the study and where it stands.
struct Job<'a> {
    at: (usize, usize, usize),
    set: &'a Set,
    row: &'a Row,
    run: &'a Run,
}

/// Trains and measures what is not done yet, and writes the tables after every run.
///
/// # Errors
/// An unreadable study or result, a run that measures other figures than its result has, or a disk that refuses.
pub fn study(name: &str, options: &Options) -> anyhow::Result<Ended> {
    let root = &options.root;
    if options.preset != Options::new(root.clone()).preset || options.seeds != 1 {
        bail!("a study has no presets and says its own seeds; leave --preset and --seeds out");
    }
    let study = Study::read(&root.join("data/studies"), name)?;
    let out = options.runs.clone().unwrap_or_else(|| PathBuf::from("runs").join(name));
    let data = options.data.clone().unwrap_or_else(|| PathBuf::from("data"));
    let mut jobs = Vec::new();
    for (s, set) in study.sets.iter().enumerate() {
        if options.only.as_ref().is_some_and(|only| *only != set.name) {
            continue;
        }
        if !options.dry_run && !root.join(&data).join(&set.folder).is_dir() {
            sh::say(&format!(
                "{}: no folder {}; use --data DIR",
                set.name,
                root.join(&data).join(&set.folder).display()
            ));
            continue;
        }
        // Repeat by repeat, so that a study cut short has whole comparisons.
        for repeat in 0..set.rows.first().map_or(0, |row| row.runs.len()) {
            for (r, row) in set.rows.iter().enumerate() {
                jobs.extend(row.runs.get(repeat).map(|run| Job {
                    at: (s, r, repeat),
                    set,
                    row,
                    run,
                }));
            }
        }
    }
    if jobs.is_empty() {
        let known: Vec<&str> = study.sets.iter().map(|set| set.name.as_str()).collect();
        bail!("nothing can run; the sets of {name} are {}", known.join(", "));
    }
    if options.dry_run {
        return Ok(Ended { code: 0, table: Some(dry_run(root, &study, &jobs)?) });
    }
    run_all(&study, options, &out, &data, &jobs)
}

fn run_all(
    study: &Study,
    options: &Options,
    out: &Path,
    data: &Path,
    jobs: &[Job<'_>],
) -> anyhow::Result<Ended> {
    let root = &options.root;
    let snn = snn(options)?;
    let signals = Signals::watch().context("watching for signals")?;
    let site = runs::Site { program: &snn, root, out, jobs: options.jobs };
    let (failed, pace) = (AtomicBool::new(false), runs::Pace::new(jobs.len()));
    let landed = Mutex::new(Landed::default());
    let numbered: Vec<(usize, &Job<'_>)> = jobs.iter().enumerate().collect();
    at_once(options.jobs, &numbered, &signals, |(at, job)| {
        let head = format!("[{}/{}] {} {}", at + 1, jobs.len(), job.set.name, job.run.name);
        let folder = data.join(&job.set.folder);
        let state = runs::prepare(&root.join(out), job.run, options.fresh)?;
        if state != State::Finished {
            sh::say(&head);
            match child::run(runs::command(&site, &folder, job.run, state), &signals)? {
                0 => {}
                code @ (130 | 143) => {
                    signals.end(code);
                    return Ok(());
                }
                code => {
                    sh::say(&format!("{head}: failed with {code}"));
                    failed.store(true, Relaxed);
                    return Ok(());
                }
            }
        }
        pace.done();
        let outcome = outcome::read(&root.join(out).join(&job.run.name))?;
        let result = &outcome.result;
        let on = |test: &&Test| test.sets.is_empty() || test.sets.contains(&job.set.name);
        let tests: Vec<Test> = study.tests.iter().filter(on).cloned().collect();
        let measured = measure::measure(&site, &folder, job.run, result, &tests)?;
        if signals.code().is_some() {
            return Ok(());
        }
        let mut tests = vec![(LAST_EPOCH.to_string(), result.top1, result.aurc_softmax)];
        tests.extend(measured.tests);
        let rows = tests.iter().map(|test| row(study, job, result, test)).collect();
        sh::say(&format!("{head}: top-1 {:.2} %, {pace}", result.top1));
        let done = Done { at: job.at, tests, correct: measured.correct, outcome };
        let mut landed = landed.lock().unwrap_or_else(PoisonError::into_inner);
        landed.insert(*at, (rows, done));
        write(study, &root.join(out), &landed)
    })?;
    if let Some(code) = signals.code() {
        return Ok(Ended { code, table: None });
    }
    let landed = landed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let table = page::page(study, &dones(&landed)).markdown();
    Ok(Ended { code: u8::from(failed.into_inner()), table: Some(table) })
}

/// What came of the runs, by their place in the study: the tables do not depend on which run ended first.
type Landed = BTreeMap<usize, (Vec<StudyRow>, Done)>;

fn dones(landed: &Landed) -> Vec<Done> {
    landed.values().map(|(_, done)| done.clone()).collect()
}

fn write(study: &Study, out: &Path, landed: &Landed) -> anyhow::Result<()> {
    let rows: Vec<StudyRow> = landed.values().flat_map(|(rows, _)| rows.clone()).collect();
    files::write(&out.join(format!("{}.csv", study.name)), csv(&rows))?;
    let page = page::page(study, &dones(landed));
    files::write(&out.join(format!("{}.md", study.name)), page.markdown())?;
    files::write(&out.join("report.html"), page.html())
}

fn row(
    study: &Study,
    job: &Job<'_>,
    result: &RunResult,
    (test, top1, aurc): &(String, f64, f64),
) -> StudyRow {
    let width = job.run.recipe.get("model").and_then(|model| model.get("width"));
    StudyRow {
        dataset: result.dataset.clone(),
        split: result.split.clone(),
        method: job.row.method.clone(),
        architecture: result.architecture.clone(),
        width: width.and_then(toml::Value::as_float).unwrap_or(1.0),
        t_steps: result.t_steps,
        seed: result.seed,
        test: test.clone(),
        top1: *top1,
        aurc: *aurc,
        seconds: result.seconds,
        engine: result.engine.clone(),
        commit: result.commit.clone().unwrap_or_default(),
        command: format!("cargo xtask reproduce {} --only '{}'", study.name, job.set.name),
    }
}

fn csv(rows: &[StudyRow]) -> String {
    snn_report::csv::lines(&StudyRow::COLUMNS, rows.iter().map(StudyRow::cells))
}

/// The runs, and what they may take by the seconds of those that were measured before, in `data/results/<name>.csv`.
fn dry_run(root: &Path, study: &Study, jobs: &[Job<'_>]) -> anyhow::Result<String> {
    let path = root.join("data/results").join(format!("{}.csv", study.name));
    let known = if path.is_file() { seconds(&files::read(&path)?) } else { BTreeMap::new() };
    let mut text = format!("{}: {} runs\n", study.title, jobs.len());
    let (mut total, mut missing) = (0.0, 0);
    for job in jobs {
        let data = job.run.recipe.get("data").and_then(|data| data.get("name")?.as_str());
        let took = known.get(&(data.unwrap_or_default().to_owned(), job.row.method.clone()));
        let words = match took {
            Some(seconds) => format!("about {:.0} s", seconds),
            None => "not measured before".into(),
        };
        total += took.copied().unwrap_or(0.0);
        missing += usize::from(took.is_none());
        text += &format!("  {:<40} {words}\n", job.run.name);
    }
    text += &format!("  estimate: {:.1} h on a machine as that of data/results", total / 3600.0);
    if missing > 0 {
        text += &format!(", without {missing} runs that were not measured before");
    }
    Ok(text)
}

/// The mean seconds of the runs of each data set and method, from a CSV of [`StudyRow`]s.
fn seconds(text: &str) -> BTreeMap<(String, String), f64> {
    let place =
        |name: &str| StudyRow::COLUMNS.iter().position(|column| *column == name).unwrap_or(0);
    let mut sums = BTreeMap::<(String, String), (f64, usize)>::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| cells.get(place(name)).copied().unwrap_or("");
        let (Ok(seconds), LAST_EPOCH) = (cell("seconds").parse::<f64>(), cell("test")) else {
            continue;
        };
        let sum = sums.entry((cell("dataset").into(), cell("method").into())).or_default();
        *sum = (sum.0 + seconds, sum.1 + 1);
    }
    sums.into_iter().map(|(name, (sum, n))| (name, sum / n as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_come_from_what_was_measured() {
        let row = |method: &str, test: &str, seconds| StudyRow {
            dataset: "lidar".into(),
            method: method.into(),
            test: test.into(),
            seconds,
            ..StudyRow::default()
        };
        let all = [("a", LAST_EPOCH, 10.0), ("a", "T = 1", 99.0), ("a", LAST_EPOCH, 20.0)];
        let known = seconds(&csv(&all.map(|(method, test, seconds)| row(method, test, seconds))));
        assert_eq!(known, [(("lidar".into(), "a".into()), 15.0)].into());
    }
}
