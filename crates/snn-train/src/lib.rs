#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod activity;
mod atomic;
mod checkpoint;
mod classes;
mod counters;
mod data_hash;
mod error;
mod evaluate;
mod examples;
mod export;
mod features;
mod files;
mod hash;
mod init;
mod journal;
mod lock;
mod manifest;
mod memory;
mod method;
mod metrics;
mod model_file;
mod optim;
mod options;
mod plan;
mod recipe;
mod restore;
mod result;
mod run;
mod run_file;
mod schedule;
mod setup;
mod stage;
mod step;
mod steps_file;

pub use atomic::{create_dir, write_atomic};
pub use classes::{Classes, follow_classes};
pub use data_hash::other_test_data;
pub use error::{Error, Result, exit_code};
pub use evaluate::{EVAL_BATCH, EvalOptions, Evaluation, evaluate, evaluate_with};
pub use examples::Examples;
pub use export::{Exported, Which, export_run};
pub use journal::peak_rss_mb;
pub use lock::RunLock;
pub use method::{HybridHead, HybridLoss, Method, Ssnn, StrongWeak, Teacher, TimeOrder, Trt, Tssd};
pub use metrics::{Answer, Meter, aurc, confusion, in_top_k};
pub use optim::{Moments, Optimizer, OptimizerConfig, OptimizerKind};
pub use options::RunOptions;
pub use recipe::{
    DataRecipe, InitHead, Key, ModelRecipe, Phase, PhaseData, PhaseModel, PhaseOptimizer,
    PhaseSchedule, PhaseTrain, Recipe, Recompute, TrainRecipe, recipe_keys, recipe_reference,
};
pub use result::{export, load_result};
pub use run::{Beginning, Observer, Outcome, StepReport, train};
pub use schedule::{ScheduleConfig, ScheduleKind, learning_rate};
pub use snn_records::{
    CHECKPOINT_DIR, Clock, EpochReport, LayerWork, Metrics, Paired, RESULT_FILE, RunResult, Work,
    mcnemar,
};
pub use step::{StepConfig, StepOutput, train_step};
