//! A recipe: the TOML file that says everything a run depends on, apart from where the data lies.

pub(crate) mod difference;
mod file;
pub(crate) mod identity;
mod keys;
mod old;
mod overrides;
mod phase;
mod phases;
mod ranges;
mod steps;
mod tables;

pub use keys::{Key, recipe_keys, recipe_reference};
pub use phase::{Phase, PhaseData, PhaseModel, PhaseOptimizer, PhaseSchedule, PhaseTrain};
pub(crate) use phases::of_phase;
pub use tables::{DataRecipe, InitHead, ModelRecipe, Recipe, Recompute, TrainRecipe};
