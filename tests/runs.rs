//! What runs leave, read by the programs that did not write it: xtask's readers, and this version of older versions' runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use xtask::reproduce::outcome;

use crate::util::{self, TINY, metrics, run, weights};

fn golden(name: &str) -> PathBuf {
    xtask::sh::root().join("data/golden/run-1").join(name)
}

#[test]
fn xtask_reads_what_a_run_wrote() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    let ours = outcome::read(&dir)?;
    ensure!(ours.result.dataset == "synthetic" && ours.result.t_steps == 2, "{ours:?}");
    let last = ours.curve.last().and_then(|epoch| epoch.test.as_ref());
    ensure!(ours.curve.len() == 2 && last.is_some_and(|t| t.top1 == ours.result.top1), "{ours:?}");
    let path = dir.join("result.json");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, text.replacen("\"top1\": ", "\"top1\": 1", 1))?;
    let refused = outcome::read(&dir).unwrap_err().to_string();
    ensure!(refused.contains("top1 is not that of result.json"), "{refused}");
    let old = outcome::read(&golden("finished"))?;
    ensure!(old.result.top1 == 9.375 && old.curve.len() == 3, "{old:?}");
    Ok(())
}

#[test]
fn run_of_format_1_goes_on_and_is_evaluated() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("run");
    fs::create_dir(&dir)?;
    for entry in fs::read_dir(golden("interrupted"))? {
        let entry = entry?;
        fs::copy(entry.path(), dir.join(entry.file_name()))?;
    }
    let (recipe, place) = (dir.join("recipe.toml"), dir.display().to_string());
    let recipe = recipe.display().to_string();
    let portable = ["--engine", "portable", "--run", &place, "--resume"];
    let ended = run(&[&["train", recipe.as_str()], &portable[..]].concat())?;
    ensure!(ended.code == Some(0) && ended.err.contains("model.t_steps"), "{ended:?}");
    let same_machine = |dir: &Path| -> Result<bool> {
        // Only a run that starts writes down what it is computed with.
        let place = folder.path().join("fresh").display().to_string();
        let args = ["--engine", "portable", "--run", &place, "--set", "schedule.epochs=1"];
        let ended = run(&[&["train", recipe.as_str()], &args[..]].concat())?;
        ensure!(ended.code == Some(0), "{ended:?}");
        let read = |dir: &Path| -> Result<serde_json::Value> {
            Ok(serde_json::from_str(&fs::read_to_string(dir.join("run.json"))?)?)
        };
        Ok(read(dir)?["instructions"] == read(Path::new(&place))?["instructions"])
    };
    if same_machine(&dir)? {
        ensure!(weights(&dir)? == weights(&golden("finished"))?, "the run went on differently");
        // That version knew no firing rates.
        let known = |dir: &Path| -> Result<Vec<serde_json::Value>> {
            let mut lines = metrics(dir)?;
            for line in &mut lines {
                line["test"].as_object_mut().map(|test| test.remove("firing_rates"));
            }
            Ok(lines)
        };
        ensure!(known(&dir)? == known(&golden("finished"))?, "the metrics differ");
    } else {
        println!("skipped: the golden run was computed with other instructions");
    }
    let checkpoint = golden("finished/checkpoint").display().to_string();
    let ended = run(&["eval", &checkpoint, "--engine", "portable"])?;
    ensure!(ended.code == Some(0) && ended.out.contains("top-1 9.38 %"), "{ended:?}");
    Ok(())
}
