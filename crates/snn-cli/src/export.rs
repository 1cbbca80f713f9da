//! `snn export`: a state of a run as a checkpoint directory.

use std::path::PathBuf;

use snn_train::{Which, export_run};

use crate::output;

/// Makes a checkpoint that `snn eval` takes of a run that was stopped, goes on, diverged or is finished
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run directory
    run: PathBuf,
    /// The state after so many steps, of those that MANIFEST lists [default: the newest]
    #[arg(long, value_name = "N", conflicts_with = "best")]
    step: Option<u64>,
    /// The state of the best epoch, of a run with train.keep_best = true
    #[arg(long)]
    best: bool,
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let which = match (args.step, args.best) {
        (Some(step), _) => Which::Step(step),
        (None, true) => Which::Best,
        (None, false) => Which::Last,
    };
    let exported = export_run(&args.run, which, &args.out)?;
    let figures = match &exported.test {
        Some(test) => format!("test top-1 {:.2} %", test.top1),
        None => "not evaluated yet".into(),
    };
    output::print(&format!(
        "{}: step {}, epoch {}, {figures}",
        args.out.display(),
        exported.step,
        exported.epoch + 1
    ));
    Ok(())
}
