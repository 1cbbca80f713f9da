//! Convolution on units that multiply bf16 tiles and add in f32: AMX, AVX-512 BF16.
//!
//! `grid` lays images out, by way of `lines`, so that every tap is a shift, `pack` cuts weights into tiles, `run` walks the
//! blocks of the result, and a unit computes one block: `unsafe_amx`, `unsafe_bf16`, or `plain`, which
//! states what the two do and runs anywhere.
//!
//! # Precision
//! A number that bf16 holds (spikes, counts up to 256, activations stored as bf16) is one part. An
//! f32 number is either rounded to one part, or split into three that add up to its 24 bits: products of
//! parts are exact in f32, so that the sum is as accurate as one of f32 products.

mod grid;
mod lines;
mod pack;
mod plain;
mod run;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
pub(crate) mod unsafe_amx;
#[cfg(target_arch = "x86_64")]
pub(crate) mod unsafe_bf16;
#[cfg(target_arch = "x86_64")]
mod unsafe_transpose;

use super::plan::Correlation;
use crate::Engine;
use crate::element::round;

pub(super) use pack::pack;
pub(super) use run::{correlate, weight_gradient};
#[cfg(test)]
pub(super) use tests::units;

/// Rows and columns of a tile of the result.
const TILE: usize = 16;
/// Terms that one product of tiles adds to each element.
const DEPTH: usize = 32;
/// Numbers of a packed tile of the right operand: pairs of terms side by side, `[16][TILE][2]`.
const PANEL: usize = DEPTH * TILE;

/// What multiplies tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// The definition, for tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "the other units are tested against it"))]
    Plain,
    /// `vdpbf16ps` on 512-bit registers.
    #[cfg(target_arch = "x86_64")]
    Bf16,
    /// `tdpbf16ps` on tile registers.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Unit {
    /// The unit that an engine may use here.
    pub(crate) fn of(engine: Engine) -> Option<Self> {
        match engine {
            #[cfg(target_arch = "x86_64")]
            Engine::Amx => Some(Unit::Amx),
            #[cfg(target_arch = "x86_64")]
            Engine::Avx512 if unsafe_bf16::is_available() => Some(Unit::Bf16),
            _ => None,
        }
    }

    /// Products that this unit does in the time of one f32 product. AMX could do 32 by its data sheet; half of that is assumed.
    fn rate(self) -> f64 {
        match self {
            Unit::Plain => 0.01,
            #[cfg(target_arch = "x86_64")]
            Unit::Bf16 => 1.7,
            #[cfg(target_arch = "x86_64")]
            Unit::Amx => 16.0,
        }
    }
}

/// Cycles an output pixel, those that are dropped between rows and channels that are filled up included; an input
/// and weights in so many parts.
pub(super) fn cost(unit: Unit, plan: &Correlation, x: Parts, weights: Parts) -> f64 {
    let grid = grid::Grid::new(plan);
    let waste =
        grid.positions().next_multiple_of(TILE) as f64 / (plan.output[0] * plan.output[1]) as f64;
    let depth = plan.taps[0] * plan.taps[1] * grid.channels;
    let products = (depth * plan.output[2].div_ceil(TILE)) as f64;
    let fill = (x.count() * grid.channels) as f64;
    waste * (x.products(weights).len() as f64 * products / unit.rate() + fill)
}

/// Into how many bf16 numbers an f32 number is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Rounded to one.
    One,
    /// The three that add up to it.
    Three,
}

impl Parts {
    fn count(self) -> usize {
        match self {
            Parts::One => 1,
            Parts::Three => 3,
        }
    }

    /// The products of parts that matter, small ones first: those left out are below 2^-24 of the whole.
    fn products(self, other: Parts) -> &'static [(usize, usize)] {
        match (self, other) {
            (Parts::One, Parts::One) => &[(0, 0)],
            (Parts::One, Parts::Three) => &[(0, 2), (0, 1), (0, 0)],
            (Parts::Three, Parts::One) => &[(2, 0), (1, 0), (0, 0)],
            (Parts::Three, Parts::Three) => &[(2, 0), (1, 1), (0, 2), (1, 0), (0, 1), (0, 0)],
        }
    }
}

/// One product of tiles: where its operands begin, in numbers from the block's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    a: u32,
    b: u32,
}

/// A block of the result, `rows` by `columns` tiles (each 1 or 2): `c (+)= sum over steps of a b`.
struct Block<'a> {
    /// The left operand; row `i` of a step's tile begins at `step.a + i * a_row`.
    a: &'a [u16],
    a_row: usize,
    /// The right operand, packed; the second column of tiles begins `b_tile` further.
    b: &'a [u16],
    b_tile: usize,
    steps: &'a [Step],
    c: &'a mut [f32],
    c_row: usize,
    rows: usize,
    columns: usize,
    /// Adds to what is in `c`.
    accumulate: bool,
}

/// A unit made ready on this thread.
struct Session {
    unit: Unit,
    #[cfg(target_arch = "x86_64")]
    _tiles: Option<unsafe_amx::Tiles>,
}

impl Session {
    fn new(unit: Unit) -> Self {
        Self {
            unit,
            #[cfg(target_arch = "x86_64")]
            _tiles: (unit == Unit::Amx).then(unsafe_amx::Tiles::new),
        }
    }

    /// Computes a block.
    fn run(&self, block: Block<'_>) {
        block.check();
        match self.unit {
            Unit::Plain => plain::run(block),
            #[cfg(target_arch = "x86_64")]
            Unit::Bf16 => unsafe_bf16::run(block),
            #[cfg(target_arch = "x86_64")]
            Unit::Amx => unsafe_amx::run(block),
        }
    }
}

impl Block<'_> {
    /// Refuses a block that reaches beyond its slices: the units read and write without looking.
    fn check(&self) {
        assert!((1..=2).contains(&self.rows) && (1..=2).contains(&self.columns), "block of tiles");
        let last = self.steps.iter().fold((0, 0), |(a, b), s| (s.a.max(a), s.b.max(b)));
        let a_end = last.0 as usize + (self.rows * TILE - 1) * self.a_row + DEPTH;
        let b_end = last.1 as usize + (self.columns - 1) * self.b_tile + PANEL;
        let c_end = (self.rows * TILE - 1) * self.c_row + self.columns * TILE;
        assert!(a_end <= self.a.len() && b_end <= self.b.len(), "operand of tiles too short");
        assert!(c_end <= self.c.len(), "result of tiles too short");
    }
}

#[inline(always)]
fn widen(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

/// The bf16 parts of `x`, largest first: their sum is `x` for normal numbers of moderate size.
#[inline(always)]
fn split(x: f32) -> [u16; 3] {
    let high = round(x);
    let rest = x - widen(high);
    let middle = round(rest);
    [high, middle, round(rest - widen(middle))]
}
