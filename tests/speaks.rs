//! What a run says for itself, and the commands that look at one that is not finished.

use std::fs;

use anyhow::{Result, ensure};

use crate::util::{self, TINY, run};

#[test]
fn a_run_says_what_data_network_and_plan_it_has() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recipe = util::recipe(folder.path(), TINY)?;
    let place = folder.path().join("run").display().to_string();
    let ended =
        run(&["train", &recipe, "--run", &place, "--threads", "1", "--engine", "portable"])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    for line in [
        " INFO data: synthetic (synthetic/generated), 64 training and 32 test samples, 10 classes\n",
        " INFO model: vgg_snn, ",
        " MACs a sample over T = 2, 8 LIF layers\n",
        " INFO plan: 2 epochs, 16 steps of 8 samples, 1 threads, engine portable\n",
    ] {
        ensure!(ended.err.contains(line), "{line:?} is missing in {}", ended.err);
    }
    Ok(())
}

#[test]
fn a_schedule_that_cannot_be_meant_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (at, (set, words)) in [
        ("schedule.warmup_epochs=5", "schedule.warmup_epochs is 5 of 2 epochs"),
        ("schedule.min_lr=0.5", "schedule.min_lr is 0.5, above optimizer.lr 0.01"),
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = util::recipe(folder.path(), TINY)?;
        let place = folder.path().join(at.to_string()).display().to_string();
        let ended = run(&["-q", "train", &recipe, "--run", &place, "--set", set])?;
        ensure!(ended.code == Some(0) && ended.err.contains(words), "{ended:?}");
    }
    Ok(())
}

#[test]
fn a_run_that_is_not_finished_is_exported_and_evaluated() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    fs::remove_dir_all(dir.join("checkpoint"))?;
    fs::remove_file(dir.join("result.json"))?;
    let (place, out) = (dir.display().to_string(), folder.path().join("out").display().to_string());
    let ended = run(&["eval", &place])?;
    ensure!(
        ended.code == Some(2) && ended.err.contains(&format!("snn export {place} --out")),
        "{ended:?}"
    );
    let ended = run(&["export", &place, "--out", &out])?;
    ensure!(
        ended.code == Some(0) && ended.out.contains("step 16, epoch 2, test top-1"),
        "{ended:?}"
    );
    let said = ended.out.split("top-1 ").nth(1).unwrap_or_default().trim().to_string();
    let ended = run(&["eval", &out])?;
    ensure!(
        ended.code == Some(0) && ended.out.contains(&format!("top-1 {said}")),
        "{said} {ended:?}"
    );
    let ended = run(&["export", &place, "--out", &out])?;
    ensure!(ended.code == Some(2) && ended.err.contains("already"), "{ended:?}");
    let ended = run(&["export", &place, "--step", "3", "--best", "--out", &out])?;
    ensure!(ended.code == Some(1), "{ended:?}");
    Ok(())
}

/// A folder of pictures, a colour a class.
fn pictures(folder: &std::path::Path, classes: [&str; 2]) -> Result<()> {
    for (at, class) in classes.into_iter().enumerate() {
        for (side, n) in [("train", 8), ("test", 4)] {
            let place = folder.join(side).join(class);
            fs::create_dir_all(&place)?;
            for k in 0..n {
                let picture = util::png(16, 16, |x, y| {
                    let mut pixel = [(x * 13 + y * 7 + k * 5) as u8 % 60; 3];
                    pixel[at] += 150;
                    pixel
                })?;
                fs::write(place.join(format!("{k}.png")), picture)?;
            }
        }
    }
    Ok(())
}

#[test]
fn classes_are_known_by_their_names() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (own, renamed) = (folder.path().join("own"), folder.path().join("renamed"));
    pictures(&own, ["a", "b"])?;
    pictures(&renamed, ["z", "b"])?;
    let text = TINY
        .replace("synthetic", "image_folder")
        .replace("limit_train = 64\nlimit_test = 32\n", "");
    let text = text.replace("vgg_snn", "sew_resnet19").replace("batch = 8", "batch = 4");
    let dir = util::train(folder.path(), "run", &text, &["--data", &own.display().to_string()])?;
    let path = dir.join("checkpoint").display().to_string();
    let eval =
        |data: &std::path::Path| run(&["eval", &path, "--data", &data.display().to_string()]);
    let ended = eval(&own)?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let ended = eval(&renamed)?;
    ensure!(ended.code == Some(2) && ended.err.contains("a here, z there"), "{ended:?}");
    Ok(())
}

#[test]
fn a_run_goes_on_to_more_epochs_when_asked_to() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    let more = ["--resume", "--set", "schedule.epochs=3"];
    let (recipe, place) = (util::recipe(folder.path(), TINY)?, dir.display().to_string());
    let ended = run(&[&["train", recipe.as_str(), "--run", place.as_str()], &more[..]].concat())?;
    ensure!(
        ended.code == Some(1) && ended.err.contains("schedule.epochs was 2, is 3"),
        "{ended:?}"
    );
    util::train(folder.path(), "run", TINY, &[&more[..], &["--extend"]].concat())?;
    ensure!(util::metrics(&dir)?.len() == 3);
    Ok(())
}

#[test]
fn values_of_another_kind_are_answered_by_what_the_key_takes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recipe = util::recipe(folder.path(), TINY)?;
    let place = folder.path().join("run").display().to_string();
    for (set, words) in [
        ("train.batch=-1", "train.batch is -1; use 1 to 16777216"),
        ("train.precision=3", "train.precision is 3; use `f32`, `bf16`"),
        ("loss.kind=3", "loss.kind is 3; use `ce`, `ls`, `tet`, `tks`, `tks-paper`"),
        ("model.architecture=3", "model.architecture is 3; use `resnet19`"),
        ("data.split=3", "data.split is 3; use a text"),
        ("optimizer.weight_decay=1e308", "optimizer.weight_decay is 1e308; use 0 to 1"),
        ("optimizer.lr=1e308", "optimizer.lr is 1e308; use 0 or a number that f32 holds"),
        ("loss.temperature=1e-320", "loss.temperature is 1e-320; use 0 or a number that f32 holds"),
        ("model.width=1e308", "model.width is 1e308; use above 0"),
    ] {
        let ended = run(&["train", &recipe, "--run", &place, "--set", set])?;
        ensure!(ended.code == Some(1) && ended.err.contains(words), "{ended:?}");
    }
    let text = TINY.replace("batch = 8", "batch = -8");
    let line = 1 + text.lines().position(|line| line == "batch = -8").unwrap_or_default();
    let recipe = util::recipe(folder.path(), &text)?;
    let ended = run(&["train", &recipe, "--run", &place])?;
    ensure!(ended.err.contains(&format!("line {line}: train.batch is -8; use 1 to")), "{ended:?}");
    ensure!(!folder.path().join("run").exists());
    Ok(())
}
