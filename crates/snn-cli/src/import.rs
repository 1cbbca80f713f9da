//! `snn import`: a checkpoint of other programs' weights.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;
use snn_models::{Architecture, Foreign, ModelConfig, Origin};

use crate::output;

/// Makes a checkpoint of a safetensors file with the weights of BrainCog, SpikingJelly or torchvision
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Safetensors file of a state dict: safetensors.torch.save_file(net.state_dict(), FILE)
    file: PathBuf,
    /// Whose names it has
    #[arg(long, value_enum, value_name = "ORIGIN")]
    from: Names,
    /// The network, such as sew_resnet18
    #[arg(long, value_name = "NAME")]
    architecture: String,
    /// Where to write the checkpoint
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The neurons of the source [default: lif]; `if` are those without leak
    #[arg(long, value_enum, default_value_t = Neurons::Lif)]
    neuron: Neurons,
    /// A field of config.json that the file does not say, such as t_steps=8, neuron.tau=4.0 or num_classes=200
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Names {
    Braincog,
    Spikingjelly,
    Torchvision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Neurons {
    Lif,
    If,
}

/// A file may hold so many bytes.
const MOST_BYTES: u64 = 1 << 33;
/// 1 - 1/tau is 1 in f32: nothing leaks, and the sum of inputs is that of a neuron without leak, to the bit.
const NO_LEAK: f64 = 1e30;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.out.join("config.json").exists(),
        "{}: holds a checkpoint already; choose another directory",
        args.out.display()
    );
    let architecture = Architecture::from_name(&args.architecture)?;
    let origin = match args.from {
        Names::Braincog => Origin::BrainCog,
        Names::Spikingjelly => Origin::SpikingJelly,
        Names::Torchvision => Origin::Torchvision,
    };
    let bytes = snn_models::read_safetensors(&args.file, MOST_BYTES)?;
    let foreign = Foreign::read(origin, &bytes, &args.file)?;
    let mut config = foreign.config(architecture)?;
    if args.neuron == Neurons::If {
        (config.neuron.tau, config.neuron.decay_input) = (NO_LEAK, false);
    }
    let config = changed(&config, &args.sets)?;
    let imported = foreign.model(config)?;
    let config = imported.model.config();
    snn_train::export(&imported.model, &args.out)?;
    if !foreign.passed_over.is_empty() {
        let (n, first) = (foreign.passed_over.len(), &foreign.passed_over[0]);
        tracing::info!("{n} tensors that are no weights are passed over, such as {first}");
    }
    if imported.has_new_classifier {
        let classes = config.num_classes;
        tracing::warn!("the file has no classifier of {classes} classes; its weights are new");
    }
    if origin == Origin::Torchvision {
        tracing::warn!("these weights were trained without spikes; train before you measure");
    }
    output::print(&format!(
        "{}: {} of {} classes, width {}, T={}, tau {:?}, v_threshold {}",
        args.out.display(),
        config.architecture.name(),
        config.num_classes,
        config.width,
        config.t_steps,
        config.neuron.tau,
        config.neuron.v_threshold
    ));
    Ok(())
}

/// The configuration with fields that were asked for, by their dotted names.
fn changed(config: &ModelConfig, sets: &[String]) -> anyhow::Result<ModelConfig> {
    let mut value = serde_json::to_value(config)?;
    for set in sets {
        let (path, text) =
            set.split_once('=').with_context(|| format!("--set {set}: use key=value"))?;
        let text = text.trim();
        let (mut at, mut keys) = (&mut value, path.trim().split('.').peekable());
        while let Some(key) = keys.next() {
            let table = at.as_object_mut();
            let table = table.with_context(|| format!("--set {set}: {key} is in no table"))?;
            at = table.entry(key).or_insert(Value::Null);
            if keys.peek().is_some() && at.is_null() {
                *at = Value::Object(serde_json::Map::new());
            }
        }
        *at = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    }
    serde_json::from_value(value)
        .context("--set: not a field of config.json, or not its kind of value")
}
