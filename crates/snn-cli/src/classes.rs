//! The classes of a checkpoint and those of the data that it is measured on.

use std::path::Path;

use snn_data::Dataset;
use snn_models::Model;
use snn_train::{Classes, follow_classes};

use crate::exit;

/// Puts a checkpoint's answers into the order of a set's classes, by their names. Other names are an error of the set that
/// it was trained on, and told of another one that was asked for.
pub(crate) fn follow(
    model: &mut Model,
    test: &Dataset,
    is_asked_for: bool,
    config: &Path,
) -> anyhow::Result<()> {
    let labels = model.config().labels.clone();
    match follow_classes(model, test.class_names())? {
        Classes::Same => {}
        Classes::Moved => tracing::warn!(
            "the classes of {} stand in another order than the checkpoint's; answers follow their names",
            test.name()
        ),
        Classes::Other => {
            let only = |of: &[String], others: &[String]| {
                let only: Vec<&str> =
                    of.iter().filter(|name| !others.contains(name)).map(String::as_str).collect();
                match only.split_at_checked(5) {
                    Some((first, rest)) if !rest.is_empty() => {
                        format!("{} and {} more", first.join(", "), rest.len())
                    }
                    _ => only.join(", "),
                }
            };
            let (own, theirs) =
                (only(&labels, test.class_names()), only(test.class_names(), &labels));
            let why =
                format!("its classes are not those of {}: {own} here, {theirs} there", test.name());
            if !is_asked_for {
                let remedy = "name the folder of the data that it was trained on";
                return Err(exit::unusable(config, format!("{why}; {remedy}")));
            }
            tracing::warn!("{}: {why}; they are compared by their numbers", config.display());
        }
    }
    Ok(())
}
