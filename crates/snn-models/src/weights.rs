//! A CHECKPOINT directory: `config.json`, `model.safetensors`, and `SHA256SUMS` of both.

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::{DType, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use snn_ops::buffer;

use crate::declare::Declare;
use crate::file::{read_file, read_json, read_tensors};
use crate::sums::Sums;
use crate::{Error, Model, ModelConfig, Result, values};

/// Name of the configuration file.
pub const CONFIG_FILE: &str = "config.json";
/// Name of the weights file.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// A larger configuration is refused.
const CONFIG_BYTES: u64 = 1 << 20;
/// What a weights file may hold beside the elements.
const HEADER_BYTES: u64 = 1 << 24;

/// The type in which a file holds kernels and matrices. It says nothing of the precision in which the network computes,
/// which is config.json's: both types are read as f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoredType {
    /// As they were trained.
    #[default]
    F32,
    /// Rounded to bf16, half the size. Tensors of one axis (norms, biases, constants of neurons) stay f32.
    Bf16,
}

impl StoredType {
    /// The name: `f32` or `bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

impl Model {
    /// Reads a checkpoint directory and checks every tensor's name, shape and values, and both files against
    /// [`SUMS_FILE`](crate::SUMS_FILE) where there is one.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read, [`Error::Checkpoint`] when it is not this format, not what was exported,
    /// belongs to another architecture, or holds a number that is not finite or a variance below zero.
    pub fn load(dir: &Path) -> Result<Self> {
        let sums = Sums::read(dir)?;
        let config = config(dir, &sums)?;
        let fault = |why: String| Error::Checkpoint { path: dir.join(CONFIG_FILE), why };
        let layout = Declare::read(&config).map_err(|e| fault(e.to_string()))?.layout;
        let tensors = layout.tensors.iter();
        let elements: usize = tensors.map(|d| d.shape.iter().product::<usize>()).sum();
        let path = dir.join(WEIGHTS_FILE);
        // Numbers of f64 are read too.
        let bytes = read_file(&path, 8 * elements as u64 + HEADER_BYTES)?;
        sums.check(dir, WEIGHTS_FILE, &bytes)?;
        Self::from_bytes(config, &bytes, &path)
    }

    /// The model of `config` with the tensors of a safetensors file; `path` names it in errors.
    ///
    /// Numbers of f16, bf16 and f64 become f32. Names may begin with `module.`, which is left out, and PyTorch's
    /// `num_batches_tracked` is passed over.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(config: ModelConfig, bytes: &[u8], path: &Path) -> Result<Self> {
        let fault = |why: String| Error::Checkpoint { path: path.to_path_buf(), why };
        let (_, file) = read_tensors(bytes, path)?;
        let layout = Declare::read(&config).map_err(|e| fault(e.to_string()))?.layout;
        let views = values::matched(&file, path, &layout, config.architecture.name())?;
        Self::with(config, layout, |want| {
            let missing = || fault(format!("has no tensor `{}`", want.name));
            let view = views.get(&want.name).ok_or_else(missing)?;
            let values = values::read(&want.name, view, path)?;
            Ok(buffer::tensor(values, want.shape.as_slice())?)
        })
    }

    /// The checkpoint's files: name and bytes. Equal models give equal bytes; auxiliary classifiers are left out.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when they cannot be encoded.
    pub fn to_files(&self) -> Result<[(&'static str, Vec<u8>); 2]> {
        self.to_files_as(StoredType::F32)
    }

    /// [`Model::to_files`] with weights stored in a type. What is rounded is another model: measure the one that these
    /// files are loaded as.
    ///
    /// # Errors
    /// As there.
    pub fn to_files_as(&self, stored: StoredType) -> Result<[(&'static str, Vec<u8>); 2]> {
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
            let is_rounded = stored == StoredType::Bf16 && tensor.rank() > 1;
            let tensor = if is_rounded { tensor.to_dtype(DType::BF16)? } else { tensor.clone() };
            let dtype = if is_rounded { Dtype::BF16 } else { Dtype::F32 };
            data.push((name.as_str(), dtype, tensor.dims().to_vec(), bytes(&tensor)?));
        }
        let mut views = Vec::new();
        for (name, dtype, shape, bytes) in &data {
            let view = TensorView::new(*dtype, shape.clone(), bytes)
                .map_err(|e| fault(WEIGHTS_FILE, e.to_string()))?;
            views.push((*name, view));
        }
        let weights =
            safetensors::serialize(views, None).map_err(|e| fault(WEIGHTS_FILE, e.to_string()))?;
        Ok([(CONFIG_FILE, config), (WEIGHTS_FILE, weights)])
    }
}

/// Reads a checkpoint's configuration.
fn config(dir: &Path, sums: &Sums) -> Result<ModelConfig> {
    let path = dir.join(CONFIG_FILE);
    let text = read_file(&path, CONFIG_BYTES)?;
    sums.check(dir, CONFIG_FILE, &text)?;
    read_json(&text, &path, "not a model configuration")
}

fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let read = buffer::Read::new("weights", tensor)?;
    Ok(match read.data() {
        buffer::Data::F32(x) => x.iter().flat_map(|v| v.to_le_bytes()).collect(),
        buffer::Data::Bf16(x) => x.iter().flat_map(|v| v.to_le_bytes()).collect(),
        buffer::Data::U8(x) => x.to_vec(),
    })
}
