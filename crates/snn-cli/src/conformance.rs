//! `snn conformance`: our arithmetic against golden tensors, file by file.

mod golden;
mod losses;
mod model;
mod neuron;
mod ops;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candle_core::{DType, Tensor};

use crate::{exit, output};
use golden::{Computed, Golden, Ours};

/// Compares our arithmetic with golden files; exits with 2 past a tolerance
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Golden files: lif, losses, ops or model_* (see data/golden/README.md)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write our tensors to DIR under the file's own keys
    #[arg(long, value_name = "DIR")]
    dump: Option<PathBuf>,
    /// f32, or bf16: convolutions and neurons get inputs rounded to bf16 and are compared with our f32 results on those
    /// inputs, to 2^-8. Operators without a bf16 form are compared as in f32. Whole networks (model_*) are refused:
    /// rounding flips spikes
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16"])]
    precision: String,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Largest difference relative to the golden tensor's largest entry.
fn relative_error(ours: &Tensor, golden: &Tensor) -> anyhow::Result<f64> {
    let flat = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    // A 1-d convolution runs as one of a single row.
    let sides = |t: &Tensor| t.dims().iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    if sides(ours) != sides(golden) {
        bail!("shape {:?}, the file has {:?}", ours.dims(), golden.dims());
    }
    let (ours, golden) = (flat(ours)?, flat(golden)?);
    let largest = golden.iter().fold(0f64, |m, v| m.max(v.abs())).max(1e-12);
    let error = ours.iter().zip(&golden).map(|(a, b)| (a - b).abs());
    Ok(error.fold(0f64, |m, e| if e.is_nan() { f64::INFINITY } else { m.max(e) }) / largest)
}

/// Returns whether every tensor of every file is within its tolerance.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let is_bf16 = args.precision == "bf16";
    if let Some(network) =
        args.files.iter().find(|path| is_bf16 && stem(path).starts_with("model_"))
    {
        bail!(
            "{}: rounding flips spikes, so a network has no bound in bf16; leave it out, or compare in f32",
            network.display()
        );
    }
    let mut files = Vec::new();
    for path in &args.files {
        let golden = Golden::read(path)?;
        let name = stem(path);
        let ours = match name {
            "lif" => neuron::run(&golden, is_bf16),
            "losses" => losses::run(&golden),
            "ops" => ops::run(&golden, is_bf16),
            _ => match name.strip_prefix("model_") {
                Some(architecture) => model::run(architecture, &golden),
                None => bail!("{}: name it lif, losses, ops or model_ARCHITECTURE", path.display()),
            },
        }
        .map_err(|error| exit::unusable(path, format!("{error:#}")))?;
        if ours.tensors.is_empty() {
            let why = format!("holds no case of `{name}`; data/golden/README.md lists the keys");
            return Err(exit::unusable(path, why));
        }
        let unchecked = |key: &&String| !ours.tensors.contains_key(*key) && !is_input(key);
        if let Some(key) = golden.tensors.keys().find(unchecked) {
            let why = format!("`{key}` is nothing that this version computes; take it out");
            return Err(exit::unusable(path, why));
        }
        let compared = compare(path, &golden, &ours, args.json);
        files.push(compared.map_err(|error| exit::unusable(path, format!("{error:#}")))?);
        if let Some(dir) = &args.dump {
            dump(dir, path, &ours)?;
        }
    }
    let passed = files.iter().all(|f| f["passed"] == true);
    if args.json {
        let engine = snn_ops::engine().name();
        output::print(&serde_json::json!({"engine": engine, "precision": args.precision, "passed": passed, "files": files}).to_string());
    }
    Ok(passed)
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|s| s.to_str()).unwrap_or_default()
}

/// Whether a golden tensor is an input, or a parameter that the pass leaves unchanged: there is nothing to compare.
fn is_input(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    let given = ["x", "w", "labels", "logits", "grad_out", "grad_y", "stride_pad"];
    let kept = ["after.weight", "after.bias", "num_batches_tracked"];
    given.contains(&last)
        || key.starts_with("state.")
        || key.contains(".before.")
        || kept.iter().any(|kept| key.ends_with(kept))
}

fn compare(
    path: &Path,
    golden: &Golden,
    ours: &Ours,
    quiet: bool,
) -> anyhow::Result<serde_json::Value> {
    let mut passed = true;
    let mut worst = serde_json::Map::new();
    if !quiet {
        output::print(&format!("{}", path.display()));
    }
    for (key, Computed { tensor, expected, tolerance }) in &ours.tensors {
        let golden = golden.get(key)?;
        let expected = expected.as_ref().unwrap_or(golden);
        let error = relative_error(tensor, expected).with_context(|| key.clone())?;
        let ok = error <= *tolerance;
        passed &= ok;
        worst.insert(key.clone(), error.into());
        if !quiet {
            let mark = if ok { "ok  " } else { "FAIL" };
            output::print(&format!("  {mark} {error:9.2e} of {tolerance:7.1e}  {key}"));
        }
    }
    let checked = ours.tensors.len();
    if !quiet {
        let verdict = if passed { "within tolerance" } else { "PAST TOLERANCE" };
        output::print(&format!("  {checked} tensors, {verdict}"));
    }
    Ok(
        serde_json::json!({"file": path.display().to_string(), "passed": passed, "tensors": checked, "errors": worst}),
    )
}

fn dump(dir: &Path, path: &Path, ours: &Ours) -> anyhow::Result<()> {
    let to = dir.join(path.file_name().context("a golden file needs a name")?);
    output::differ(path, &to)?;
    let tensors: std::collections::BTreeMap<_, _> =
        ours.tensors.iter().map(|(k, computed)| (k.as_str(), computed.tensor.clone())).collect();
    let bytes = safetensors::serialize(tensors, None)?;
    snn_train::create_dir(dir)?;
    snn_train::write_atomic(&to, &bytes)?;
    Ok(())
}
