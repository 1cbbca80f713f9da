//! `cargo xtask bench`: times `snn bench` case by case and, where a Python environment is named, in turn with what a user
//! would take instead. Figures drift on a shared computer; only those taken in turn can be compared.

mod cases;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use lexopt::prelude::*;
use serde_json::Value;

use crate::{files, sh};
use cases::{Case, Contender, cases};

/// Reads the arguments that follow `bench` and obeys them.
///
/// # Errors
/// Wrong arguments, or `snn bench` fails. A peer that fails is no error: its row in the table says `failed`.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut venv, mut rounds, mut limit) = (None, 5usize, 600u64);
    let (mut only, mut against) = (String::new(), String::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("peers") => venv = Some(std::path::absolute(parser.value()?)?),
            Long("rounds") => rounds = parser.value()?.parse()?,
            Long("limit") => limit = parser.value()?.parse()?,
            Long("only") => only = parser.value()?.string()?,
            Long("against") => against = parser.value()?.string()?,
            Short('h') | Long("help") => {
                sh::print(crate::help::HELP)?;
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(rounds >= 1, "--rounds is 0; use 1 or more");
    let limit = Duration::from_secs(limit);
    let python = venv.map(|venv: PathBuf| venv.join("bin/python"));
    if let Some(python) = &python {
        ensure!(
            python.is_file(),
            "{}: no such file; data/reference/README.md says how to make it",
            python.display()
        );
    }
    let snn = sh::build_snn()?;
    let mut csv = String::from("case,who,median_s,min_s,max_s,peak_rss_mb,rounds,times_ours\n");
    let mut markdown = String::from(
        "| case | who | median s | min | max | peak MB | times ours |\n|---|---|---|---|---|---|---|\n",
    );
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.name.contains(&only)).collect();
    ensure!(!cases.is_empty(), "--only {only}: no case has that in its name");
    let chosen = |who: &Contender| !who.ours && who.name.contains(&against);
    let is_raced = cases.iter().flat_map(|case| &case.contenders).any(chosen);
    ensure!(is_raced, "--against {against}: no peer of these cases has that in its name");
    for case in &cases {
        let here = |who: &&Contender| who.ours || (python.is_some() && chosen(who));
        // The times of each, or why it has none: such a peer is not tried again.
        let mut times: Vec<(&Contender, Result<Vec<Time>, String>)> =
            case.contenders.iter().filter(here).map(|who| (who, Ok(Vec::new()))).collect();
        for _ in 0..rounds {
            for (who, slot) in &mut times {
                let Ok(times) = slot else { continue };
                match time(command(&snn, python.as_deref(), case, who), limit) {
                    Ok(Some(time)) => times.push(time),
                    Ok(None) => {
                        let why = format!("stopped after {} s", limit.as_secs());
                        sh::say(&why);
                        *slot = Err(why);
                    }
                    Err(error) if who.ours => return Err(error),
                    Err(error) => {
                        sh::say(&format!("{error:#}"));
                        *slot = Err("failed".into());
                    }
                }
            }
        }
        let ours = times.first().and_then(|(_, times)| Summary::of(times.as_deref().ok()?));
        for (who, times) in &times {
            let (case, who) = (&case.name, who.name);
            let times = match times {
                Ok(times) => times,
                Err(why) => {
                    let _ = writeln!(csv, "\"{case}\",{who},,,,,{why},");
                    let _ = writeln!(markdown, "| {case} | {who} | {why} | | | | |");
                    continue;
                }
            };
            let s = Summary::of(times).context("nothing was timed")?;
            // None where ours was stopped.
            let ratio = |digits| match &ours {
                Some(ours) => format!("{:.digits$}", s.median / ours.median),
                None => String::new(),
            };
            let Summary { median, min, max, peak } = s;
            let _ = writeln!(
                csv,
                "\"{case}\",{who},{median:.6},{min:.6},{max:.6},{peak:.0},{rounds},{}",
                ratio(3)
            );
            let _ = writeln!(
                markdown,
                "| {case} | {who} | {median:.4} | {min:.4} | {max:.4} | {peak:.0} | {} |",
                ratio(2)
            );
        }
        // What is known so far, should the rest be interrupted.
        files::write(&sh::root().join("runs/bench.csv"), &csv)?;
    }
    sh::print(&markdown)?;
    sh::say("written: runs/bench.csv");
    Ok(())
}

fn command(snn: &Path, python: Option<&Path>, case: &Case, who: &Contender) -> Command {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let mut command = match python.filter(|_| !who.ours) {
        Some(python) => sh::command(python, &["data/reference/peer_bench.py"]),
        None => sh::command(snn, &["bench", "--json", "--quiet"]),
    };
    command.args(&case.args).args(who.args).args(["--threads", &threads]);
    command
}

/// A program's median in seconds and its peak in MB.
type Time = (f64, f64);

/// Runs one program and returns what it measured, or nothing where it was stopped at the limit.
fn time(command: Command, limit: Duration) -> anyhow::Result<Option<Time>> {
    let text = sh::shown(&command);
    sh::say(&format!("$ {text}"));
    let Some(out) = sh::output_within(command, limit)? else { return Ok(None) };
    let line = out
        .lines()
        .rfind(|line| line.starts_with('{'))
        .with_context(|| format!("`{text}` printed no JSON"))?;
    let json: Value =
        serde_json::from_str(line).with_context(|| format!("reading what `{text}` printed"))?;
    let field =
        |name: &str| json[name].as_f64().with_context(|| format!("`{text}` printed no {name}"));
    Ok(Some((field("median_s")?, field("peak_rss_mb")?)))
}

struct Summary {
    median: f64,
    min: f64,
    max: f64,
    peak: f64,
}

impl Summary {
    fn of(times: &[Time]) -> Option<Self> {
        let mut seconds: Vec<f64> = times.iter().map(|t| t.0).collect();
        seconds.sort_by(f64::total_cmp);
        let n = seconds.len();
        let median = (seconds.get(n.checked_sub(1)? / 2)? + seconds.get(n / 2)?) / 2.0;
        let peak = times.iter().map(|t| t.1).fold(0.0, f64::max);
        Some(Self { median, min: *seconds.first()?, max: *seconds.last()?, peak })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn summary_takes_the_middle() {
        let s = super::Summary::of(&[(3.0, 10.0), (1.0, 30.0), (2.0, 20.0), (9.0, 5.0)]).unwrap();
        assert_eq!((s.median, s.min, s.max, s.peak), (2.5, 1.0, 9.0, 30.0));
        assert!(super::Summary::of(&[]).is_none());
    }
}
