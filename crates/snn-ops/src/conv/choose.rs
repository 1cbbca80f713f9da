//! Which kernels a convolution runs on: the cheapest by the cycles that an output pixel takes.
//!
//! The measure is a dense f32 kernel, which takes a cycle for each term and 16 output channels. What the others take in
//! proportion was fitted to `snn bench train --profile` where they could be run, and is an estimate for AMX.

use super::plan::Correlation;
use super::tiles::{self, Parts, Unit};
use super::{run::Kernel, sparse, winograd};
use crate::buffer::Data;
use crate::{Engine, Precision};

/// The kernels of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Sums of f32 products.
    F32(Kernel),
    /// Sums of bf16 products.
    Tiles(Unit, Parts),
}

/// The kernels of the input gradient, which has one way more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GradientChoice {
    /// As any correlation.
    Direct(Choice),
    /// Sums of fewer f32 products.
    Winograd(Engine),
}

/// What an engine and a precision allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices {
    engine: Engine,
    unit: Option<Unit>,
    parts: Parts,
}

impl Choices {
    pub(super) fn new(engine: Engine, precision: Precision) -> Self {
        let parts = if precision == Precision::Bf16 { Parts::One } else { Parts::Three };
        Self { engine: engine.of_f32(), unit: Unit::of(engine), parts }
    }

    /// For the forward pass and the weight gradient: the input alone decides whether skipping zeros pays.
    pub(super) fn of_input(self, plan: &Correlation, x: Data<'_>) -> Choice {
        let dense = (dense(plan), Kernel::Dense(self.engine));
        let skipping = 1.25 * sparse::cost(plan, sparse::density(x));
        let sparse = (skipping, Kernel::Sparse(self.engine));
        let (cost, kernel) = if sparse.0 <= dense.0 { sparse } else { dense };
        self.tiles(plan, cost, matches!(x, Data::F32(_))).unwrap_or(Choice::F32(kernel))
    }

    /// For the input gradient, whose input has no zeros: batch norm subtracts the mean.
    pub(super) fn of_gradient(self, plan: &Correlation) -> GradientChoice {
        let dense = dense(plan);
        match winograd::share(plan).filter(|share| *share < 1.0) {
            Some(share) => self
                .tiles(plan, share * dense, true)
                .map_or(GradientChoice::Winograd(self.engine), GradientChoice::Direct),
            None => {
                let kernel = Choice::F32(Kernel::Dense(self.engine));
                GradientChoice::Direct(self.tiles(plan, dense, true).unwrap_or(kernel))
            }
        }
    }

    /// Tiles, where they cost less.
    fn tiles(self, plan: &Correlation, cost: f64, is_f32: bool) -> Option<Choice> {
        let unit = self.unit?;
        let parts = if is_f32 { self.parts } else { Parts::One };
        let is_less = tiles::cost(unit, plan, parts, self.parts) < cost;
        is_less.then_some(Choice::Tiles(unit, self.parts))
    }
}

fn dense(plan: &Correlation) -> f64 {
    (plan.depth() * plan.output[2].div_ceil(16)) as f64
}
