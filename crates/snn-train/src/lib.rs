#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod activity;
mod atomic;
mod card;
mod checkpoint;
mod classes;
mod counters;
mod data_hash;
mod early_exit;
mod error;
mod evaluate;
mod examples;
mod export;
mod features;
mod figures;
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
pub use card::card;
pub use classes::{Classes, follow_classes};
pub use data_hash::other_test_data;
pub use early_exit::{EXIT_MARGINS, Margins};
pub use error::{Error, Result, exit_code};
pub use evaluate::{EVAL_BATCH, EvalOptions, Evaluation, evaluate, evaluate_with, first_sample};
pub use examples::Examples;
pub use export::{RunState, Which, check_new, export_run, run_state};
pub use figures::{data_figures, seeds, training};
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
pub use result::{export, load_result, write_checkpoint};
pub use run::{Beginning, Observer, Outcome, StepReport, train};
pub use run_file::instructions;
pub use schedule::{ScheduleConfig, ScheduleKind, learning_rate};
pub use snn_records::{
    CARD_FILE, CHECKPOINT_DIR, Clock, DataFigures, EarlyExit, Energy, EpochReport, FIGURES_FILE,
    Figures, Latency, LayerWork, Measured, Metrics, NetworkFigures, Paired, RESULT_FILE, RunResult,
    Work, mcnemar,
};
pub use step::{StepConfig, StepOutput, train_step};
