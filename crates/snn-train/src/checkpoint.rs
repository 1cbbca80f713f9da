//! A checkpoint: one safetensors file with everything a run needs to go on as if it had not stopped.
//!
//! Tensors are `param.NAME`, `running.NAME`, `first.NAME` and `second.NAME`, all f32. The one metadata key, `snn`, is
//! JSON; with a single key equal states give equal bytes.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorView};
use serde::{Deserialize, Serialize};
use snn_models::Model;
use snn_ops::buffer;

use crate::{Error, Result, counters::Counters, optim::Moments, optim::Optimizer};

/// The version of this format that is written. Format 1 knew no phases and is read; others are refused.
const FORMAT: u32 = 2;

/// What the metadata key holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    format: u32,
    optimizer_steps: u64,
    progress: Counters,
    recipe_hash: String,
    data_hash: String,
}

/// What a run was started with; a checkpoint of another one is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) recipe_hash: String,
    pub(crate) data_hash: String,
    /// Hashes of the recipe of the shorter runs that this one was.
    pub(crate) former: Vec<String>,
}

/// What a file says of the state in it.
pub(crate) struct Head {
    pub(crate) progress: Counters,
    pub(crate) data_hash: String,
}

/// The file's bytes.
///
/// # Errors
/// [`Error::Diverged`] when a number is not finite: such a state is never written.
pub(crate) fn encode(
    model: &Model,
    optimizer: &Optimizer,
    counters: &Counters,
    identity: &Identity,
) -> Result<Vec<u8>> {
    let mut data: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut put = |kind: &str, name: &str, shape: &[usize], values: &[f32]| {
        if values.iter().any(|v| !v.is_finite()) {
            let what = format!("{kind}.{name} is not finite");
            return Err(Error::Diverged { step: counters.step, what });
        }
        let mut bytes = Vec::with_capacity(4 * values.len());
        values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
        data.push((format!("{kind}.{name}"), shape.to_vec(), bytes));
        Ok(())
    };
    for (kind, tensors) in [("param", model.params()), ("running", model.buffers())] {
        for (name, tensor) in tensors {
            let read = buffer::Read::new("checkpoint", tensor)?;
            if let buffer::Data::F32(values) = read.data() {
                put(kind, name, tensor.dims(), values)?;
            }
        }
    }
    for (name, moments) in optimizer.moments() {
        put("first", name, &[moments.first.len()], &moments.first)?;
        if optimizer.has_second() {
            put("second", name, &[moments.second.len()], &moments.second)?;
        }
    }
    let meta = Meta {
        format: FORMAT,
        optimizer_steps: optimizer.steps(),
        progress: counters.clone(),
        recipe_hash: identity.recipe_hash.clone(),
        data_hash: identity.data_hash.clone(),
    };
    let fault = |why: String| Error::checkpoint("checkpoint", why);
    let meta = serde_json::to_string(&meta).map_err(|e| fault(e.to_string()))?;
    let meta = std::iter::once(("snn".to_string(), meta)).collect();
    let views = data.iter().map(|(name, shape, bytes)| {
        Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
    });
    let views: std::result::Result<Vec<_>, safetensors::SafeTensorError> = views.collect();
    safetensors::serialize(views.map_err(|e| fault(e.to_string()))?, Some(meta))
        .map_err(|e| fault(e.to_string()))
}

/// Puts a file's state into `model`, which has the run's architecture, and returns the rest of it.
///
/// # Errors
/// [`Error::Checkpoint`] naming what does not fit: another format, run, tensor, shape, or a number that is not
/// finite. The model is then unchanged.
pub(crate) fn decode(
    bytes: &[u8],
    path: &Path,
    model: &mut Model,
    optimizer: &Optimizer,
    identity: &Identity,
) -> Result<(Counters, u64, BTreeMap<String, Moments>)> {
    let fault = |why: String| Error::checkpoint(path, why);
    let (head, file) = snn_models::read_tensors(bytes, path)?;
    let meta = meta(&head, path)?;
    let mut hashes = identity.former.iter().chain([&identity.recipe_hash]);
    if !hashes.any(|hash| *hash == meta.recipe_hash) {
        return Err(fault("belongs to another run".into()));
    }
    if meta.data_hash != identity.data_hash {
        let (was, is) = (&meta.data_hash, &identity.data_hash);
        return Err(fault(format!("was trained on other data, of hash {was}, now {is}")));
    }
    let mut reader = Reader { file: &file, path, read: 0 };
    let params = reader.tensors("param", model.params())?;
    let running = reader.tensors("running", model.buffers())?;
    let mut moments = BTreeMap::new();
    if meta.optimizer_steps > 0 {
        for (name, tensor) in model.params() {
            let n = tensor.elem_count();
            let first = reader.values("first", name, &[n])?;
            let second = match optimizer.has_second() {
                true => reader.values("second", name, &[n])?,
                false => Vec::new(),
            };
            moments.insert(name.clone(), Moments { first, second });
        }
    }
    if reader.read != file.len() {
        return Err(fault("holds tensors that this run has not".into()));
    }
    *model.params_mut() = params;
    model.set_buffers(running);
    Ok((meta.progress, meta.optimizer_steps, moments))
}

/// What a file says of its state; its tensors are not looked at.
pub(crate) fn head(bytes: &[u8], path: &Path) -> Result<Head> {
    let (head, _) = snn_models::read_tensors(bytes, path)?;
    let Meta { progress, data_hash, .. } = meta(&head, path)?;
    Ok(Head { progress, data_hash })
}

/// Puts a file's weights and running statistics into `model`, whatever run it is of.
///
/// # Errors
/// As [`decode`].
pub(crate) fn weights(bytes: &[u8], path: &Path, model: &mut Model) -> Result<()> {
    let (_, file) = snn_models::read_tensors(bytes, path)?;
    let mut reader = Reader { file: &file, path, read: 0 };
    let params = reader.tensors("param", model.params())?;
    let running = reader.tensors("running", model.buffers())?;
    *model.params_mut() = params;
    model.set_buffers(running);
    Ok(())
}

fn meta(head: &Metadata, path: &Path) -> Result<Meta> {
    let fault = |why: String| Error::checkpoint(path, why);
    let meta = head.metadata().as_ref().and_then(|m| m.get("snn"));
    let meta = meta.ok_or_else(|| fault("is no checkpoint of a run".into()))?;
    let version: Version = serde_json::from_str(meta).map_err(|e| fault(e.to_string()))?;
    if !(1..=FORMAT).contains(&version.format) {
        let found = version.format;
        return Err(fault(format!("has format {found}, this version reads 1 to {FORMAT}")));
    }
    serde_json::from_str(meta).map_err(|e| fault(e.to_string()))
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

struct Reader<'a> {
    file: &'a SafeTensors<'a>,
    path: &'a Path,
    read: usize,
}

impl Reader<'_> {
    fn tensors(
        &mut self,
        kind: &str,
        like: &BTreeMap<String, Tensor>,
    ) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for (name, like) in like {
            let values = self.values(kind, name, like.dims())?;
            tensors.insert(name.clone(), buffer::tensor(values, like.shape().clone())?);
        }
        Ok(tensors)
    }

    fn values(&mut self, kind: &str, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let fault = |why: String| Error::checkpoint(self.path, why);
        let name = format!("{kind}.{name}");
        let view = self.file.tensor(&name).map_err(|_| fault(format!("has no tensor {name}")))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let (dtype, got) = (view.dtype(), view.shape());
            return Err(fault(format!("{name} is {dtype} {got:?}, the run needs F32 {shape:?}")));
        }
        let (words, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        if values.iter().any(|v| !v.is_finite()) {
            return Err(fault(format!("{name} is not finite")));
        }
        if name.ends_with("running_var") && values.iter().any(|v| *v < 0.0) {
            return Err(fault(format!("{name} is below 0, and no variance is")));
        }
        self.read += 1;
        Ok(values)
    }
}
