//! Reads an architecture as shapes: its parameters, its work, its neurons.

use snn_ops::random;

use crate::layers::{Conv, ConvInit, Input, Layers};
use crate::{Error, ModelConfig, Result};

/// A tensor of the model before it has values.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) init: Init,
}

/// How a tensor starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Init {
    KaimingUniform {
        fan_in: usize,
    },
    KaimingNormal {
        fan_out: usize,
    },
    /// A trained constant: a norm's scale or shift.
    Constant(f64),
    /// A running statistic, which is not trained.
    Running(f64),
}

impl Declared {
    /// The initial values: a function of the seed and the name, whatever the order.
    pub(crate) fn values(&self, seed: u64) -> Vec<f32> {
        let n = self.shape.iter().product();
        let mut rng = random::stream(seed, &format!("init/{}", self.name), 0, 0);
        match self.init {
            Init::KaimingUniform { fan_in } => random::kaiming_uniform(&mut rng, n, fan_in),
            Init::KaimingNormal { fan_out } => random::kaiming_normal(&mut rng, n, fan_out),
            Init::Constant(v) | Init::Running(v) => vec![v as f32; n],
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.init, Init::Running(_))
    }
}

/// What an architecture amounts to at one configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Trained numbers.
    pub parameters: usize,
    /// Multiply-accumulates of one sample's time step, in convolutions and linear layers.
    pub macs_per_step: usize,
    /// Layers of neurons.
    pub lif_layers: usize,
    /// Neurons of one sample.
    pub neurons: usize,
    /// Elements of the largest feature map of one sample's time step, the input included.
    pub largest_map: usize,
}

/// The reading itself. A feature map is its (channels, height, width); a vector has 1 x 1 pixels.
#[derive(Default)]
pub(crate) struct Declare {
    pub(crate) tensors: Vec<Declared>,
    pub(crate) size: Size,
}

const MOST: usize = ModelConfig::MAX_ELEMENTS;

impl Declare {
    /// Reads the architecture; refuses what would hold more than [`ModelConfig::MAX_ELEMENTS`].
    pub(crate) fn read(config: &ModelConfig) -> Result<Self> {
        config.check()?;
        let mut declare = Self::default();
        let x = [config.in_channels, config.input.height, config.input.width];
        let x = declare.map(x)?;
        crate::model::build(&mut declare, config, x)?;
        Ok(declare)
    }

    fn tensor(&mut self, name: String, shape: Vec<usize>, init: Init) -> Result<()> {
        let n = product(&shape).ok_or_else(|| Error::Config {
            field: "model.width".into(),
            why: format!("makes {name} {shape:?}, more than {MOST} parameters; use a smaller width, input or num_classes"),
        })?;
        if !matches!(init, Init::Running(_)) {
            self.size.parameters += n;
        }
        if self.size.parameters > MOST {
            let why =
                format!("makes more than {MOST} parameters, with {name}; use a smaller width");
            return Err(Error::Config { field: "model.width".into(), why });
        }
        self.tensors.push(Declared { name, shape, init });
        Ok(())
    }

    /// Notes a feature map.
    fn map(&mut self, x: [usize; 3]) -> Result<[usize; 3]> {
        let n = product(&x).ok_or_else(|| Error::Config {
            field: "model.width".into(),
            why: format!(
                "makes a feature map {x:?}, more than {MOST} elements; use a smaller width or input"
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

fn pooled(x: &[usize; 3], kernel: usize, stride: usize, padding: usize) -> Result<[usize; 3]> {
    let extent = |n: usize| Some((n + 2 * padding).checked_sub(kernel)? / stride + 1);
    match (extent(x[1]), extent(x[2])) {
        (Some(h), Some(w)) => Ok([x[0], h, w]),
        _ => Err(Error::Config {
            field: "model.input".into(),
            why: format!(
                "a {} x {} feature map is smaller than a {kernel} x {kernel} window; use a larger input",
                x[1], x[2]
            ),
        }),
    }
}

impl Layers for Declare {
    type X = [usize; 3];

    fn stage(
        &mut self,
        x: &Self::X,
        f: impl Fn(&mut Self, &Self::X) -> Result<Self::X> + Send + 'static,
    ) -> Result<Self::X> {
        f(self, x)
    }

    fn channels(&self, x: &Self::X) -> usize {
        x[0]
    }

    fn conv(&mut self, name: &str, x: &Self::X, conv: Conv) -> Result<Self::X> {
        let [_, h, w] = pooled(x, conv.kernel, conv.stride, conv.padding)?;
        let y = self.map([conv.out, h, w])?;
        let area = conv.kernel * conv.kernel;
        let init = match conv.init {
            ConvInit::KaimingUniform => Init::KaimingUniform { fan_in: x[0] * area },
            ConvInit::KaimingNormal => Init::KaimingNormal { fan_out: conv.out * area },
        };
        let shape = vec![conv.out, x[0], conv.kernel, conv.kernel];
        self.tensor(format!("{name}.weight"), shape, init)?;
        self.size.macs_per_step += conv.out * x[0] * area * h * w;
        Ok(y)
    }

    fn fire(&mut self, inputs: &[Input<'_, Self::X>]) -> Result<Self::X> {
        let mut shape = [0; 3];
        for input in inputs {
            shape = match input {
                Input::Plain(x) => **x,
                Input::Norm { name, x, weight } => {
                    let tensors = [
                        ("weight", Init::Constant(*weight)),
                        ("bias", Init::Constant(0.0)),
                        ("running_mean", Init::Running(0.0)),
                        ("running_var", Init::Running(1.0)),
                    ];
                    for (part, init) in tensors {
                        self.tensor(format!("{name}.{part}"), vec![x[0]], init)?;
                    }
                    **x
                }
            };
        }
        self.size.lif_layers += 1;
        self.size.neurons += shape.iter().product::<usize>();
        Ok(shape)
    }

    fn add(&mut self, a: &Self::X, _: &Self::X) -> Result<Self::X> {
        Ok(*a)
    }

    fn max_pool(&mut self, x: &Self::X) -> Result<Self::X> {
        pooled(x, 3, 2, 1)
    }

    fn avg_pool(&mut self, x: &Self::X) -> Result<Self::X> {
        pooled(x, 2, 2, 0)
    }

    fn global_avg_pool(&mut self, x: &Self::X) -> Result<Self::X> {
        Ok([x[0], 1, 1])
    }

    fn flatten(&mut self, x: &Self::X) -> Result<Self::X> {
        Ok([x.iter().product(), 1, 1])
    }

    fn linear(&mut self, name: &str, x: &Self::X, out: usize) -> Result<Self::X> {
        let init = Init::KaimingUniform { fan_in: x[0] };
        self.tensor(format!("{name}.weight"), vec![out, x[0]], init)?;
        self.tensor(format!("{name}.bias"), vec![out], init)?;
        self.size.macs_per_step += out * x[0];
        Ok([out, 1, 1])
    }
}
