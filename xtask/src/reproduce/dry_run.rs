//! `--dry-run` of tables: every row with what would be done, and what that may take.

use std::collections::BTreeSet;
use std::path::Path;

use super::estimate::{Estimate, Estimator, Here, NOTE, hours};
use super::preset::{Job, Plan, Planned};
use super::tables::PaperTable;
use super::{Options, snn};

/// The rows of the tables, and below them what all runs may take, each counted once.
///
/// # Errors
/// When `snn` cannot be built or asked.
pub(super) fn list(
    options: &Options,
    out: &Path,
    tables: &[(PaperTable, Vec<Planned>)],
) -> anyhow::Result<String> {
    let mut estimator = Estimator::new(snn(options)?, &options.root.join(out))?;
    let (mut text, mut counted) = (String::new(), BTreeSet::new());
    let (mut here, mut gpu, mut unknown) = (0.0, 0.0, 0);
    for (table, rows) in tables {
        text += &format!("{}\n", table.title);
        for row in rows {
            let what = match row.plan.job() {
                Ok(job) => names(job),
                Err(ours) => ours.instead().unwrap_or_default(),
            };
            text += &format!("  {}: {what}", row.paper.title());
            if let Plan::Run(job) | Plan::Waits(job) = &row.plan {
                for (i, run) in job.runs.iter().enumerate() {
                    let estimate = estimator.of(job, run)?;
                    if i == 0 {
                        text += &format!("; {}", words(&estimate, job.runs.len()));
                    }
                    if !matches!(row.plan, Plan::Run(_)) || !counted.insert(&run.name) {
                        continue;
                    }
                    here += estimate.here.map_or(0.0, Here::seconds);
                    gpu += estimate.gpu.unwrap_or(0.0);
                    unknown += usize::from(estimate.here.is_none());
                }
            }
            text.push('\n');
        }
    }
    let (n, here, gpu) = (counted.len(), hours(here), hours(gpu));
    text += &format!("{n} runs can be trained");
    if n > 0 {
        text += &format!(": {here} on this machine, {gpu} on a GPU (estimate)");
    }
    if unknown > 0 {
        text += &format!(", without {unknown} of which neither is known");
    }
    Ok(text + "\n" + NOTE)
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
