//! What `snn eval` and `snn compare` say of checkpoints beside their figures, and of layers that say nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::util::{self, TINY, run};

/// [`TINY`] on events: recordings cut into four frames.
fn of_events() -> String {
    TINY.replace("\"synthetic\"", "\"fashion_mnist_dvs\"")
        .replace("size = 16", "size = 16\nt_steps = 4")
        .replace("width = 0.0625\nt_steps = 2", "width = 0.0625")
}

fn checkpoint(run: &Path) -> String {
    run.join("checkpoint").display().to_string()
}

fn json(args: &[&str]) -> Result<Value> {
    let ended = run(&[args, &["--json"]].concat())?;
    ensure!(ended.code == Some(0) && ended.out.lines().count() == 1, "{ended:?}");
    Ok(serde_json::from_str(&ended.out)?)
}

#[test]
fn firing_rates_and_the_work_of_layers_are_measured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    let found = json(&["eval", &checkpoint(&dir)])?;
    let rates: BTreeMap<String, f64> = serde_json::from_value(found["firing_rates"].clone())?;
    let names: Vec<String> = (0..8).map(|k| format!("lif.{k}")).collect();
    ensure!(rates.keys().eq(&names) && rates.values().all(|r| (0.0..1.0).contains(r)), "{rates:?}");
    ensure!(rates["lif.0"] > 0.01 && rates["lif.3"] > 0.0, "{rates:?}");
    // The run's last evaluation measured the same.
    let last = util::metrics(&dir)?.pop().context("no epoch")?;
    ensure!(last["test"]["firing_rates"] == found["firing_rates"], "{last}");

    let number = |value: &Value| value.as_f64().context("no number");
    let (work, layers) = (&found["work"], found["work"]["layers"].as_array().context("no layers")?);
    assert_eq!(layers.len(), 9);
    // vgg_snn at width 1/16: 3 to 4 channels of 3 x 3 on 16 x 16 pixels, two steps; real values enter.
    ensure!(layers[0]["takes_spikes"] == false && layers[0]["macs"] == 2.0 * 27.0 * 4.0 * 256.0);
    let mut operations = 0.0;
    for layer in &layers[1..] {
        let own = number(&layer["macs"])? * number(&layer["input_rate"])?;
        ensure!(layer["takes_spikes"] == true && number(&layer["synaptic_operations"])? == own);
        operations += own;
    }
    // Spikes go from the first neurons into the second convolution as they are.
    ensure!((number(&layers[1]["input_rate"])? - rates["lif.0"]).abs() < 1e-12, "{work}");
    ensure!((number(&work["synaptic_operations"])? / operations - 1.0).abs() < 1e-12, "{work}");
    let energy = 0.9 * operations + 4.6 * number(&layers[0]["macs"])?;
    ensure!((number(&work["energy_pj"])? / energy - 1.0).abs() < 1e-12, "{work}");
    let all: f64 = layers.iter().filter_map(|layer| layer["macs"].as_f64()).sum();
    ensure!((number(&work["dense_energy_pj"])? / (4.6 * all / 2.0) - 1.0).abs() < 1e-12, "{work}");

    let text = run(&["eval", &checkpoint(&dir), "--layers"])?.out;
    for named in ["synaptic operations", "uJ", "lif.7", "conv.7", "MACs  conv.0"] {
        ensure!(text.contains(named), "{named}: {text}");
    }
    Ok(())
}

#[test]
fn layers_that_say_nothing_are_named_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (path, dir) = (util::recipe(folder.path(), TINY)?, folder.path().join("run"));
    let dir = dir.display().to_string();
    let train = ["train", &path, "--run", &dir];
    let ended = run(&[&train[..], &["--set", "neuron.v_threshold=50"]].concat())?;
    ensure!(ended.code == Some(0), "{ended:?}");
    let warnings: Vec<&str> = ended.err.lines().filter(|l| l.contains("silent")).collect();
    ensure!(warnings.len() == 1 && warnings[0].contains("WARN"), "{ended:?}");
    ensure!(warnings[0].contains("lif.0, lif.1") && warnings[0].contains("epoch 1"), "{ended:?}");
    let dir = folder.path().join("other").display().to_string();
    let ended = run(&["train", &path, "--run", &dir, "-v"])?;
    ensure!(ended.code == Some(0) && !ended.err.contains("silent"), "{ended:?}");
    let rates = ended.err.lines().filter(|line| line.contains("firing rates: lif.0 0."));
    ensure!(rates.count() == 2, "{ended:?}");
    Ok(())
}

#[test]
fn answers_classes_and_confusion_are_those_of_the_figures() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let dir = util::train(folder.path(), "run", TINY, &[])?;
    let file = folder.path().join("answers.csv").display().to_string();
    let more = ["--per-class", "--confusion", "--predictions", &file];
    let found = json(&[&["eval", &checkpoint(&dir)], &more[..]].concat())?;
    let top1 = found["top1"].as_f64().context("no top1")?;
    let counts: Vec<Vec<u64>> = serde_json::from_value(found["confusion"].clone())?;
    let right: u64 = counts.iter().enumerate().map(|(class, row)| row[class]).sum();
    ensure!(counts.iter().flatten().sum::<u64>() == 32 && right as f64 * 100.0 / 32.0 == top1);
    let classes = found["per_class"].as_array().context("no classes")?;
    let of = |field: &str| classes.iter().filter_map(|class| class[field].as_u64()).sum::<u64>();
    ensure!((of("n"), of("correct")) == (32, right), "{found}");
    let lines = fs::read_to_string(&file)?;
    ensure!(lines.starts_with("sample,label,label_name,predicted,predicted_name,correct,"));
    let correct = lines.lines().skip(1).filter(|line| line.split(',').nth(5) == Some("1"));
    ensure!(lines.lines().count() == 33 && correct.count() as u64 == right, "{lines}");

    // Norms by the batch are another network, the same each time.
    let by_batch = || json(&["eval", &checkpoint(&dir), "--batch-stats"]);
    let first = by_batch()?;
    ensure!(first["batch_stats"] == true && found["batch_stats"] == false);
    ensure!(first == by_batch()? && first["aurc_softmax"] != found["aurc_softmax"], "{first}");
    Ok(())
}

#[test]
fn fewer_steps_are_the_first_ones_or_the_recording_cut_anew() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = xtask::sh::root().join("data/fashion-mnist").display().to_string();
    let dir = util::train(folder.path(), "run", &of_events(), &["--data", &data])?;
    let path = checkpoint(&dir);
    let eval = ["eval", path.as_str(), "--data", data.as_str()];
    let whole = json(&[&eval[..], &["--exact"]].concat())?;
    ensure!(whole["t_steps"] == 4 && whole["steps_by"].is_null(), "{whole}");
    let fewer =
        |by: &str| json(&[&eval[..], &["--exact", "--t-steps", "2", "--steps-by", by]].concat());
    let (truncated, rebinned) = (fewer("truncate")?, fewer("rebin")?);
    for (field, steps) in [("cumulative_top1", 2), ("per_step_top1", 2)] {
        let all = whole[field].as_array().context("no steps")?;
        ensure!(truncated[field].as_array().context("no steps")? == &all[..steps], "{field}");
    }
    ensure!(truncated["top1"] == whole["cumulative_top1"][1], "{truncated}");
    ensure!(truncated["steps_by"] == "truncate" && rebinned["steps_by"] == "rebin");
    ensure!(truncated["firing_rates"] != rebinned["firing_rates"], "{rebinned}");
    // Half the steps are half the multiplications.
    let macs = |of: &Value| of["work"]["layers"][1]["macs"].as_f64();
    ensure!(macs(&truncated).map(|macs| 2.0 * macs) == macs(&whole), "{truncated}");
    let ended = run(&[&eval[..], &["--t-steps", "5", "--steps-by", "truncate"]].concat())?;
    ensure!(ended.code == Some(1) && ended.err.contains("use 1 to 4"), "{ended:?}");
    let ended = run(&["eval", &path, "--steps-by", "truncate"])?;
    ensure!(ended.code == Some(1) && ended.err.contains("--t-steps"), "{ended:?}");
    Ok(())
}

#[test]
fn two_runs_are_compared_sample_by_sample_on_the_same_members_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let a = util::train(folder.path(), "a", TINY, &[])?;
    let b = util::train(folder.path(), "b", &TINY.replace("seed = 7", "seed = 8"), &[])?;
    let fewer = TINY.replace("limit_test = 32", "limit_test = 16");
    let other = util::train(folder.path(), "other", &fewer, &[])?;
    let [a, b, other] = [a, b, other].map(|dir| dir.display().to_string());
    let found = json(&["compare", &a, &b])?;
    let count = |of: &Value, field: &str| of[field].as_f64().unwrap_or(f64::NAN);
    let (only_a, only_b) = (count(&found, "only_a"), count(&found, "only_b"));
    let total = only_a + only_b + count(&found, "both") + count(&found, "neither");
    ensure!(total == 32.0 && found["n"] == 32, "{found}");
    let top1 = |side: &str| found[side]["top1"].as_f64().unwrap_or(f64::NAN);
    ensure!((top1("a") - top1("b") - count(&found, "difference")).abs() < 1e-9, "{found}");
    ensure!((count(&found, "difference") - (only_a - only_b) / 0.32).abs() < 1e-9, "{found}");
    let squares = only_a + only_b - (only_a - only_b).powi(2) / 32.0;
    let error = 100.0 * (squares / (32.0 * 31.0)).sqrt();
    ensure!((count(&found, "standard_error") - error).abs() < 1e-9, "{found}");
    let same = json(&["compare", &a, &checkpoint(Path::new(&a))])?;
    ensure!(same["p_value"] == 1.0 && same["difference"] == 0.0, "{same}");
    let text = run(&["compare", &a, &b])?.out;
    ensure!(text.contains("McNemar's exact test: p = "), "{text}");
    let ended = run(&["compare", &a, &other])?;
    ensure!(ended.code == Some(2) && ended.err.contains("other samples"), "{ended:?}");
    ensure!(run(&["compare", &a, &other, "--set", "data.limit_test=16"])?.code == Some(0));
    Ok(())
}
