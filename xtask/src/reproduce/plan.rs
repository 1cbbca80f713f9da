//! What is done about the rows of a table.

use toml::Table;

use super::outcome::Ours;
use super::paper::PaperRow;

/// A row of the paper and what is done about it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The paper's row.
    pub paper: PaperRow,
    /// What of its recipe no source states.
    pub remarks: Vec<Remark>,
    /// What is done.
    pub plan: Plan,
}

/// What no source states of a method, or of the recipes on a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The method or the data set.
    pub of: String,
    /// What is ours or inferred.
    pub text: String,
}

/// What is done about a row.
#[derive(Clone, Debug)]
pub enum Plan {
    /// It is trained.
    Run(Job),
    /// It would be, were the folder of its data set there.
    Waits(Job),
    /// The preset has nothing for it: the paper's data set is needed.
    Needs(String),
    /// The paper cites it; from whom.
    Cited(String),
}

/// The runs of a row.
#[derive(Clone, Debug)]
pub struct Job {
    /// The data set that is trained on.
    pub dataset: String,
    /// Its folder below the data folder.
    pub folder: String,
    /// The training samples of the data set, for estimates, where the preset says them.
    pub samples: Option<u64>,
    /// One for each seed.
    pub runs: Vec<Run>,
}

/// One training run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The name of its folder.
    pub name: String,
    /// Its seed.
    pub seed: i64,
    /// Its whole recipe.
    pub recipe: Table,
}

impl Plan {
    /// The runs of a row, or what stands in the place of their figures.
    pub(super) fn job(&self) -> Result<&Job, Ours> {
        Err(match self {
            Self::Run(job) => return Ok(job),
            Self::Waits(job) => Ours::Needs(format!("{} in a folder {}", job.dataset, job.folder)),
            Self::Needs(what) => Ours::Needs(what.clone()),
            Self::Cited(source) => Ours::Cited(source.clone()),
        })
    }
}
