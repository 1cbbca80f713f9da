//! Reads an architecture as shapes: its parameters, its work, its neurons.

use std::collections::BTreeSet;

use crate::boundary::{Transformer, head};
use crate::declared::{Declared, Init, Layout, Seen, Size, WeightLayer};
use crate::layers::{Conv, ConvInit, Current, Gate, JOINT_TAPS, Layers, Pool};
use crate::{Error, ModelConfig, Neuron, Result};

/// A map of the reading; a vector has 1 x 1 pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map {
    t_steps: usize,
    /// Channels, height, width.
    shape: [usize; 3],
    /// Whether it holds spikes, their sums or their means, rather than real values.
    is_spikes: bool,
}

/// The reading itself.
pub(crate) struct Declare<'a> {
    config: &'a ModelConfig,
    pub(crate) layout: Layout,
    pub(crate) size: Size,
    /// Whether a parameter's shape depends on the input's.
    pub(crate) has_fixed_input: bool,
    names: BTreeSet<String>,
    /// Whether an auxiliary classifier is being read.
    is_head: bool,
}

const MOST: usize = ModelConfig::MAX_ELEMENTS;

impl<'a> Declare<'a> {
    /// Reads the architecture; refuses what would hold more than [`ModelConfig::MAX_ELEMENTS`].
    pub(crate) fn read(config: &'a ModelConfig) -> Result<Self> {
        config.check()?;
        Self::with_input(config, config.input.height, config.input.width)
    }

    /// Reads the architecture with another size of input.
    pub(crate) fn with_input(config: &'a ModelConfig, height: usize, width: usize) -> Result<Self> {
        let mut declare = Self {
            config,
            layout: Layout::default(),
            size: Size::default(),
            has_fixed_input: false,
            names: BTreeSet::new(),
            is_head: false,
        };
        let shape = [config.in_channels, height, width];
        let x = declare.map(Map { t_steps: config.t_steps, shape, is_spikes: false })?;
        config.architecture.build(&mut declare, x)?;
        let known = |kind: &str, name: &str, names: &[String]| match names.iter().any(|n| n == name)
        {
            true => Ok(()),
            false => Err(Error::Config {
                field: format!("{kind}.{name}"),
                why: match names {
                    [] => format!(
                        "is no part of {}, which has none; leave it out",
                        config.architecture.name()
                    ),
                    _ => format!(
                        "is no part of {}; use {}",
                        config.architecture.name(),
                        names.join(", ")
                    ),
                },
            }),
        };
        config
            .neurons
            .keys()
            .try_for_each(|name| known("neurons", name, &declare.layout.neurons))?;
        let places = config.heads.iter().map(|name| ("heads", name));
        let places = places.chain(config.steps.keys().map(|name| ("steps", name)));
        for (kind, name) in places {
            let mut places = declare.layout.boundaries.clone();
            if kind == "heads" {
                places.push(declare.layout.classifier.clone());
            }
            known(kind, name, &places)?;
        }
        config.parts.keys().try_for_each(|name| known("parts", name, &declare.layout.parts))?;
        Ok(declare)
    }

    fn tensor(&mut self, name: String, shape: Vec<usize>, init: Init) -> Result<()> {
        let n = product(&shape).ok_or_else(|| Error::Config {
            field: "width".into(),
            why: format!("makes {name} {shape:?}, more than {MOST} parameters; use a smaller width, input or num_classes"),
        })?;
        if !matches!(init, Init::Running(_)) {
            self.size.parameters += n;
        }
        if self.size.parameters > MOST {
            let why =
                format!("makes more than {MOST} parameters, with {name}; use a smaller width");
            return Err(Error::Config { field: "width".into(), why });
        }
        self.named(&name)?;
        self.layout.tensors.push(Declared { name, shape, init, is_head: self.is_head });
        Ok(())
    }

    /// Counts the work of a layer that takes `x` and multiplies so often in each step.
    fn work(&mut self, name: &str, x: &Map, macs: usize) {
        self.size.macs_per_step += macs;
        self.size.macs += x.t_steps * macs;
        self.layout.weights.push(WeightLayer {
            name: name.into(),
            macs_per_step: macs,
            t_steps: x.t_steps,
            takes_spikes: x.is_spikes,
        });
    }

    /// Reads an auxiliary classifier, which is training's alone: its work, neurons and layers are not the network's.
    fn beside(&mut self, read: impl FnOnce(&mut Self) -> Result<Map>) -> Result<()> {
        let (size, neurons) = (self.size.clone(), self.layout.neurons.len());
        let weights = self.layout.weights.len();
        self.is_head = true;
        read(self)?;
        self.is_head = false;
        self.size = size;
        self.layout.neurons.truncate(neurons);
        self.layout.weights.truncate(weights);
        Ok(())
    }

    /// Refuses a name that stands for something already.
    fn named(&mut self, name: &str) -> Result<()> {
        if self.names.insert(name.to_string()) {
            return Ok(());
        }
        let why = "names two parts of the network; give each its own".into();
        Err(Error::Config { field: name.into(), why })
    }

    /// Notes a map.
    fn map(&mut self, x: Map) -> Result<Map> {
        let n = product(&x.shape).ok_or_else(|| Error::Config {
            field: "width".into(),
            why: format!(
                "makes a feature map {:?}, more than {MOST} elements; use a smaller width or input",
                x.shape
            ),
        })?;
        self.size.largest_map = self.size.largest_map.max(n);
        Ok(x)
    }
}

/// The number of elements, when it is within the limit.
fn product(shape: &[usize]) -> Option<usize> {
    let n = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    n.filter(|&n| n <= MOST)
}

/// The pixels that windows leave.
fn windows(x: &Map, pool: Pool) -> Result<Map> {
    let Pool { kernel, stride, padding } = pool;
    let [channels, height, width] = x.shape;
    let extent = |axis: usize, pixels: usize| {
        Some((pixels + 2 * padding[axis]).checked_sub(kernel[axis])? / stride[axis] + 1)
    };
    match (extent(0, height), extent(1, width)) {
        (Some(h), Some(w)) => Ok(Map { shape: [channels, h, w], ..*x }),
        _ => Err(Error::Config {
            field: "input".into(),
            why: format!(
                "a {height} x {width} feature map is smaller than a {} x {} window; use a larger input",
                kernel[0], kernel[1]
            ),
        }),
    }
}

impl Layers for Declare<'_> {
    type X = Map;

    fn width(&self, channels: usize) -> usize {
        self.config.channels(channels)
    }

    fn part(&mut self, name: &str, default: bool) -> bool {
        if !self.layout.parts.iter().any(|known| known == name) {
            self.layout.parts.push(name.into());
        }
        self.config.parts.get(name).copied().unwrap_or(default)
    }

    fn v_threshold(&self) -> f64 {
        self.config.neuron.v_threshold
    }

    fn stage(
        &mut self,
        x: &Self::X,
        f: impl Fn(&mut Self, &Self::X) -> Result<Self::X> + Send + 'static,
    ) -> Result<Self::X> {
        f(self, x)
    }

    fn channels(&self, x: &Self::X) -> usize {
        x.shape[0]
    }

    fn conv(&mut self, name: &str, x: &Self::X, conv: Conv) -> Result<Self::X> {
        let Conv { out, kernel, stride, padding, init } = conv;
        let [channels, h, w] = windows(x, Pool { kernel, stride, padding })?.shape;
        let y = self.map(Map { shape: [out, h, w], is_spikes: false, ..*x })?;
        let area = kernel[0] * kernel[1];
        let init = match init {
            ConvInit::KaimingUniform => Init::KaimingUniform { fan_in: channels * area },
            ConvInit::KaimingNormal => Init::KaimingNormal { fan_out: out * area },
        };
        self.tensor(format!("{name}.weight"), vec![out, channels, kernel[0], kernel[1]], init)?;
        self.work(name, x, out * channels * area * h * w);
        self.size.convolutions += 1;
        self.size.convolution_steps += y.t_steps;
        Ok(y)
    }

    fn neuron(&mut self, name: &str, currents: &[Current<'_, Self::X>]) -> Result<Self::X> {
        let x = self.drive(currents)?;
        let neuron = self.config.neuron(name)?;
        match neuron {
            Neuron::Spiking { learns_tau: false, .. } => {}
            Neuron::Spiking { learns_tau: true, lif, .. } => {
                // sigmoid(w) = 1/tau.
                let init = Init::Constant(-(f64::from(lif.tau) - 1.0).ln());
                self.tensor(format!("{name}.w"), vec![1], init)?;
            }
            Neuron::Qcfs { ceiling, .. } => {
                self.tensor(format!("{name}.ceiling"), vec![1], Init::Constant(ceiling))?;
            }
        }
        self.named(name)?;
        self.layout.neurons.push(name.into());
        self.size.lif_layers += 1;
        self.size.neurons += x.shape.iter().product::<usize>();
        // An ANN's activations are multiplied.
        Ok(Map { is_spikes: matches!(neuron, Neuron::Spiking { .. }), ..x })
    }

    fn drive(&mut self, currents: &[Current<'_, Self::X>]) -> Result<Self::X> {
        for current in currents {
            let Current::Norm { name, x, weight } = current else { continue };
            let neuron = &self.config.neuron;
            let weight = neuron.tdbn.map_or(*weight, |alpha| alpha * neuron.v_threshold);
            let tensors = [
                ("weight", Init::Constant(weight)),
                ("bias", Init::Constant(0.0)),
                ("running_mean", Init::Running(0.0)),
                ("running_var", Init::Running(1.0)),
            ];
            for (part, init) in tensors {
                self.tensor(format!("{name}.{part}"), vec![x.shape[0]], init)?;
            }
            if neuron.tebn {
                let name = format!("{name}.step_scale");
                self.tensor(name, vec![x.t_steps], Init::Constant(1.0))?;
            }
            let [_, height, width] = x.shape;
            let (name, pixels, t_steps) = ((*name).to_string(), height * width, x.t_steps);
            let is_first = self.layout.neurons.is_empty();
            self.layout.norms.push(Seen { name, pixels, t_steps, is_first });
        }
        let Some(Current::Plain(x) | Current::Norm { x, .. }) = currents.first() else {
            let why = "a layer of neurons has no current; give it at least one".into();
            return Err(Error::Config { field: "architecture".into(), why });
        };
        Ok(Map { is_spikes: false, ..**x })
    }

    fn gate(&mut self, name: &str, x: &Self::X, gate: Gate) -> Result<Self::X> {
        let taps = Gate::taps(x.shape[0]);
        let init = match gate {
            Gate::Attention => Init::KaimingUniform { fan_in: taps },
            Gate::Dendrite => Init::Constant(0.0),
        };
        self.tensor(format!("{name}.weight"), vec![taps], init)?;
        self.work(name, x, taps * x.shape[0]);
        Ok(Map { is_spikes: false, ..*x })
    }

    fn joint_attention(&mut self, name: &str, x: &Self::X) -> Result<Self::X> {
        let (steps, channels) = (x.t_steps, x.shape[0]);
        for (part, n) in [("conv_t", steps), ("conv_c", channels)] {
            let init = Init::KaimingUniform { fan_in: n * JOINT_TAPS };
            self.tensor(format!("{name}.{part}.weight"), vec![n, n, JOINT_TAPS], init)?;
        }
        self.work(name, x, JOINT_TAPS * channels * (steps + channels));
        self.layout.mixer.get_or_insert(name.into());
        Ok(Map { is_spikes: false, ..*x })
    }

    fn concat(&mut self, maps: &[Self::X]) -> Result<Self::X> {
        let Some(first) = maps.first() else {
            let why = "joins no maps; give it at least one".into();
            return Err(Error::Config { field: "architecture".into(), why });
        };
        let [_, height, width] = first.shape;
        let channels = maps.iter().map(|x| x.shape[0]).sum();
        let is_spikes = maps.iter().all(|x| x.is_spikes);
        self.map(Map { shape: [channels, height, width], is_spikes, ..*first })
    }

    fn add(&mut self, a: &Self::X, b: &Self::X) -> Result<Self::X> {
        Ok(Map { is_spikes: a.is_spikes && b.is_spikes, ..*a })
    }

    fn max_pool(&mut self, x: &Self::X, pool: Pool) -> Result<Self::X> {
        windows(x, pool)
    }

    fn avg_pool(&mut self, x: &Self::X, pool: Pool) -> Result<Self::X> {
        windows(x, pool)
    }

    fn global_avg_pool(&mut self, x: &Self::X) -> Result<Self::X> {
        Ok(Map { shape: [x.shape[0], 1, 1], ..*x })
    }

    fn global_max_pool(&mut self, x: &Self::X) -> Result<Self::X> {
        Ok(Map { shape: [x.shape[0], 1, 1], ..*x })
    }

    fn flatten(&mut self, x: &Self::X) -> Result<Self::X> {
        self.has_fixed_input = true;
        Ok(Map { shape: [x.shape.iter().product(), 1, 1], ..*x })
    }

    fn linear(&mut self, name: &str, x: &Self::X, out: usize) -> Result<Self::X> {
        let fan_in = x.shape[0];
        let init = Init::KaimingUniform { fan_in };
        self.tensor(format!("{name}.weight"), vec![out, fan_in], init)?;
        self.tensor(format!("{name}.bias"), vec![out], init)?;
        self.work(name, x, out * fan_in);
        Ok(Map { shape: [out, 1, 1], is_spikes: false, ..*x })
    }

    fn transform(&mut self, name: &str, x: &Self::X, change: &Self::X) -> Result<Self::X> {
        let [k, h, w] = x.shape;
        if change.shape != [k * k, 1, 1] {
            let why = format!("{:?} is no {k} x {k} matrix", change.shape);
            return Err(Error::Config { field: name.into(), why });
        }
        self.work(name, x, h * w * k * k);
        self.map(Map { is_spikes: false, ..*x })
    }

    fn orthogonal(&mut self, name: &str, _: &Self::X, _: f32) -> Result<()> {
        self.named(name)
    }

    fn classify(&mut self, name: &str, features: &Self::X) -> Result<Self::X> {
        self.layout.classifier = name.into();
        if self.config.heads.iter().any(|head| head == name) {
            let classes = self.config.num_classes;
            self.beside(|declare| declare.linear(&format!("heads.{name}"), features, classes))?;
        }
        self.linear(name, features, self.config.num_classes)
    }

    fn boundary(&mut self, name: &str, x: Self::X) -> Result<Self::X> {
        self.layout.boundaries.push(name.into());
        if self.config.heads.iter().any(|head| head == name) {
            let (kind, classes) = (self.config.head, self.config.num_classes);
            self.beside(|declare| head(declare, name, kind, &x, classes))?;
        }
        let Some(&to) = self.config.steps.get(name) else { return Ok(x) };
        if to > x.t_steps {
            let why = format!("is {to} after {} steps; use at most those", x.t_steps);
            return Err(Error::Config { field: format!("steps.{name}"), why });
        }
        let transformer = self.config.transformer;
        if transformer.is_trained() {
            let init = Init::Resampling;
            self.tensor(format!("steps.{name}.weight"), vec![to, x.t_steps], init)?;
        }
        let mixed = Map { t_steps: to, is_spikes: false, ..x };
        match transformer {
            Transformer::LinearLif => {
                self.neuron(&format!("steps.{name}.lif"), &[Current::Plain(&mixed)])
            }
            Transformer::Linear => Ok(mixed),
            Transformer::Avg if to < x.t_steps => Ok(mixed),
            Transformer::Avg | Transformer::First | Transformer::Last => {
                Ok(Map { t_steps: to, ..x })
            }
        }
    }
}
