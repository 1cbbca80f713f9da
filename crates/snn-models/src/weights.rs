//! A CHECKPOINT directory: `config.json` and `model.safetensors`.

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::Tensor;
use safetensors::tensor::{Dtype, TensorView};
use snn_ops::buffer;

use crate::declare::Declare;
use crate::file::{read_file, read_tensors};
use crate::{Error, Model, ModelConfig, Result};

/// Name of the configuration file.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the weights file.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// A larger configuration is refused.
const CONFIG_BYTES: u64 = 1 << 20;
/// What a weights file may hold beside the elements.
const HEADER_BYTES: u64 = 1 << 24;

impl Model {
    /// Reads a checkpoint directory and checks every tensor's name, shape and values.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read, [`Error::Checkpoint`] when it is not this format,
    /// belongs to another architecture, or holds a number that is not finite.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(CONFIG_FILE);
        let fault = |why: String| Error::Checkpoint { path: path.clone(), why };
        let text = read_file(&path, CONFIG_BYTES)?;
        let config: ModelConfig = serde_json::from_slice(&text)
            .map_err(|e| fault(format!("not a model configuration: {e}")))?;
        let layout = Declare::read(&config).map_err(|e| fault(e.to_string()))?.layout;
        let tensors = layout.tensors.iter();
        let elements: usize = tensors.map(|d| d.shape.iter().product::<usize>()).sum();
        let path = dir.join(WEIGHTS_FILE);
        let bytes = read_file(&path, 4 * elements as u64 + HEADER_BYTES)?;
        Self::from_bytes(config, &bytes, &path)
    }

    /// The model of `config` with the tensors of a safetensors file; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(config: ModelConfig, bytes: &[u8], path: &Path) -> Result<Self> {
        let fault = |why: String| Error::Checkpoint { path: path.to_path_buf(), why };
        let (_, file) = read_tensors(bytes, path)?;
        let layout = Declare::read(&config).map_err(|e| fault(e.to_string()))?.layout;
        let architecture = config.architecture.name();
        let names: BTreeSet<String> = layout.tensors.iter().map(|t| t.name.clone()).collect();
        let model = Self::with(config, layout, |want| {
            let view = file.tensor(&want.name).map_err(|_| {
                fault(format!("has no tensor `{}`, which {architecture} needs", want.name))
            })?;
            if view.shape() != want.shape || view.dtype() != Dtype::F32 {
                return Err(fault(format!(
                    "tensor `{}` is {:?} {:?}; {architecture} needs F32 {:?}",
                    want.name,
                    view.dtype(),
                    view.shape(),
                    want.shape
                )));
            }
            let values = floats(view.data());
            if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
                return Err(fault(format!("tensor `{}` holds {bad}; train again", want.name)));
            }
            Ok(buffer::tensor(values, want.shape.as_slice())?)
        })?;
        if let Some(extra) = file.names().iter().find(|n| !names.contains(**n)) {
            return Err(fault(format!("has a tensor `{extra}`, which {architecture} has not")));
        }
        Ok(model)
    }

    /// The checkpoint's files: name and bytes. Equal models give equal bytes; auxiliary classifiers are left out.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when they cannot be encoded.
    pub fn to_files(&self) -> Result<[(&'static str, Vec<u8>); 2]> {
        let fault = |file: &str, why: String| Error::Checkpoint { path: file.into(), why };
        let mut config = serde_json::to_vec_pretty(self.config())
            .map_err(|e| fault(CONFIG_FILE, e.to_string()))?;
        config.push(b'\n');
        let tensors = self.layout.tensors.iter().filter(|t| t.is_head);
        let heads: BTreeSet<&str> = tensors.map(|t| t.name.as_str()).collect();
        let tensors = self.params().iter().chain(self.buffers());
        let tensors = tensors.filter(|(name, _)| !heads.contains(name.as_str()));
        let mut data = Vec::new();
        for (name, tensor) in tensors {
            data.push((name.as_str(), tensor.dims().to_vec(), bytes(tensor)?));
        }
        let mut views = Vec::new();
        for (name, shape, bytes) in &data {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
                .map_err(|e| fault(WEIGHTS_FILE, e.to_string()))?;
            views.push((*name, view));
        }
        let weights =
            safetensors::serialize(views, None).map_err(|e| fault(WEIGHTS_FILE, e.to_string()))?;
        Ok([(CONFIG_FILE, config), (WEIGHTS_FILE, weights)])
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|w| f32::from_le_bytes(*w)).collect()
}

fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    Ok(buffer::with_f32("weights", tensor, |x| {
        Ok(x.iter().flat_map(|v| v.to_le_bytes()).collect())
    })?)
}
