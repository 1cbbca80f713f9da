//! The golden tensors, on every engine this processor has; and a static image against its written-out sequence.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use snn_needs::{Need, skipped};

use crate::util::{self, TINY, run};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/golden");

fn engines() -> Result<Vec<String>> {
    let doctor: Value = serde_json::from_str(&run(&["doctor", "--json"])?.out)?;
    let engines = doctor["engines"].as_array().context("no engines")?;
    let mut available = Vec::new();
    for engine in engines {
        let name = engine["name"].as_str().context("an engine has no name")?;
        match (engine["available"] == true, name) {
            (true, _) => available.push(name.to_string()),
            (false, "avx512") => skipped(Need::Avx512),
            (false, "amx") => skipped(Need::Amx),
            (false, other) => anyhow::bail!("engine {other} runs everywhere"),
        }
    }
    Ok(available)
}

#[test]
fn every_golden_file_is_within_tolerance_on_every_engine() -> Result<()> {
    let mut files: Vec<String> = std::fs::read_dir(GOLDEN)?
        .filter_map(|e| Some(e.ok()?.path().to_str()?.to_string()))
        .filter(|p| p.ends_with(".safetensors"))
        .collect();
    files.sort();
    ensure!(files.len() == 9, "{files:?}");
    for engine in engines()? {
        let mut args = vec!["conformance", "--json", "--engine", &engine];
        args.extend(files.iter().map(String::as_str));
        let ended = run(&args)?;
        let report: Value =
            serde_json::from_str(&ended.out).with_context(|| format!("{ended:?}"))?;
        ensure!(ended.code == Some(0) && report["passed"] == true, "{engine}: {}", ended.out);
        ensure!(report["engine"] == engine.as_str(), "another engine ran");
    }
    Ok(())
}

#[test]
fn operators_in_bf16_are_rounded_and_within_their_bound_on_every_engine() -> Result<()> {
    let file = |name: &str| format!("{GOLDEN}/{name}.safetensors");
    let files = [file("lif"), file("losses"), file("ops")];
    for engine in engines()? {
        let mut args = vec!["conformance", "--json", "--precision", "bf16", "--engine", &engine];
        args.extend(files.iter().map(String::as_str));
        let ended = run(&args)?;
        let report: Value =
            serde_json::from_str(&ended.out).with_context(|| format!("{ended:?}"))?;
        ensure!(ended.code == Some(0) && report["passed"] == true, "{engine}: {}", ended.out);
        let error = |file: usize, key: &str| {
            report["files"][file]["errors"][key].as_f64().with_context(|| key.to_string())
        };
        // An f32 result would be a thousand times closer.
        for (file, key) in [(0, "bireal_hard.grad_x"), (2, "conv2d.c3.y")] {
            let error = error(file, key)?;
            ensure!(error > 1e-4 && error <= 1.0 / 256.0, "{engine} {key}: {error}");
        }
        ensure!(error(0, "bireal_hard.spikes")? == 0.0, "{engine}: spikes differ");
    }
    let network = file("model_resnet19");
    let ended = run(&["conformance", "--precision", "bf16", &files[0], &network])?;
    let named = ended.err.contains("model_resnet19.safetensors") && ended.err.contains("bf16");
    ensure!(ended.code == Some(1) && named && ended.out.is_empty(), "{ended:?}");
    Ok(())
}

#[test]
fn a_changed_tensor_fails_and_is_dumped_for_comparison() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut bytes = std::fs::read(Path::new(GOLDEN).join("lif.safetensors"))?;
    // The last tensor's last number.
    let end = bytes.len();
    bytes[end - 2] ^= 0x7f;
    let file = folder.path().join("lif.safetensors");
    std::fs::write(&file, bytes)?;
    let file = file.to_str().context("path")?;
    let dump = folder.path().join("dump");
    let ended = run(&["conformance", file, "--dump", dump.to_str().context("path")?])?;
    ensure!(ended.code == Some(2) && ended.out.contains("FAIL"), "{ended:?}");
    ensure!(dump.join("lif.safetensors").is_file(), "no dump");
    Ok(())
}

/// One safetensors file with one f32 tensor.
fn safetensors(name: &str, shape: &[usize], values: &[f32]) -> Vec<u8> {
    let header = serde_json::json!({name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * values.len()]}});
    let mut header = header.to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    bytes
}

#[test]
fn forward_agrees_on_an_image_and_on_the_image_written_out() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = TINY.replace("vgg_snn", "resnet19");
    let run_dir = util::train(folder.path(), "run", &text, &["--set", "data.name=synthetic"])?;
    let checkpoint = run_dir.join("checkpoint");
    let config: Value = serde_json::from_slice(&std::fs::read(checkpoint.join("config.json"))?)?;
    let size = |key: &str| config["input"][key].as_u64().map_or(0, |v| v as usize);
    let (t, c) = (
        config["t_steps"].as_u64().map_or(0, |v| v as usize),
        config["in_channels"].as_u64().map_or(0, |v| v as usize),
    );
    let (n, h, w) = (2, size("height"), size("width"));
    let image: Vec<f32> =
        (0..n * c * h * w).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
    let mut answers = Vec::new();
    for (name, shape, values) in [
        ("image", vec![n, c, h, w], image.clone()),
        ("sequence", vec![t, n, c, h, w], image.repeat(t)),
    ] {
        let input = folder.path().join(format!("{name}.safetensors"));
        let output = folder.path().join(format!("{name}.out.safetensors"));
        std::fs::write(&input, safetensors("x", &shape, &values))?;
        let path = |p: &Path| p.display().to_string();
        let ended = run(&[
            "forward",
            &path(&checkpoint),
            "--input",
            &path(&input),
            "--output",
            &path(&output),
        ])?;
        ensure!(ended.code == Some(0), "{ended:?}");
        answers.push(std::fs::read(output)?);
    }
    ensure!(answers[0] == answers[1], "the logits differ");
    Ok(())
}
