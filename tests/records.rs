//! What `snn train` writes is what `cargo xtask` reads: a run of this version, and one of format 1.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::reproduce::outcome;

use crate::util::{self, TINY};

/// Reads a run's folder as the reports do and holds every figure against the files.
fn read(run: &Path, epochs: usize) -> Result<()> {
    let read = outcome::read(run)?;
    let result: Value = serde_json::from_slice(&fs::read(run.join("result.json"))?)?;
    let is = |name: &str, value: f64| -> Result<()> {
        ensure!(result[name].as_f64() == Some(value), "{name}: {} {value}", result[name]);
        Ok(())
    };
    let got = &read.result;
    is("top1", got.top1)?;
    is("top5", got.top5)?;
    is("aurc_softmax", got.aurc_softmax)?;
    is("aurc_logit", got.aurc_logit)?;
    is("best_top1", got.best_top1)?;
    is("seconds", got.seconds)?;
    is("peak_rss_mb", got.peak_rss_mb)?;
    is("t_steps", got.t_steps as f64)?;
    let texts = [&got.dataset, &got.split, &got.split_hash, &got.engine, &got.precision];
    for (name, text) in
        ["dataset", "split", "split_hash", "engine", "precision"].into_iter().zip(texts)
    {
        ensure!(result[name] == text.as_str(), "{name}: {} {text}", result[name]);
    }
    ensure!(read.curve.len() == epochs, "{} epochs", read.curve.len());
    let last = read.curve.last().context("no epoch")?;
    let test = last.test.as_ref().context("the last epoch is evaluated")?;
    ensure!(test.top1 == got.top1 && last.train_loss.is_finite(), "{last:?}");
    Ok(())
}

#[test]
fn a_run_of_this_version_is_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    read(&util::train(folder.path(), "run", TINY, &[])?, 2)
}

#[test]
fn a_run_of_format_1_is_read() -> Result<()> {
    read(&xtask::sh::root().join("data/golden/run-1/finished"), 3)
}
