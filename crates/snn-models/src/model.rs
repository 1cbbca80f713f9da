//! A model: its configuration and its tensors by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use snn_ops::buffer;

use crate::declare::Declare;
use crate::declared::{Declared, Layout, Size, WeightLayer};
use crate::{Error, ModelConfig, Result, values};

/// A network with its weights. Names and layouts are PyTorch's.
#[derive(Clone, Debug)]
pub struct Model {
    config: ModelConfig,
    params: BTreeMap<String, Tensor>,
    buffers: BTreeMap<String, Tensor>,
    pub(crate) layout: Arc<Layout>,
    pub(crate) device: Device,
}

/// The names that a method may use of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Layers of neurons, in the order of the walk.
    pub neurons: Vec<String>,
    /// Those whose spikes stand for a still sample where a method looks at it in time: the first ones on the way.
    pub stem: &'static str,
    /// The ends of parts, where an auxiliary classifier may stand and the number of steps may change.
    pub boundaries: Vec<String>,
    /// The last linear layer, beside which an auxiliary classifier of its features may stand.
    pub classifier: String,
}

impl ModelConfig {
    /// The names of the network's parts.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model.
    pub fn names(&self) -> Result<Names> {
        let Layout { neurons, boundaries, classifier, .. } = Declare::read(self)?.layout;
        let stem = self.architecture.source().stem;
        Ok(Names { neurons, stem, boundaries, classifier })
    }
}

impl Model {
    /// A model with initial weights, each a function of the seed and its name.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model.
    pub fn new(config: &ModelConfig, seed: u64) -> Result<Self> {
        let layout = Declare::read(config)?.layout;
        Self::with(config.clone(), layout, |want| {
            Ok(buffer::tensor(want.values(seed), want.shape.as_slice())?)
        })
    }

    /// A model whose tensors come from candle's [`VarBuilder`], such as a safetensors file of PyTorch's
    /// names. They are copied as they are now: training does not change the variables behind them.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model, or for a number that is not finite or a
    /// variance below zero; [`Error::Tensor`] when the builder lacks a tensor or holds one of another shape.
    pub fn from_vars(config: &ModelConfig, vars: &VarBuilder) -> Result<Self> {
        let layout = Declare::read(config)?.layout;
        Self::with(config.clone(), layout, |want| {
            let tensor = vars.get_with_hints_dtype(
                want.shape.as_slice(),
                &want.name,
                candle_nn::init::ZERO,
                DType::F32,
            )?;
            let tensor = tensor.detach().to_device(&Device::Cpu)?.force_contiguous()?;
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let fault = |why| Error::Config { field: want.name.clone(), why };
            values::check(&want.name, &values).map_err(fault)?;
            Ok(tensor)
        })
    }

    /// The model whose tensors have these `values`.
    pub(crate) fn with(
        config: ModelConfig,
        layout: Layout,
        mut values: impl FnMut(&Declared) -> Result<Tensor>,
    ) -> Result<Self> {
        let (mut params, mut buffers) = (BTreeMap::new(), BTreeMap::new());
        for want in &layout.tensors {
            let to = if want.is_running() { &mut buffers } else { &mut params };
            to.insert(want.name.clone(), values(want)?);
        }
        Ok(Self { config, params, buffers, layout: Arc::new(layout), device: Device::Cpu })
    }

    /// Computes on `device` from now on. Weights, running statistics, gradients and logits stay on the CPU: each
    /// pass takes the weights to the device, and its results come back.
    pub fn set_device(&mut self, device: &Device) {
        self.device = device.clone();
    }

    /// Its configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Its configuration, to attach labels and metrics before saving.
    pub fn config_mut(&mut self) -> &mut ModelConfig {
        &mut self.config
    }

    /// Trained tensors by name.
    pub fn params(&self) -> &BTreeMap<String, Tensor> {
        &self.params
    }

    /// Trained tensors by name, for an optimizer.
    pub fn params_mut(&mut self) -> &mut BTreeMap<String, Tensor> {
        &mut self.params
    }

    /// Running means and variances by name.
    pub fn buffers(&self) -> &BTreeMap<String, Tensor> {
        &self.buffers
    }

    /// Takes over running statistics, such as [`Model::folded`] gives.
    pub fn set_buffers(&mut self, running: impl IntoIterator<Item = (String, Tensor)>) {
        self.buffers.extend(running);
    }

    /// Parameters, work and neurons of a configuration, without making the model.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model.
    pub fn size(config: &ModelConfig) -> Result<Size> {
        Ok(Declare::read(config)?.size)
    }

    /// The convolutions and linear layers of a configuration, in the order of the walk, without making the model.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model.
    pub fn weight_layers(config: &ModelConfig) -> Result<Vec<WeightLayer>> {
        Ok(Declare::read(config)?.layout.weights)
    }

    /// The names of its layers of neurons, in the order of the walk.
    pub fn neurons(&self) -> &[String] {
        &self.layout.neurons
    }

    /// As [`Names::stem`].
    pub fn stem(&self) -> &'static str {
        self.config.architecture.source().stem
    }

    /// The name of the classifier, the last linear layer.
    pub fn classifier(&self) -> &str {
        &self.layout.classifier
    }

    /// The names of the parts after which an auxiliary classifier may stand.
    pub fn boundaries(&self) -> &[String] {
        &self.layout.boundaries
    }

    /// The parameters that weight decay spares: norms, biases and time matrices.
    pub fn undecayed(&self) -> BTreeSet<String> {
        let tensors = self.layout.tensors.iter();
        tensors.filter(|t| !t.is_running() && !t.decays()).map(|t| t.name.clone()).collect()
    }
}
