//! A run's folder: whether it is new, begun, finished or of another recipe, and the command that trains it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use anyhow::Context;

use super::outcome;
use super::preset::Run;
use crate::{files, sh};

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    Begun,
    Finished,
}

/// Writes the run's recipe and says how far the run has come. A run of another recipe is set aside, not deleted.
pub(super) fn prepare(out: &Path, run: &Run, fresh: bool) -> anyhow::Result<State> {
    let (folder, recipe) = (out.join(&run.name), recipe_path(out, run));
    let text = toml::to_string(&run.recipe).context("writing a recipe")?;
    let same = recipe.is_file() && files::read(&recipe)? == text;
    if folder.exists() && (fresh || !same) {
        let place = set_aside(out, &folder, &run.name)?;
        let why = if same { "a fresh run was asked for" } else { "its recipe has changed" };
        sh::say(&format!("{}: {why}; the old run is now {}", run.name, place.display()));
    }
    if !same {
        files::write(&recipe, &text)?;
    }
    Ok(if folder.join("result.json").is_file() {
        State::Finished
    } else if folder.join("run.json").is_file() {
        State::Begun
    } else {
        State::New
    })
}

fn recipe_path(out: &Path, run: &Run) -> PathBuf {
    out.join("recipes").join(format!("{}.toml", run.name))
}

fn set_aside(out: &Path, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let aside = out.join("old");
    std::fs::create_dir_all(&aside).with_context(|| format!("making {}", aside.display()))?;
    let mut n = 1;
    let mut place = aside.join(format!("{name}-{n}"));
    while place.exists() {
        n += 1;
        place = aside.join(format!("{name}-{n}"));
    }
    std::fs::rename(folder, &place)
        .with_context(|| format!("moving {} to {}", folder.display(), place.display()))?;
    Ok(place)
}

/// Where runs are made, and with what.
pub(super) struct Site<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// The top folder.
    pub(super) root: &'a Path,
    /// The folder of the runs, below the top folder or anywhere.
    pub(super) out: &'a Path,
    /// Runs at once.
    pub(super) jobs: usize,
}

impl Site<'_> {
    /// A command of `snn`, started in the top folder, so that the paths it prints are short. When several run at once, each
    /// gets its share of the processors; results do not depend on it.
    pub(super) fn snn(&self, what: &str) -> Command {
        let mut command = Command::new(self.program);
        command.current_dir(self.root);
        if self.jobs > 1 {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            command.arg("--threads").arg((cores / self.jobs).max(1).to_string());
        }
        command.arg(what);
        command
    }
}

/// `snn train` for this run. Of several at once none draws a line of progress over the others'.
pub(super) fn command(site: &Site<'_>, data: &Path, run: &Run, state: State) -> Command {
    let mut command = site.snn("train");
    command.arg(recipe_path(site.out, run));
    command.arg("--data").arg(data).arg("--run").arg(site.out.join(&run.name));
    if state == State::Begun {
        command.arg("--resume");
    }
    if site.jobs > 1 {
        command.arg("--quiet");
    }
    command
}

/// A finished run in half a line.
pub(super) fn summary(out: &Path, run: &Run) -> anyhow::Result<String> {
    let result = outcome::read(&out.join(&run.name))?.result;
    Ok(format!("top-1 {:.2} % on {} in {:.0} s", result.top1, result.dataset, result.seconds))
}

/// How long the rest may take, judged by the runs so far.
pub(super) struct Pace {
    start: Instant,
    done: AtomicUsize,
    of: usize,
}

impl Pace {
    pub(super) fn new(of: usize) -> Self {
        Self { start: Instant::now(), done: AtomicUsize::new(0), of }
    }

    pub(super) fn done(&self) {
        self.done.fetch_add(1, Relaxed);
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done.load(Relaxed);
        let left = self.of.saturating_sub(done);
        let minutes = self.start.elapsed().as_secs_f64() / 60.0 / done.max(1) as f64 * left as f64;
        match left {
            0 => write!(f, "nothing left"),
            _ => write!(f, "{left} left, about {:.0} min", minutes.ceil()),
        }
    }
}
