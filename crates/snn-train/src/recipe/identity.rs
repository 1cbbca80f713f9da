//! Which recipes train the same weights: what a run may go on with.

use std::path::Path;

use toml::{Table, Value};

use super::tables::Recipe;
use crate::{Error, Result, files, hash};

/// Bytes of the weights that `model.init` names, at most: twice those of the largest network.
const MOST: u64 = 1 << 34;

/// Keys of `[train]` that change when and how fast a run computes, and never its weights.
const FREE: [&str; 8] = [
    "workers",
    "keep",
    "keep_best",
    "eval_every",
    "checkpoint_every",
    "recompute",
    "loss_limit",
    "log_steps",
];

/// The recipe written out with all defaults, but for the keys that never change weights; `model.init` is the SHA-256 of
/// that checkpoint's weights.
///
/// # Errors
/// [`Error::Recipe`] when TOML cannot hold a number of the recipe, [`Error::Checkpoint`] when `model.init` cannot be read.
pub(crate) fn text(recipe: &Recipe) -> Result<String> {
    let fault = |why: String| Error::Recipe { origin: "recipe".into(), why };
    let mut table = Table::try_from(recipe).map_err(|e| fault(e.to_string()))?;
    forget_free(&mut table);
    let phases = table.get_mut("phase").and_then(Value::as_array_mut).into_iter().flatten();
    phases.filter_map(Value::as_table_mut).for_each(forget_free);
    if let (Some(init), Some(Value::Table(model))) = (&recipe.model.init, table.get_mut("model")) {
        model.insert("init".into(), weights(init)?.into());
    }
    toml::to_string(&table).map_err(|e| fault(e.to_string()))
}

fn forget_free(recipe: &mut Table) {
    if let Some(Value::Table(train)) = recipe.get_mut("train") {
        train.retain(|key, _| !FREE.contains(&key));
        if train.is_empty() {
            recipe.remove("train");
        }
    }
}

/// The SHA-256 of [`text`].
pub(crate) fn hash(recipe: &Recipe) -> Result<String> {
    Ok(hash::sha256(text(recipe)?.as_bytes()))
}

fn weights(init: &Path) -> Result<String> {
    let path = init.join("model.safetensors");
    let bytes = files::read(&path, MOST).map_err(|error| match error {
        Error::Io { cause, .. } => {
            let why = format!("cannot be read ({cause}), and model.init names it; put it back");
            Error::checkpoint(&path, why)
        }
        other => other,
    })?;
    Ok(hash::sha256(&bytes))
}
