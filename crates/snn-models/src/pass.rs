//! Reads an architecture as tensors: the forward pass.

use std::sync::Arc;

use candle_core::Tensor;
use snn_neuron::{Current, LifConfig, norm_lif};
use snn_ops::{Conv2d, Moments, Pool2d, Tape, Value};

use crate::layers::{Conv, Input, Layers};
use crate::{Error, Mode, Model, Result};

/// What a forward pass is taken with, besides its input.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) model: Arc<Model>,
    pub(crate) mode: Mode,
    pub(crate) t_steps: usize,
    pub(crate) lif: LifConfig,
}

/// New running statistics by name, when training.
pub(crate) type Running = Vec<(String, Tensor)>;

/// A forward pass. Feature maps are channels-last, `[T, N, H, W, C]`; T is 1 until the first
/// neuron when every step sees the same image.
pub(crate) struct Pass {
    setting: Setting,
    tape: Tape,
    running: Running,
}

impl Setting {
    /// Runs `f`, all of a network or a stage of it, as a pass on `tape`.
    pub(crate) fn pass(
        &self,
        tape: &mut Tape,
        f: impl FnOnce(&mut Pass) -> Result<Value>,
    ) -> Result<(Value, Running)> {
        // The pass owns the tape meanwhile: a stage outlives any borrow.
        let mut pass =
            Pass { setting: self.clone(), tape: std::mem::take(tape), running: Vec::new() };
        let y = f(&mut pass);
        *tape = pass.tape;
        Ok((y?, pass.running))
    }
}

/// The values behind one input of a neuron, held while the neuron borrows them.
struct Norm {
    weight: Value,
    bias: Value,
    running: Option<Moments>,
}

impl Pass {
    fn parameter(&mut self, name: String) -> Result<Value> {
        let tensor =
            self.setting.model.params().get(&name).cloned().ok_or_else(|| missing(&name))?;
        let leaf = self.tape.leaf(name, tensor);
        Ok(snn_ops::to_device(&mut self.tape, &leaf, &self.setting.model.device)?)
    }

    fn statistic(&self, name: &str) -> Result<&Tensor> {
        self.setting.model.buffers().get(name).ok_or_else(|| missing(name))
    }

    fn norm(&mut self, name: &str) -> Result<Norm> {
        let running = match self.setting.mode {
            Mode::Train => None,
            Mode::Eval => Some(Moments::running(
                self.statistic(&format!("{name}.running_mean"))?,
                self.statistic(&format!("{name}.running_var"))?,
            )?),
        };
        let weight = self.parameter(format!("{name}.weight"))?;
        let bias = self.parameter(format!("{name}.bias"))?;
        Ok(Norm { weight, bias, running })
    }
}

fn missing(name: &str) -> Error {
    Error::Config { field: name.into(), why: "the model has no such tensor".into() }
}

impl Layers for Pass {
    type X = Value;

    fn stage(
        &mut self,
        x: &Value,
        f: impl Fn(&mut Self, &Value) -> Result<Value> + Send + 'static,
    ) -> Result<Value> {
        let setting = self.setting.clone();
        let stage = move |tape: &mut Tape, x: &Value| setting.pass(tape, |pass| f(pass, x));
        let (y, running) = self.tape.stage(x, stage)?;
        self.running.extend(running);
        Ok(y)
    }

    fn channels(&self, x: &Value) -> usize {
        x.dims().last().copied().unwrap_or(0)
    }

    fn conv(&mut self, name: &str, x: &Value, conv: Conv) -> Result<Value> {
        let weight = self.parameter(format!("{name}.weight"))?;
        let precision = self.setting.model.config().precision.of_ops();
        let config = Conv2d { precision, ..Conv2d::square(conv.stride, conv.padding) };
        Ok(snn_ops::conv2d(&mut self.tape, x, &weight, config)?)
    }

    fn fire(&mut self, inputs: &[Input<'_, Value>]) -> Result<Value> {
        let norms = inputs
            .iter()
            .map(|input| match input {
                Input::Plain(_) => Ok(None),
                Input::Norm { name, .. } => self.norm(name).map(Some),
            })
            .collect::<Result<Vec<_>>>()?;
        let currents: Vec<Current<'_>> = inputs
            .iter()
            .zip(&norms)
            .map(|(input, norm)| match (input, norm) {
                (Input::Norm { x, .. }, Some(norm)) => Current::Norm {
                    x,
                    weight: &norm.weight,
                    bias: &norm.bias,
                    running: norm.running.as_ref(),
                },
                (Input::Plain(x) | Input::Norm { x, .. }, _) => Current::Plain(x),
            })
            .collect();
        let x_steps = currents.first().map_or(1, |c| match c {
            Current::Plain(x) | Current::Norm { x, .. } => x.dims()[0],
        });
        let output =
            norm_lif(&mut self.tape, self.setting.t_steps, &currents, None, &self.setting.lif)?;
        let names = inputs.iter().filter_map(|input| match input {
            Input::Norm { name, .. } => Some(name),
            Input::Plain(_) => None,
        });
        for (name, moments) in names.zip(&output.moments) {
            let (mean, var) = (format!("{name}.running_mean"), format!("{name}.running_var"));
            let (old_mean, old_var) = (self.statistic(&mean)?, self.statistic(&var)?);
            let (new_mean, new_var) =
                moments.update(old_mean, old_var, self.setting.t_steps / x_steps)?;
            self.running.extend([(mean, new_mean), (var, new_var)]);
        }
        Ok(output.spikes)
    }

    fn add(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(snn_ops::add(&mut self.tape, a, b)?)
    }

    fn max_pool(&mut self, x: &Value) -> Result<Value> {
        let pool = Pool2d::square(3, 2, 1);
        Ok(snn_ops::max_pool2d(&mut self.tape, x, pool)?)
    }

    fn avg_pool(&mut self, x: &Value) -> Result<Value> {
        Ok(snn_ops::avg_pool2d(&mut self.tape, x, Pool2d::tiled(2))?)
    }

    fn global_avg_pool(&mut self, x: &Value) -> Result<Value> {
        Ok(snn_ops::global_avg_pool(&mut self.tape, x)?)
    }

    fn flatten(&mut self, x: &Value) -> Result<Value> {
        let x = snn_ops::to_channels_first(&mut self.tape, x)?;
        let (lead, rest) = x.dims().split_at(2);
        let shape = [lead[0], lead[1], rest.iter().product()];
        Ok(snn_ops::reshape(&mut self.tape, &x, &shape)?)
    }

    fn linear(&mut self, name: &str, x: &Value, out: usize) -> Result<Value> {
        let weight = self.parameter(format!("{name}.weight"))?;
        let bias = self.parameter(format!("{name}.bias"))?;
        debug_assert_eq!(weight.dims()[0], out);
        Ok(snn_ops::linear(&mut self.tape, x, &weight, &bias)?)
    }
}
