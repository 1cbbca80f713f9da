//! `snn conformance`: our arithmetic against golden tensors, file by file.

mod losses;
mod model;
mod neuron;
mod ops;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use candle_core::{DType, Device, Tensor};

use crate::exit;

/// Compares our arithmetic with golden files; exits with 2 past a tolerance
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Golden files: lif, losses, ops or model_* (see data/golden/README.md)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write our tensors to DIR under the file's own keys
    #[arg(long, value_name = "DIR")]
    dump: Option<PathBuf>,
    /// bf16: convolutions and neurons on inputs rounded to bf16, against their own f32 form on the same inputs, to 2^-8;
    /// what has no bf16 form as in f32; no model_* files, for rounding flips spikes
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16"])]
    precision: String,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// Bytes of a golden file, at most.
const GOLDEN_BYTES: u64 = 1 << 32;

/// A golden file's tensors.
pub(crate) struct Golden {
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
}

impl Golden {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = snn_models::read_file(path, GOLDEN_BYTES)?;
        let (header, _) = snn_models::read_tensors(&bytes, path)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        Ok(Self { tensors: tensors.into_iter().collect(), metadata })
    }

    /// A tensor of `rank` axes, none of them empty.
    pub(crate) fn of_rank(&self, key: &str, rank: usize) -> anyhow::Result<&Tensor> {
        let tensor = self.get(key)?;
        if tensor.rank() != rank || tensor.elem_count() == 0 {
            bail!("`{key}` is {:?}; it needs {rank} axes, none empty", tensor.dims());
        }
        Ok(tensor)
    }

    pub(crate) fn get(&self, key: &str) -> anyhow::Result<&Tensor> {
        self.tensors.get(key).with_context(|| format!("the file has no tensor `{key}`"))
    }

    pub(crate) fn f32s(&self, key: &str) -> anyhow::Result<Vec<f32>> {
        Ok(self.get(key)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    /// The cases: keys that end in `last`, without it.
    pub(crate) fn cases(&self, last: &str) -> Vec<String> {
        let suffix = format!(".{last}");
        self.tensors.keys().filter_map(|k| Some(k.strip_suffix(&suffix)?.to_string())).collect()
    }

    pub(crate) fn prefixed(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let strip = |(k, v): (&String, &Tensor)| Some((k.strip_prefix(prefix)?.into(), v.clone()));
        self.tensors.iter().filter_map(strip).collect()
    }
}

/// What we computed, under the golden file's keys.
#[derive(Default)]
pub(crate) struct Ours {
    tensors: BTreeMap<String, Computed>,
}

struct Computed {
    tensor: Tensor,
    /// What it is compared with, when that is not the golden tensor.
    expected: Option<Tensor>,
    tolerance: f64,
}

impl Ours {
    /// A tensor to be compared with the golden one.
    pub(crate) fn put(&mut self, key: impl Into<String>, tensor: Tensor, tolerance: f64) {
        self.tensors.insert(key.into(), Computed { tensor, expected: None, tolerance });
    }

    /// A tensor to be compared with `expected`: golden inputs that were rounded have no golden outputs.
    pub(crate) fn put_beside(
        &mut self,
        key: impl Into<String>,
        tensor: Tensor,
        expected: Tensor,
        tolerance: f64,
    ) {
        let expected = Some(expected);
        self.tensors.insert(key.into(), Computed { tensor, expected, tolerance });
    }
}

/// Relative error of an operator in bf16, given inputs that bf16 holds.
pub(crate) const BF16: f64 = 1.0 / 256.0;

/// The nearest bf16 numbers.
pub(crate) fn rounded(tensor: &Tensor) -> anyhow::Result<Tensor> {
    Ok(tensor.to_dtype(DType::BF16)?)
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
        crate::print(&serde_json::json!({"engine": engine, "precision": args.precision, "passed": passed, "files": files}).to_string());
    }
    Ok(passed)
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|s| s.to_str()).unwrap_or_default()
}

/// Whether a golden tensor is given, or left as it was, rather than computed.
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
        crate::print(&format!("{}", path.display()));
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
            crate::print(&format!("  {mark} {error:9.2e} of {tolerance:7.1e}  {key}"));
        }
    }
    let checked = ours.tensors.len();
    if !quiet {
        let verdict = if passed { "within tolerance" } else { "PAST TOLERANCE" };
        crate::print(&format!("  {checked} tensors, {verdict}"));
    }
    Ok(
        serde_json::json!({"file": path.display().to_string(), "passed": passed, "tensors": checked, "errors": worst}),
    )
}

fn dump(dir: &Path, path: &Path, ours: &Ours) -> anyhow::Result<()> {
    let to = dir.join(path.file_name().context("a golden file needs a name")?);
    crate::differ(path, &to)?;
    let tensors: std::collections::BTreeMap<_, _> =
        ours.tensors.iter().map(|(k, computed)| (k.as_str(), computed.tensor.clone())).collect();
    let bytes = safetensors::serialize(tensors, None)?;
    snn_train::create_dir(dir)?;
    snn_train::write_atomic(&to, &bytes)?;
    Ok(())
}
