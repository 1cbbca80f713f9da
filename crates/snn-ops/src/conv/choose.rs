//! Which kernels a convolution runs on: the cheapest by the cycles that an output pixel takes.
//!
//! The measure is a dense f32 kernel, which takes a cycle for each term and 16 output channels; what the others take
//! in proportion was fitted to `snn bench train --profile`.

use super::plan::Correlation;
use super::tiles::{self, Parts, Unit};
use super::{run::Kernel, sparse, winograd};
use crate::buffer::Data;
use crate::{Engine, Precision};

/// The kernels of one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Sums of f32 products.
    F32(Kernel),
    /// The same with fewer products, for the input gradient.
    Winograd(Engine),
    /// Sums of bf16 products.
    Tiles(Unit, Parts),
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
        let density = sparse::density(x);
        let dense = (dense(plan), Choice::F32(Kernel::Dense(self.engine)));
        let sparse = (1.25 * sparse::cost(plan, density), Choice::F32(Kernel::Sparse(self.engine)));
        let best = if sparse.0 <= dense.0 { sparse } else { dense };
        self.or_tiles(plan, best, matches!(x, Data::F32(_)))
    }

    /// For the input gradient, whose input has no zeros: batch norm subtracts the mean.
    pub(super) fn of_gradient(self, plan: &Correlation) -> Choice {
        let dense = dense(plan);
        let best = match winograd::share(plan) {
            Some(share) if share < 1.0 => (share * dense, Choice::Winograd(self.engine)),
            _ => (dense, Choice::F32(Kernel::Dense(self.engine))),
        };
        self.or_tiles(plan, best, true)
    }

    fn or_tiles(self, plan: &Correlation, best: (f64, Choice), is_f32: bool) -> Choice {
        let Some(unit) = self.unit else { return best.1 };
        let parts = if is_f32 { self.parts } else { Parts::One };
        let cost = tiles::cost(unit, plan, parts, self.parts);
        if cost < best.0 { Choice::Tiles(unit, self.parts) } else { best.1 }
    }
}

fn dense(plan: &Correlation) -> f64 {
    (plan.depth() * plan.output[2].div_ceil(16)) as f64
}
