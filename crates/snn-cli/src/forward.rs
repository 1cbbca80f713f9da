//! `snn forward`: a checkpoint's scores for a tensor.

use std::path::{Path, PathBuf};

use candle_core::safetensors::Load;
use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;
use snn_models::{Input, Mode};
use snn_ops::Tape;

use crate::{checkpoint, exit, output};

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
    /// Where the network is computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
}

/// Bytes of an input, at most.
const INPUT_BYTES: u64 = 1 << 34;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    for file in ["config.json", "model.safetensors"] {
        output::differ(&args.checkpoint.join(file), &args.output)?;
    }
    output::differ(&args.input, &args.output)?;
    let mut model = checkpoint::load(&args.checkpoint)?;
    model.set_device(&args.device);
    let input = &args.input;
    let bytes = snn_models::read_safetensors(input, INPUT_BYTES)?;
    let x = tensor_x(&bytes, input)?;
    let mode = if args.train { Mode::Train } else { Mode::Eval };
    let x = if x.rank() == 5 { Input::Frames(x) } else { Input::Still(x) };
    let output = model.forward(&mut Tape::off(), &x, mode).map_err(|error| {
        exit::unusable(input, format!("`x` does not fit the checkpoint: {error}"))
    })?;
    let logits = output.logits.tensor().clone();
    let bytes = safetensors::serialize([("logits", logits)], None)?;
    snn_train::write_atomic(&args.output, &bytes)?;
    Ok(())
}

/// The tensor `x` of a safetensors file, finite; all types but u8 become f32.
fn tensor_x(bytes: &[u8], input: &Path) -> anyhow::Result<Tensor> {
    let (_, tensors) = snn_models::read_tensors(bytes, input)?;
    let view = tensors
        .tensor("x")
        .map_err(|_| exit::unusable(input, "has no tensor `x`; name the input `x`"))?;
    // Of other types candle's conversions are not there, or do not end.
    let to = match view.dtype() {
        Dtype::U8 => DType::U8,
        Dtype::F16 | Dtype::BF16 | Dtype::F32 | Dtype::F64 => DType::F32,
        Dtype::U32 | Dtype::I64 => DType::F32,
        other => {
            let why = format!("`x` is of the type {other}; save it as F32, or U8 for counts");
            return Err(exit::unusable(input, why));
        }
    };
    let fault = |error| exit::unusable(input, format!("`x`: {error}"));
    let x = view.load(&Device::Cpu).and_then(|x| x.to_dtype(to)).map_err(fault)?;
    // A sum with a NaN or an infinity is one itself.
    let sum = x.to_dtype(DType::F64).and_then(|x| x.abs()?.sum_all()?.to_scalar::<f64>());
    if !sum.map_err(fault)?.is_finite() {
        let why =
            "`x` holds a NaN, an infinity or a number that 32 bits do not hold; mend the input";
        return Err(exit::unusable(input, why));
    }
    Ok(x)
}
