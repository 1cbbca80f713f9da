//! `--dry-run` of tables: every row with what would be done, and what that may take.

use std::collections::BTreeSet;
use std::path::Path;

use super::estimate::{Estimate, Estimator, Here, NOTE, hours};
use super::paper::PaperTable;
use super::preset::{Job, Plan, Planned};
use super::{Options, snn};

/// What runs may take together, each counted once.
#[derive(Default)]
struct Sum<'a> {
    names: BTreeSet<&'a str>,
    here: f64,
    gpu: f64,
    /// Runs of which no time is known.
    unknown: usize,
}

/// The rows of the tables, and below them what all runs may take.
///
/// # Errors
/// When `snn` cannot be built or asked.
pub(super) fn list(
    options: &Options,
    out: &Path,
    tables: &[(PaperTable, Vec<Planned>)],
) -> anyhow::Result<String> {
    let mut estimator = Estimator::new(snn(options)?, &options.root.join(out))?;
    let mut text = String::new();
    let (mut ready, mut waiting) = (Sum::default(), Sum::default());
    for (table, rows) in tables {
        text += &format!("{}\n", table.title);
        for row in rows {
            let job = match &row.plan {
                Plan::Run(job) => Some((&mut ready, job)),
                Plan::Waits(job) => Some((&mut waiting, job)),
                Plan::Needs(_) | Plan::Cited(_) => None,
            };
            let what = match row.plan.job() {
                Ok(job) => names(job),
                Err(ours) => ours.instead().unwrap_or_default(),
            };
            text += &format!("  {}: {what}", row.paper.title());
            if let Some((sum, job)) = job {
                for (i, run) in job.runs.iter().enumerate() {
                    let estimate = estimator.of(job, run)?;
                    sum.add(&run.name, &estimate);
                    if i == 0 {
                        text += &format!("; {}", words(&estimate, options.seeds));
                    }
                }
            }
            text.push('\n');
        }
    }
    Ok(text + &ready.words("can be trained") + &waiting.words("need data") + NOTE)
}

impl<'a> Sum<'a> {
    fn add(&mut self, name: &'a str, estimate: &Estimate) {
        if self.names.insert(name) {
            self.here += estimate.here.map_or(0.0, Here::seconds);
            self.gpu += estimate.gpu.unwrap_or(0.0);
            self.unknown += usize::from(estimate.here.is_none());
        }
    }

    fn words(&self, what: &str) -> String {
        let n = self.names.len();
        if n == 0 {
            return String::new();
        }
        let (here, gpu) = (hours(self.here), hours(self.gpu));
        let mut text = format!("{n} runs {what}: {here} here, {gpu} on a GPU (estimate)");
        if self.unknown > 0 {
            text += &format!(", without {} of unknown time", self.unknown);
        }
        text + "\n"
    }
}

fn names(job: &Job) -> String {
    job.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn words(estimate: &Estimate, runs: usize) -> String {
    let here = match estimate.here {
        Some(Here::AsBefore(seconds)) => format!("{} as before", hours(seconds)),
        Some(Here::Probed(seconds)) => format!("{} by a probe", hours(seconds)),
        None => "unknown here".into(),
    };
    let gpu = estimate.gpu.map_or("unknown".into(), hours);
    format!("{}{here}, {gpu} on a GPU (estimate)", if runs > 1 { "each " } else { "" })
}
