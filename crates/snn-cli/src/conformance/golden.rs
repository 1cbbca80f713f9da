//! A golden file's tensors, and ours beside them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use candle_core::{DType, Device, Tensor};

/// Bytes of a golden file, at most.
const GOLDEN_BYTES: u64 = 1 << 32;

/// A golden file's tensors.
pub(super) struct Golden {
    pub(super) tensors: BTreeMap<String, Tensor>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Golden {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = snn_models::read_safetensors(path, GOLDEN_BYTES)?;
        let (header, _) = snn_models::read_tensors(&bytes, path)?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        Ok(Self { tensors: tensors.into_iter().collect(), metadata })
    }

    /// A tensor of `rank` axes, none of them empty.
    pub(super) fn of_rank(&self, key: &str, rank: usize) -> anyhow::Result<&Tensor> {
        let tensor = self.get(key)?;
        if tensor.rank() != rank || tensor.elem_count() == 0 {
            bail!("`{key}` is {:?}; it needs {rank} axes, none empty", tensor.dims());
        }
        Ok(tensor)
    }

    pub(super) fn get(&self, key: &str) -> anyhow::Result<&Tensor> {
        self.tensors.get(key).with_context(|| format!("the file has no tensor `{key}`"))
    }

    pub(super) fn f32s(&self, key: &str) -> anyhow::Result<Vec<f32>> {
        Ok(self.get(key)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
    }

    /// The cases: keys that end in `last`, without it.
    pub(super) fn cases(&self, last: &str) -> Vec<String> {
        let suffix = format!(".{last}");
        self.tensors.keys().filter_map(|k| Some(k.strip_suffix(&suffix)?.to_string())).collect()
    }

    pub(super) fn prefixed(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let strip = |(k, v): (&String, &Tensor)| Some((k.strip_prefix(prefix)?.into(), v.clone()));
        self.tensors.iter().filter_map(strip).collect()
    }
}

/// What we computed, under the golden file's keys.
#[derive(Default)]
pub(super) struct Ours {
    pub(super) tensors: BTreeMap<String, Computed>,
}

/// A tensor of ours and what it is held against.
pub(super) struct Computed {
    pub(super) tensor: Tensor,
    /// What it is compared with, when that is not the golden tensor.
    pub(super) expected: Option<Tensor>,
    pub(super) tolerance: f64,
}

impl Ours {
    /// A tensor to be compared with the golden one.
    pub(super) fn put(&mut self, key: impl Into<String>, tensor: Tensor, tolerance: f64) {
        self.tensors.insert(key.into(), Computed { tensor, expected: None, tolerance });
    }

    /// A tensor to be compared with `expected`: golden inputs that were rounded have no golden outputs.
    pub(super) fn put_beside(
        &mut self,
        key: impl Into<String>,
        tensor: Tensor,
        expected: Tensor,
        tolerance: f64,
    ) {
        let expected = Some(expected);
        self.tensors.insert(key.into(), Computed { tensor, expected, tolerance });
    }
}

/// Relative error of an operator in bf16, given inputs that bf16 holds.
pub(super) const BF16: f64 = 1.0 / 256.0;

/// The nearest bf16 numbers.
pub(super) fn rounded(tensor: &Tensor) -> anyhow::Result<Tensor> {
    Ok(tensor.to_dtype(DType::BF16)?)
}
