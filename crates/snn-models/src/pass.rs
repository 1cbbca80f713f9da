//! Reads an architecture as tensors: the forward pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use snn_neuron::{norm_lif, norm_sum};
use snn_ops::{Conv2d, Moments, Pool2d, Tape, Value};

use crate::boundary::{Transformer, head, resampling};
use crate::layers::{Conv, Current, Gate, Layers, Pool};
use crate::request::{Fed, Fired, Mode, Request, Statistics};
use crate::state::State;
use crate::{Error, Model, Result};

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
}

/// What a pass leaves besides its scores; none of it carries a gradient.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) statistics: Statistics,
    /// The neurons' last potentials by name, where the pass began from a state.
    pub(crate) potentials: Vec<(String, Tensor)>,
    pub(crate) taps: BTreeMap<String, Tensor>,
    pub(crate) fired: Vec<Fired>,
    pub(crate) fed: Vec<Fed>,
}

impl Noted {
    fn extend(&mut self, other: Self) {
        self.statistics.extend(other.statistics);
        self.potentials.extend(other.potentials);
        self.taps.extend(other.taps);
        self.fired.extend(other.fired);
        self.fed.extend(other.fed);
    }
}

/// A forward pass. Feature maps are channels-last.
pub(crate) struct Pass {
    setting: Setting,
    tape: Tape,
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

/// The values behind a normalised current, held while the neuron borrows them.
struct Norm {
    weight: Value,
    bias: Value,
    running: Option<Moments>,
}

impl Pass {
    fn parameter(&mut self, name: String) -> Result<Value> {
        let model = &self.setting.model;
        let tensor = model.params().get(&name).cloned().ok_or_else(|| missing(&name))?;
        let leaf = self.tape.leaf(name, tensor);
        Ok(snn_ops::to_device(&mut self.tape, &leaf, &self.setting.model.device)?)
    }

    fn norm(&mut self, name: &str) -> Result<Norm> {
        let running = match self.setting.request.mode {
            Mode::Train => None,
            Mode::Eval => {
                let (mean, var) = self.setting.model.running(name)?;
                Some(Moments::running(mean, var)?)
            }
        };
        let weight = self.parameter(format!("{name}.weight"))?;
        let bias = self.parameter(format!("{name}.bias"))?;
        Ok(Norm { weight, bias, running })
    }

    fn affine(&mut self, name: &str, x: &Value) -> Result<Value> {
        let weight = self.parameter(format!("{name}.weight"))?;
        let bias = self.parameter(format!("{name}.bias"))?;
        Ok(snn_ops::linear(&mut self.tape, x, &weight, &bias)?)
    }

    /// The norms of those currents that have one.
    fn norms(&mut self, currents: &[Current<'_, Map>]) -> Result<Vec<Option<Norm>>> {
        let norm = |current: &Current<'_, Map>| match current {
            Current::Plain(_) => Ok(None),
            Current::Norm { name, .. } => self.norm(name).map(Some),
        };
        currents.iter().map(norm).collect()
    }

    /// Notes the batch statistics of those currents that have a norm.
    fn note_moments(&mut self, x: &Map, currents: &[Current<'_, Map>], moments: Vec<Moments>) {
        let repeats = x.t_steps / x.value.dims().first().copied().unwrap_or(1).max(1);
        let names = currents.iter().filter_map(|current| match current {
            Current::Norm { name, .. } => Some(name),
            Current::Plain(_) => None,
        });
        for (name, moments) in names.zip(moments) {
            self.noted.statistics.push(name, moments, repeats);
        }
    }

    /// Notes what a convolution or linear layer takes.
    fn feed(&mut self, name: &str, x: &Map) -> Result<()> {
        if self.setting.request.counts {
            self.noted.fed.push(Fed::count(name, x.value.tensor())?);
        }
        Ok(())
    }

    /// The steps of `x` as the trained matrix of that boundary mixes them.
    fn mix(&mut self, name: &str, x: &Map) -> Result<Value> {
        let weight = self.parameter(format!("steps.{name}.weight"))?;
        Ok(snn_ops::mix_steps(&mut self.tape, &x.value, &weight)?)
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

    /// `I + change`, `[T, N, k, k]`.
    fn matrices(&mut self, change: &Map) -> Result<Value> {
        let &[t_steps, n, entries] = change.value.dims() else { return Err(missing("transform")) };
        let k = entries.isqrt();
        let mut identity = vec![0f32; t_steps * n * entries];
        identity
            .chunks_mut(entries)
            .flat_map(|one| one.iter_mut().step_by(k + 1))
            .for_each(|x| *x = 1.0);
        let shape = [t_steps, n, k, k];
        let identity = snn_ops::buffer::tensor(identity, shape.as_slice())?;
        let identity = Value::constant(identity.to_device(change.value.tensor().device())?);
        let change = snn_ops::reshape(&mut self.tape, &change.value, &shape)?;
        Ok(snn_ops::add(&mut self.tape, &change, &identity)?)
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

/// The currents as the neuron takes them; `norms` are theirs.
fn summed<'a>(
    currents: &'a [Current<'_, Map>],
    norms: &'a [Option<Norm>],
) -> Vec<snn_neuron::Current<'a>> {
    let current = |(current, norm): (&'a Current<'_, Map>, &'a Option<Norm>)| match (current, norm)
    {
        (Current::Norm { x, .. }, Some(norm)) => snn_neuron::Current::Norm {
            x: &x.value,
            weight: &norm.weight,
            bias: &norm.bias,
            running: norm.running.as_ref(),
        },
        (Current::Plain(x) | Current::Norm { x, .. }, _) => snn_neuron::Current::Plain(&x.value),
    };
    currents.iter().zip(norms).map(current).collect()
}

/// The map of the first current, whose steps and shape are those of the sum.
fn first<'a>(currents: &[Current<'a, Map>]) -> Result<&'a Map> {
    match currents.first() {
        Some(Current::Plain(x) | Current::Norm { x, .. }) => Ok(*x),
        None => Err(missing("a current")),
    }
}

/// `x`'s steps, with another tensor.
fn with(x: &Map, value: Value) -> Map {
    Map { value, t_steps: x.t_steps }
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
        let (setting, t_steps) = (self.setting.clone(), x.t_steps);
        let stage = move |tape: &mut Tape, x: &Value| -> Result<(Value, (usize, Noted))> {
            let (y, pass) =
                setting.pass(tape, |pass| f(pass, &Map { value: x.clone(), t_steps }))?;
            Ok((y.value, (y.t_steps, pass.noted)))
        };
        let (value, (t_steps, noted)) = self.tape.stage(&x.value, stage)?;
        self.noted.extend(noted);
        Ok(Map { value, t_steps })
    }

    fn channels(&self, x: &Map) -> usize {
        x.value.dims().last().copied().unwrap_or(0)
    }

    fn conv(&mut self, name: &str, x: &Map, conv: Conv) -> Result<Map> {
        self.feed(name, x)?;
        let weight = self.parameter(format!("{name}.weight"))?;
        let precision = self.setting.model.config().precision;
        let config = Conv2d { stride: conv.stride, padding: conv.padding, precision };
        Ok(with(x, snn_ops::conv2d(&mut self.tape, &x.value, &weight, config)?))
    }

    fn neuron(&mut self, name: &str, currents: &[Current<'_, Map>]) -> Result<Map> {
        let x = first(currents)?;
        let norms = self.norms(currents)?;
        let sum = summed(currents, &norms);
        let lif = self.setting.model.config().lif(name)?;
        let state = self.setting.state.clone();
        let v0 = state.as_ref().and_then(|state| state.potential(name));
        let output = norm_lif(&mut self.tape, x.t_steps, &sum, v0, &lif)?;
        self.note_moments(x, currents, output.moments);
        if self.setting.state.is_some() {
            self.noted.potentials.push((name.into(), output.v_last));
        }
        self.note(name, output.spikes.tensor())?;
        let spikes = self.forked(name, output.spikes)?;
        Ok(with(x, spikes))
    }

    fn drive(&mut self, currents: &[Current<'_, Map>]) -> Result<Map> {
        let x = first(currents)?;
        let norms = self.norms(currents)?;
        let output = norm_sum(&mut self.tape, &summed(currents, &norms))?;
        self.note_moments(x, currents, output.moments);
        Ok(with(x, output.drive))
    }

    fn gate(&mut self, name: &str, x: &Map, gate: Gate) -> Result<Map> {
        self.feed(name, x)?;
        let kernel = self.parameter(format!("{name}.weight"))?;
        let means = snn_ops::mean(&mut self.tape, &x.value, &[2, 3])?;
        let open = snn_ops::conv_channels(&mut self.tape, &means, &kernel)?;
        let open = snn_ops::sigmoid(&mut self.tape, &open)?;
        let open = match gate {
            Gate::Attention => open,
            Gate::Dendrite => snn_ops::add(&mut self.tape, &open, &open)?,
        };
        Ok(with(x, snn_ops::multiply(&mut self.tape, &x.value, &open)?))
    }

    fn concat(&mut self, maps: &[Map]) -> Result<Map> {
        let first = maps.first().ok_or_else(|| missing("a map to join"))?;
        let values: Vec<&Value> = maps.iter().map(|x| &x.value).collect();
        Ok(with(first, snn_ops::concat(&mut self.tape, &values, 4)?))
    }

    fn add(&mut self, a: &Map, b: &Map) -> Result<Map> {
        Ok(with(a, snn_ops::add(&mut self.tape, &a.value, &b.value)?))
    }

    fn max_pool(&mut self, x: &Map, pool: Pool) -> Result<Map> {
        Ok(with(x, snn_ops::max_pool2d(&mut self.tape, &x.value, pool2d(pool))?))
    }

    fn avg_pool(&mut self, x: &Map, pool: Pool) -> Result<Map> {
        Ok(with(x, snn_ops::avg_pool2d(&mut self.tape, &x.value, pool2d(pool))?))
    }

    fn global_avg_pool(&mut self, x: &Map) -> Result<Map> {
        Ok(with(x, snn_ops::global_avg_pool(&mut self.tape, &x.value)?))
    }

    fn global_max_pool(&mut self, x: &Map) -> Result<Map> {
        Ok(with(x, snn_ops::global_max_pool(&mut self.tape, &x.value)?))
    }

    fn flatten(&mut self, x: &Map) -> Result<Map> {
        let y = snn_ops::to_channels_first(&mut self.tape, &x.value)?;
        let (lead, rest) = y.dims().split_at(2);
        let shape = [lead[0], lead[1], rest.iter().product()];
        Ok(with(x, snn_ops::reshape(&mut self.tape, &y, &shape)?))
    }

    fn linear(&mut self, name: &str, x: &Map, _: usize) -> Result<Map> {
        self.feed(name, x)?;
        Ok(with(x, self.affine(name, &x.value)?))
    }

    fn transform(&mut self, name: &str, x: &Map, change: &Map) -> Result<Map> {
        self.feed(name, x)?;
        let matrices = self.matrices(change)?;
        let (points, t_steps) = (x.value.dims(), matrices.dims()[0]);
        let is_still = points[0] == 1 && t_steps > 1;
        let mut shape = points.to_vec();
        shape[0] = t_steps;
        let value = match is_still {
            true => snn_ops::repeat_step(&mut self.tape, &x.value, t_steps)?,
            false => x.value.clone(),
        };
        let k = self.channels(x);
        let pixels = value.tensor().elem_count() / (k * shape[0] * shape[1]).max(1);
        let rows = [shape[0], shape[1], pixels, k];
        let value = snn_ops::reshape(&mut self.tape, &value, &rows)?;
        let value = snn_ops::matmul(&mut self.tape, &value, &matrices)?;
        Ok(with(x, snn_ops::reshape(&mut self.tape, &value, &shape)?))
    }

    fn orthogonal(&mut self, name: &str, change: &Map, weight: f32) -> Result<()> {
        if self.setting.request.mode == Mode::Train {
            let matrices = self.matrices(change)?;
            let penalty = snn_ops::orthogonality(&mut self.tape, &matrices, weight)?;
            self.penalties.insert(name.into(), penalty);
        }
        Ok(())
    }

    fn classify(&mut self, name: &str, features: &Map) -> Result<Map> {
        self.feed(name, features)?;
        self.features = Some(features.value.clone());
        Ok(with(features, self.affine(name, &features.value)?))
    }

    fn boundary(&mut self, name: &str, x: Map) -> Result<Map> {
        let model = Arc::clone(&self.setting.model);
        let config = model.config();
        if self.setting.request.heads && config.heads.iter().any(|head| head == name) {
            let scores = head(self, name, config.head, &x, config.num_classes)?;
            self.heads.insert(name.into(), scores.value);
        }
        let Some(&to) = config.steps.get(name) else { return Ok(x) };
        let (transformer, from) = (config.transformer, x.t_steps);
        if !transformer.is_trained() && to == from {
            return Ok(x);
        }
        let mixed = |value| Map { value, t_steps: to };
        match transformer {
            Transformer::Linear => Ok(mixed(self.mix(name, &x)?)),
            Transformer::LinearLif => {
                let x = mixed(self.mix(name, &x)?);
                self.neuron(&format!("steps.{name}.lif"), &[Current::Plain(&x)])
            }
            Transformer::Avg => {
                let weight = snn_ops::buffer::tensor(resampling(to, from), (to, from))?;
                let weight = Value::constant(weight);
                Ok(mixed(snn_ops::mix_steps(&mut self.tape, &x.value, &weight)?))
            }
            Transformer::First => Ok(mixed(snn_ops::narrow(&mut self.tape, &x.value, 0, 0, to)?)),
            Transformer::Last => {
                Ok(mixed(snn_ops::narrow(&mut self.tape, &x.value, 0, from - to, to)?))
            }
        }
    }
}

fn pool2d(pool: Pool) -> Pool2d {
    Pool2d { kernel: pool.kernel, stride: pool.stride, padding: pool.padding }
}
