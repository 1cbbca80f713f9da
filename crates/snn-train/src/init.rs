//! Where a run's weights come from: the checkpoint that `model.init` names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::Tensor;
use snn_models::Model;

use crate::classes::{Classes, follow_classes};
use crate::recipe::InitHead;
use crate::{Error, Result};

/// Gives the model the weights and running statistics of a checkpoint. A classifier of as many classes is taken over, its
/// rows by the classes' names where both have the same ones; else, or with [`InitHead::New`], the model's own stays, which
/// starts at random. What is done with it is told where it is not simply taken.
///
/// # Errors
/// [`Error::Checkpoint`] naming every tensor that does not fit.
pub(crate) fn start_from(model: &mut Model, init: &Path, head: Option<InitHead>) -> Result<()> {
    let mut other = Model::load(init)?;
    let classifier = ["weight", "bias"].map(|part| format!("{}.{part}", model.classifier()));
    let is_head = |name: &String| classifier.contains(name);
    let (own, others) = (tensors(model), tensors(&other));
    let (classes, before) = (model.config().num_classes, other.config().num_classes);
    let keeps = head.map_or(classes == before, |head| head == InitHead::Keep);
    let misfits: BTreeSet<String> = own
        .iter()
        .filter(|(name, _)| keeps || !is_head(name))
        .filter_map(|(name, tensor)| misfit(name, tensor, others.get(name).copied()))
        .chain(
            others
                .keys()
                .filter(|name| !own.contains_key(*name))
                .map(|name| format!("`{name}` is too many")),
        )
        .collect();
    if !misfits.is_empty() {
        let why = format!(
            "is of another architecture, width or number of classes (model.init): {}",
            misfits.into_iter().collect::<Vec<_>>().join(", ")
        );
        return Err(Error::checkpoint(init, why));
    }
    if keeps {
        match follow_classes(&mut other, &model.config().labels)? {
            Classes::Same => {}
            Classes::Moved => tracing::warn!(
                "the classes of {} stand in another order; its classifier's rows follow their names",
                init.display()
            ),
            Classes::Other => tracing::warn!(
                "{} names other classes; its classifier is taken over as it is, model.init_head = \"new\" starts one at random",
                init.display()
            ),
        }
    }
    let (mut params, buffers) = (other.params().clone(), other.buffers().clone());
    if !keeps {
        let why = match head {
            Some(InitHead::New | InitHead::Keep) => "as model.init_head says".to_string(),
            None => format!("{} has {before} classes, this data {classes}", init.display()),
        };
        tracing::warn!(
            "the classifier starts at random ({why}); the other weights are taken from {}",
            init.display()
        );
        params.retain(|name, _| !is_head(name));
    }
    model.params_mut().extend(params);
    model.set_buffers(buffers);
    Ok(())
}

fn tensors(model: &Model) -> BTreeMap<String, &Tensor> {
    let all = model.params().iter().chain(model.buffers());
    // Auxiliary classifiers are in no checkpoint and start anew.
    let all = all.filter(|(name, _)| !name.starts_with("heads."));
    all.map(|(name, tensor)| (name.clone(), tensor)).collect()
}

fn misfit(name: &str, own: &Tensor, other: Option<&Tensor>) -> Option<String> {
    match other {
        None => Some(format!("`{name}` is missing")),
        Some(other) if other.dims() != own.dims() => {
            Some(format!("`{name}` is {:?} and not {:?}", other.dims(), own.dims()))
        }
        Some(_) => None,
    }
}
