//! The forward pass of a whole batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use snn_ops::{Tape, Value, to_channels_last, to_device};

use crate::declare::Declare;
use crate::limits::check_map;
use crate::pass::{Map, Noted, Setting, missing};
use crate::request::{Fed, Fired, Mode, Request, Statistics};
use crate::state::State;
use crate::{Error, Model, Result};

/// What a network looks at. A window of a signal is a map of one row, a cloud one of one row whose channels are
/// coordinates.
#[derive(Clone, Debug)]
pub enum Input {
    /// Samples that every step sees, `[N, C, H, W]`.
    Still(Tensor),
    /// A sample of its own for each step, `[T, N, C, H, W]`.
    Frames(Tensor),
}

impl Input {
    /// The elements.
    pub fn tensor(&self) -> &Tensor {
        match self {
            Self::Still(x) | Self::Frames(x) => x,
        }
    }
}

/// What a pass returns.
#[derive(Debug)]
pub struct Output {
    /// Scores of each step, `[T, N, K]`.
    pub logits: Value,
    /// What entered the classifier, `[T, N, F]`, on the model's device.
    pub features: Value,
    /// Scores of the auxiliary classifiers, `[T, N, K]` with the T of their place, by the boundary's name.
    pub heads: BTreeMap<String, Value>,
    /// After [`Mode::Train`]: what the network itself adds to the loss, `[1]` each, by name.
    pub penalties: BTreeMap<String, Value>,
    /// After [`Mode::Train`]: the batch statistics, for [`Model::folded`].
    pub statistics: Statistics,
    /// Spikes `[T, N, H, W, C]` or `[T, N, C]` of the neurons that were asked for, by name; of several levels, which one.
    pub taps: BTreeMap<String, Tensor>,
    /// Spike counts of all layers of neurons, when asked for, in the order of the walk.
    pub fired: Vec<Fired>,
    /// What was not zero in the inputs of convolutions and linear layers, when asked for, in the order of the walk.
    pub fed: Vec<Fed>,
}

impl Model {
    /// The scores of every time step.
    ///
    /// # Shapes
    /// - `input`: a sequence, or images shown for `t_steps` steps, whose first convolution and norm are computed once
    /// - returns logits `[T, N, K]` f32
    ///
    /// # Errors
    /// [`Error::Shape`] when the input does not have the model's channels and size, [`Error::Config`] when
    /// its feature maps would be [too large](crate::ModelConfig::check_batch).
    pub fn forward(&self, tape: &mut Tape, input: &Input, mode: Mode) -> Result<Output> {
        self.pass(tape, input, &Request::new(mode))
    }

    /// [`Model::forward`] with whatever else is asked for.
    ///
    /// # Errors
    /// As there; [`Error::Config`] for a tap that names no layer of neurons.
    pub fn pass(&self, tape: &mut Tape, input: &Input, request: &Request) -> Result<Output> {
        Ok(self.walk(tape, input, request, None)?.0)
    }

    /// The scores of features `[T, N, F]`, such as [`Output::features`] or a method's own mixture of them.
    ///
    /// # Errors
    /// [`Error::Ops`] when F is not the classifier's.
    pub fn classify(&self, tape: &mut Tape, features: &Value) -> Result<Value> {
        self.affine(tape, &self.layout.classifier, features)
    }

    /// The scores of features `[T, N, F]` by the auxiliary classifier that stands beside the network's own: one of
    /// [`ModelConfig::heads`](crate::ModelConfig::heads) with the name [`Names::classifier`](crate::Names::classifier).
    ///
    /// # Errors
    /// [`Error::Config`] where there is none, [`Error::Ops`] when F is not the classifier's.
    pub fn classify_apart(&self, tape: &mut Tape, features: &Value) -> Result<Value> {
        self.affine(tape, &format!("heads.{}", self.layout.classifier), features)
    }

    fn affine(&self, tape: &mut Tape, name: &str, features: &Value) -> Result<Value> {
        let mut parameter = |part: &str| -> Result<Value> {
            let name = format!("{name}.{part}");
            let tensor = self.params().get(&name).cloned().ok_or_else(|| missing(&name))?;
            let leaf = tape.leaf(name, tensor);
            Ok(to_device(tape, &leaf, &self.device)?)
        };
        let (weight, bias) = (parameter("weight")?, parameter("bias")?);
        let scores = snn_ops::linear(tape, features, &weight, &bias)?;
        Ok(to_device(tape, &scores, &Device::Cpu)?)
    }

    /// The running statistics after these passes, one after the other, by name.
    ///
    /// # Errors
    /// [`Error::Config`] when a pass is of another model.
    pub fn folded(&self, passes: &[&Statistics]) -> Result<BTreeMap<String, Tensor>> {
        let mut new = BTreeMap::new();
        for (norm, moments, repeats) in passes.iter().flat_map(|pass| pass.iter()) {
            let names = ["running_mean", "running_var"].map(|part| format!("{norm}.{part}"));
            let [mean, var] = names;
            let (old_mean, old_var) = self.running(norm)?;
            let (old_mean, old_var) =
                (new.get(&mean).unwrap_or(old_mean), new.get(&var).unwrap_or(old_var));
            let (new_mean, new_var) = moments.update(old_mean, old_var, *repeats)?;
            new.extend([(mean, new_mean), (var, new_var)]);
        }
        Ok(new)
    }

    pub(crate) fn running(&self, norm: &str) -> Result<(&Tensor, &Tensor)> {
        let statistic = |part: &str| {
            let name = format!("{norm}.{part}");
            self.buffers().get(&name).ok_or_else(|| missing(&name))
        };
        Ok((statistic("running_mean")?, statistic("running_var")?))
    }

    pub(crate) fn walk(
        &self,
        tape: &mut Tape,
        input: &Input,
        request: &Request,
        state: Option<&State>,
    ) -> Result<(Output, Noted)> {
        let fork = request.fork.as_ref().map(|fork| &fork.after);
        if let Some(after) = fork.filter(|after| !self.neurons().contains(after)) {
            let why = format!("is no layer of neurons; use {}", self.neurons().join(", "));
            return Err(Error::Config { field: format!("fork after {after}"), why });
        }
        if let Some(tap) = request.taps.iter().find(|tap| !self.neurons().contains(tap)) {
            let why = format!("is no layer of neurons; use {}", self.neurons().join(", "));
            return Err(Error::Config { field: format!("tap {tap}"), why });
        }
        let (x, t_steps) = self.checked(input, request)?;
        let value = to_channels_last(tape, &Value::constant(x.to_device(&self.device)?))?;
        let setting = Setting {
            model: Arc::new(self.clone()),
            request: Arc::new(request.clone()),
            state: state.map(|state| Arc::new(state.clone())),
        };
        let architecture = self.config().architecture;
        let (scores, mut pass) =
            setting.pass(tape, |pass| architecture.build(pass, Map::new(value, t_steps)))?;
        let logits = to_device(tape, &scores.value, &Device::Cpu)?;
        let features = pass.features.take().ok_or_else(|| missing("classifier"))?;
        let mut heads = BTreeMap::new();
        for (name, scores) in std::mem::take(&mut pass.heads) {
            heads.insert(name, to_device(tape, &scores, &Device::Cpu)?);
        }
        let mut penalties = BTreeMap::new();
        for (name, penalty) in std::mem::take(&mut pass.penalties) {
            penalties.insert(name, to_device(tape, &penalty, &Device::Cpu)?);
        }
        let mut noted = pass.noted;
        let statistics = std::mem::take(&mut noted.statistics);
        let (taps, fired) = (std::mem::take(&mut noted.taps), std::mem::take(&mut noted.fired));
        let fed = std::mem::take(&mut noted.fed);
        let output = Output { logits, features, heads, penalties, statistics, taps, fired, fed };
        Ok((output, noted))
    }

    /// The input with T first, and the steps that it makes.
    fn checked(&self, input: &Input, request: &Request) -> Result<(Tensor, usize)> {
        let config = self.config();
        let (lead, rank) = match input {
            Input::Still(_) => ("N", 4),
            Input::Frames(_) => ("T, N", 5),
        };
        let x = input.tensor();
        let wrong = |size: String| Error::Shape {
            what: "input".into(),
            expected: format!("[{lead}, {}, {size}]", config.in_channels),
            got: x.dims().to_vec(),
        };
        let own = format!("{}, {}", config.input.height, config.input.width);
        let Some((lead, &[channels, height, width])) = x.dims().split_last_chunk::<3>() else {
            return Err(wrong(own));
        };
        let is_own = [height, width] == [config.input.height, config.input.width];
        let shaped = x.rank() == rank && !x.dims().contains(&0) && channels == config.in_channels;
        if !shaped {
            return Err(wrong(own));
        }
        let declared = Declare::with_input(config, height, width)?;
        if declared.has_fixed_input && !is_own {
            return Err(wrong(own));
        }
        let (n, t_steps) = match *lead {
            [t_steps, n] => (n, t_steps),
            _ => (lead.iter().product(), request.t_steps.unwrap_or(config.t_steps)),
        };
        if let Some(boundary) = config.steps.keys().next().filter(|_| t_steps != config.t_steps) {
            let why = format!(
                "mixes {} time steps, and the input has {t_steps}; give as many as the model was trained with",
                config.t_steps
            );
            return Err(Error::Config { field: format!("steps.{boundary}"), why });
        }
        let ways = if request.fork.as_ref().is_some_and(|fork| fork.joined) { 2 } else { 1 };
        check_map(declared.size.largest_map, n.saturating_mul(ways), t_steps)?;
        let x = x.to_dtype(DType::F32)?.contiguous()?;
        Ok((if rank == 4 { config.encoding.frames(&x, t_steps)? } else { x }, t_steps))
    }
}
