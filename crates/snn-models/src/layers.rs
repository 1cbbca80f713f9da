//! The vocabulary that architectures are written in, once, for every reading of them.
//!
//! [`crate::declare`] reads an architecture as shapes (parameters, MACs, neurons), [`crate::pass`] as
//! tensors (the forward pass), so the two cannot drift apart.

use crate::Result;

/// A convolution without bias; pairs are (rows, columns).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    pub(crate) out: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) init: ConvInit,
}

impl Conv {
    /// A square kernel, padded so that stride 1 keeps the size of a map.
    pub(crate) fn square(out: usize, kernel: usize, stride: usize, init: ConvInit) -> Self {
        let padding = [kernel / 2; 2];
        Self { out, kernel: [kernel; 2], stride: [stride; 2], padding, init }
    }
}

/// Initial convolution weights.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConvInit {
    /// PyTorch's default.
    KaimingUniform,
    /// Normal, fan-out: the SEW networks.
    KaimingNormal,
}

/// Windows of a pooling layer; pairs are (rows, columns).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
}

impl Pool {
    /// Windows side by side.
    pub(crate) fn tiled(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: kernel, padding: [0; 2] }
    }
}

/// What a gate on the channels of a map does: `y = x * factor * sigmoid(z)` for each channel of a step, where `z` is a 1-d
/// convolution over the channels of the means of `x` over its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Efficient channel attention (Wang et al., arXiv:1910.03151): factor 1.
    Attention,
    /// The dendritic gate of MRA-SNN: factor 2 and a kernel that starts at 0, so that the gate starts as 1.
    Dendrite,
}

impl Gate {
    /// Taps of the kernel for so many channels: ECA's rule for its constants 2 and 1, at least 3.
    pub(crate) fn taps(channels: usize) -> usize {
        let half = ((channels.max(1) as f64).log2() + 1.0) / 2.0;
        (half as usize | 1).max(3)
    }
}

/// Taps of both kernels of temporal-channel joint attention, as its networks for 48 x 48 frames have them.
pub(crate) const JOINT_TAPS: usize = 4;

/// A summand of what drives a layer of neurons.
pub(crate) enum Current<'a, X> {
    Plain(&'a X),
    /// Batch norm under this parameter name, its scale starting at `weight`.
    Norm {
        name: String,
        x: &'a X,
        weight: f64,
    },
}

/// What an architecture can be made of.
///
/// A map has C channels of H x W pixels at each of its T steps; a window of a signal is 1 x L pixels, a cloud 1 x P. A vector
/// is a map of one pixel.
pub(crate) trait Layers {
    /// A map.
    type X: Clone;

    /// `channels` of the paper's network, scaled by the configuration's width.
    fn width(&self, channels: usize) -> usize;
    /// Whether an optional part stands in the network: as the configuration says, else `default`.
    fn part(&mut self, name: &str, default: bool) -> bool;
    /// The neurons' threshold, which tdBN's scale starts from.
    fn v_threshold(&self) -> f64;
    /// `f` of `x`: a residual block, or a convolution with its neurons. Training may compute it a second time rather than
    /// keep what is inside.
    fn stage(
        &mut self,
        x: &Self::X,
        f: impl Fn(&mut Self, &Self::X) -> Result<Self::X> + Send + 'static,
    ) -> Result<Self::X>;
    /// Channels of a map.
    fn channels(&self, x: &Self::X) -> usize;
    /// `name.weight`.
    fn conv(&mut self, name: &str, x: &Self::X, conv: Conv) -> Result<Self::X>;
    /// Neurons driven by the sum of the currents; the output is spikes. `name` is theirs alone.
    fn neuron(&mut self, name: &str, currents: &[Current<'_, Self::X>]) -> Result<Self::X>;
    /// The sum of the currents, for what changes it before the neurons get it.
    fn drive(&mut self, currents: &[Current<'_, Self::X>]) -> Result<Self::X>;
    /// A gate on the channels, with the kernel `name.weight`.
    fn gate(&mut self, name: &str, x: &Self::X, gate: Gate) -> Result<Self::X>;
    /// Temporal-channel joint attention, with the kernels `name.conv_t.weight` and `name.conv_c.weight`: the network then runs
    /// the steps that it was made for.
    fn joint_attention(&mut self, name: &str, x: &Self::X) -> Result<Self::X>;
    /// The channels of all maps, one map's after another's.
    fn concat(&mut self, maps: &[Self::X]) -> Result<Self::X>;
    /// Residual add.
    fn add(&mut self, a: &Self::X, b: &Self::X) -> Result<Self::X>;
    /// Maximum of each window.
    fn max_pool(&mut self, x: &Self::X, pool: Pool) -> Result<Self::X>;
    /// Mean of each window.
    fn avg_pool(&mut self, x: &Self::X, pool: Pool) -> Result<Self::X>;
    /// Mean over pixels: a vector.
    fn global_avg_pool(&mut self, x: &Self::X) -> Result<Self::X>;
    /// Maximum over pixels: a vector.
    fn global_max_pool(&mut self, x: &Self::X) -> Result<Self::X>;
    /// All entries in C, H, W order: a vector. The network then accepts one size of input only.
    fn flatten(&mut self, x: &Self::X) -> Result<Self::X>;
    /// `name.weight` and `name.bias` on vectors.
    fn linear(&mut self, name: &str, x: &Self::X, out: usize) -> Result<Self::X>;
    /// Each pixel's channels, k of them, times `I + change`, a k x k matrix for each sample that lies row by row in a vector
    /// of k^2 channels. `name` is that of the work.
    fn transform(&mut self, name: &str, x: &Self::X, change: &Self::X) -> Result<Self::X>;
    /// Adds to the training's loss `weight` times the mean of `|| I - A A^T ||` with `A = I + change`, under a name of its
    /// own. Not inside of a stage.
    fn orthogonal(&mut self, name: &str, change: &Self::X, weight: f32) -> Result<()>;
    /// The last linear layer: from the features to the scores of each step.
    fn classify(&mut self, name: &str, features: &Self::X) -> Result<Self::X>;
    /// The end of a part of the network, such as `layer2`: here an auxiliary classifier may stand, and the number of steps
    /// may change.
    fn boundary(&mut self, name: &str, x: Self::X) -> Result<Self::X>;
}
