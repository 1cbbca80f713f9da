//! `cargo xtask crash`: a small run that ends, or meets an error, at each of its system calls on the run directory, and
//! then goes on.
//!
//! The program has no seam for this: strace stops it from outside. A kill comes before the call takes effect, so that the
//! next point is the kill after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use lexopt::prelude::*;
use serde_json::json;

use crate::{files, sh};

/// The calls that change a directory or what is in it, and those that may find it unreadable.
const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,mkdir,flock,fchmod";
/// What the system may answer.
const ERRORS: [&str; 4] = ["ENOSPC", "EIO", "EDQUOT", "EACCES"];

/// Two epochs of two steps, a checkpoint a step, a tenth of a second.
const TINY: &str = r#"seed = 7
[data]
name = "synthetic"
size = 8
limit_train = 16
limit_test = 8
[model]
architecture = "sew_resnet19"
width = 0.03125
t_steps = 2
[neuron]
v_threshold = 0.1
[schedule]
epochs = 2
warmup_epochs = 0
[optimizer]
lr = 2e-3
[train]
batch = 8
checkpoint_every = 1
keep = 1
keep_best = true
workers = 0
"#;

/// A system call on the run directory, in the order of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its number among its thread's calls of that name, from 1.
    pub nth: usize,
    /// What strace says of it.
    pub line: String,
}

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed.
    Kill,
    /// The call fails with this error.
    Error(&'static str),
}

/// What a fault led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The exit code of the run that met it; none when it was killed.
    pub code: Option<i32>,
    /// What it said.
    pub said: String,
    /// Whether the run then went on to the bytes of one that met none, and left nothing else.
    pub is_identical: bool,
}

/// A place for the runs, and the one that meets nothing.
pub struct Crash {
    snn: PathBuf,
    place: PathBuf,
    whole: Left,
}

/// What equal runs have in common: the names of all files, the weights, the last state, and the metrics without the clock.
#[derive(Debug, PartialEq)]
struct Left {
    names: Vec<String>,
    bytes: Vec<Vec<u8>>,
    metrics: Vec<serde_json::Value>,
}

impl Crash {
    /// Trains the run that meets nothing in `place`, with the program `snn`.
    ///
    /// # Errors
    /// When it fails.
    pub fn new(snn: &Path, place: &Path) -> anyhow::Result<Self> {
        files::write(&place.join("tiny.toml"), TINY)?;
        let run = place.join("whole");
        let whole = Left { names: Vec::new(), bytes: Vec::new(), metrics: Vec::new() };
        let mut crash = Self { snn: snn.into(), place: place.into(), whole };
        let ended = crash.train(&run, &[])?;
        ensure!(ended.0 == Some(0), "{ended:?}");
        crash.whole = left(&run)?;
        Ok(crash)
    }

    /// The calls of a run on its directory that a fault can be made to meet.
    ///
    /// # Errors
    /// When strace or the run fails.
    pub fn calls(&self) -> anyhow::Result<Vec<Call>> {
        let (run, log) = (self.place.join("traced"), self.place.join("log"));
        let (log_name, traced) = (log.display().to_string(), format!("trace={CALLS}"));
        let strace = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", &log_name, "-e", &traced];
        let ended = self.train(&run, &strace)?;
        ensure!(ended.0 == Some(0), "{ended:?}");
        files::remove(&run)?;
        Ok(calls(&files::read(&log)?, &run.display().to_string()))
    }

    /// Runs into a fault, and then on.
    ///
    /// # Errors
    /// When a program cannot be started.
    pub fn meet(&self, call: &Call, fault: Fault) -> anyhow::Result<Met> {
        let run = self.place.join("traced");
        let Call { name, nth, .. } = call;
        let how = match fault {
            Fault::Kill => format!("inject={name}:signal=SIGKILL:when={nth}"),
            Fault::Error(error) => format!("inject={name}:error={error}:when={nth}"),
        };
        let traced = format!("trace={name}");
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &how];
        let (code, said) = self.train(&run, &strace)?;
        let (again, why) = self.train(&run, &[])?;
        let is_identical = again == Some(0) && left(&run)? == self.whole;
        let said = if again == Some(0) { said } else { format!("{said}{why}") };
        files::remove(&run)?;
        Ok(Met { code, said, is_identical })
    }

    /// Trains under another program, or goes on; the exit code and what was said.
    fn train(&self, run: &Path, under: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
        let snn = self.snn.display().to_string();
        let words: Vec<&str> = under.iter().copied().chain([snn.as_str()]).collect();
        let [program, args @ ..] = words.as_slice() else { bail!("no program") };
        let mut command = Command::new(program);
        command.args(args).args(["-q", "--threads", "1", "--engine", "portable", "train"]);
        command.arg(self.place.join("tiny.toml")).arg("--resume").arg("--run").arg(run);
        command.stdin(Stdio::null());
        let done = command.output().with_context(|| format!("starting {}", sh::shown(&command)))?;
        Ok((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()))
    }
}

/// The calls of a log of strace whose line names the directory. Those of other threads come first: a call that they have
/// as many of cannot be told apart, as strace counts each thread's own, and is left out.
fn calls(log: &str, dir: &str) -> Vec<Call> {
    let parse = |line: &str| {
        let (thread, rest) = line.split_once(' ')?;
        let name = rest.trim_start().split_once('(')?.0;
        Some((thread.to_string(), name.to_string()))
    };
    let named = |line: &str| {
        line.contains(&format!("{dir}/"))
            || line.contains(&format!("{dir}\""))
            || line.contains(&format!("{dir}>"))
    };
    let of_run = log.lines().find(|line| named(line)).and_then(parse).map(|(thread, _)| thread);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for line in log.lines() {
        let Some((thread, name)) = parse(line) else { continue };
        let count = counts.entry((thread.clone(), name.clone())).or_default();
        *count += 1;
        if named(line) && Some(&thread) == of_run.as_ref() {
            found.push(Call { name, nth: *count, line: line.into() });
        }
    }
    let others = |name: &str| {
        let other =
            counts.iter().filter(|((thread, of), _)| Some(thread) != of_run.as_ref() && of == name);
        other.map(|(_, count)| *count).max().unwrap_or(0)
    };
    found.retain(|call| call.nth > others(&call.name));
    found
}

fn left(run: &Path) -> anyhow::Result<Left> {
    let mut names = files::tree(run)?;
    names.sort();
    let bytes =
        names.iter().filter(|name| name.ends_with(".safetensors") || name.ends_with("config.json"));
    let bytes =
        bytes.map(|name| Ok(std::fs::read(run.join(name))?)).collect::<anyhow::Result<_>>()?;
    let text = files::read(&run.join("metrics.jsonl"))?;
    let metrics = text.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line)?;
        line.as_object_mut().context("a line is no object")?.remove("clock");
        Ok(line)
    });
    let metrics = metrics.collect::<anyhow::Result<_>>()?;
    Ok(Left { names, bytes, metrics })
}

/// Whether an error was answered as it should: the run ended as one whose storage failed, or did without the call.
pub fn is_answered(met: &Met) -> bool {
    met.is_identical && matches!(met.code, Some(0 | 5)) && !met.said.contains("panicked")
}

/// Meets every point, or one of `--stride`, and prints a line of JSON.
///
/// # Errors
/// When a point is not answered as it should be.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut stride, mut with_errors) = (1usize, false);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("stride") => stride = parser.value()?.parse()?,
            Long("errors") => with_errors = true,
            other => return Err(other.unexpected().into()),
        }
    }
    let snn = sh::build_snn()?;
    let place = sh::root().join("target/crash");
    files::remove(&place)?;
    std::fs::create_dir_all(&place)?;
    let crash = Crash::new(&snn, &place)?;
    let calls = crash.calls()?;
    let faults: Vec<Fault> = match with_errors {
        true => ERRORS.map(Fault::Error).to_vec(),
        false => vec![Fault::Kill],
    };
    let (mut points, mut identical, mut wrong) = (0, 0, Vec::new());
    for call in calls.iter().step_by(stride.max(1)) {
        for fault in &faults {
            let met = crash.meet(call, *fault)?;
            let is_right = if *fault == Fault::Kill { met.is_identical } else { is_answered(&met) };
            points += 1;
            identical += usize::from(met.is_identical);
            if !is_right {
                sh::say(&format!("{fault:?} at {}: {met:?}", call.line));
                wrong.push(call.line.clone());
            }
        }
    }
    files::remove(&place)?;
    let kind = if with_errors { "errors" } else { "kills" };
    sh::print(&json!({"kind": kind, "calls": calls.len(), "points": points, "identical": identical, "wrong": wrong.len()}).to_string())?;
    ensure!(wrong.is_empty(), "{} points are not answered as they should be", wrong.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_thread_and_those_that_another_has_too_are_left_out() {
        let log = "\
1 openat(AT_FDCWD, \"/etc/x\") = 3
1 openat(AT_FDCWD, \"/etc/y\") = 3
2 openat(AT_FDCWD, \"/proc/z\") = 3
2 openat(AT_FDCWD, \"/r/run/lock\") = 3
2 write(3</r/run/lock>, \"\"..., 6) = 6
2 write(4</r/running>, \"\"..., 6) = 6
2 openat(AT_FDCWD, \"/r/run\") = 4
2 fsync(4</r/run>) = 0
+++ exited +++
";
        let found: Vec<_> =
            calls(log, "/r/run").into_iter().map(|call| (call.name, call.nth)).collect();
        let expected = [("write", 1), ("openat", 3), ("fsync", 1)];
        assert_eq!(found, expected.map(|(name, nth)| (name.to_string(), nth)));
    }
}
