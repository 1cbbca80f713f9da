//! The numbers of a weights file, whoever wrote it: which tensor stands for which name, and its elements as f32.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::declared::{Declared, Layout};
use crate::{Error, Result};

/// PyTorch's counters of batches, which no norm here reads.
const COUNTER: &str = "num_batches_tracked";
/// What PyTorch's wrappers of a model put before every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// The tensors that a layout needs, found in a file. A wrapper's prefix that all names have is stripped, with a notice;
/// counters of batches are passed over.
///
/// # Errors
/// [`Error::Checkpoint`] with every name that is missing or unknown and every shape that does not fit, sorted.
pub(crate) fn matched<'a>(
    file: &SafeTensors<'a>,
    path: &Path,
    layout: &Layout,
    architecture: &str,
) -> Result<BTreeMap<String, TensorView<'a>>> {
    let mut found: BTreeMap<String, TensorView<'a>> =
        file.iter().filter(|(name, _)| !is_counter(name)).map(|(n, v)| (n.into(), v)).collect();
    while let Some(prefix) = WRAPPERS.into_iter().find(|prefix| have(&found, prefix)) {
        tracing::info!(path = %path.display(), "the names of its tensors begin with {prefix}, which is left out");
        let strip = |name: String| name.strip_prefix(prefix).unwrap_or_default().to_string();
        found = found.into_iter().map(|(name, view)| (strip(name), view)).collect();
    }
    let wanted: BTreeMap<&str, &Declared> =
        layout.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
    let missing = listed(wanted.keys().filter(|name| !found.contains_key(**name)));
    let extra = listed(found.keys().filter(|name| !wanted.contains_key(name.as_str())));
    let misfits = found.iter().filter_map(|(name, view)| {
        let want = wanted.get(name.as_str())?;
        let (is, shape) = (view.dtype(), view.shape());
        (shape != want.shape || dtype(is).is_none()).then(|| {
            format!("`{name}` is {is:?} {shape:?}; {architecture} needs F32 {:?}", want.shape)
        })
    });
    let misfits: Vec<String> = misfits.collect();
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push(format!("has no tensor {missing}, which {architecture} needs"));
    }
    if !extra.is_empty() {
        faults.push(format!("has a tensor {extra}, which {architecture} has not"));
    }
    if !misfits.is_empty() {
        faults.push(format!("tensor {}", misfits.join(", ")));
    }
    match faults.is_empty() {
        true => Ok(found),
        false => Err(Error::Checkpoint { path: path.into(), why: faults.join("; ") }),
    }
}

/// A tensor's elements as f32: those of f16 and bf16 exactly, those of f64 rounded.
///
/// # Errors
/// [`Error::Checkpoint`] naming the tensor, for a number that is not finite in f32, and for a variance below zero, whose
/// root would be none.
pub(crate) fn read(name: &str, view: &TensorView<'_>, path: &Path) -> Result<Vec<f32>> {
    let fault = |why: String| Error::Checkpoint { path: path.into(), why };
    let Some(dtype) = dtype(view.dtype()) else {
        return Err(fault(format!("tensor `{name}` is {:?}; use F32", view.dtype())));
    };
    let values = match dtype {
        DType::F32 => {
            let (words, _) = view.data().as_chunks::<4>();
            words.iter().map(|word| f32::from_le_bytes(*word)).collect()
        }
        other => Tensor::from_raw_buffer(view.data(), other, view.shape(), &Device::Cpu)?
            .to_dtype(DType::F32)?
            .flatten_all()?
            .to_vec1()?,
    };
    check(name, &values).map_err(fault)?;
    Ok(values)
}

/// Refuses what no norm or neuron can compute with.
pub(crate) fn check(name: &str, values: &[f32]) -> std::result::Result<(), String> {
    if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
        return Err(format!("tensor `{name}` holds {bad}; train again"));
    }
    match values.iter().find(|v| **v < 0.0).filter(|_| name.ends_with("running_var")) {
        Some(bad) => {
            Err(format!("tensor `{name}` holds {bad}, and no variance is below 0; export it again"))
        }
        None => Ok(()),
    }
}

fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some(COUNTER)
}

fn have(found: &BTreeMap<String, TensorView<'_>>, prefix: &str) -> bool {
    !found.is_empty() && found.keys().all(|name| name.starts_with(prefix))
}

fn listed(names: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let names: BTreeSet<String> = names.map(|name| format!("`{name}`")).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The types that are read.
fn dtype(of: Dtype) -> Option<DType> {
    if of == Dtype::F32 {
        Some(DType::F32)
    } else if of == Dtype::F16 {
        Some(DType::F16)
    } else if of == Dtype::BF16 {
        Some(DType::BF16)
    } else {
        (of == Dtype::F64).then_some(DType::F64)
    }
}
