//! `snn bench`: time and peak memory of a training step, inference, or one layer of neurons; rates of decoding.

mod events;
pub(crate) mod timing;

use std::path::{Path, PathBuf};

use anyhow::Context;
use candle_core::Device;
use clap::ValueEnum;
use snn_losses::{Loss, Position};
use snn_models::{
    Architecture, Input, InputConfig, Mode, Model, ModelConfig, Neuron, NeuronConfig, Precision,
};
use snn_neuron::{Current, Layer, norm_layer, qcfs};
use snn_ops::{Tape, buffer, random};
use snn_train::{Examples, Optimizer, OptimizerConfig, Recipe, Recompute, StepConfig};

use crate::{output, profile};
use timing::Timing;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// One optimizer step: forward, cross entropy of the mean, backward, AdamW
    Train,
    /// Evaluation forward pass
    Infer,
    /// Forward and backward of one LIF layer
    Lif,
    /// Decoding recordings from memory, then reading, decoding and framing them
    Events,
}

/// Times a training step, inference or a LIF layer on random data, or the decoding of events; medians over --runs
#[derive(clap::Args)]
pub(crate) struct Args {
    what: What,
    /// Architecture (see `snn models`)
    #[arg(long, default_value = "resnet19")]
    model: String,
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    batch: u32,
    /// Time steps [default: 4; events: 10]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1 << 12))]
    t_steps: Option<u32>,
    /// events: a recording or a folder of recordings
    #[arg(long, value_name = "PATH", required_if_eq("what", "events"))]
    input: Option<PathBuf>,
    /// Factor of every layer's channels
    #[arg(long, default_value_t = 1.0)]
    width: f64,
    /// train, infer: side of the input in pixels [default: the network's usual one]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1 << 12))]
    size: Option<u32>,
    /// Number format of convolutions' results
    #[arg(long, default_value = "f32", value_parser = ["f32", "bf16"])]
    precision: String,
    /// train: compute nothing again in the backward pass (none), or what lies inside stages (stage)
    #[arg(long, alias = "checkpoint", default_value = "none", value_parser = ["none", "stage"])]
    recompute: String,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// lif: T,N,C,H,W
    #[arg(long, default_value = "4,32,128,32,32")]
    shape: String,
    /// lif: the neurons, as a recipe says them, such as neuron.kind=plif
    #[arg(long = "set", value_name = "neuron.KEY=VALUE")]
    sets: Vec<String>,
    /// train, infer, lif: where it is computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
    /// Print where the time of a run goes, by operator and layer, beside what this processor can do
    #[arg(long, conflicts_with = "json")]
    pub(crate) profile: bool,
    /// One JSON object on one line, with the fields of reference/peer_bench.py
    #[arg(long)]
    json: bool,
}

impl Args {
    fn t_steps(&self) -> u32 {
        self.t_steps.unwrap_or(if self.what == What::Events { 10 } else { 4 })
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.profile || args.device.is_cpu(),
        "--profile times the CPU's operators; leave out --device"
    );
    let timing = match args.what {
        What::Train => train(args)?,
        What::Infer => infer(args)?,
        What::Lif => lif(args)?,
        What::Events => {
            let input = args.input.as_deref().unwrap_or(Path::new("."));
            let t_steps = args.t_steps() as usize;
            events::measure(input, t_steps, args.runs)?.print(args.json);
            return Ok(());
        }
    };
    let median = timing.median();
    let samples = (args.what != What::Lif).then_some(f64::from(args.batch) / median);
    let peak = snn_train::peak_rss_mb();
    if !args.json {
        output::print(&format!(
            "{:?}: median {median:.4} s (min {:.4}, max {:.4}){}, peak {peak:.0} MB, engine {}, {} threads",
            args.what,
            timing.seconds[0],
            timing.seconds[timing.seconds.len() - 1],
            samples.map_or(String::new(), |s| format!(", {s:.2} samples/s")),
            snn_ops::engine_name(&args.device),
            snn_ops::threads(),
        ));
        if args.profile {
            output::print(&profile::report(timing.seconds.iter().sum(), args.runs as usize)?);
        }
        return Ok(());
    }
    let mut json = serde_json::json!({
        "what": format!("{:?}", args.what).to_lowercase(), "lib": "snn",
        "precision": args.precision, "threads": snn_ops::threads(), "runs": args.runs,
        "engine": snn_ops::engine_name(&args.device), "loss": timing.loss, "median_s": median,
        "min_s": timing.seconds[0], "max_s": timing.seconds[timing.seconds.len() - 1],
        "peak_rss_mb": peak.round(),
    });
    if let Some(samples) = samples {
        json["model"] = args.model.as_str().into();
        json["batch"] = args.batch.into();
        json["t_steps"] = args.t_steps().into();
        json["width"] = args.width.into();
        if let Some(size) = args.size {
            json["size"] = size.into();
        }
        json["recompute"] = args.recompute.as_str().into();
        json["samples_per_s"] = samples.into();
    } else {
        json["shape"] = args.shape.as_str().into();
    }
    output::print(&json.to_string());
    Ok(())
}

/// The number of elements of a shape; more than this command fills is an error.
fn elements(shape: &[usize]) -> anyhow::Result<usize> {
    const MOST: usize = 1 << 31;
    let n = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side)).filter(|n| *n <= MOST);
    n.with_context(|| format!("an input of {shape:?} has more than {MOST} elements; ask for less"))
}

fn model_and_input(args: &Args) -> anyhow::Result<(Model, Input)> {
    let architecture = Architecture::from_name(&args.model)?;
    let mut config = ModelConfig::of_source(architecture);
    config.width = args.width;
    if args.precision == "bf16" {
        config.precision = Precision::Bf16;
    }
    config.t_steps = args.t_steps() as usize;
    if let Some(size) = args.size {
        config.input = InputConfig { height: size as usize, width: size as usize };
    }
    let mut model = Model::new(&config, 0)?;
    model.set_device(&args.device);
    let mut rng = random::stream(0, "bench", 0, 0);
    let mut shape =
        vec![args.batch as usize, config.in_channels, config.input.height, config.input.width];
    let input = if config.in_channels == 2 {
        // Event counts of two polarities: Poisson of mean 0.3, by the number of unit-rate arrivals.
        shape.insert(0, args.t_steps() as usize);
        let count = |_| poisson(&mut || random::unit(&mut rng));
        let x: Vec<f32> = (0..elements(&shape)?).map(count).collect();
        Input::Frames(buffer::tensor(x, shape)?)
    } else {
        let x = random::normal(&mut rng, elements(&shape)?, 0.0, 1.0);
        Input::Still(buffer::tensor(x, shape)?)
    };
    Ok((model, input))
}

fn poisson(unit: &mut impl FnMut() -> f32) -> f32 {
    let (limit, mut product, mut n) = ((-0.3f32).exp(), unit(), 0.0);
    while product > limit {
        product *= unit();
        n += 1.0;
    }
    n
}

fn train(args: &Args) -> anyhow::Result<Timing> {
    let (mut model, x) = model_and_input(args)?;
    let classes = model.config().num_classes.min(10) as u32;
    let host_labels: Vec<u32> = (0..args.batch).map(|i| i % classes).collect();
    let labels = buffer::tensor(host_labels.clone(), host_labels.len())?;
    let examples = Examples { x, labels, host_labels, mixed: None, framings: Vec::new() };
    let config = OptimizerConfig { lr: 1e-3, ..OptimizerConfig::default() };
    let mut optimizer = Optimizer::new(&config, Default::default());
    let recompute = match args.recompute.as_str() {
        "stage" => Recompute::Stage,
        _ => Recompute::None,
    };
    let objective = Loss::CrossEntropy.at(Position { epoch: 0, epochs: 1 });
    Timing::of(args.runs, || {
        let (lr, step) = (config.lr, optimizer.steps());
        let step = StepConfig { objective: &objective, method: None, seed: 0, lr, step, recompute };
        Ok(Some(snn_train::train_step(&mut model, &mut optimizer, &examples, step)?.loss))
    })
}

fn infer(args: &Args) -> anyhow::Result<Timing> {
    let (model, x) = model_and_input(args)?;
    Timing::of(args.runs, || {
        model.forward(&mut Tape::off(), &x, Mode::Eval)?;
        Ok(None)
    })
}

fn lif(args: &Args) -> anyhow::Result<Timing> {
    let shape: Vec<usize> = args
        .shape
        .split(',')
        .map(|n| n.trim().parse::<usize>().with_context(|| format!("--shape: `{n}` is not a size")))
        .collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(shape.len() >= 2 && !shape.contains(&0), "--shape: use T,N,.. without zeros");
    let mut rng = random::stream(0, "bench", 0, 0);
    let n = elements(&shape)?;
    let mut normal = || {
        let values = random::normal(&mut rng, n, 0.0, 1.0);
        anyhow::Ok(buffer::tensor(values, shape.as_slice())?.to_device(&args.device)?)
    };
    let (x, g) = (normal()?, normal()?);
    let constants = neurons(&args.sets)?;
    let neuron = constants.neuron()?;
    let number = |x: f32| buffer::tensor(vec![x], 1);
    let (w, ceiling) = (number(0.0)?, number(1.0)?);
    let step_scale = buffer::tensor(vec![1.0f32; shape[0]], shape[0])?;
    Timing::of(args.runs, || {
        let mut tape = Tape::new();
        let mut current = tape.leaf("x", x.clone());
        if constants.tebn {
            let step_scale = tape.leaf("step_scale", step_scale.clone());
            current = snn_ops::scale_steps(&mut tape, &current, &step_scale)?;
        }
        let spikes = match neuron {
            Neuron::Spiking { lif, learns_tau, .. } => {
                let w = learns_tau.then(|| tape.leaf("w", w.clone()));
                let layer = Layer { leak: w.as_ref(), ..Layer::default() };
                norm_layer(&mut tape, shape[0], &[Current::Plain(&current)], &layer, &lif)?.spikes
            }
            Neuron::Qcfs { levels, .. } => {
                let ceiling = tape.leaf("ceiling", ceiling.clone());
                qcfs(&mut tape, &current, &ceiling, levels)?
            }
        };
        tape.backward([(&spikes, g.clone())], &mut |_, _| Ok(()))?;
        // A GPU may still be at it.
        args.device.synchronize()?;
        Ok(None)
    })
}

/// The neurons of a recipe with these changes.
fn neurons(sets: &[String]) -> anyhow::Result<NeuronConfig> {
    const LEAST: &str = "data = { name = \"synthetic\" }\nschedule = { epochs = 1 }\n\
                         model = { architecture = \"vgg9\", t_steps = 1 }\n";
    let other = sets.iter().find(|set| !set.starts_with("neuron."));
    anyhow::ensure!(other.is_none(), "--set: use neuron.KEY=VALUE");
    Ok(Recipe::parse(LEAST, "bench", sets)?.neuron)
}
