//! The numbers that a transform works on side by side.

/// Channels of one register.
pub(super) const LANES: usize = 16;
/// One of a tile's numbers for each of them.
pub(super) type Lane = [f32; LANES];
pub(super) const ZERO: Lane = [0.0; LANES];
