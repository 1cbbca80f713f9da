//! `snn train`: a recipe to a finished run directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use candle_core::Device;
use snn_train::{Outcome, Recipe, RunOptions};

use crate::output;
use crate::samples::Samples;
use crate::speak::Speaker;

/// Trains by a recipe; the run directory then holds result.json and a checkpoint that `snn eval` takes
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Recipe (see data/recipes)
    recipe: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Run directory [default: runs/ and the recipe's name]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Go on with the run in the directory; start one when the directory is empty
    #[arg(long)]
    resume: bool,
    /// With --resume: the recipe may have more epochs than the run was started with, finished or not
    #[arg(long, requires = "resume")]
    extend: bool,
    /// Where the network is computed: cpu, or cuda:N in a build with the feature cuda
    #[arg(long, default_value = "cpu", value_parser = crate::device::parse, value_name = "DEVICE")]
    device: Device,
    /// Change a field of the recipe, such as schedule.epochs=5
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Print the result as one JSON object on one line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, quiet: bool) -> anyhow::Result<u8> {
    let recipe = Recipe::load(&args.recipe, &args.sets).map_err(|error| {
        let is_preset =
            |path: &Path| path.file_name()?.to_str()?.starts_with("table").then_some(());
        match is_preset(&args.recipe) {
            Some(()) => anyhow::Error::from(error)
                .context("a table's preset is no recipe; run it with `cargo xtask reproduce`"),
            None => error.into(),
        }
    })?;
    let dir = match args.run {
        Some(dir) => dir,
        None => {
            PathBuf::from("runs").join(args.recipe.file_stem().context("a recipe needs a name")?)
        }
    };
    let options = RunOptions {
        dir,
        cache: args.samples.cache()?,
        verify: args.samples.verify,
        data_dir: args.samples.data,
        data_roots: crate::data::roots(),
        resume: args.resume,
        extend: args.extend,
        commit: option_env!("SNN_COMMIT").map(str::to_string),
        device: Some(args.device),
    };
    let signal = catch_signals()?;
    let mut speaker = Speaker::new(quiet);
    match snn_train::train(&recipe, &options, &mut speaker, &signal.flag)? {
        Outcome::Finished(result) => {
            speaker.end();
            if args.json {
                output::print(&serde_json::to_string(&result)?);
            } else {
                output::print(&format!(
                    "{} ({}, members {}) {} {}{} T={} seed {}: top-1 {:.2} %, top-5 {:.2} %, AURC {:.2} (softmax) {:.2} (logit); best epoch {} {:.2} %; {}",
                    result.dataset,
                    result.split,
                    result.split_hash.get(..12).unwrap_or(""),
                    result.architecture,
                    result.loss,
                    result.method.map_or(String::new(), |method| format!(" + {method}")),
                    result.t_steps,
                    result.seed,
                    result.top1,
                    result.top5,
                    result.aurc_softmax,
                    result.aurc_logit,
                    result.best_epoch + 1,
                    result.best_top1,
                    result.checkpoint.display()
                ));
            }
            Ok(0)
        }
        Outcome::Interrupted { step } => {
            speaker.end();
            match step {
                Some(step) => tracing::warn!(
                    "interrupted at step {step}; a checkpoint is written, go on with --resume"
                ),
                None => tracing::warn!(
                    "interrupted while the data was being opened; nothing is lost, start again with --resume"
                ),
            }
            Ok(128 + signal.number.load(Ordering::Relaxed) as u8)
        }
    }
}

/// The signal that came. The flag stops the run at the next step, the number gives the exit code. A second signal ends
/// the process at once.
#[derive(Default)]
struct Signal {
    flag: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
}

/// The signals that end a run. A hang-up that whoever started the run ignores, as nohup does, stays ignored.
#[cfg(unix)]
fn numbers() -> Vec<i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut numbers = vec![SIGINT, SIGTERM];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !is_ignored(&status, SIGHUP) {
        numbers.push(SIGHUP);
    }
    numbers
}

/// Whether a process's status says that it ignores a signal.
#[cfg(unix)]
fn is_ignored(status: &str, number: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

fn catch_signals() -> anyhow::Result<Signal> {
    let signal = Signal::default();
    #[cfg(unix)]
    for number in numbers() {
        let flag = || Arc::clone(&signal.flag);
        // In the order of registration: the shutdown sees the flag only from the second signal on.
        signal_hook::flag::register_conditional_shutdown(number, 128 + number, flag())?;
        let code = Arc::clone(&signal.number);
        signal_hook::flag::register_usize(number, code, number as usize)?;
        signal_hook::flag::register(number, flag())?;
    }
    Ok(signal)
}

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status = "Name:\tsnn\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        let ignored: Vec<i32> = (1..=31).filter(|n| super::is_ignored(status, *n)).collect();
        assert_eq!(ignored, [1, 13]);
        assert!(!super::is_ignored("", 1));
    }
}
