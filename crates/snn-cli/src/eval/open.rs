//! A checkpoint with the samples that it is measured on, as the command line asks for them.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use snn_data::{DataConfig, Dataset, Splits, Time};
use snn_models::Model;
use snn_train::{DataRecipe, EvalOptions};

use super::changes::{change, prepared};
use crate::preprocess::trained_on;
use crate::samples::Samples;
use crate::{checkpoint, exit};

/// How checkpoints are measured.
#[derive(clap::Args)]
pub(crate) struct Measured {
    /// Data set [default: the one the checkpoint was trained on]
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    #[command(flatten)]
    samples: Samples,
    /// Time steps [default: those it was trained with]
    #[arg(long, value_name = "N")]
    t_steps: Option<usize>,
    /// How a recording comes to --t-steps: `rebin` cuts all of it into as many frames, `truncate` cuts it as in training
    /// and runs the first of those frames
    #[arg(long, value_enum, default_value_t = StepsBy::Rebin, requires = "t_steps", value_name = "WAY")]
    steps_by: StepsBy,
    /// Prepare the samples otherwise than the checkpoint says: a key of the recipe's table `data`, or of config.json's
    /// preprocess
    #[arg(long = "set", value_name = "data.KEY=VALUE")]
    sets: Vec<String>,
    /// Compute as `snn predict` does: a sample's answer does not depend on the batch that it is in
    #[arg(long)]
    exact: bool,
    /// Norms use the statistics of each batch, of 64 samples in one shuffled order, rather than the running ones
    #[arg(long, conflicts_with = "exact")]
    batch_stats: bool,
    /// Where the network is computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
}

impl Measured {
    /// The folder of the data, where it is named.
    pub(crate) fn data(&self) -> Option<&Path> {
        self.samples.data.as_deref()
    }

    /// As the checkpoint was trained, with these samples.
    pub(crate) fn as_trained(samples: Samples, device: Device) -> Self {
        let (dataset, t_steps, sets) = (None, None, Vec::new());
        let steps_by = StepsBy::Rebin;
        Self { dataset, samples, t_steps, steps_by, sets, exact: false, batch_stats: false, device }
    }
}

/// How recordings come to another number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StepsBy {
    Rebin,
    Truncate,
}

impl Measured {
    /// As the checkpoint was measured in training, on the samples of `samples`.
    pub(crate) fn as_it_is(samples: &Samples) -> Self {
        Self {
            dataset: None,
            samples: samples.clone(),
            t_steps: None,
            steps_by: StepsBy::Rebin,
            sets: Vec::new(),
            exact: false,
            batch_stats: false,
            device: Device::Cpu,
        }
    }
}

impl StepsBy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rebin => "rebin",
            Self::Truncate => "truncate",
        }
    }
}

/// A checkpoint and its samples.
pub(crate) struct Opened {
    pub(crate) model: Model,
    pub(crate) test: Arc<Dataset>,
    pub(crate) split_hash: String,
    /// Whether the test samples are others than those that the checkpoint's own figures are of.
    pub(crate) other_data: bool,
    /// What is otherwise than the checkpoint says, in words.
    pub(crate) notices: Vec<String>,
    pub(crate) t_steps: usize,
    /// The way to other steps, where the samples have steps of their own and others were asked for.
    pub(crate) steps_by: Option<StepsBy>,
    pub(crate) engine: &'static str,
    pub(crate) options: EvalOptions,
}

/// The time steps that the checkpoint's own figures were measured with, where it has figures of this data.
fn measured_t_steps(model: &Model, data: &DataRecipe) -> Option<usize> {
    let metrics = &model.config().metrics;
    let own = metrics["t_steps"].as_u64().and_then(|n| usize::try_from(n).ok());
    data.t_steps.or(own.filter(|_| metrics["data"]["name"] == data.name.as_str()))
}

/// The data that is asked for.
fn asked(args: &Measured, config_file: &Path, model: &Model) -> anyhow::Result<DataRecipe> {
    let trained = trained_on(model, config_file)?;
    Ok(match (&args.dataset, trained) {
        (Some(name), Some(trained)) if *name == trained.name => trained,
        (Some(name), _) => {
            let (name, t_steps) = (name.clone(), model.config().t_steps);
            serde_json::from_value(serde_json::json!({"name": name, "t_steps": t_steps}))?
        }
        (None, Some(trained)) => trained,
        (None, None) => {
            anyhow::bail!("{}: names no data set; pass --dataset", config_file.display())
        }
    })
}

/// Whether the test samples are others than those that the card's figures are of.
fn is_other(model: &Model, splits: &Splits) -> bool {
    let card = model.config().metrics["data_hash"].as_str().unwrap_or_default();
    snn_train::other_test_data(card, &splits.train, &splits.test)
}

/// Opens a checkpoint and what it is measured on.
pub(crate) fn open(checkpoint: &Path, args: &Measured) -> anyhow::Result<Opened> {
    open_model(checkpoint::load(checkpoint)?, &checkpoint.join("config.json"), args)
}

/// [`open`] of a model whose configuration is, or will be, `config_file`.
pub(crate) fn open_model(
    mut model: Model,
    config_file: &Path,
    args: &Measured,
) -> anyhow::Result<Opened> {
    model.set_device(&args.device);
    let mut data = asked(args, config_file, &model)?;
    let mut of_files = change(&mut data, &args.sets)?;
    let stored = model.config().t_steps;
    let measured = measured_t_steps(&model, &data);
    let mut first_steps = None;
    if let Some(t_steps) = args.t_steps.filter(|n| *n != stored) {
        crate::preprocess::free_steps(&model, &format!("--t-steps {t_steps}"))?;
    }
    match (args.t_steps, args.steps_by) {
        (Some(t_steps), StepsBy::Rebin) => {
            if model.config().preprocess["kind"] == "recordings" {
                of_files.push(format!("data.t_steps={t_steps}"));
            }
            data.t_steps = Some(t_steps);
            model.config_mut().t_steps = t_steps;
        }
        (Some(t_steps), StepsBy::Truncate) => {
            let all = measured.unwrap_or(stored);
            anyhow::ensure!(
                (1..=all).contains(&t_steps),
                "--t-steps {t_steps}: of the {all} steps that the checkpoint was trained with, truncate runs the first; \
                 use 1 to {all}, or --steps-by rebin"
            );
            data.t_steps = Some(all);
            first_steps = Some(t_steps);
            model.config_mut().t_steps = t_steps;
        }
        (None, _) => {
            if let Some(measured) = measured.filter(|n| *n != stored) {
                let why = format!(
                    "t_steps is {stored}, but its metrics are of {measured}; say which with --t-steps"
                );
                return Err(exit::unusable(config_file, why));
            }
        }
    }
    let t_steps = model.config().t_steps;
    let config = DataConfig {
        cache: args.samples.cache()?,
        roots: crate::data::roots(),
        verify: args.samples.verify,
        ..data.config(args.samples.data.clone())
    };
    let splits = snn_data::open(&config)?;
    crate::data::notice(&splits);
    let split_hash = splits.members();
    let is_as_trained = trained_on(&model, config_file)?.as_ref() == Some(&data);
    let other_data = is_as_trained && is_other(&model, &splits);
    if other_data {
        let name = splits.test.name();
        tracing::warn!(
            "{name}: other test data than the card's: the checkpoint was measured on other files"
        );
    }
    let (test, notices) = prepared(splits.test, &mut model, config_file, &of_files)?;
    let classes = model.config().num_classes;
    anyhow::ensure!(
        test.num_classes() == classes,
        "{} has {} classes, the checkpoint {classes}; pass the --dataset it was trained on",
        test.name(),
        test.num_classes()
    );
    crate::classes::follow(&mut model, &test, args.dataset.is_some(), config_file)?;
    let has_steps = test.kind().time() == Time::Frames;
    let (exact, batch_statistics) = (args.exact, args.batch_stats);
    Ok(Opened {
        model,
        test: Arc::new(test),
        split_hash,
        other_data,
        notices,
        t_steps,
        steps_by: args.t_steps.filter(|_| has_steps).map(|_| args.steps_by),
        engine: snn_ops::engine_name(&args.device),
        options: EvalOptions { exact, batch_statistics, first_steps, ..EvalOptions::default() },
    })
}
