//! What an optimizer does to one parameter.

/// What an optimizer remembers of one parameter: the mean gradient (momentum for `sgd`) and, for the Adams, the
/// mean squared gradient (else empty).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// First moment.
    pub first: Vec<f32>,
    /// Second moment.
    pub second: Vec<f32>,
}

/// How one kind of optimizer changes a parameter. A new kind is a file with a rule, and a name in [`OptimizerKind`](super::OptimizerKind).
pub(super) trait Rule {
    /// Changes `values` by `gradient`, element by element, and `moments` with it.
    fn apply(&self, values: &mut [f32], gradient: &[f32], moments: &mut Moments);
}

/// Elements of a chunk; results do not depend on it, as no sum crosses elements.
pub(super) const CHUNK: usize = 1 << 15;
