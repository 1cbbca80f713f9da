//! Reads an architecture as tensors: the forward pass.

use candle_core::Tensor;
use snn_neuron::{Current, LifConfig, norm_lif};
use snn_ops::{Conv2d, Moments, Pool2d, Tape, Value};

use crate::layers::{Conv, Input, Layers};
use crate::{Error, Mode, Model, Result};

/// One forward pass. Feature maps are channels-last, `[T, N, H, W, C]`; T is 1 until the first
/// neuron when every step sees the same image.
pub(crate) struct Pass<'a> {
    pub(crate) model: &'a Model,
    pub(crate) tape: &'a mut Tape,
    pub(crate) mode: Mode,
    pub(crate) t_steps: usize,
    pub(crate) lif: LifConfig,
    /// New running statistics, when training.
    pub(crate) running: Vec<(String, Tensor)>,
}

/// The values behind one input of a neuron, held while the neuron borrows them.
struct Norm {
    weight: Value,
    bias: Value,
    running: Option<Moments>,
}

impl Pass<'_> {
    fn parameter(&mut self, name: String) -> Result<Value> {
        let tensor = self.model.params().get(&name).cloned().ok_or_else(|| missing(&name))?;
        let leaf = self.tape.leaf(name, tensor);
        Ok(snn_ops::to_device(self.tape, &leaf, &self.model.device)?)
    }

    fn statistic(&self, name: &str) -> Result<&Tensor> {
        self.model.buffers().get(name).ok_or_else(|| missing(name))
    }

    fn norm(&mut self, name: &str) -> Result<Norm> {
        let running = match self.mode {
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

impl Layers for Pass<'_> {
    type X = Value;

    fn channels(&self, x: &Value) -> usize {
        x.dims().last().copied().unwrap_or(0)
    }

    fn conv(&mut self, name: &str, x: &Value, conv: Conv) -> Result<Value> {
        let weight = self.parameter(format!("{name}.weight"))?;
        let precision = self.model.config().precision.of_ops();
        let config = Conv2d { precision, ..Conv2d::square(conv.stride, conv.padding) };
        Ok(snn_ops::conv2d(self.tape, x, &weight, config)?)
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
        let output = norm_lif(self.tape, self.t_steps, &currents, None, &self.lif)?;
        let names = inputs.iter().filter_map(|input| match input {
            Input::Norm { name, .. } => Some(name),
            Input::Plain(_) => None,
        });
        for (name, moments) in names.zip(&output.moments) {
            let (mean, var) = (format!("{name}.running_mean"), format!("{name}.running_var"));
            let (old_mean, old_var) = (self.statistic(&mean)?, self.statistic(&var)?);
            let (new_mean, new_var) = moments.update(old_mean, old_var, self.t_steps / x_steps)?;
            self.running.extend([(mean, new_mean), (var, new_var)]);
        }
        Ok(output.spikes)
    }

    fn add(&mut self, a: &Value, b: &Value) -> Result<Value> {
        Ok(snn_ops::add(self.tape, a, b)?)
    }

    fn max_pool(&mut self, x: &Value) -> Result<Value> {
        let pool = Pool2d { kernel: 3, stride: 2, padding: 1 };
        Ok(snn_ops::max_pool2d(self.tape, x, pool)?)
    }

    fn avg_pool(&mut self, x: &Value) -> Result<Value> {
        Ok(snn_ops::avg_pool2d(self.tape, x, Pool2d::tiled(2))?)
    }

    fn global_avg_pool(&mut self, x: &Value) -> Result<Value> {
        Ok(snn_ops::global_avg_pool(self.tape, x)?)
    }

    fn flatten(&mut self, x: &Value) -> Result<Value> {
        let x = snn_ops::to_channels_first(self.tape, x)?;
        let (lead, rest) = x.dims().split_at(2);
        let shape = [lead[0], lead[1], rest.iter().product()];
        Ok(snn_ops::reshape(self.tape, &x, &shape)?)
    }

    fn linear(&mut self, name: &str, x: &Value, out: usize) -> Result<Value> {
        let weight = self.parameter(format!("{name}.weight"))?;
        let bias = self.parameter(format!("{name}.bias"))?;
        debug_assert_eq!(weight.dims()[0], out);
        Ok(snn_ops::linear(self.tape, x, &weight, &bias)?)
    }
}
