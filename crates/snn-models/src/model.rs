//! A model: its configuration and its tensors by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use snn_ops::{Tape, Value, buffer, to_channels_last};

use crate::config::Architecture;
use crate::declare::{Declare, Declared, Size};
use crate::layers::Layers;
use crate::pass::Setting;
use crate::{Error, ModelConfig, Result, resnet19, sew_resnet, vgg_snn};

/// Whether batch norm uses the batch's statistics or the running ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The batch's; new running statistics come back.
    Train,
    /// The running ones.
    Eval,
}

/// What a forward pass returns.
#[derive(Debug)]
pub struct Output {
    /// Scores of each step, `[T, N, K]`.
    pub logits: Value,
    /// After [`Mode::Train`]: the running statistics by name, for [`Model::set_buffers`].
    pub running: Vec<(String, Tensor)>,
}

/// A network with its weights. Names and layouts are PyTorch's.
#[derive(Clone, Debug)]
pub struct Model {
    config: ModelConfig,
    params: BTreeMap<String, Tensor>,
    buffers: BTreeMap<String, Tensor>,
    pub(crate) device: Device,
}

pub(crate) fn build<L: Layers>(layers: &mut L, config: &ModelConfig, x: L::X) -> Result<L::X> {
    match config.architecture {
        Architecture::Resnet19 => resnet19::build(layers, config, x),
        Architecture::SewResnet19 => sew_resnet::build_19(layers, config, x),
        Architecture::VggSnn => vgg_snn::build(layers, config, x),
        _ => sew_resnet::build(layers, config, x),
    }
}

impl Model {
    /// A model with initial weights, each a function of the seed and its name.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model.
    pub fn new(config: &ModelConfig, seed: u64) -> Result<Self> {
        let declared = Declare::read(config)?.tensors;
        Self::with(config.clone(), &declared, |want| {
            Ok(buffer::tensor(want.values(seed), want.shape.as_slice())?)
        })
    }

    /// A model whose tensors come from candle's [`VarBuilder`], such as a safetensors file of PyTorch's
    /// names. They are copied as they are now: training does not change the variables behind them.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model, [`Error::Tensor`] when the builder
    /// lacks a tensor or holds one of another shape.
    pub fn from_vars(config: &ModelConfig, vars: &VarBuilder) -> Result<Self> {
        let declared = Declare::read(config)?.tensors;
        Self::with(config.clone(), &declared, |want| {
            let tensor = vars.get_with_hints_dtype(
                want.shape.as_slice(),
                &want.name,
                candle_nn::init::ZERO,
                DType::F32,
            )?;
            Ok(tensor.detach().to_device(&Device::Cpu)?.force_contiguous()?)
        })
    }

    /// The model of `declared` tensors, each from `values`.
    pub(crate) fn with(
        config: ModelConfig,
        declared: &[Declared],
        mut values: impl FnMut(&Declared) -> Result<Tensor>,
    ) -> Result<Self> {
        let (mut params, mut buffers) = (BTreeMap::new(), BTreeMap::new());
        for want in declared {
            let to = if want.is_running() { &mut buffers } else { &mut params };
            to.insert(want.name.clone(), values(want)?);
        }
        Ok(Self { config, params, buffers, device: Device::Cpu })
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

    /// Takes over the running statistics of a training pass.
    pub fn set_buffers(&mut self, running: Vec<(String, Tensor)>) {
        self.buffers.extend(running);
    }

    /// Parameters, work and neurons of a configuration, without making the model.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration makes no model.
    pub fn size(config: &ModelConfig) -> Result<Size> {
        Ok(Declare::read(config)?.size)
    }

    /// The scores of every time step.
    ///
    /// # Shapes
    /// - `x`: `[T, N, C, H, W]`, a sequence, or `[N, C, H, W]`, an image shown for `t_steps` steps,
    ///   whose first convolution and norm are computed once
    /// - returns logits `[T, N, K]` f32
    ///
    /// # Errors
    /// [`Error::Shape`] when `x` does not have the model's channels and size, [`Error::Config`] when
    /// its feature maps would be [too large](ModelConfig::check_batch).
    pub fn forward(&self, tape: &mut Tape, x: &Tensor, mode: Mode) -> Result<Output> {
        let (x, t_steps) = self.input(x)?;
        let x = to_channels_last(tape, &Value::constant(x.to_device(&self.device)?))?;
        let lif = self.config.neuron.lif()?;
        let setting = Setting { model: Arc::new(self.clone()), mode, t_steps, lif };
        let (logits, running) = setting.pass(tape, |pass| build(pass, &self.config, x))?;
        let logits = snn_ops::to_device(tape, &logits, &Device::Cpu)?;
        Ok(Output { logits, running })
    }

    fn input(&self, x: &Tensor) -> Result<(Tensor, usize)> {
        let config = &self.config;
        let frame = [config.in_channels, config.input.height, config.input.width];
        let dims = x.dims();
        let wrong = || Error::Shape {
            what: "input".into(),
            expected: format!(
                "[T, N, {0}, {1}, {2}] or [N, {0}, {1}, {2}]",
                frame[0], frame[1], frame[2]
            ),
            got: dims.to_vec(),
        };
        let Some((lead, last)) = dims.split_last_chunk::<3>() else { return Err(wrong()) };
        if *last != frame || lead.contains(&0) {
            return Err(wrong());
        }
        let (n, t_steps) = match *lead {
            [n] => (n, config.t_steps),
            [t_steps, n] => (n, t_steps),
            _ => return Err(wrong()),
        };
        config.check_batch(n, t_steps)?;
        let x = x.to_dtype(DType::F32)?.contiguous()?;
        Ok((if lead.len() == 1 { snn_neuron::direct(&x)? } else { x }, t_steps))
    }
}
