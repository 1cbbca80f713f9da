//! What a layer of neurons is given beside its currents.

use candle_core::Tensor;
use snn_ops::Value;

/// What a layer of neurons starts from, and what of it is learned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layer<'a> {
    /// The potential before the first step, `[.., C]` f32; that of the constants when absent.
    pub v0: Option<&'a Tensor>,
    /// The adaptation before the first step, `[.., C]` f32; zero when absent. For neurons that adapt.
    pub a0: Option<&'a Tensor>,
    /// PLIF: `w`, `[1]` f32, in place of `tau`: `1/tau = sigmoid(w)`.
    ///
    /// # Source
    /// Fang et al., "Incorporating Learnable Membrane Time Constant" (arXiv:2007.05785), equation 10.
    pub leak: Option<&'a Value>,
}
