//! The vocabulary that architectures are written in, once, for every reading of them.
//!
//! [`crate::declare`] reads an architecture as shapes (parameters, MACs, neurons), [`crate::pass`] as
//! tensors (the forward pass), so the two cannot drift apart.

use crate::Result;

/// A convolution without bias, square in kernel, stride and padding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conv {
    pub(crate) out: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) init: ConvInit,
}

/// Initial convolution weights.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConvInit {
    /// PyTorch's default.
    KaimingUniform,
    /// Normal, fan-out: the SEW networks.
    KaimingNormal,
}

/// A summand of a neuron's input.
pub(crate) enum Input<'a, X> {
    Plain(&'a X),
    /// Batch norm under this parameter name, its scale starting at `weight`.
    Norm {
        name: String,
        x: &'a X,
        weight: f64,
    },
}

/// What an architecture can be made of.
pub(crate) trait Layers {
    /// A feature map.
    type X: Clone;

    /// `f` of `x`: a residual block, or a convolution of `vgg_snn` with its neurons. Training may compute it a second time rather than
    /// keep what is inside.
    fn stage(
        &mut self,
        x: &Self::X,
        f: impl Fn(&mut Self, &Self::X) -> Result<Self::X> + Send + 'static,
    ) -> Result<Self::X>;
    /// Channels of a feature map.
    fn channels(&self, x: &Self::X) -> usize;
    /// `name.weight`.
    fn conv(&mut self, name: &str, x: &Self::X, conv: Conv) -> Result<Self::X>;
    /// Neurons driven by the sum of the inputs; the output is spikes.
    fn fire(&mut self, inputs: &[Input<'_, Self::X>]) -> Result<Self::X>;
    /// Residual add.
    fn add(&mut self, a: &Self::X, b: &Self::X) -> Result<Self::X>;
    /// 3 x 3, stride 2, padding 1.
    fn max_pool(&mut self, x: &Self::X) -> Result<Self::X>;
    /// 2 x 2, stride 2.
    fn avg_pool(&mut self, x: &Self::X) -> Result<Self::X>;
    /// Mean over pixels: a vector.
    fn global_avg_pool(&mut self, x: &Self::X) -> Result<Self::X>;
    /// All entries in C, H, W order: a vector.
    fn flatten(&mut self, x: &Self::X) -> Result<Self::X>;
    /// `name.weight` and `name.bias` on vectors.
    fn linear(&mut self, name: &str, x: &Self::X, out: usize) -> Result<Self::X>;
}
