//! `snn eval`: a checkpoint's figures on a data set's test split.

mod changes;
mod open;
mod show;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use snn_records::EvaluationRecord;
use snn_train::{Evaluation, confusion, evaluate_with};

use crate::output;
pub(crate) use open::{Measured, Opened, open, open_model};

/// Evaluates a checkpoint on the test split it was made with, or on another data set's
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checkpoint directory: config.json and model.safetensors
    checkpoint: PathBuf,
    #[command(flatten)]
    measured: Measured,
    /// Also print the accuracy of each step alone and of the first 1, 2, .. T together
    #[arg(long)]
    per_step: bool,
    /// Also print the accuracy of each class
    #[arg(long)]
    per_class: bool,
    /// Also print how often each class was answered to the samples of each
    #[arg(long)]
    confusion: bool,
    /// Also print the share of each layer's neurons that send something in a step, and for each layer of weights its
    /// multiply-accumulates, the bits that are not 0 in an entry of its input, and synaptic operations. A mean over pixels or a sum
    /// counts as one bit where it is not 0
    #[arg(long)]
    layers: bool,
    /// Also print how many steps samples take, and how many answers are right, where each stops at the first step after
    /// which the two largest softmax probabilities of the mean logits differ by so much: 0 to 1, several with commas
    #[arg(long, value_name = "M,..", value_delimiter = ',', value_parser = crate::exit_margin::parse)]
    exit_margin: Vec<f64>,
    /// Write the answer to every sample: a line each, in the order of the split
    #[arg(long, value_name = "FILE.csv")]
    predictions: Option<PathBuf>,
    /// Write the spikes of the last layer of neurons, averaged over time, as NumPy's array [N, F]
    #[arg(long, value_name = "FILE.npy")]
    features: Option<PathBuf>,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// How NumPy's files begin.
const NPY: &[u8] = b"\x93NUMPY";

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let read: Vec<&Path> =
        [args.checkpoint.as_path()].into_iter().chain(args.measured.data()).collect();
    let head = show::COLUMNS.join(",") + "\n";
    for (file, begin) in [(&args.predictions, head.as_bytes()), (&args.features, NPY)] {
        if let Some(file) = file {
            output::replaceable(file, begin, &read)?;
        }
    }
    let mut opened = open(&args.checkpoint, &args.measured)?;
    opened.options.features = args.features.is_some();
    opened.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    if !args.exit_margin.is_empty() {
        opened.model.check_steps().context("--exit-margin")?;
    }
    let found = evaluate_with(&opened.model, &opened.test, &opened.options)?;
    if let Some(file) = &args.predictions {
        let text = show::predictions(&found.answers, opened.test.class_names());
        snn_train::write_atomic(file, text.as_bytes())?;
    }
    if let (Some(file), Some(features)) = (&args.features, &found.features) {
        let shape = [found.answers.len(), features.len() / found.answers.len().max(1)];
        snn_train::write_atomic(file, &snn_data::format::write_npy_array(features, &shape))?;
    }
    if args.json {
        output::print(&object(args, &opened, &found)?.to_string());
        return Ok(());
    }
    output::print(&show::figures(&opened, &found));
    output::print(&show::work(&found.work));
    if args.per_step {
        output::print(&show::per_step(&found.metrics));
    }
    if !args.exit_margin.is_empty() {
        output::print(&show::early_exit(&found, &args.exit_margin));
    }
    let counts = confusion(&found.answers, opened.test.num_classes());
    if args.per_class {
        output::print(&show::per_class(&counts, opened.test.labels(), opened.test.class_names()));
    }
    if args.confusion {
        output::print(&show::confusion(&counts, opened.test.class_names()));
    }
    if args.layers {
        output::print(&show::layers(&opened.model, &found));
    }
    Ok(())
}

fn object(args: &Args, opened: &Opened, found: &Evaluation) -> anyhow::Result<Value> {
    let test = &opened.test;
    let mut object = serde_json::to_value(&found.metrics)?;
    object["dataset"] = test.name().into();
    object["split"] = test.split().into();
    object["split_hash"] = opened.split_hash.clone().into();
    object["t_steps"] = opened.t_steps.into();
    if let Some(steps_by) = opened.steps_by {
        object["steps_by"] = steps_by.name().into();
    }
    if opened.other_data {
        object["other_data"] = true.into();
    }
    if !opened.notices.is_empty() {
        object["prepared"] = opened.notices.clone().into();
    }
    object["exact"] = opened.options.exact.into();
    object["batch_stats"] = opened.options.batch_statistics.into();
    object["engine"] = opened.engine.into();
    object["instructions"] = snn_train::instructions().into();
    if !args.exit_margin.is_empty() {
        let exits: Vec<_> =
            args.exit_margin.iter().map(|margin| found.margins.at(*margin)).collect();
        object["early_exit"] = serde_json::to_value(exits)?;
    }
    object["work"] = serde_json::to_value(&found.work)?;
    let counts = confusion(&found.answers, test.num_classes());
    if args.per_class {
        let classes = show::classes(&counts, test.labels());
        let names = test.class_names().iter();
        object["per_class"] = classes
            .into_iter()
            .zip(names)
            .map(|((n, right), name)| json!({"class": name, "n": n, "correct": right, "top1": show::percent(right, n)}))
            .collect();
    }
    if args.confusion {
        object["confusion"] = serde_json::to_value(counts)?;
    }
    Ok(object)
}

/// All that a report shows of a checkpoint, which goes by that hash, kept beside its run.
pub(crate) fn record(opened: &Opened, checkpoint: String) -> anyhow::Result<EvaluationRecord> {
    let found = evaluate_with(&opened.model, &opened.test, &opened.options)?;
    let test = &opened.test;
    let confusion = confusion(&found.answers, test.num_classes());
    let samples = show::classes(&confusion, test.labels()).into_iter().map(|(n, _)| n).collect();
    Ok(EvaluationRecord {
        checkpoint,
        dataset: test.name().into(),
        split: test.split().into(),
        split_hash: opened.split_hash.clone(),
        t_steps: opened.t_steps,
        engine: opened.engine.into(),
        metrics: found.metrics,
        neurons: opened.model.neurons().to_vec(),
        work: found.work,
        classes: test.class_names().to_vec(),
        samples,
        confusion,
    })
}
