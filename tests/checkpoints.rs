//! The checkpoints of data/checkpoints: each gives its card's figures again, to the last digit where the card's kernels and
//! data are here.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use snn_needs::{Need, shared_data, skipped};

use crate::cards::check_card;
use crate::util::run;

/// Folders of real data, for sets that are not embedded.
const SHARED: [(&str, &str); 6] = [
    ("cifar10", "cifar10-small"),
    ("nmnist", "n-mnist-1100"),
    ("poker_dvs", "poker-dvs"),
    ("cwru", "cwru-1797"),
    ("mfpt", "mfpt"),
    ("lidar_objects", "lidar-objects-500"),
];
/// Bytes that the checkpoints may take of a clone.
const MOST: u64 = 12 << 20;

fn checkpoints() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(xtask::sh::root().join("data/checkpoints"))? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn json(path: &Path) -> Result<Value> {
    serde_json::from_str(&fs::read_to_string(path)?).with_context(|| path.display().to_string())
}

#[test]
fn every_checkpoint_is_what_its_card_says() -> Result<()> {
    let (found, mut bytes) = (checkpoints()?, 0);
    ensure!(!found.is_empty(), "none");
    for dir in found {
        let name = dir.file_name().and_then(|name| name.to_str()).context("name")?;
        let figures = json(&dir.join("metrics.json"))?;
        let set = figures["data"]["name"].as_str().context("data")?;
        ensure!(name.starts_with(&format!("{}-", set.replace('_', "-"))), "{name} is of {set}");
        for entry in fs::read_dir(&dir)? {
            bytes += entry?.metadata()?.len();
        }
        check_card(&dir).with_context(|| name.to_owned())?;
        measure(&dir, &figures, set).with_context(|| name.to_owned())?;
    }
    ensure!(bytes <= MOST, "{bytes} bytes");
    Ok(())
}

/// Evaluates a checkpoint and compares.
fn measure(dir: &Path, figures: &Value, set: &str) -> Result<()> {
    let measured = &figures["measured"];
    let engine = measured["engine"].as_str().context("a card without measurements")?;
    let checkpoint = dir.display().to_string();
    let mut margins = Vec::new();
    for exit in measured["early_exit"].as_array().context("early_exit")? {
        margins.push(exit["margin"].to_string());
    }
    let margins = margins.join(",");
    let mut args = vec!["eval", &checkpoint, "--json", "--engine", engine];
    if !margins.is_empty() {
        args.extend(["--exit-margin", &margins]);
    }
    let folder = match SHARED.iter().find(|(name, _)| *name == set) {
        None => None,
        Some((_, folder)) => match shared_data() {
            Some(shared) => Some(shared.join(folder).display().to_string()),
            None => return Ok(()),
        },
    };
    if let Some(folder) = &folder {
        args.extend(["--data", folder]);
    }
    let ended = run(&args)?;
    if ended.code == Some(1) && ended.err.contains(&format!("engine {engine}")) {
        skipped(Need::GoldenInstructions);
        return Ok(());
    }
    ensure!(ended.code == Some(0), "{ended:?}");
    let eval: Value = serde_json::from_str(&ended.out)?;
    if folder.is_some() && eval["other_data"] == true {
        skipped(Need::SharedData);
        return Ok(());
    }
    ensure!(eval["split_hash"] == figures["data"]["split_hash"], "{eval}");
    if eval["instructions"] != measured["instructions"] {
        skipped(Need::GoldenInstructions);
        return Ok(());
    }
    for (name, value) in figures["test"].as_object().context("test")? {
        ensure!(eval[name] == *value, "{name}: {} now, {value} on the card", eval[name]);
    }
    ensure!(eval["work"] == measured["sample_work"], "work: {}", eval["work"]);
    let exits = eval.get("early_exit").unwrap_or(&Value::Array(Vec::new())).clone();
    ensure!(exits == measured["early_exit"], "{exits}");
    Ok(())
}

/// The example of the README: its command is run, and its output is what stands there.
#[test]
fn the_readme_shows_what_predict_prints() -> Result<()> {
    let readme = fs::read_to_string(xtask::sh::root().join("README.md"))?;
    let begin = "cargo run --release -p snn-cli -- predict ";
    let (_, rest) = readme.split_once(begin).context("no example")?;
    let (command, rest) = rest.split_once('\n').context("no output")?;
    let words: Vec<&str> = command.split_whitespace().collect();
    let [checkpoint, file, ..] = words.as_slice() else { anyhow::bail!("{command}") };
    let said =
        rest.lines().find(|line| line.starts_with(&format!("{file}: "))).context("no output")?;
    let figures = json(&xtask::sh::root().join(checkpoint).join("metrics.json"))?;
    let engine = figures["measured"]["engine"].as_str().context("engine")?;
    let ended = run(&[&["predict"], words.as_slice()].concat())?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let answer = |line: &str| line.split(' ').nth(1).map(str::to_owned);
    ensure!(answer(&ended.out) == answer(said), "{said}\n{}", ended.out);
    let doctor: Value = serde_json::from_str(&run(&["doctor", "--json"])?.out)?;
    if doctor["engine"] != engine {
        skipped(Need::GoldenInstructions);
        return Ok(());
    }
    ensure!(ended.out.trim_end() == said, "{said}\n{}", ended.out);
    Ok(())
}
