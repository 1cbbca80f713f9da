//! Reads an architecture as tensors: the forward pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use snn_neuron::{Layer, norm_layer, norm_sum, qcfs};
use snn_ops::{Conv2d, Moments, Pool2d, Tape, Value};

use crate::boundary::head;
use crate::joint;
use crate::layers::{Conv, Current, Gate, Layers, Pool};
use crate::limits::check_values;
use crate::request::{Fed, Fired, Mode, Request, Statistics};
use crate::state::State;
use crate::unit::Unit;
use crate::{Error, Model, Neuron, Result};

/// What a forward pass is taken with, besides its input.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) model: Arc<Model>,
    pub(crate) request: Arc<Request>,
    /// What the neurons start from; zero when absent.
    pub(crate) state: Option<Arc<State>>,
}

/// A map, `[T, N, H, W, C]` or `[T, N, C]`. The tensor's T is 1 until the first neuron when every step sees the same image.
#[derive(Clone)]
pub(crate) struct Map {
    pub(crate) value: Value,
    pub(crate) t_steps: usize,
    /// What its entries are worth.
    pub(crate) unit: Unit,
}

impl Map {
    /// A map whose entries are what they say.
    pub(crate) fn new(value: Value, t_steps: usize) -> Self {
        Self { value, t_steps, unit: Unit::One }
    }
}

/// What a pass leaves besides its scores; none of it carries a gradient.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) statistics: Statistics,
    /// What the neurons remember, as [`State::tensors`] names it, where the pass began from a state.
    pub(crate) remembered: Vec<(String, Tensor)>,
    pub(crate) taps: BTreeMap<String, Tensor>,
    pub(crate) fired: Vec<Fired>,
    pub(crate) fed: Vec<Fed>,
}

impl Noted {
    fn extend(&mut self, other: Self) {
        self.statistics.extend(other.statistics);
        self.remembered.extend(other.remembered);
        self.taps.extend(other.taps);
        self.fired.extend(other.fired);
        self.fed.extend(other.fed);
    }
}

/// A forward pass. Feature maps are channels-last.
pub(crate) struct Pass {
    pub(crate) setting: Setting,
    pub(crate) tape: Tape,
    pub(crate) noted: Noted,
    /// What entered the classifier.
    pub(crate) features: Option<Value>,
    /// The auxiliary classifiers' scores.
    pub(crate) heads: BTreeMap<String, Value>,
    /// What the network adds to the loss.
    pub(crate) penalties: BTreeMap<String, Value>,
}

impl Setting {
    /// Runs `f`, all of a network or a part of it, as a pass on `tape`.
    pub(crate) fn pass<T>(
        &self,
        tape: &mut Tape,
        f: impl FnOnce(&mut Pass) -> Result<T>,
    ) -> Result<(T, Pass)> {
        // The pass owns the tape meanwhile: a stage outlives any borrow.
        let mut pass = Pass {
            setting: self.clone(),
            tape: std::mem::take(tape),
            noted: Noted::default(),
            features: None,
            heads: BTreeMap::new(),
            penalties: BTreeMap::new(),
        };
        let y = f(&mut pass);
        *tape = std::mem::take(&mut pass.tape);
        Ok((y?, pass))
    }
}

impl Pass {
    pub(crate) fn parameter(&mut self, name: String) -> Result<Value> {
        let model = &self.setting.model;
        let tensor = model.params().get(&name).cloned().ok_or_else(|| missing(&name))?;
        let leaf = self.tape.leaf(name, tensor);
        Ok(snn_ops::to_device(&mut self.tape, &leaf, &self.setting.model.device)?)
    }

    fn affine(&mut self, name: &str, x: &Map) -> Result<Value> {
        let weight = self.weight(name, x)?;
        let bias = self.parameter(format!("{name}.bias"))?;
        Ok(snn_ops::linear(&mut self.tape, &x.value, &weight, &bias)?)
    }

    /// Notes the batch statistics of `x` under those norms that have any left.
    pub(crate) fn note_moments(
        &mut self,
        x: &Map,
        norms: &[Option<&String>],
        moments: Vec<Moments>,
    ) {
        let repeats = x.t_steps / x.value.dims().first().copied().unwrap_or(1).max(1);
        for (name, moments) in norms.iter().flatten().zip(moments) {
            self.noted.statistics.push(name, moments, repeats);
        }
    }

    /// Notes what a convolution or linear layer takes.
    fn feed(&mut self, name: &str, x: &Map) -> Result<()> {
        if self.setting.request.inputs {
            let several_bits = self.setting.model.config().sends_several_bits();
            self.noted.fed.push(Fed::count(name, x.value.tensor(), several_bits)?);
        }
        Ok(())
    }

    /// What goes on from a layer of neurons.
    fn forked(&mut self, name: &str, spikes: Value) -> Result<Value> {
        let request = Arc::clone(&self.setting.request);
        let Some(fork) = request.fork.as_ref().filter(|fork| fork.after == name) else {
            return Ok(spikes);
        };
        let other = snn_ops::permute_steps(&mut self.tape, &spikes, &fork.order)?;
        match fork.joined {
            true => Ok(snn_ops::concat(&mut self.tape, &[&spikes, &other], 1)?),
            false => Ok(other),
        }
    }

    /// The layer `name` as the activation of an ANN: without time, so that steps which are alike have been one until here.
    fn activation(&mut self, name: &str, currents: &[Current<'_, Map>], levels: u8) -> Result<Map> {
        let x = self.drive(currents)?;
        let ceiling = self.parameter(format!("{name}.ceiling"))?;
        let mut value = qcfs(&mut self.tape, &x.value, &ceiling, levels).map_err(|error| {
            Error::Config { field: format!("{name}.ceiling"), why: error.to_string() }
        })?;
        if value.dims().first() != Some(&x.t_steps) {
            value = snn_ops::repeat_step(&mut self.tape, &value, x.t_steps)?;
        }
        self.note(name, value.tensor())?;
        let value = self.forked(name, value)?;
        let unit = Unit::Step { neuron: name.into(), levels };
        Ok(Map { value, t_steps: x.t_steps, unit })
    }

    /// Refuses norms of a training batch that see one value per channel.
    fn check_norms(&self, currents: &[Current<'_, Map>]) -> Result<()> {
        if self.setting.request.mode == Mode::Eval {
            return Ok(());
        }
        currents.iter().try_for_each(|current| match current {
            Current::Plain(_) => Ok(()),
            Current::Norm { name, x, .. } => {
                check_values(name, x.value.dims().iter().rev().skip(1).product())
            }
        })
    }

    /// Notes what a layer of neurons sent.
    fn note(&mut self, name: &str, spikes: &Tensor) -> Result<()> {
        let request = &self.setting.request;
        if request.taps.iter().any(|tap| tap == name) {
            self.noted.taps.insert(name.into(), spikes.clone());
        }
        if request.counts {
            self.noted.fired.push(Fired::count(name, spikes)?);
        }
        Ok(())
    }
}

pub(crate) fn missing(name: &str) -> Error {
    Error::Config { field: name.into(), why: "the model has no such tensor".into() }
}

/// The names of the currents' norms.
fn norm_names<'a>(currents: &'a [Current<'_, Map>]) -> Vec<Option<&'a String>> {
    let name = |current: &'a Current<'_, Map>| match current {
        Current::Plain(_) => None,
        Current::Norm { name, .. } => Some(name),
    };
    currents.iter().map(name).collect()
}

/// The map of the first current, whose steps and shape are those of the sum.
fn first<'a>(currents: &[Current<'a, Map>]) -> Result<&'a Map> {
    match currents.first() {
        Some(Current::Plain(x) | Current::Norm { x, .. }) => Ok(*x),
        None => Err(missing("a current")),
    }
}

/// `x`'s steps, with a tensor whose entries are what they say.
fn with(x: &Map, value: Value) -> Map {
    Map::new(value, x.t_steps)
}

/// `x`'s steps and unit, with another tensor.
pub(crate) fn kept(x: &Map, value: Value) -> Map {
    Map { value, t_steps: x.t_steps, unit: x.unit.clone() }
}

impl Layers for Pass {
    type X = Map;

    fn width(&self, channels: usize) -> usize {
        self.setting.model.config().channels(channels)
    }

    fn part(&mut self, name: &str, default: bool) -> bool {
        self.setting.model.config().parts.get(name).copied().unwrap_or(default)
    }

    fn v_threshold(&self) -> f64 {
        self.setting.model.config().neuron.v_threshold
    }

    fn stage(
        &mut self,
        x: &Map,
        f: impl Fn(&mut Self, &Map) -> Result<Map> + Send + 'static,
    ) -> Result<Map> {
        let (setting, t_steps, unit) = (self.setting.clone(), x.t_steps, x.unit.clone());
        let stage = move |tape: &mut Tape, x: &Value| -> Result<(Value, (usize, Unit, Noted))> {
            let x = Map { value: x.clone(), t_steps, unit: unit.clone() };
            let (y, pass) = setting.pass(tape, |pass| f(pass, &x))?;
            Ok((y.value, (y.t_steps, y.unit, pass.noted)))
        };
        let (value, (t_steps, unit, noted)) = self.tape.stage(&x.value, stage)?;
        self.noted.extend(noted);
        Ok(Map { value, t_steps, unit })
    }

    fn channels(&self, x: &Map) -> usize {
        x.value.dims().last().copied().unwrap_or(0)
    }

    fn conv(&mut self, name: &str, x: &Map, conv: Conv) -> Result<Map> {
        self.feed(name, x)?;
        let weight = self.weight(name, x)?;
        let precision = self.setting.model.config().precision;
        let config = Conv2d { stride: conv.stride, padding: conv.padding, precision };
        Ok(with(x, snn_ops::conv2d(&mut self.tape, &x.value, &weight, config)?))
    }

    fn neuron(&mut self, name: &str, currents: &[Current<'_, Map>]) -> Result<Map> {
        let (lif, learns_tau, unit) = match self.setting.model.config().neuron(name)? {
            Neuron::Spiking { lif, learns_tau, unit } => (lif, learns_tau, unit),
            Neuron::Qcfs { levels, .. } => return self.activation(name, currents, levels),
        };
        let x = first(currents)?;
        self.check_norms(currents)?;
        let summands = self.currents(currents)?;
        let sum: Vec<_> = summands.iter().map(|summand| summand.current()).collect();
        let leak = learns_tau.then(|| self.parameter(format!("{name}.w"))).transpose()?;
        let state = self.setting.state.clone();
        let held = |part: &str| state.as_ref().and_then(|state| state.of(name, part));
        let layer = Layer { v0: held("v"), a0: held("a"), leak: leak.as_ref() };
        let output = norm_layer(&mut self.tape, x.t_steps, &sum, &layer, &lif)?;
        self.note_moments(x, &norm_names(currents), output.moments);
        if self.setting.state.is_some() {
            let adaptation = output.a_last.map(|a| (format!("{name}.a"), a));
            self.noted.remembered.push((format!("{name}.v"), output.v_last));
            self.noted.remembered.extend(adaptation);
        }
        self.note(name, output.spikes.tensor())?;
        let value = self.forked(name, output.spikes)?;
        Ok(Map { value, t_steps: x.t_steps, unit: Unit::of(unit) })
    }

    fn drive(&mut self, currents: &[Current<'_, Map>]) -> Result<Map> {
        let x = first(currents)?;
        self.check_norms(currents)?;
        let summands = self.currents(currents)?;
        let sum: Vec<_> = summands.iter().map(|summand| summand.current()).collect();
        let output = norm_sum(&mut self.tape, &sum)?;
        self.note_moments(x, &norm_names(currents), output.moments);
        Ok(with(x, output.drive))
    }

    fn gate(&mut self, name: &str, x: &Map, gate: Gate) -> Result<Map> {
        self.feed(name, x)?;
        let kernel = self.parameter(format!("{name}.weight"))?;
        let x = &self.real(x)?;
        let means = snn_ops::mean(&mut self.tape, &x.value, &[2, 3])?;
        let open = snn_ops::conv_channels(&mut self.tape, &means, &kernel)?;
        let open = snn_ops::sigmoid(&mut self.tape, &open)?;
        let open = match gate {
            Gate::Attention => open,
            Gate::Dendrite => snn_ops::add(&mut self.tape, &open, &open)?,
        };
        Ok(with(x, snn_ops::multiply(&mut self.tape, &x.value, &open)?))
    }

    fn joint_attention(&mut self, name: &str, x: &Map) -> Result<Map> {
        self.feed(name, x)?;
        let x = &self.real(x)?;
        let over_time = self.parameter(format!("{name}.conv_t.weight"))?;
        let over_channels = self.parameter(format!("{name}.conv_c.weight"))?;
        let own = over_time.dims().first().copied().unwrap_or(0);
        if own != x.t_steps {
            let why = format!(
                "is of {own} time steps, and this pass has {}; give as many as the model was trained with",
                x.t_steps
            );
            return Err(Error::Config { field: name.into(), why });
        }
        let open = joint::gate(&mut self.tape, &x.value, &over_time, &over_channels)?;
        Ok(with(x, snn_ops::multiply(&mut self.tape, &x.value, &open)?))
    }

    fn concat(&mut self, maps: &[Map]) -> Result<Map> {
        let maps = maps.iter().map(|x| self.real(x)).collect::<Result<Vec<_>>>()?;
        let first = maps.first().ok_or_else(|| missing("a map to join"))?;
        let values: Vec<&Value> = maps.iter().map(|x| &x.value).collect();
        Ok(with(first, snn_ops::concat(&mut self.tape, &values, 4)?))
    }

    fn add(&mut self, a: &Map, b: &Map) -> Result<Map> {
        if a.unit == b.unit {
            return Ok(kept(a, snn_ops::add(&mut self.tape, &a.value, &b.value)?));
        }
        let (a, b) = (self.real(a)?, self.real(b)?);
        Ok(with(&a, snn_ops::add(&mut self.tape, &a.value, &b.value)?))
    }

    fn max_pool(&mut self, x: &Map, pool: Pool) -> Result<Map> {
        Ok(kept(x, snn_ops::max_pool2d(&mut self.tape, &x.value, pool2d(pool))?))
    }

    fn avg_pool(&mut self, x: &Map, pool: Pool) -> Result<Map> {
        Ok(kept(x, snn_ops::avg_pool2d(&mut self.tape, &x.value, pool2d(pool))?))
    }

    fn global_avg_pool(&mut self, x: &Map) -> Result<Map> {
        Ok(kept(x, snn_ops::global_avg_pool(&mut self.tape, &x.value)?))
    }

    fn global_max_pool(&mut self, x: &Map) -> Result<Map> {
        Ok(kept(x, snn_ops::global_max_pool(&mut self.tape, &x.value)?))
    }

    fn flatten(&mut self, x: &Map) -> Result<Map> {
        let y = snn_ops::to_channels_first(&mut self.tape, &x.value)?;
        let (lead, rest) = y.dims().split_at(2);
        let shape = [lead[0], lead[1], rest.iter().product()];
        Ok(kept(x, snn_ops::reshape(&mut self.tape, &y, &shape)?))
    }

    fn linear(&mut self, name: &str, x: &Map, _: usize) -> Result<Map> {
        self.feed(name, x)?;
        Ok(with(x, self.affine(name, x)?))
    }

    fn transform(&mut self, name: &str, x: &Map, change: &Map) -> Result<Map> {
        self.feed(name, x)?;
        self.transformed(x, change)
    }

    fn orthogonal(&mut self, name: &str, change: &Map, weight: f32) -> Result<()> {
        self.penalize(name, change, weight)
    }

    fn classify(&mut self, name: &str, features: &Map) -> Result<Map> {
        self.feed(name, features)?;
        // Methods send features through the classifier again, so they are what they say.
        let features = self.real(features)?;
        self.features = Some(features.value.clone());
        Ok(with(&features, self.affine(name, &features)?))
    }

    fn boundary(&mut self, name: &str, x: Map) -> Result<Map> {
        let model = Arc::clone(&self.setting.model);
        let config = model.config();
        if self.setting.request.heads && config.heads.iter().any(|head| head == name) {
            let scores = head(self, name, config.head, &x, config.num_classes)?;
            self.heads.insert(name.into(), scores.value);
        }
        let Some(&to) = config.steps.get(name) else { return Ok(x) };
        self.change_steps(name, &x, to)
    }
}

fn pool2d(pool: Pool) -> Pool2d {
    Pool2d { kernel: pool.kernel, stride: pool.stride, padding: pool.padding }
}
