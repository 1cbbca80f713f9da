//! Trains the runs that a figure lacks.

use std::path::Path;

use anyhow::{Context, bail};

use super::panel::Panel;
use crate::reproduce::child::{self, Signals};
use crate::reproduce::runs::{self, Pace, State};
use crate::sh;

/// Trains every run that is not finished; gives an exit code when it was interrupted.
///
/// # Errors
/// A run that ends for another reason, or a disk that refuses.
pub(super) fn train(
    snn: &Path,
    root: &Path,
    out: &Path,
    data: &Path,
    panels: &[Panel],
) -> anyhow::Result<Option<u8>> {
    let mut todo = Vec::new();
    for panel in panels {
        for run in panel.runs() {
            let state = runs::prepare(&root.join(out), run, false)?;
            if state != State::Finished {
                todo.push((panel, run, state));
            }
        }
    }
    let signals = Signals::watch().context("watching for signals")?;
    let (mut pace, all) = (Pace::new(todo.len()), todo.len());
    for (at, (panel, run, state)) in todo.into_iter().enumerate() {
        let head = format!("[{}/{all}] {}", at + 1, run.name);
        sh::say(&head);
        let command = runs::command(snn, root, out, &data.join(&panel.folder), run, state);
        match child::run(command, &signals)? {
            0 => {}
            code @ (130 | 143) => {
                sh::say(&format!(
                    "{head}: interrupted; the same command goes on from its last checkpoint"
                ));
                return Ok(Some(code));
            }
            code => bail!("{head}: `snn train` ended with exit code {code}; see the message above"),
        }
        pace.done();
        sh::say(&format!("{head}: {}, {pace}", runs::summary(&root.join(out), run)?));
        if let Some(code) = signals.code() {
            return Ok(Some(code));
        }
    }
    Ok(None)
}
