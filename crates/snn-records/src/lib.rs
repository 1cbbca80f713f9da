#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod epoch;
mod evaluation;
mod figures;
mod metrics;
mod paired;
mod report;
mod result;
mod run_file;
mod study;
mod table;
mod work;

pub use epoch::{Clock, EpochReport, StepLine};
pub use evaluation::EvaluationRecord;
pub use figures::{
    DataFigures, EarlyExit, Energy, Figures, Latency, Measured, NetworkFigures, SeedFigures, Seeds,
    Training,
};
pub use metrics::Metrics;
pub use paired::{Paired, mcnemar};
pub use report::ReportRow;
pub use result::{PhaseRecord, RunResult};
pub use run_file::{Extension, FORMAT, RunFile};
pub use study::StudyRow;
pub use table::{BestFigures, TableFigures, TableRow};
pub use work::{AC_PJ, LayerWork, MAC_PJ, Work};

/// The recipe with all defaults, in a run directory.
pub const RECIPE_FILE: &str = "recipe.toml";
/// What a run was started with: a [`RunFile`].
pub const RUN_FILE: &str = "run.json";
/// An [`EpochReport`] a line.
pub const METRICS_FILE: &str = "metrics.jsonl";
/// A [`StepLine`] a line.
pub const STEPS_FILE: &str = "steps.jsonl";
/// What a finished run came to: a [`RunResult`].
pub const RESULT_FILE: &str = "result.json";
/// What a report measured of a finished run's network: an [`EvaluationRecord`].
pub const EVALUATION_FILE: &str = "evaluation.json";
/// The directory of a finished run's network.
pub const CHECKPOINT_DIR: &str = "checkpoint";
/// The directory of the best epoch's network, where the recipe asks for it.
pub const BEST_DIR: &str = "best";
/// The card of an exported checkpoint, made of [`FIGURES_FILE`] and its configuration.
pub const CARD_FILE: &str = "README.md";
/// The [`Figures`] of an exported checkpoint.
pub const FIGURES_FILE: &str = "metrics.json";
