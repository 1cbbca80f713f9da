//! `snn export`: a state of a run as a checkpoint directory that others can use: with its card.

use std::path::PathBuf;

use anyhow::Context;
use snn_models::{CONFIG_FILE, Model, StoredType, WEIGHTS_FILE};
use snn_train::{
    CARD_FILE, EXIT_MARGINS, Energy, Evaluation, FIGURES_FILE, Figures, Latency, Measured,
    NetworkFigures, RunState, Which, evaluate_with,
};

use crate::bench::timing::Timing;
use crate::eval::{self, Opened};
use crate::samples::Samples;
use crate::{doctor, exit, output};

/// Makes a checkpoint with its card of a run that was stopped, goes on, diverged or is finished: it is measured on the run's
/// test data
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run directory
    run: PathBuf,
    /// The state after so many steps, of those that MANIFEST lists [default: the newest]
    #[arg(long, value_name = "N", conflicts_with = "best")]
    step: Option<u64>,
    /// The state of the best epoch, of a run with train.keep_best = true
    #[arg(long)]
    best: bool,
    /// Folder to write: README.md, config.json, model.safetensors, metrics.json and SHA256SUMS
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Finished runs of the same recipe with other seeds, whose spread the card gives
    #[arg(long, value_name = "RUN", num_args = 1..)]
    with: Vec<PathBuf>,
    /// How kernels and matrices are stored: as they were trained, or rounded to bf16, half the size. Either is computed
    /// with as the run's precision says, and what is stored is what is measured
    #[arg(long, value_enum, default_value_t = Weights::F32, value_name = "TYPE")]
    weights: Weights,
    #[command(flatten)]
    samples: Samples,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Weights {
    F32,
    Bf16,
}

/// Forward passes that are timed.
const PASSES: u32 = 15;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let which = match (args.step, args.best) {
        (Some(step), _) => Which::Step(step),
        (None, true) => Which::Best,
        (None, false) => Which::Last,
    };
    snn_train::check_new(&args.out)?;
    let mut state = snn_train::run_state(&args.run, which)?;
    let stored = match args.weights {
        Weights::F32 => StoredType::F32,
        Weights::Bf16 => StoredType::Bf16,
    };
    let [_, (_, weights)] = state.model.to_files_as(stored)?;
    let size = Model::size(state.model.config())?;
    let mut figures = Figures {
        network: NetworkFigures {
            parameters: size.parameters,
            stored: stored.name().into(),
            bytes: weights.len(),
        },
        data: snn_train::data_figures(state.model.config()),
        test: state.test.clone(),
        seeds: snn_train::seeds(&args.run, &args.with)?,
        training: snn_train::training(&args.run, which, &state)?,
        ..Figures::default()
    };
    measure(args, &mut state, &weights, &mut figures)?;
    write(args, &state, stored, &figures)?;
    let top1 = match &figures.test {
        Some(test) => format!("test top-1 {:.2} %", test.top1),
        None => "not evaluated yet".into(),
    };
    output::print(&format!(
        "{}: step {}, epoch {}, {top1}",
        args.out.display(),
        state.step,
        state.epoch + 1
    ));
    Ok(())
}

/// Measures the network as its files will be loaded, where its data is found; else says so.
fn measure(
    args: &Args,
    state: &mut RunState,
    weights: &[u8],
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let loaded =
        Model::from_bytes(state.model.config().clone(), weights, &args.out.join(WEIGHTS_FILE))?;
    let config = args.out.join(CONFIG_FILE);
    let opened = match eval::open_model(loaded, &config, &eval::Measured::as_it_is(&args.samples)) {
        Ok(opened) => opened,
        Err(error) if args.samples.data.is_none() && is_missing(&error) => {
            tracing::warn!(
                "the card has the run's own figures: {error:#}; --data DIR names the folder of the data"
            );
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if opened.other_data {
        let why = format!(
            "was tested on other samples than those of {} here; --data DIR names the folder of those",
            opened.test.name()
        );
        return Err(exit::unusable(&args.run, why));
    }
    let found = evaluate_with(&opened.model, &opened.test, &opened.options)?;
    let is_stepwise = opened.model.check_steps().is_ok();
    let margins: &[f64] = if is_stepwise { &EXIT_MARGINS } else { &[] };
    figures.measured = Some(Measured {
        engine: opened.engine.into(),
        instructions: snn_train::instructions().into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("SNN_COMMIT").map(str::to_owned),
        energy: Energy::default(),
        early_exit: margins.iter().map(|margin| found.margins.at(*margin)).collect(),
        sample_work: found.work.clone(),
    });
    figures.latency = Some(latency(&opened)?);
    note(state, &opened, &found)?;
    figures.test = Some(found.metrics);
    Ok(())
}

fn is_missing(error: &anyhow::Error) -> bool {
    let of_data = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(snn_data::Error::Missing { .. }))
    };
    error.chain().any(of_data)
}

/// Puts what was measured into config.json, in the words of a run's card.
fn note(state: &mut RunState, opened: &Opened, found: &Evaluation) -> anyhow::Result<()> {
    let metrics = &mut state.model.config_mut().metrics;
    let measured = serde_json::to_value(&found.metrics)?;
    for (name, value) in measured.as_object().context("metrics are no object")? {
        if metrics.get(name).is_some() {
            metrics[name] = value.clone();
        }
    }
    metrics["engine"] = opened.engine.into();
    Ok(())
}

/// The median of forward passes of the first test sample.
fn latency(opened: &Opened) -> anyhow::Result<Latency> {
    let x = snn_train::first_sample(&opened.test)?;
    let timing = Timing::of(PASSES, || {
        opened.model.forward(&mut snn_ops::Tape::off(), &x, snn_models::Mode::Eval)?;
        Ok(None)
    })?;
    Ok(Latency {
        median_ms: 1e3 * timing.median(),
        passes: PASSES,
        threads: snn_ops::threads(),
        engine: opened.engine.into(),
        processor: doctor::processor(),
    })
}

fn write(
    args: &Args,
    state: &RunState,
    stored: StoredType,
    figures: &Figures,
) -> anyhow::Result<()> {
    let [config, weights] = state.model.to_files_as(stored)?;
    let mut text = serde_json::to_vec_pretty(figures)?;
    text.push(b'\n');
    let card = snn_train::card(figures, state.model.config());
    let files = [(CARD_FILE, card.into_bytes()), config, weights, (FIGURES_FILE, text)];
    Ok(snn_train::write_checkpoint(&args.out, &files)?)
}
