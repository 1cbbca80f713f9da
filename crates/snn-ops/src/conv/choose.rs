//! Which kernels a convolution runs on: the cheapest by the cycles that an output pixel takes.
//!
//! The measure is a dense f32 kernel, which takes a cycle for each term and 16 output channels. What the others take in
//! proportion was fitted to `snn bench train --profile` where they could be run, and is an estimate for AMX.

use super::plan::{Correlation, Scope};
use super::tiles::{self, Parts, Unit};
use super::{run::Kernel, sparse, winograd};
use crate::buffer::Data;
use crate::{Engine, Precision};

/// The share of inputs that fire, where it may not be counted.
const EXPECTED_DENSITY: f64 = 0.15;

/// The kernels of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Sums of f32 products.
    F32(Kernel),
    /// Sums of fewer f32 products.
    Winograd(Engine, winograd::Form),
    /// Sums of bf16 products.
    Tiles(Unit, Parts),
}

/// What an engine and a precision allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices {
    engine: Engine,
    unit: Option<Unit>,
    parts: Parts,
    forms: &'static [winograd::Form],
}

impl Choices {
    pub(super) fn new(engine: Engine, precision: Precision) -> Self {
        let parts = if precision == Precision::Bf16 { Parts::One } else { Parts::Three };
        let forms = winograd::Form::of(precision);
        Self { engine: engine.of_f32(), unit: Unit::of(engine), parts, forms }
    }

    /// For the forward pass and the weight gradient: the input alone decides whether skipping zeros pays, or only
    /// whether it holds spikes.
    pub(super) fn of_input(self, plan: &Correlation, x: Data<'_>, scope: Scope) -> Choice {
        let images = x.len() / plan.input.iter().product::<usize>();
        let density = match (scope, x) {
            (Scope::Call, _) => sparse::density(x),
            (Scope::Image, Data::U8(_)) => EXPECTED_DENSITY,
            (Scope::Image, Data::F32(_) | Data::Bf16(_)) => 1.0,
        };
        let skipping = 1.25 * sparse::cost(plan, density);
        let (mut cost, mut choice) = self.dense(plan, scope.images(images));
        if skipping <= cost {
            (cost, choice) = (skipping, Choice::F32(Kernel::Sparse(self.engine)));
        }
        self.tiles(plan, cost, matches!(x, Data::F32(_))).unwrap_or(choice)
    }

    /// For the input gradient, whose input has no zeros: batch norm subtracts the mean.
    pub(super) fn of_gradient(self, plan: &Correlation, images: usize) -> Choice {
        let (cost, choice) = self.dense(plan, images);
        self.tiles(plan, cost, true).unwrap_or(choice)
    }

    /// The cheaper of the kernels that take every term.
    fn dense(self, plan: &Correlation, images: usize) -> (f64, Choice) {
        let cost = (plan.depth() * plan.output[2].div_ceil(16)) as f64;
        let mut least = (cost, Choice::F32(Kernel::Dense(self.engine)));
        for &form in self.forms {
            match winograd::share(form, plan, images) {
                Some(share) if share * cost < least.0 => {
                    least = (share * cost, Choice::Winograd(self.engine, form));
                }
                _ => {}
            }
        }
        least
    }

    /// Tiles, where they cost less.
    fn tiles(self, plan: &Correlation, cost: f64, is_f32: bool) -> Option<Choice> {
        let unit = self.unit?;
        let parts = if is_f32 { self.parts } else { Parts::One };
        let is_less = tiles::cost(unit, plan, parts, self.parts) < cost;
        is_less.then_some(Choice::Tiles(unit, self.parts))
    }
}
