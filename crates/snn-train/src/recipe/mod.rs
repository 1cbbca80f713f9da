//! A recipe: the TOML file that says everything a run depends on, apart from where the data lies.

pub(crate) mod difference;
mod file;
pub(crate) mod identity;
mod old;
mod overrides;
mod phase;
mod phases;
mod steps;
mod tables;
mod validate;

pub use phase::{Phase, PhaseData, PhaseModel, PhaseOptimizer, PhaseSchedule, PhaseTrain};
pub(crate) use phases::of_phase;
pub use tables::{DataRecipe, ModelRecipe, Recipe, Recompute, TrainRecipe};
