//! `snn eval`: a checkpoint's figures on a data set's test split.

mod changes;

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::Device;
use snn_data::DataConfig;
use snn_models::Model;
use snn_train::{DataRecipe, EVAL_BATCH};

use crate::preprocess::trained_on;
use crate::{checkpoint, exit, output};
use changes::{change, prepared};

/// Evaluates a checkpoint on the test split it was made with, or on another data set's
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checkpoint directory: config.json and model.safetensors
    checkpoint: PathBuf,
    /// Data set [default: the one the checkpoint was trained on]
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Folder of the data set
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Do not keep prepared samples of large data sets on disk (see `snn data cache`)
    #[arg(long)]
    no_cache: bool,
    /// Time steps [default: those it was trained with]
    #[arg(long, value_name = "N")]
    t_steps: Option<usize>,
    /// Prepare the samples otherwise than the checkpoint says: a key of the recipe's table `data`, or of config.json's
    /// preprocess
    #[arg(long = "set", value_name = "data.KEY=VALUE")]
    sets: Vec<String>,
    /// Compute as `snn predict` does: a sample's answer does not depend on the batch that it is in
    #[arg(long)]
    exact: bool,
    /// Also print the accuracy of each step alone and of the first 1, 2, .. T together
    #[arg(long)]
    per_step: bool,
    /// Where the network is computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// The time steps that the checkpoint's own figures were measured with, where it has figures of this data.
fn measured_t_steps(model: &Model, data: &DataRecipe) -> Option<usize> {
    let metrics = &model.config().metrics;
    let own = metrics["t_steps"].as_u64().and_then(|n| usize::try_from(n).ok());
    data.t_steps.or(own.filter(|_| metrics["data"]["name"] == data.name.as_str()))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut model = checkpoint::load(&args.checkpoint)?;
    model.set_device(&args.device);
    let config_file = args.checkpoint.join("config.json");
    let trained = trained_on(&model, &config_file)?;
    let mut data = match (&args.dataset, trained) {
        (Some(name), Some(trained)) if *name == trained.name => trained,
        (Some(name), _) => {
            let (name, t_steps) = (name.clone(), model.config().t_steps);
            serde_json::from_value(serde_json::json!({"name": name, "t_steps": t_steps}))?
        }
        (None, Some(trained)) => trained,
        (None, None) => anyhow::bail!(
            "{}: its config.json names no data set; pass --dataset",
            args.checkpoint.display()
        ),
    };
    let mut of_files = change(&mut data, &args.sets)?;
    if let Some(t_steps) = args.t_steps
        && model.config().preprocess["kind"] == "recordings"
    {
        of_files.push(format!("data.t_steps={t_steps}"));
    }
    let stored = model.config().t_steps;
    if let Some(t_steps) = args.t_steps {
        data.t_steps = Some(t_steps);
        model.config_mut().t_steps = t_steps;
    } else if let Some(measured) = measured_t_steps(&model, &data).filter(|n| *n != stored) {
        let why = format!(
            "t_steps is {stored}, but its metrics are of {measured}; say which with --t-steps"
        );
        return Err(exit::unusable(&config_file, why));
    }
    let t_steps = model.config().t_steps;
    let cache = if args.no_cache { None } else { crate::cache::writable()? };
    let config = DataConfig { cache, ..data.config(args.data.clone()) };
    let splits = snn_data::open(&config)?;
    let split_hash = splits.members();
    let (test, notices) = prepared(splits.test, &mut model, &config_file, &of_files)?;
    notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    let test = Arc::new(test);
    let classes = model.config().num_classes;
    anyhow::ensure!(
        test.num_classes() == classes,
        "{} has {} classes, the checkpoint {classes}; pass the --dataset it was trained on",
        test.name(),
        test.num_classes()
    );
    let evaluate = if args.exact { snn_train::evaluate_exact } else { snn_train::evaluate };
    let metrics = evaluate(&model, &test, EVAL_BATCH)?;
    if args.json {
        let mut json = serde_json::to_value(&metrics)?;
        json["dataset"] = test.name().into();
        json["split"] = test.split().into();
        json["split_hash"] = split_hash.into();
        json["t_steps"] = t_steps.into();
        if !notices.is_empty() {
            json["prepared"] = notices.into();
        }
        json["exact"] = args.exact.into();
        json["engine"] = snn_ops::engine_name(&args.device).into();
        output::print(&json.to_string());
        return Ok(());
    }
    output::print(&format!(
        "{} ({}, members {}), {} samples, T={}: top-1 {:.2} %, top-5 {:.2} %, AURC x 1000 {:.2} (softmax) {:.2} (logit)",
        test.name(),
        test.split(),
        split_hash.get(..12).unwrap_or(""),
        metrics.n,
        t_steps,
        metrics.top1,
        metrics.top5,
        metrics.aurc_softmax,
        metrics.aurc_logit
    ));
    if args.per_step {
        output::print("step   alone   first steps together");
        for (t, (alone, together)) in
            metrics.per_step_top1.iter().zip(&metrics.cumulative_top1).enumerate()
        {
            output::print(&format!("{:>4}  {alone:>5.2} %  {together:>5.2} %", t + 1));
        }
    }
    Ok(())
}
