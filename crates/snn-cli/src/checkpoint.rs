//! The checkpoint directory that a command is given.

use std::path::Path;

use snn_models::Model;
use snn_train::CHECKPOINT_DIR;

use crate::exit;

/// Loads a checkpoint. The error for a run's directory names the checkpoint inside it.
pub(crate) fn load(checkpoint: &Path) -> anyhow::Result<Model> {
    let exported = checkpoint.join(CHECKPOINT_DIR);
    if exported.is_dir() && !checkpoint.join("config.json").exists() {
        let why = format!("is a run; its checkpoint is {}", exported.display());
        return Err(exit::unusable(checkpoint, why));
    }
    if checkpoint.join("run.json").exists() && !checkpoint.join("config.json").exists() {
        let run = checkpoint.display();
        let why = format!(
            "is a run that is not finished; `snn export {run} --out DIR` makes a checkpoint of it"
        );
        return Err(exit::unusable(checkpoint, why));
    }
    Ok(Model::load(checkpoint)?)
}
