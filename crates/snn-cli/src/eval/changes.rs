//! `snn eval --set data.X`: another choice of samples, or other ways to prepare them.

use std::path::Path;

use snn_data::{Dataset, Time};
use snn_models::Model;
use snn_train::DataRecipe;

use crate::preprocess::Prepare;

/// Makes the changes that are the data set's, and returns those that are of how its files are prepared; some are both.
pub(super) fn change(data: &mut DataRecipe, sets: &[String]) -> anyhow::Result<Vec<String>> {
    let mut of_files = Vec::new();
    for set in sets {
        let (path, text) = set.split_once('=').unwrap_or((set, ""));
        let key = path.trim().strip_prefix("data.").unwrap_or_default();
        anyhow::ensure!(key != "t_steps", "--set {set}: use --t-steps");
        let mut changed = serde_json::to_value(&*data)?;
        changed[key] = serde_json::from_str(text.trim()).unwrap_or_else(|_| text.trim().into());
        match serde_json::from_value(changed) {
            Ok(changed) => {
                *data = changed;
                if ["size", "frames_by", "interpolation"].contains(&key) {
                    of_files.push(set.clone());
                }
            }
            Err(_) => of_files.push(set.clone()),
        }
    }
    Ok(of_files)
}

/// The samples as the checkpoint wants them. Recordings were cut into frames when they were opened.
pub(super) fn prepared(
    set: Dataset,
    model: &mut Model,
    config: &Path,
    sets: &[String],
) -> anyhow::Result<(Dataset, Vec<String>)> {
    if model.config().preprocess.is_null() && sets.is_empty() {
        return Ok((set, Vec::new()));
    }
    if model.config().preprocess.is_null() {
        model.config_mut().preprocess = serde_json::to_value(set.preprocess())?;
    }
    let Prepare { preprocess, mut notices } = Prepare::of(model, config, None, sets)?;
    let own = set.preprocess();
    if *own == preprocess {
        return Ok((set, notices));
    }
    let is_still = set.kind().time() == Time::Still;
    if is_still && own.kind() == preprocess.kind() && own.shape() == preprocess.shape() {
        let name = set.name().to_owned();
        notices.push(format!("{name}: prepared as config.json says, not as the data set does"));
        return Ok((set.with_preprocess(preprocess)?, notices));
    }
    notices.push(format!("{}: prepared as the data set does, not as config.json says", set.name()));
    Ok((set, notices))
}
