#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod atomic;
mod checkpoint;
mod error;
mod evaluate;
mod examples;
mod hash;
mod identity;
mod journal;
mod lock;
mod manifest;
mod metrics;
mod optim;
mod overrides;
mod progress;
mod recipe;
mod recipe_diff;
mod recipe_old;
mod recipe_steps;
mod restore;
mod result;
mod run;
mod run_file;
mod schedule;
mod setup;
mod step;
mod validate;

pub use atomic::{create_dir, write_atomic};
pub use error::{Error, Result, exit_code};
pub use evaluate::{EVAL_BATCH, evaluate};
pub use examples::Examples;
pub use journal::{Clock, EpochReport, peak_rss_mb};
pub use lock::RunLock;
pub use metrics::{Meter, Metrics, aurc, in_top_k};
pub use optim::{Moments, Optimizer, OptimizerConfig, OptimizerKind};
pub use recipe::{DataRecipe, ModelRecipe, Recipe, Recompute, TrainRecipe};
pub use result::{CHECKPOINT_DIR, RESULT_FILE, RunResult, export};
pub use run::{Observer, Outcome, StepReport, train};
pub use schedule::{ScheduleConfig, ScheduleKind, learning_rate};
pub use setup::RunOptions;
pub use step::{StepConfig, StepOutput, train_step};
