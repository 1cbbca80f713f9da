//! `snn report`: pages of runs, finished or not, with and without their data.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::util::{self, TINY, run};

fn report(runs: &[&Path], out: &Path, more: &[&str]) -> Result<util::Ended> {
    let mut args = vec!["report".to_string()];
    args.extend(runs.iter().map(|run| run.display().to_string()));
    args.extend(["--out".into(), out.display().to_string()]);
    args.extend(more.iter().map(|&word| word.into()));
    run(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn json(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(
        &fs::read_to_string(path).with_context(|| path.display().to_string())?,
    )?)
}

fn read(folder: &Path, name: &str) -> Result<String> {
    fs::read_to_string(folder.join(name)).context(name.to_string())
}

#[test]
fn two_seeds_are_shown_by_their_mean_and_measured_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let of_seed = |seed: u32| {
        let text = TINY.replace("seed = 7", &format!("seed = {seed}"));
        util::train(folder.path(), &format!("x-seed{seed}"), &text, &[])
    };
    let (a, b) = (of_seed(7)?, of_seed(8)?);
    let out = folder.path().join("out");
    let ended = report(&[&a, &b], &out, &[])?;
    ensure!(ended.code == Some(0) && ended.err.matches("measuring").count() == 2, "{ended:?}");
    let top1 = |run: &Path| json(&run.join("result.json"))?["top1"].as_f64().context("top1");
    let (of_a, of_b): (Result<f64>, Result<f64>) = (top1(&a), top1(&b));
    let (of_a, of_b) = (of_a?, of_b?);

    let csv = read(&out, "report.csv")?;
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| lines[0].iter().position(|c| *c == name).context(name.to_string());
    assert_eq!(lines.len(), 3);
    for (line, value) in [(1, of_a), (2, of_b)] {
        assert_eq!(lines[line][column("top1")?], format!("{value:.2}"));
        assert_eq!(lines[line][column("epochs_done")?], "2");
    }
    let text = read(&out, "report.md")?;
    let (mean, half) = ((of_a + of_b) / 2.0, (of_a - of_b) / 2.0);
    let spread = format!("{mean:.2} ± {:.2}", half.abs() * 2f64.sqrt());
    let means = text.lines().find(|line| line.starts_with("| x ") && line.contains(&spread));
    ensure!(means.is_some_and(|line| line.contains("| 2 ")), "{spread}: {text}");

    let found = json(&a.join("evaluation.json"))?;
    let counts: Vec<Vec<usize>> = serde_json::from_value(found["confusion"].clone())?;
    let right: usize = (0..counts.len()).map(|class| counts[class][class]).sum();
    assert_eq!(counts.iter().flatten().sum::<usize>(), 32);
    ensure!((100.0 * right as f64 / 32.0 - of_a).abs() < 1e-9, "{found}");
    ensure!(found["neurons"].as_array().is_some_and(|names| names.len() == 8), "{found}");
    let page = read(&out, "report.html")?;
    for part in ["Learning curves", "Accuracy over time steps", "lif.7", "conv.7", "class=\"cell\""]
    {
        ensure!(page.contains(part), "{part}");
    }
    for outside in ["http://", "https://", "src=", "@import", "url(", "<script"] {
        ensure!(!page.contains(outside), "the report asks for {outside}");
    }

    // Again: the same bytes, and nothing measured; of another checkpoint, measured.
    let again = folder.path().join("again");
    let ended = report(&[&a, &b], &again, &[])?;
    ensure!(ended.code == Some(0) && !ended.err.contains("measuring"), "{ended:?}");
    for name in ["report.html", "report.md", "report.csv"] {
        ensure!(read(&out, name)? == read(&again, name)?, "{name} differs");
    }
    let kept = read(&a, "evaluation.json")?;
    let hash = found["checkpoint"].as_str().context("no hash")?;
    fs::write(a.join("evaluation.json"), kept.replace(hash, "another"))?;
    let ended = report(&[&a, &b], &again, &[])?;
    ensure!(ended.err.matches("measuring").count() == 1, "{ended:?}");
    ensure!(read(&a, "evaluation.json")? == kept, "the same checkpoint measures otherwise");
    Ok(())
}

#[test]
fn an_unfinished_run_shows_what_it_has() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let whole = util::train(folder.path(), "whole", TINY, &[])?;
    let cut = folder.path().join("<b>&cut");
    fs::create_dir(&cut)?;
    for name in ["recipe.toml", "run.json"] {
        fs::copy(whole.join(name), cut.join(name))?;
    }
    // The second line is torn.
    let lines = read(&whole, "metrics.jsonl")?;
    let end = lines.find('\n').context("no line")? + 20;
    fs::write(cut.join("metrics.jsonl"), &lines[..end])?;
    let out = folder.path().join("out");
    let ended = report(&[&cut], &out, &[])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let (page, text) = (read(&out, "report.html")?, read(&out, "report.md")?);
    ensure!(page.contains("&lt;b&gt;&amp;cut") && !page.contains("<b>&cut"), "{page}");
    for part in ["1 of 2", "the run is not finished", "Accuracy over time steps", "lif.7"] {
        ensure!(text.contains(part), "{part}: {text}");
    }
    ensure!(!text.contains("## Classes") && !cut.join("evaluation.json").exists(), "{text}");
    // Beside the finished run of the same recipe it is no second seed.
    let ended = report(&[&whole, &cut], &out, &[])?;
    ensure!(ended.code == Some(0) && !read(&out, "report.md")?.contains("Means"), "{ended:?}");

    let ended = report(&[folder.path()], &out, &[])?;
    ensure!(ended.code == Some(2) && ended.err.contains("is no run"), "{ended:?}");
    fs::write(cut.join("run.json"), "{")?;
    let ended = report(&[&cut], &out, &[])?;
    ensure!(ended.code == Some(2) && ended.err.contains("run.json"), "{ended:?}");
    Ok(())
}

#[test]
fn a_run_without_its_data_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = TINY.replace("\"synthetic\"", "\"fashion_mnist\"");
    let dir = util::train(folder.path(), "run", &text, &[])?;
    let (out, nowhere) = (folder.path().join("out"), folder.path().join("nowhere"));
    let nowhere = nowhere.display().to_string();
    let ended = report(&[&dir], &out, &["--data", &nowhere])?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let text = read(&out, "report.md")?;
    let says =
        text.lines().filter(|line| line.contains("are not here for") && line.contains(&nowhere));
    ensure!(says.count() == 1 && text.contains("--data DIR names the folder"), "{text}");
    ensure!(text.contains("## Firing rates") && !text.contains("## Classes"), "{text}");
    ensure!(!dir.join("evaluation.json").exists());
    Ok(())
}

/// [`TINY`]'s last layer of neurons: 512 / 16 channels of 2 x 2 pixels, in two steps.
#[test]
fn features_are_rates_of_the_last_layer_of_neurons() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // After two epochs the last layer is silent.
    let epochs = ["--set", "schedule.epochs=4"];
    let dir =
        util::train(folder.path(), "run", TINY, &epochs)?.join("checkpoint").display().to_string();
    let file = folder.path().join("f.npy");
    let features = |more: &[&str]| -> Result<Vec<f32>> {
        let name = file.display().to_string();
        let ended = run(&[&["eval", &dir, "--features", &name], more].concat())?;
        ensure!(ended.code == Some(0), "{ended:?}");
        let bytes = fs::read(&file)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        ensure!(text.contains("(32, 128"), "{}", text.lines().next().unwrap_or_default());
        let data = &bytes[bytes.len() - 4 * 32 * 128..];
        Ok(data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    };
    let all = features(&[])?;
    ensure!(all.iter().all(|v| [0.0, 0.5, 1.0].contains(v)), "no rates over two steps");
    let rate = all.iter().sum::<f32>() / all.len() as f32;
    let ended = run(&["eval", &dir, "--json"])?;
    let found: Value = serde_json::from_str(&ended.out)?;
    let said = found["firing_rates"]["lif.7"].as_f64().context("no rate")?;
    ensure!(rate > 0.0 && (f64::from(rate) - said).abs() < 1e-6, "{rate} {said}");
    // One step of two: what the first alone says.
    let first = features(&["--t-steps", "1"])?;
    ensure!(
        first.iter().zip(&all).all(|(one, both)| (2.0 * both - one).abs() <= 1.0),
        "other samples"
    );
    Ok(())
}
