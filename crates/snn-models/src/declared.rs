//! What a reading of an architecture's shapes finds.

use snn_ops::random;

use crate::boundary::resampling;

/// A tensor of the model before it has values.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) init: Init,
    /// Whether it belongs to an auxiliary classifier.
    pub(crate) is_head: bool,
}

/// The parts of a network by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) tensors: Vec<Declared>,
    /// Layers of neurons, in the order of the walk.
    pub(crate) neurons: Vec<String>,
    /// Convolutions and linear layers, in the order of the walk.
    pub(crate) weights: Vec<WeightLayer>,
    /// Norms, and how many values of a channel each sees of one sample.
    pub(crate) norms: Vec<Seen>,
    /// The ends of the network's parts.
    pub(crate) boundaries: Vec<String>,
    /// Parts that the configuration can turn on and off.
    pub(crate) parts: Vec<String>,
    /// The first layer that looks at several steps at once, where the number of steps stays.
    pub(crate) mixer: Option<String>,
    /// The last linear layer.
    pub(crate) classifier: String,
}

/// A convolution, a linear layer or a gate, and how much it multiplies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightLayer {
    /// Its name, such as `layer1.0.conv2`.
    pub name: String,
    /// Multiply-accumulates of one sample's time step.
    pub macs_per_step: usize,
    /// Its time steps. A still sample's first layer has them all too, though it is computed once here.
    pub t_steps: usize,
    /// Whether what enters is spikes, their sums or their means over pixels. The network's input, currents, and steps that
    /// a matrix has mixed are none of these.
    pub takes_spikes: bool,
}

/// What a norm sees of one sample.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    /// Pixels of a step.
    pub(crate) pixels: usize,
    pub(crate) t_steps: usize,
    /// Whether no neuron comes before: of an image that all steps see it sees one.
    pub(crate) is_first: bool,
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
    /// Rows that average the steps that each new step covers.
    Resampling,
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
            Init::Resampling => match *self.shape.as_slice() {
                [to, from] => resampling(to, from),
                _ => vec![0.0; n],
            },
        }
    }

    /// Whether weight decay pulls it towards zero: weights of convolutions and linear layers, not norms, biases and time
    /// matrices.
    pub(crate) fn decays(&self) -> bool {
        match self.init {
            Init::KaimingUniform { .. } | Init::KaimingNormal { .. } => self.shape.len() > 1,
            Init::Constant(_) | Init::Running(_) | Init::Resampling => false,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.init, Init::Running(_))
    }
}

/// What an architecture amounts to at one configuration; auxiliary classifiers are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Trained numbers.
    pub parameters: usize,
    /// Multiply-accumulates of one sample's time step, in convolutions and linear layers.
    pub macs_per_step: usize,
    /// Multiply-accumulates of one sample over all its time steps.
    pub macs: usize,
    /// Layers of neurons.
    pub lif_layers: usize,
    /// Neurons of one sample.
    pub neurons: usize,
    /// Elements of the largest feature map of one sample's time step, the input included.
    pub largest_map: usize,
    /// Convolutions.
    pub convolutions: usize,
    /// Time steps of all convolutions together.
    pub convolution_steps: usize,
}

impl Size {
    /// The average number of time steps, T_avg: that of a convolution with its neurons. Where no part of the network changes
    /// the steps it is T.
    pub fn t_avg(&self) -> f64 {
        self.convolution_steps as f64 / self.convolutions.max(1) as f64
    }

    /// The work of one sample as a share of that of the same network with [`Size::t_avg`] steps throughout.
    pub fn cost_ratio(&self) -> f64 {
        self.macs as f64 / (self.macs_per_step as f64 * self.t_avg())
    }
}
