//! `cargo xtask fuzz`: feeds snn-data's readers with bytes that libFuzzer makes up, in the workspace `tests/fuzz`.

use std::path::Path;

use anyhow::{Context, ensure};
use lexopt::prelude::*;

use crate::sh;

/// Reads the arguments that follow `fuzz` and obeys them.
///
/// # Errors
/// Wrong arguments, a missing cargo-fuzz, or a target that crashed: its input lies in target/fuzz/TARGET.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut only, mut seconds) = (String::from("all"), 60u32);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => seconds = parser.value()?.parse()?,
            Short('h') | Long("help") => {
                sh::print(crate::help::HELP)?;
                return Ok(());
            }
            Value(name) => only = name.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let root = sh::root();
    let all = targets(&root)?;
    let names = all.join(", ");
    let chosen: Vec<&String> = all.iter().filter(|name| only == "all" || only == **name).collect();
    ensure!(!chosen.is_empty(), "no target `{only}`; use all or one of {names}");
    for name in chosen {
        target(&root, name, seconds)?;
    }
    Ok(())
}

/// The names of the files in `tests/fuzz/targets`.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("tests/fuzz/targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Runs one target from what it found before and the hostile files on.
fn target(root: &Path, name: &str, seconds: u32) -> anyhow::Result<()> {
    let folder = root.join("target/fuzz").join(name);
    let corpus = folder.join("corpus");
    std::fs::create_dir_all(&corpus).with_context(|| format!("making {}", corpus.display()))?;
    let corpus = corpus.display().to_string();
    let time = format!("-max_total_time={seconds}");
    let crashes = format!("-artifact_prefix={}/", folder.display());
    let mut fuzz = sh::command("cargo", &["fuzz", "run", "--fuzz-dir", "tests/fuzz"]);
    // The stable compiler's sanitizers are switched on by unstable flags.
    fuzz.env("RUSTC_BOOTSTRAP", "1");
    fuzz.args(["--target-dir", "target/fuzz/build", name, corpus.as_str(), "data/hostile", "--"]);
    fuzz.args([&time, &crashes, "-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    sh::run(fuzz).with_context(|| {
        format!("fuzzing {name}; needs `cargo install cargo-fuzz` and a C++ compiler")
    })
}
