//! The ranges of a recipe's values.

use std::fmt::Display;

use snn_data::{MAX_SIZE, MAX_T_STEPS};
use snn_models::ModelConfig;

use super::{Recipe, of_phase};
use crate::{Error, Result};

/// No count in a recipe may exceed this.
const MOST: usize = 1 << 24;

pub(crate) fn check(recipe: &Recipe) -> Result<()> {
    each(recipe)?;
    let length = recipe.schedule.epochs;
    let field = "schedule.epochs";
    if recipe.phase.is_empty() {
        return need(field, "absent", length.is_some(), "the epochs of the run, or [[phase]]s");
    }
    let allowed = "epochs or steps in each [[phase]]";
    need(field, length.unwrap_or(0), length.is_none(), allowed)?;
    for (at, phase) in recipe.phase.iter().enumerate() {
        let lengths = [phase.epochs, phase.steps];
        let given = lengths.iter().flatten().count();
        let own = need("epochs and steps", given, given == 1, "one of the two")
            .and_then(|()| count("steps", phase.steps.unwrap_or(1), 1, MOST))
            .and_then(|()| each(&of_phase(recipe, phase)));
        own.map_err(|error| error.in_phase(at))?;
    }
    Ok(())
}

fn each(recipe: &Recipe) -> Result<()> {
    let Recipe { seed, data, model, neuron, loss, optimizer, schedule, train, phase: _ } = recipe;
    need("seed", seed, *seed < 1 << 63, "0 to 2^63 - 1, TOML's largest integer")?;
    need("data.name", &data.name, !data.name.is_empty(), "the name of a data set")?;
    count("data.t_steps", data.t_steps.unwrap_or(1), 1, MAX_T_STEPS)?;
    count("data.size", data.size.unwrap_or(1), 1, MAX_SIZE)?;
    // The loader numbers samples in 32 bits.
    count("data.limit_train", data.limit_train.unwrap_or(1), 1, u32::MAX as usize)?;
    count("data.limit_test", data.limit_test.unwrap_or(1), 1, u32::MAX as usize)?;
    count("data.augment.crop_padding", data.augment.crop_padding, 0, MAX_SIZE)?;
    count("data.augment.cutout", data.augment.cutout, 0, MAX_SIZE)?;
    count("data.augment.roll", data.augment.roll, 0, MAX_SIZE)?;
    range("data.augment.rotate_degrees", data.augment.rotate_degrees.into(), 0.0, 180.0)?;
    range("data.augment.color_jitter", data.augment.color_jitter.into(), 0.0, 1.0)?;
    range("data.augment.time_reversal", data.augment.time_reversal.into(), 0.0, 1.0)?;
    range("data.augment.polarity_flip", data.augment.polarity_flip.into(), 0.0, 1.0)?;
    range("data.augment.random_erasing", data.augment.random_erasing.into(), 0.0, 1.0)?;
    range("data.augment.mixup", data.augment.mixup.into(), 0.0, 100.0)?;
    range("data.augment.cutmix", data.augment.cutmix.into(), 0.0, 100.0)?;
    data.augment.check()?;
    let most = ModelConfig::MAX_WIDTH;
    let fits = model.width > 0.0 && model.width <= most;
    need("model.width", model.width, fits, &format!("a number above 0, at most {most}"))?;
    count("model.t_steps", model.t_steps.unwrap_or(1), 1, MAX_T_STEPS)?;
    neuron.lif()?;
    loss.check().map_err(of_loss)?;
    positive("optimizer.lr", optimizer.lr)?;
    range("optimizer.weight_decay", optimizer.weight_decay(), 0.0, 1.0)?;
    below_one("optimizer.momentum", optimizer.momentum)?;
    below_one("optimizer.betas", optimizer.betas[0])?;
    below_one("optimizer.betas", optimizer.betas[1])?;
    positive("optimizer.eps", optimizer.eps)?;
    count("schedule.epochs", schedule.epochs.unwrap_or(1), 1, MOST)?;
    count("schedule.warmup_epochs", schedule.warmup_epochs, 0, MOST)?;
    range("schedule.warmup_lr", schedule.warmup_lr, 0.0, f64::MAX)?;
    range("schedule.min_lr", schedule.min_lr, 0.0, f64::MAX)?;
    count("train.batch", train.batch, 1, MOST)?;
    count("train.steps_per_epoch", train.steps_per_epoch.unwrap_or(1), 1, MOST)?;
    count("train.eval_every", train.eval_every, 1, MOST)?;
    count("train.keep", train.keep, 1, MOST)?;
    count("train.workers", train.workers, 0, 256)?;
    need("train.loss_limit", train.loss_limit, train.loss_limit > 1.0, "a number above 1")
}

/// A loss knows its own constants, not where a recipe has them.
fn of_loss(error: snn_losses::Error) -> Error {
    match error {
        snn_losses::Error::Config { field, got, allowed } => Error::Setting {
            field: format!("loss.{field}"),
            got: got.to_string(),
            allowed: allowed.into(),
        },
        other => Error::Loss(other),
    }
}

fn need(field: &'static str, got: impl Display, holds: bool, allowed: &str) -> Result<()> {
    let refuse =
        || Error::Setting { field: field.into(), got: got.to_string(), allowed: allowed.into() };
    if holds { Ok(()) } else { Err(refuse()) }
}

fn count(field: &'static str, got: usize, low: usize, high: usize) -> Result<()> {
    need(field, got, (low..=high).contains(&got), &format!("{low} to {high}"))
}

fn range(field: &'static str, got: f64, low: f64, high: f64) -> Result<()> {
    need(field, got, (low..=high).contains(&got), &format!("{low} to {high}"))
}

fn positive(field: &'static str, got: f64) -> Result<()> {
    need(field, got, got > 0.0 && got.is_finite(), "a positive number")
}

fn below_one(field: &'static str, got: f64) -> Result<()> {
    need(field, got, (0.0..1.0).contains(&got), "0 or more and below 1")
}
