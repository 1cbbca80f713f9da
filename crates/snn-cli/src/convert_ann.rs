//! `snn convert-ann`: a spiking network from an ANN.

use std::path::PathBuf;

use snn_models::Error;

use crate::{checkpoint, exit, output};

/// Makes a spiking network of an ANN: a checkpoint trained with `neuron.kind = "qcfs"` at T = 1
///
/// Its neurons have no leak, a soft reset and spikes of several bits; `snn eval OUT --t-steps T` says what T steps give.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checkpoint directory of the ANN: config.json and model.safetensors
    checkpoint: PathBuf,
    /// Bits of a spike [default: those that the ANN was trained for, 2^BITS - 1 levels]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(1..=8))]
    bits: Option<u8>,
    /// Directory of the new checkpoint, which must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.out.exists(),
        "--out: {} exists; name a new directory",
        args.out.display()
    );
    let model = checkpoint::load(&args.checkpoint)?;
    let converted = model.converted(args.bits).map_err(|error| match error {
        Error::Config { field, why } if field == "levels" => {
            exit::unusable(&args.checkpoint, format!("levels: {why} (--bits N)"))
        }
        error @ Error::Config { .. } => exit::unusable(&args.checkpoint, error),
        other => other.into(),
    })?;
    snn_train::export(&converted, &args.out)?;
    let bits = converted.config().neuron.bits[0];
    output::print(&format!(
        "{}: {} layers of neurons whose spikes have {bits} bit{}",
        args.out.display(),
        converted.neurons().len(),
        if bits == 1 { "" } else { "s" },
    ));
    Ok(())
}
