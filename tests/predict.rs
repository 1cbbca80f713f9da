//! `snn predict`: files get the answers that `snn eval --exact` counts, prepared as the checkpoint says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::util::{self, TINY, run};

const CLASSES: [&str; 3] = ["left", "right", "top"];

/// Pictures of three classes, told apart by which half is bright, not all of one size; returns the test files.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut tests = Vec::new();
    for (side, n) in [("train", 8), ("test", 5)] {
        for (class, name) in CLASSES.into_iter().enumerate() {
            let dir = folder.join(side).join(name);
            fs::create_dir_all(&dir)?;
            for i in 0..n {
                let (width, height) = [(16, 16), (24, 20)][i % 2];
                let bright =
                    |x: usize, y: usize| [x < width / 2, x >= width / 2, y < height / 2][class];
                let noise =
                    |x: usize, y: usize| ((x * 7 + y * 13 + i * 29 + class * 31) % 60) as u8;
                let pixel = |x, y| [noise(x, y) + if bright(x, y) { 180 } else { 20 }; 3];
                let path = dir.join(format!("{i}.png"));
                fs::write(&path, util::png(width, height, pixel)?)?;
                if side == "test" {
                    tests.push(path);
                }
            }
        }
    }
    Ok(tests)
}

fn objects(out: &str) -> Result<Vec<Value>> {
    out.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

#[test]
fn every_test_file_gets_the_answer_that_eval_counts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("pictures");
    let files = pictures(&data)?;
    let (data, name) = (data.display().to_string(), "data.name=image_folder");
    let more = ["--data", data.as_str(), "--set", name, "--set", "schedule.epochs=4"];
    let checkpoint = util::train(folder.path(), "run", TINY, &more)?.join("checkpoint");
    let checkpoint = checkpoint.display().to_string();
    let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let predict = |more: &[&str], files: &[&str]| {
        run(&[&["predict", checkpoint.as_str(), "--json"], more, files].concat())
    };

    let ended = predict(&[], &files)?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let answers = objects(&ended.out)?;
    ensure!(answers.len() == files.len(), "{}", ended.out);
    let mut right = 0;
    for (answer, file) in answers.iter().zip(&files) {
        ensure!(answer["file"] == *file, "{answer}");
        let class = answer["class"].as_str().context("class")?;
        let probability = answer["probability"].as_f64().context("probability")?;
        let steps = answer["per_step"].as_array().context("per_step")?;
        let top = answer["top"].as_array().context("top")?;
        ensure!(steps.len() == 2 && top.len() == 3 && top[0]["class"] == class, "{answer}");
        let sum: f64 = top.iter().filter_map(|of| of["probability"].as_f64()).sum();
        ensure!((sum - 1.0).abs() < 1e-9 && probability > 0.3, "{answer}");
        right += usize::from(file.contains(&format!("/{class}/")));
    }
    let eval = run(&["eval", &checkpoint, "--data", &data, "--exact", "--json"])?;
    let eval: Value = serde_json::from_str(&eval.out).with_context(|| format!("{eval:?}"))?;
    let counted = eval["top1"].as_f64().context("top1")? / 100.0 * files.len() as f64;
    ensure!((counted - right as f64).abs() < 1e-6 && eval["exact"] == true, "{right}, {eval}");

    // Who stops early has the steps and the answers that eval counts, and no others than without stopping.
    let sure = |answer: &Value| {
        let of = |at: usize| answer["top"][at]["probability"].as_f64().unwrap_or(f64::NAN);
        of(0) - of(1)
    };
    // Some of the samples stop early at the middle ones, some do not.
    let margins = [0.0, sure(&answers[0]) / 2.0, sure(&answers[0]), 1.0];
    let list = margins.map(|margin| margin.to_string()).join(",");
    let eval =
        run(&["eval", &checkpoint, "--data", &data, "--exact", "--json", "--exit-margin", &list])?;
    let eval: Value = serde_json::from_str(&eval.out).with_context(|| format!("{eval:?}"))?;
    let mut all_steps = Vec::new();
    for (at, margin) in margins.into_iter().enumerate() {
        let stopped = objects(&predict(&["--exit-margin", &margin.to_string()], &files)?.out)?;
        let (mut steps, mut right) = (0, 0);
        for ((early, whole), file) in stopped.iter().zip(&answers).zip(&files) {
            let taken = early["steps"].as_u64().context("steps")?;
            let alone = |answer: &Value| {
                answer["per_step"].as_array().map(|steps| steps[..taken as usize].to_vec())
            };
            ensure!(alone(early) == alone(whole), "{early} {whole}");
            ensure!(taken < 2 || early["top"] == whole["top"], "{early} {whole}");
            let class = early["class"].as_str().context("class")?;
            (steps, right) =
                (steps + taken, right + u64::from(file.contains(&format!("/{class}/"))));
        }
        let (exit, n) = (&eval["early_exit"][at], files.len() as f64);
        let counted = |name: &str| exit[name].as_f64().context("early_exit");
        ensure!(stopped.len() == files.len() && exit["margin"] == margin, "{exit}");
        ensure!((counted("mean_steps")? * n - steps as f64).abs() < 1e-9, "{steps} {exit}");
        ensure!((counted("top1")? / 100.0 * n - right as f64).abs() < 1e-9, "{right} {exit}");
        all_steps.push(steps);
    }
    ensure!(all_steps[0] < all_steps[3] && all_steps[3] == 2 * files.len() as u64, "{all_steps:?}");
    let words = run(&["predict", &checkpoint, "--exit-margin", "0", files[0]])?;
    ensure!(words.out.trim_end().ends_with("; stopped after 1 of 2"), "{words:?}");
    for margin in ["-0.1", "1.5", "nan", "x"] {
        let refused = run(&["eval", &checkpoint, &format!("--exit-margin={margin}")])?;
        ensure!(refused.code == Some(1) && refused.err.contains("from 0 to 1"), "{refused:?}");
    }

    // Alone as among the others, and in words.
    ensure!(objects(&predict(&[], &files[3..4])?.out)?[0] == answers[3], "{}", files[3]);
    let words = run(&["predict", &checkpoint, "--top", "1", files[0]])?;
    let class = answers[0]["class"].as_str().context("class")?;
    ensure!(words.out.starts_with(&format!("{}: {class} ", files[0])), "{words:?}");

    // The output says that files were prepared otherwise; a key that does not exist is refused.
    let changed = predict(&["--set", "data.crop=1.0"], &files[1..2])?;
    let said = objects(&changed.out)?[0]["prepared"].to_string();
    ensure!(said.contains("data.crop=1.0") && said.contains("0.875"), "{changed:?}");
    for (set, named) in
        [("data.corp=1.0", "corp"), ("data.crop=7", "crop"), ("model.t_steps=1", "data.")]
    {
        let refused = predict(&["--set", set], &files[..1])?;
        ensure!(refused.code == Some(1) && refused.err.contains(named), "{set}: {refused:?}");
    }
    let text = folder.path().join("text.png");
    fs::write(&text, "text")?;
    for file in [text.display().to_string(), "no-such.png".into()] {
        let refused = predict(&[], &[&file])?;
        ensure!(refused.code == Some(2) && refused.err.contains(&file), "{refused:?}");
    }
    Ok(())
}

#[test]
fn older_checkpoint_is_asked_for_its_data_set() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let picture = folder.path().join("picture.png");
    fs::write(&picture, util::png(16, 16, |x, y| [10 * x as u8, 15 * y as u8, 99])?)?;
    let checkpoint = xtask::sh::root().join("data/golden/run-1/finished/checkpoint");
    let (checkpoint, picture) = (checkpoint.display().to_string(), picture.display().to_string());
    let ended = run(&["predict", &checkpoint, &picture, "--json"])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let said = objects(&ended.out)?[0]["prepared"].to_string();
    ensure!(said.contains("no preprocess") && said.contains("synthetic"), "{said}");
    Ok(())
}
