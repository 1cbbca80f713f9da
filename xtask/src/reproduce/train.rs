//! Training the runs of tables: each once, several at a time, those that finished before not again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, bail, ensure};

use super::at_once::at_once;
use super::child::{self, Signals};
use super::preset::{Job, Plan, Planned, Run};
use super::runs::{self, State};
use super::{Options, snn};
use crate::sh;

/// Why training ended before all was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// By a signal, with the exit code that tells of it.
    Interrupted(u8),
    /// Runs failed; all others were trained.
    Failed,
}

/// A run that is not finished.
struct Todo<'a> {
    head: String,
    job: &'a Job,
    run: &'a Run,
    state: State,
}

/// Trains every run that is not finished, in the tables' order.
///
/// # Errors
/// A run that ended for a reason that would stop the others too, or a disk that refuses.
pub(super) fn train<'a>(
    options: &Options,
    out: &Path,
    data: &Path,
    rows: impl Iterator<Item = &'a Planned>,
) -> anyhow::Result<Option<Stop>> {
    let Options { root, jobs, .. } = options;
    let todo = unfinished(options, out, rows)?;
    if todo.is_empty() {
        return Ok(None);
    }
    let snn = snn(options)?;
    let signals = Signals::watch().context("watching for signals")?;
    let again = if options.fresh { "the same command without --fresh" } else { "the same command" };
    let site = runs::Site { program: &snn, root, out, jobs: *jobs };
    let (failed, pace) = (AtomicBool::new(false), runs::Pace::new(todo.len()));
    at_once(*jobs, &todo, &signals, |Todo { head, job, run, state }| {
        let going_on = if *state == State::Begun { ", going on" } else { "" };
        sh::say(&format!("{head}: on {}{going_on}", job.dataset));
        let data = data.join(&job.folder);
        let code = child::run(runs::command(&site, &data, run, *state), &signals)?;
        pace.done();
        match code {
            0 => sh::say(&format!("{head}: {}, {pace}", runs::summary(&root.join(out), run)?)),
            130 | 143 => {
                sh::say(&format!("{head}: interrupted"));
                signals.end(code);
            }
            // These are this row's trouble; anything else would stop every other row too.
            2 | 3 => {
                let why = if code == 2 { "its data cannot be used" } else { "it diverged" };
                sh::say(&format!("{head}: {why}; see the message above"));
                failed.store(true, Relaxed);
            }
            code => bail!(
                "{head}: `snn train` ended with exit code {code}; mend that and run the same command again"
            ),
        }
        Ok(())
    })?;
    if let Some(code) = signals.code() {
        sh::say(&format!("stopped; {again} goes on where the runs were"));
        return Ok(Some(Stop::Interrupted(code)));
    }
    Ok(failed.into_inner().then_some(Stop::Failed))
}

/// The runs that are not finished; one that several tables show is there once.
fn unfinished<'a>(
    options: &Options,
    out: &Path,
    rows: impl Iterator<Item = &'a Planned>,
) -> anyhow::Result<Vec<Todo<'a>>> {
    let (mut known, mut runs) = (BTreeMap::<&str, &Run>::new(), Vec::new());
    for row in rows {
        let Plan::Run(job) = &row.plan else { continue };
        for run in &job.runs {
            match known.insert(&run.name, run) {
                None => runs.push((row, job, run)),
                Some(other) => ensure!(
                    other.recipe == run.recipe,
                    "{}: two tables have other recipes for {}; give one of their groups another data set",
                    row.paper.title(),
                    run.name
                ),
            }
        }
    }
    let n = runs.len();
    let mut todo = Vec::new();
    for (at, (row, job, run)) in runs.into_iter().enumerate() {
        let head = format!("[{}/{n}] {} seed {}", at + 1, row.paper.title(), run.seed);
        match runs::prepare(&options.root.join(out), run, options.fresh)? {
            State::Finished => sh::say(&format!("[{}/{n}] {} is finished", at + 1, run.name)),
            state => todo.push(Todo { head, job, run, state }),
        }
    }
    Ok(todo)
}
