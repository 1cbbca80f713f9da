//! `snn predict`: the classes of files.

use std::path::{Path, PathBuf};

use anyhow::Context;
use candle_core::Device;
use serde_json::{Value, json};
use snn_data::{Prepared, Time};
use snn_models::{Input, Model, Prediction};
use snn_ops::buffer;

use crate::preprocess::Prepare;
use crate::{checkpoint, exit, output};

/// Says what each file shows: a picture, a recording, the first window of a signal, or a point cloud
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Checkpoint directory: config.json and model.safetensors
    checkpoint: PathBuf,
    /// Files of the kind that the checkpoint was trained on
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How many of the most probable classes are given
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
    /// Prepare the files otherwise than config.json says, such as data.size=32 or data.frames_by=count
    #[arg(long = "set", value_name = "data.KEY=VALUE")]
    sets: Vec<String>,
    /// Folder of the data set, for checkpoints whose config.json does not say how files are prepared
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Stop at the first step after which the two largest softmax probabilities of the mean scores differ by so much, 0 to 1
    #[arg(long, value_name = "M", value_parser = crate::exit_margin::parse)]
    exit_margin: Option<f64>,
    /// Where the network is computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
    /// One JSON object a file, each on a line
    #[arg(long)]
    json: bool,
}

/// Answers every file that it can, and gives the exit code of the first that it cannot.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut model = checkpoint::load(&args.checkpoint)?;
    model.set_device(&args.device);
    let config = args.checkpoint.join("config.json");
    let prepare = Prepare::of(&mut model, &config, args.data.clone(), &args.sets)?;
    prepare.notices.iter().for_each(|notice| tracing::warn!("{notice}"));
    if args.exit_margin.is_some() {
        model.check_steps().context("--exit-margin")?;
    }
    let mut code = 0;
    for file in &args.files {
        let answer = match predict(&model, &prepare, args.exit_margin, file) {
            Ok(answer) => answer,
            Err(error) => {
                exit::complain(&error, exit::Flags::Set);
                code = if code == 0 { exit::code(&error) } else { code };
                continue;
            }
        };
        let top = answer.top(args.top.into());
        output::print(&match args.json {
            true => object(&model, &prepare, file, &answer, &top).to_string(),
            false => line(&model, file, &answer, &top) + &stopped(args, &model, &answer),
        });
    }
    Ok(code)
}

/// One file at a time: its answer would be the same among others.
fn predict(
    model: &Model,
    prepare: &Prepare,
    exit_margin: Option<f64>,
    file: &Path,
) -> anyhow::Result<Prediction> {
    let Prepared { x, shape, time, notice } = prepare.preprocess.read(file)?;
    if let Some(notice) = notice {
        tracing::warn!("{}: {notice}; --set data.sensor=[W,H] says it", file.display());
    }
    let input = match (time, shape.as_slice()) {
        (Time::Frames, &[t_steps, c, h, w]) => {
            Input::Frames(buffer::tensor(x, vec![t_steps, 1, c, h, w])?)
        }
        (Time::Still | Time::Frames, shape) => {
            Input::Still(buffer::tensor(x, [&[1], shape].concat())?)
        }
    };
    let unfit = |error| exit::unusable(file, format!("does not fit the checkpoint: {error}"));
    match exit_margin {
        Some(margin) => model.predict_until(&input, margin).map_err(unfit),
        None => {
            let answers = model.predict(&input).map_err(unfit)?;
            answers.into_iter().next().context("the network gave no answer")
        }
    }
}

/// A class by its name, or by its number where the checkpoint names none.
fn class(model: &Model, class: usize) -> Value {
    match model.config().labels.get(class) {
        Some(name) => name.as_str().into(),
        None => class.into(),
    }
}

fn object(
    model: &Model,
    prepare: &Prepare,
    file: &Path,
    answer: &Prediction,
    top: &[(usize, f64)],
) -> Value {
    let top = top.iter().map(|&(at, p)| json!({"class": class(model, at), "probability": p}));
    let mut object = json!({
        "file": file.display().to_string(), "class": class(model, answer.class),
        "probability": answer.probability(),
        "per_step": answer.per_step.iter().map(|&at| class(model, at)).collect::<Vec<_>>(),
        "top": top.collect::<Vec<_>>(), "steps": answer.per_step.len(),
    });
    if !prepare.notices.is_empty() {
        object["prepared"] = prepare.notices.clone().into();
    }
    object
}

/// Where the sample stopped, if it was allowed to.
fn stopped(args: &Args, model: &Model, answer: &Prediction) -> String {
    match args.exit_margin {
        Some(_) => {
            format!("; stopped after {} of {}", answer.per_step.len(), model.config().t_steps)
        }
        None => String::new(),
    }
}

fn line(model: &Model, file: &Path, answer: &Prediction, top: &[(usize, f64)]) -> String {
    let name = |at: usize| match class(model, at) {
        Value::String(name) => name,
        number => number.to_string(),
    };
    let top: Vec<String> =
        top.iter().map(|&(at, p)| format!("{} {:.2} %", name(at), 100.0 * p)).collect();
    // Equal answers of steps in a row are printed once, with their number.
    let mut steps: Vec<(usize, usize)> = Vec::new();
    for &at in &answer.per_step {
        match steps.last_mut() {
            Some((last, n)) if *last == at => *n += 1,
            _ => steps.push((at, 1)),
        }
    }
    let steps: Vec<String> = steps.iter().map(|&(at, n)| format!("{n} x {}", name(at))).collect();
    format!("{}: {}; steps: {}", file.display(), top.join(", "), steps.join(", "))
}
