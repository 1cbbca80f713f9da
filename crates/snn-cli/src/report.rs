//! `snn report`: what runs came to, on one page.

use std::path::PathBuf;

use candle_core::Device;
use snn_records::{CHECKPOINT_DIR, EVALUATION_FILE, EvaluationRecord};
use snn_report::{Run, checkpoint_hash};

use crate::eval::{self, Measured};
use crate::samples::Samples;
use crate::{exit, output};

/// Shows runs, finished or not, on one page: settings, learning curves, accuracy over steps, confusion, firing rates, operations
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run directories; those whose recipes differ in the seed alone are shown by mean and spread
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder that gets report.html, report.md and report.csv
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Where networks are computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut runs = Vec::new();
    for folder in &args.runs {
        let mut run = Run::read(folder).map_err(|error| exit::unusable_error(&error))?;
        if run.evaluation.is_err() && folder.join(CHECKPOINT_DIR).is_dir() {
            run.evaluation = measure(args, &run)?;
        }
        runs.push(run);
    }
    let groups = snn_report::groups(runs);
    let page = snn_report::report(&groups);
    snn_train::create_dir(&args.out)?;
    for (name, text) in [
        ("report.html", page.html()),
        ("report.md", page.markdown()),
        ("report.csv", snn_report::csv_of(&groups)),
    ] {
        let file = args.out.join(name);
        snn_train::write_atomic(&file, text.as_bytes())?;
        output::print(&file.display().to_string());
    }
    Ok(())
}

/// Measures a run's checkpoint and keeps what was found beside it; where its samples are not at hand, says why not.
fn measure(args: &Args, run: &Run) -> anyhow::Result<Result<EvaluationRecord, String>> {
    let (name, checkpoint) = (run.name(), run.folder.join(CHECKPOINT_DIR));
    let hash = checkpoint_hash(&checkpoint).map_err(|error| exit::unusable_error(&error))?;
    let measured = Measured::as_trained(args.samples.clone(), args.device.clone());
    tracing::info!("{name}: measuring its checkpoint");
    let found = eval::open(&checkpoint, &measured).and_then(|opened| {
        opened.notices.iter().for_each(|notice| tracing::warn!("{name}: {notice}"));
        let is_other = opened.other_data;
        eval::record(&opened, hash).map(|record| (record, is_other))
    });
    match found {
        Ok((_, true)) => {
            Ok(Err("the data at hand are other samples than those of its result".into()))
        }
        Ok((record, false)) => {
            let file = run.folder.join(EVALUATION_FILE);
            let kept = snn_train::write_atomic(&file, &serde_json::to_vec(&record)?);
            if let Err(error) = kept {
                tracing::warn!("{error}; the next report measures {name} again");
            }
            Ok(Ok(record))
        }
        Err(error) => match exit::of_data(&error) {
            Some(_) => Ok(Err(format!(
                "{}{}",
                exit::words(&error),
                exit::flag(&error, exit::Flags::DataSet)
            ))),
            None => Err(error),
        },
    }
}
