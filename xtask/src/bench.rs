//! `cargo xtask bench`: times `snn bench` case by case and, where a Python environment is named, in turn with what a user
//! would take instead. Figures drift on a shared computer; only those taken in turn can be compared.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use lexopt::prelude::*;
use serde_json::Value;

use crate::{files, sh};

/// A case: its name, the arguments that both programs understand, and those that only the peers do.
struct Case {
    name: &'static str,
    args: &'static [&'static str],
    peers: &'static [(&'static str, &'static [&'static str])],
}

const CASES: &[Case] = &[
    Case {
        name: "train resnet19 f32",
        args: &[
            "train",
            "--model",
            "resnet19",
            "--batch",
            "32",
            "--t-steps",
            "4",
            "--precision",
            "f32",
            "--runs",
            "1",
        ],
        peers: &[("spikingjelly", &["--lib", "spikingjelly"])],
    },
    Case {
        name: "infer resnet19 f32",
        args: &[
            "infer",
            "--model",
            "resnet19",
            "--batch",
            "32",
            "--t-steps",
            "4",
            "--precision",
            "f32",
            "--runs",
            "1",
        ],
        peers: &[("spikingjelly", &["--lib", "spikingjelly"])],
    },
    Case {
        name: "lif f32",
        args: &["lif", "--shape", "4,32,128,32,32", "--precision", "f32", "--runs", "5"],
        peers: &[
            ("spikingjelly", &["--lib", "spikingjelly"]),
            ("spikingjelly compiled", &["--lib", "spikingjelly", "--compile"]),
        ],
    },
];

/// Reads the arguments that follow `bench` and obeys them.
///
/// # Errors
/// Wrong arguments, or a program that fails.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut venv, mut rounds) = (None, 5usize);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("peers") => venv = Some(std::path::absolute(parser.value()?)?),
            Long("rounds") => rounds = parser.value()?.parse()?,
            Short('h') | Long("help") => {
                sh::print(crate::HELP)?;
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(rounds >= 1, "--rounds is 0; use 1 or more");
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
    for case in CASES {
        let mut contenders = vec![("snn", Vec::new())];
        for round in 0..rounds {
            time(&mut contenders[0].1, ours(&snn, case))?;
            let Some(python) = &python else { continue };
            for (at, (who, extra)) in case.peers.iter().enumerate() {
                if round == 0 {
                    contenders.push((who, Vec::new()));
                }
                time(&mut contenders[at + 1].1, peer(python, case, extra))?;
            }
        }
        let mut base = None;
        for (who, times) in &contenders {
            let s = Summary::of(times).context("nothing was timed")?;
            let ratio = s.median / *base.get_or_insert(s.median);
            let Summary { median, min, max, peak } = s;
            let _ = writeln!(
                csv,
                "{},{who},{median:.5},{min:.5},{max:.5},{peak:.0},{rounds},{ratio:.3}",
                case.name
            );
            let _ = writeln!(
                markdown,
                "| {} | {who} | {median:.4} | {min:.4} | {max:.4} | {peak:.0} | {ratio:.2} |",
                case.name
            );
        }
    }
    files::write(&sh::root().join("runs/bench.csv"), &csv)?;
    sh::print(&markdown)?;
    sh::say("written: runs/bench.csv");
    Ok(())
}

fn ours(snn: &PathBuf, case: &Case) -> Command {
    let mut command = sh::command(snn, &["bench"]);
    command.args(case.args).args(["--json", "--quiet"]);
    command
}

fn peer(python: &PathBuf, case: &Case, extra: &[&str]) -> Command {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let mut command = sh::command(python, &["data/reference/peer_bench.py"]);
    command.args(case.args).args(extra).args(["--threads", &threads]);
    command
}

/// Runs one program and keeps its median and its peak.
fn time(into: &mut Vec<(f64, f64)>, command: Command) -> anyhow::Result<()> {
    let text = sh::shown(&command);
    sh::say(&format!("$ {text}"));
    let out = sh::output(command)?;
    let line = out
        .lines()
        .rfind(|line| line.starts_with('{'))
        .with_context(|| format!("`{text}` printed no JSON"))?;
    let json: Value =
        serde_json::from_str(line).with_context(|| format!("reading what `{text}` printed"))?;
    let field =
        |name: &str| json[name].as_f64().with_context(|| format!("`{text}` printed no {name}"));
    into.push((field("median_s")?, field("peak_rss_mb")?));
    Ok(())
}

struct Summary {
    median: f64,
    min: f64,
    max: f64,
    peak: f64,
}

impl Summary {
    fn of(times: &[(f64, f64)]) -> Option<Self> {
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
    fn ours_is_a_command_of_snn_bench() {
        for case in super::CASES {
            let command = super::ours(&"snn".into(), case);
            let args: Vec<_> = command.get_args().filter_map(|a| a.to_str()).collect();
            assert_eq!(args[0], "bench");
            assert!(["train", "infer", "lif"].contains(&args[1]), "{args:?}");
            assert_eq!(args[args.len() - 2..], ["--json", "--quiet"]);
        }
    }

    #[test]
    fn summary_takes_the_middle() {
        let s = super::Summary::of(&[(3.0, 10.0), (1.0, 30.0), (2.0, 20.0), (9.0, 5.0)]).unwrap();
        assert_eq!((s.median, s.min, s.max, s.peak), (2.5, 1.0, 9.0, 30.0));
        assert!(super::Summary::of(&[]).is_none());
    }
}
