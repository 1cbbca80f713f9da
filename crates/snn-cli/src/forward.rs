//! `snn forward`: a checkpoint's scores for a tensor.

use std::path::PathBuf;

use anyhow::Context;
use candle_core::Device;
use snn_models::{Mode, Model};
use snn_ops::Tape;

/// Runs a checkpoint on a tensor `x` and writes `logits` [T, N, K]
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checkpoint directory: config.json and model.safetensors
    checkpoint: PathBuf,
    /// Safetensors file with `x`: a sequence [T, N, C, H, W] or images [N, C, H, W]
    #[arg(long, value_name = "X.safetensors")]
    input: PathBuf,
    /// Where to write `logits`
    #[arg(long, value_name = "Y.safetensors")]
    output: PathBuf,
    /// Use the batch's statistics instead of the running ones
    #[arg(long)]
    train: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let model = Model::load(&args.checkpoint)?;
    let input = args.input.display().to_string();
    let bytes = std::fs::read(&args.input).context(input.clone())?;
    let file = safetensors::SafeTensors::deserialize(&bytes)
        .with_context(|| format!("{input}: not an intact safetensors file"))?;
    anyhow::ensure!(file.tensor("x").is_ok(), "{input}: has no tensor `x`; name the input `x`");
    let x = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?
        .remove("x")
        .with_context(|| format!("{input}: has no tensor `x`"))?;
    let mode = if args.train { Mode::Train } else { Mode::Eval };
    let output = model.forward(&mut Tape::off(), &x, mode)?;
    let logits = output.logits.tensor().clone();
    let bytes = safetensors::serialize([("logits", logits)], None)?;
    snn_train::write_atomic(&args.output, &bytes)?;
    Ok(())
}
