//! Data sets as people have them: where they are looked for, what is said of them, and files that change.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::util::{self, Ended, TINY, ended, png};

/// Three pictures a class for training and two for testing; a class's color tells it.
fn pictures(root: &Path, classes: &[&str]) -> Result<()> {
    for (side, n) in [("train", 3), ("test", 2)] {
        for (i, class) in classes.iter().enumerate() {
            let folder = root.join(side).join(class);
            fs::create_dir_all(&folder)?;
            for k in 0..n {
                let color = |x, y| [(x * 5) as u8, (40 * k + y) as u8, 200 * (i % 2) as u8];
                fs::write(folder.join(format!("{k}.png")), png(16, 16, color)?)?;
            }
        }
    }
    Ok(())
}

/// Runs `snn` in a folder with a cache there, and with SNN_DATA where it is given.
fn run_in(folder: &Path, data: Option<&Path>, args: &[&str]) -> Result<Ended> {
    let mut command = util::command(args)?;
    command.current_dir(folder).env_remove("SNN_DATA").env("SNN_CACHE", folder.join("cache"));
    data.map(|data| command.env("SNN_DATA", data));
    ended(command)
}

fn recipe(folder: &Path) -> Result<String> {
    util::recipe(folder, &TINY.replace("\"synthetic\"", "\"image_folder\""))
}

#[test]
fn data_is_found_below_snn_data_and_below_data() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (folder, named) = (place.path().join("here"), place.path().join("named"));
    fs::create_dir(&folder)?;
    let (recipe, checkpoint) = (recipe(&folder)?, "run/checkpoint");
    let train = |data: Option<&Path>| run_in(&folder, data, &["train", &recipe, "--run", "run"]);
    let lost = train(Some(&named))?;
    ensure!(lost.code == Some(2) && !folder.join("run").exists(), "{lost:?}");
    let place = |root: &Path| format!("{}", root.join("image_folder").display());
    for said in [place(&named), "data/image_folder".into(), "--data DIR".into()] {
        ensure!(lost.err.contains(&said), "`{said}` is not said: {lost:?}");
    }
    pictures(&folder.join("data/image_folder"), &["a", "b"])?;
    let trained = train(None)?;
    ensure!(trained.code == Some(0), "{trained:?}");
    for command in [
        &["eval", checkpoint, "--json"][..],
        &["data", "check", "image_folder", "--json"],
        &["data", "stats", "image_folder", "--json"],
        &["data", "show", "image_folder", "--out", "grid.png"],
    ] {
        let found = run_in(&folder, None, command)?;
        ensure!(found.code == Some(0), "{command:?}: {found:?}");
    }
    // What SNN_DATA names comes first.
    pictures(&named.join("image_folder"), &["a", "b", "c"])?;
    let three = run_in(&folder, Some(&named), &["data", "check", "image_folder", "--json"])?;
    let three: Value = serde_json::from_str(&three.out)?;
    ensure!(three["num_classes"] == 3, "{three}");
    Ok(())
}

#[test]
fn files_that_changed_are_found_by_resume_and_eval() -> Result<()> {
    let place = tempfile::tempdir()?;
    let folder = place.path();
    let data = folder.join("data/image_folder");
    pictures(&data, &["a", "b"])?;
    let recipe = recipe(folder)?;
    let train =
        |more: &[&str]| run_in(folder, None, &[&["train", &recipe, "--run", "run"], more].concat());
    let trained = train(&[])?;
    ensure!(trained.code == Some(0), "{trained:?}");
    let card = fs::read_to_string(folder.join("run/run.json"))?;
    ensure!(card.contains("\"v2:"), "{card}");
    let eval = || -> Result<(Value, String)> {
        let ended = run_in(folder, None, &["eval", "run/checkpoint", "--json"])?;
        Ok((serde_json::from_str(&ended.out).with_context(|| format!("{ended:?}"))?, ended.err))
    };
    let (same, err) = eval()?;
    ensure!(same["other_data"].is_null() && !err.contains("other test data"), "{same} {err}");
    // Another picture of the same length in a test picture's place.
    let (one, other) = (data.join("test/a/0.png"), data.join("test/b/0.png"));
    let (whole, another) = (fs::read(&one)?, fs::read(&other)?);
    fs::write(&one, &another)?;
    let (changed, err) = eval()?;
    ensure!(changed["split_hash"] == same["split_hash"], "{changed}");
    ensure!(
        changed["other_data"] == true && err.contains("other test data than the card's"),
        "{err}"
    );
    // A run that is not finished does not go on with it.
    fs::remove_file(folder.join("run/result.json"))?;
    let refused = train(&["--resume"])?;
    ensure!(refused.code == Some(2) && refused.err.contains("other test samples"), "{refused:?}");
    fs::write(&one, whole)?;
    let resumed = train(&["--resume", "--verify"])?;
    ensure!(resumed.code == Some(0), "{resumed:?}");
    Ok(())
}

#[test]
fn cut_picture_is_found_before_the_first_step() -> Result<()> {
    let place = tempfile::tempdir()?;
    let folder = place.path();
    let data = folder.join("data/image_folder");
    pictures(&data, &["a", "b"])?;
    let (recipe, cut) = (recipe(folder)?, data.join("test/b/1.png"));
    let whole = fs::read(&cut)?;
    fs::write(&cut, &whole[..60])?;
    let train =
        |more: &[&str]| run_in(folder, None, &[&["train", &recipe, "--run", "run"], more].concat());
    let refused = train(&[])?;
    ensure!(refused.code == Some(2) && refused.err.contains("test/b/1.png"), "{refused:?}");
    ensure!(!folder.join("run").exists(), "{refused:?}");
    fs::write(&cut, whole)?;
    let trained = train(&["--resume"])?;
    ensure!(trained.code == Some(0), "{trained:?}");
    Ok(())
}

#[test]
fn what_is_not_read_is_said_by_every_command() -> Result<()> {
    let place = tempfile::tempdir()?;
    let folder = place.path();
    let data = folder.join("data/image_folder");
    pictures(&data, &["a", "b"])?;
    fs::rename(data.join("train/a/0.png"), data.join("train/a/0.bmp"))?;
    fs::create_dir(data.join("train/c"))?;
    let recipe = recipe(folder)?;
    for command in [
        &["train", &recipe, "--run", "run"][..],
        &["eval", "run/checkpoint"],
        &["data", "stats", "image_folder"],
        &["data", "show", "image_folder", "--out", "grid.png"],
        &["data", "check", "image_folder"],
    ] {
        let ended = run_in(folder, None, command)?;
        ensure!(ended.err.contains("1 .bmp"), "{command:?}: {ended:?}");
        ensure!(ended.err.contains("the class \"c\" has no training samples"), "{ended:?}");
    }
    Ok(())
}

#[test]
fn stats_measure_pictures_at_their_own_size() -> Result<()> {
    let place = tempfile::tempdir()?;
    let folder = place.path();
    let data = folder.join("data/image_folder");
    // What tells the classes apart is the outermost pixel.
    for (class, level) in [("frame", 255), ("plain", 0)] {
        for side in ["train", "test"] {
            let edge =
                |x, y| [if [0, 31].contains(&x) || [0, 31].contains(&y) { level } else { 0 }; 3];
            fs::create_dir_all(data.join(side).join(class))?;
            fs::write(data.join(side).join(class).join("0.png"), png(32, 32, edge)?)?;
        }
    }
    let stats = |more: &[&str]| -> Result<Value> {
        let args = [&["data", "stats", "image_folder", "--json"], more].concat();
        Ok(serde_json::from_str(&run_in(folder, None, &args)?.out)?)
    };
    let own = stats(&[])?;
    ensure!(own["shape"] == serde_json::json!([3, 32, 32]), "{own}");
    ensure!(own["channels"][0]["max"] == 1.0, "{own}");
    // 124 of 1,024 pixels of one class of two.
    let mean = own["channels"][1]["mean"].as_f64().context("mean")?;
    ensure!((mean - 62.0 / 1024.0).abs() < 1e-9, "{own}");
    let seen = stats(&["--size", "28"])?;
    ensure!(seen["shape"] == serde_json::json!([3, 28, 28]), "{seen}");
    ensure!(seen["channels"][0]["max"].as_f64().context("max")? < 0.9, "{seen}");
    let words = run_in(folder, None, &["data", "stats", "image_folder", "--size", "28"])?;
    ensure!(words.out.contains("the central 87.5 % kept"), "{words:?}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn cache_folder_need_not_be_utf_8() -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let place = tempfile::tempdir()?;
    let folder = place.path().join(std::ffi::OsStr::from_bytes(b"cache\xff"));
    let mut command = util::command(&["data", "cache", "list"])?;
    command.env("SNN_CACHE", &folder);
    let listed = ended(command)?;
    ensure!(listed.code == Some(0) && listed.out.contains("cache\u{fffd}"), "{listed:?}");
    Ok(())
}
