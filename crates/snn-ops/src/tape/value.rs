//! Tensors with a place on a tape.

use candle_core::Tensor;

/// A tensor with its place on a tape. Cloning shares the elements.
#[derive(Clone, Debug)]
pub struct Value {
    pub(super) tensor: Tensor,
    pub(super) slot: Option<usize>,
}

impl Value {
    /// A value that wants no gradient.
    pub fn constant(tensor: Tensor) -> Self {
        Self { tensor, slot: None }
    }

    /// The elements.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The shape.
    pub fn dims(&self) -> &[usize] {
        self.tensor.dims()
    }

    /// Whether the tape will ask for this value's gradient: operators skip the work otherwise.
    pub fn wants_gradient(&self) -> bool {
        self.slot.is_some()
    }

    /// Where this value's gradient goes.
    pub fn target(&self) -> Target {
        Target(self.slot)
    }
}

/// The address of a value's gradient, held by a closure in place of the value itself so that the
/// value's elements are not kept alive.
#[derive(Clone, Copy, Debug)]
pub struct Target(pub(super) Option<usize>);

impl Target {
    /// Whether a gradient put here will be used.
    pub fn is_wanted(&self) -> bool {
        self.0.is_some()
    }
}
