//! A run is a function of its recipe and data: the same bytes again, on other threads, and after any interruption.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};

use crate::util::{self, TINY, metrics, tree, weights};

/// Long enough to be caught in the middle.
fn long() -> String {
    TINY.replace("epochs = 2", "epochs = 6")
}

fn same(a: &Path, b: &Path) -> Result<()> {
    ensure!(weights(a)? == weights(b)?, "weights differ: {} {}", a.display(), b.display());
    ensure!(metrics(a)? == metrics(b)?, "metrics differ: {} {}", a.display(), b.display());
    Ok(())
}

/// Starts a run and returns once it has left a checkpoint.
fn begun(folder: &Path, name: &str, text: &str) -> Result<Child> {
    let dir = folder.join(name);
    let recipe = util::recipe(folder, text)?;
    let mut command = util::command(&["train", &recipe, "--run", &dir.display().to_string()])?;
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    util::wait_until("a first checkpoint", || util::has_step(&dir))?;
    Ok(child)
}

#[test]
fn same_seed_gives_same_bytes_on_any_number_of_threads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let one = util::train(folder.path(), "one", TINY, &["--threads", "1"])?;
    let again = util::train(folder.path(), "again", TINY, &["--threads", "1"])?;
    let two = util::train(folder.path(), "two", TINY, &["--threads", "2"])?;
    same(&one, &again)?;
    same(&one, &two)?;
    let other = util::train(folder.path(), "other", TINY, &["--set", "seed=8"])?;
    ensure!(weights(&one)? != weights(&other)?, "the seed changes nothing");
    Ok(())
}

#[test]
fn killed_run_goes_on_bit_for_bit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let whole = util::train(folder.path(), "whole", &long(), &[])?;
    let mut child = begun(folder.path(), "killed", &long())?;
    child.kill()?;
    child.wait()?;
    ensure!(!folder.path().join("killed/result.json").exists(), "it was over before the kill");
    let killed = util::train(folder.path(), "killed", &long(), &["--resume"])?;
    same(&whole, &killed)
}

#[test]
fn signal_leaves_a_checkpoint_and_its_exit_code() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let whole = util::train(folder.path(), "whole", &long(), &[])?;
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = begun(folder.path(), signal, &long())?;
        Command::new("kill").args(["-s", signal, &child.id().to_string()]).status()?;
        let status = child.wait()?;
        ensure!(status.code() == Some(code), "{signal}: {status}");
        let stopped = util::train(folder.path(), signal, &long(), &["--resume"])?;
        same(&whole, &stopped)?;
    }
    Ok(())
}

#[test]
fn finished_run_is_left_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    let before = tree(&dir)?;
    util::train(folder.path(), "run", TINY, &["--resume"])?;
    ensure!(tree(&dir)? == before, "a finished run changed");

    let (recipe, run) = (util::recipe(folder.path(), TINY)?, dir.display().to_string());
    for more in [&[][..], &["--resume", "--set", "optimizer.lr=0.5"]] {
        let ended =
            util::run(&[&["train", recipe.as_str(), "--run", run.as_str()], more].concat())?;
        ensure!(ended.code == Some(1), "a new run or another recipe in its place: {ended:?}");
        ensure!(ended.err.contains(&run), "the directory is named: {ended:?}");
    }
    ensure!(tree(&dir)? == before, "a refused command changed a finished run");
    Ok(())
}

#[test]
fn second_process_is_turned_away() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let endless = TINY.replace("epochs = 2", "epochs = 100000");
    let mut child = begun(folder.path(), "busy", &endless)?;
    let recipe = util::recipe(folder.path(), &endless)?;
    let run = folder.path().join("busy").display().to_string();
    let ended = util::run(&["train", &recipe, "--run", &run, "--resume"])?;
    ensure!(child.try_wait()?.is_none(), "the holder ended by itself");
    child.kill()?;
    child.wait()?;
    ensure!(ended.code == Some(4), "{ended:?}");
    ensure!(ended.err.contains(&child.id().to_string()), "the holder is named: {ended:?}");
    Ok(())
}

#[test]
fn damaged_newest_checkpoint_is_not_trusted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let whole = util::train(folder.path(), "whole", &long(), &[])?;
    let mut child = begun(folder.path(), "damaged", &long())?;
    let dir = folder.path().join("damaged");
    let steps = || -> Vec<_> {
        let names = fs::read_dir(&dir).into_iter().flatten().flatten().map(|e| e.path());
        let mut steps: Vec<_> = names
            .filter(|p| p.extension().is_some_and(|e| e == "safetensors"))
            .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("step-")))
            .collect();
        steps.sort();
        steps
    };
    util::wait_until("two checkpoints", || steps().len() >= 2)?;
    child.kill()?;
    child.wait()?;
    if let Some(newest) = steps().last() {
        let mut bytes = fs::read(newest)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(newest, bytes)?;
    }
    let damaged = util::train(folder.path(), "damaged", &long(), &["--resume"])?;
    same(&whole, &damaged)
}
