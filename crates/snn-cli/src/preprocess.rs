//! Everything between a file and a checkpoint's network: what its config.json says, or `--set data.X` says instead.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use snn_data::Preprocess;
use snn_models::Model;
use snn_train::DataRecipe;

use crate::exit;

/// What is done with a file before a checkpoint's network sees it.
pub(crate) struct Prepare {
    pub(crate) preprocess: Preprocess,
    /// What differs from the checkpoint's config.json, in words.
    pub(crate) notices: Vec<String>,
}

impl Prepare {
    /// What the config.json of `model` says, with the changes of `sets`, each `data.KEY=VALUE`. Checkpoints of older
    /// versions do not say it: for them the data set of their metrics is opened, in the folder `data`.
    pub(crate) fn of(
        model: &mut Model,
        config: &Path,
        data: Option<PathBuf>,
        sets: &[String],
    ) -> anyhow::Result<Self> {
        let mut notices = Vec::new();
        let mut value = model.config().preprocess.clone();
        if value.is_null() {
            let (preprocess, name) = of_data_set(model, config, data)?;
            value = serde_json::to_value(preprocess)?;
            notices.push(format!("config.json has no preprocess; taken from the data set {name}"));
        }
        let unchanged = value.clone();
        for set in sets {
            notices.push(change(&mut value, model, set)?);
        }
        let preprocess: Preprocess = serde_json::from_value(value).map_err(|error| {
            let stored = serde_json::from_value::<Preprocess>(unchanged);
            match stored.is_ok() {
                true => anyhow::anyhow!("--set: {error}"),
                false => exit::unusable(config, format!("preprocess: {error}")),
            }
        })?;
        preprocess.check()?;
        Ok(Self { preprocess, notices })
    }
}

/// What the data set does with its files that the checkpoint was trained on, and its name.
fn of_data_set(
    model: &Model,
    config: &Path,
    data: Option<PathBuf>,
) -> anyhow::Result<(Preprocess, String)> {
    let recipe = trained_on(model, config)?.ok_or_else(|| {
        let why = "says neither preprocess nor metrics.data: how files are prepared is not known";
        exit::unusable(config, why)
    })?;
    let mut asked = recipe.config(data);
    asked.roots = crate::data::roots();
    asked.t_steps = recipe.t_steps.unwrap_or(model.config().t_steps);
    (asked.limit_train, asked.limit_test) = (Some(1), Some(1));
    let splits = snn_data::open(&asked).context(
        "config.json has no preprocess, and the data set that it was trained on says how files are prepared",
    )?;
    Ok((splits.train.preprocess().clone(), recipe.name))
}

/// The data that a checkpoint's figures are of.
pub(crate) fn trained_on(model: &Model, config: &Path) -> anyhow::Result<Option<DataRecipe>> {
    let metrics = model.config().metrics.get("data").cloned();
    let read = metrics.map(serde_json::from_value).transpose();
    read.map_err(|error| exit::unusable(config, format!("metrics.data: {error}")))
}

/// Makes one change, `data.KEY=VALUE`, and says what was there before.
fn change(preprocess: &mut Value, model: &mut Model, set: &str) -> anyhow::Result<String> {
    let (path, text) =
        set.split_once('=').with_context(|| format!("--set {set}: use key=value"))?;
    let (path, text) = (path.trim(), text.trim());
    let Some(key) = path.strip_prefix("data.") else {
        bail!("--set {set}: only data.* can be changed, such as data.size=32");
    };
    let value: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let kind = preprocess["kind"].as_str().unwrap_or_default().to_owned();
    ensure!(key != "kind", "--set {set}: a checkpoint takes one kind of files, here {kind}");
    if key == "t_steps" && kind != "recordings" {
        let steps = value.as_u64().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
        let steps = steps.with_context(|| format!("--set {set}: use a whole number above 0"))?;
        let was = std::mem::replace(&mut model.config_mut().t_steps, steps);
        return Ok(format!("{path}={steps} is taken as model.t_steps, which was {was}"));
    }
    // The recipe's `size` is the side of a picture or of frames, a signal's window, a cloud's points.
    let fields = match (key, kind.as_str()) {
        ("size", "pictures" | "recordings") => &["height", "width"][..],
        ("size", "signals") => &["window"],
        ("size", "clouds") => &["points"],
        _ => &[key],
    };
    let object = preprocess.as_object_mut().context("preprocess is not an object")?;
    let mut was = Value::Null;
    for field in fields {
        was = object.insert((*field).to_owned(), value.clone()).unwrap_or_default();
    }
    let was = if was.is_null() { "not set".into() } else { was.to_string() };
    Ok(format!("{path}={text}; config.json: {was}"))
}
