//! `snn train`: a recipe to a finished run directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use candle_core::Device;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use snn_data::Opened;
use snn_train::{EpochReport, Observer, Outcome, Recipe, RunOptions, StepReport};

use crate::output;

/// Trains by a recipe; the run directory then holds result.json and a checkpoint that `snn eval` takes
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Recipe (see data/recipes)
    recipe: PathBuf,
    /// Folder of the data set (`snn data list` says what it should hold) [default: its own below SNN_DATA or data/]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Do not keep prepared samples of large data sets on disk (see `snn data cache`)
    #[arg(long)]
    no_cache: bool,
    /// Read all files of the data set again, whatever the cache knows of their contents
    #[arg(long)]
    verify: bool,
    /// Run directory [default: runs/ and the recipe's name]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Go on with the run in the directory; start one when the directory is empty
    #[arg(long)]
    resume: bool,
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

/// Draws the running epoch on standard error, when that is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(quiet: bool) -> Self {
        let bar = ProgressBar::new(0);
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = "{msg} [{bar:30}] {pos}/{len}, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(bar)
    }
}

impl Observer for Bar {
    fn on_open(&mut self, opened: Opened) {
        self.0.set_length(opened.total as u64);
        self.0.set_position(opened.done as u64);
        self.0.set_message("samples opened");
    }

    fn on_step(&mut self, report: &StepReport) {
        self.0.set_length(report.steps as u64);
        self.0.set_position(report.step_in_epoch as u64);
        self.0.set_message(format!(
            "epoch {}/{} loss {:.4} top-1 {:.2} %",
            report.epoch + 1,
            report.epochs,
            report.loss,
            report.train_top1
        ));
    }

    fn on_epoch(&mut self, report: &EpochReport) {
        let test = report.test.as_ref().map_or(String::new(), |m| {
            format!(", test top-1 {:.2} %, top-5 {:.2} %", m.top1, m.top5)
        });
        self.0.suspend(|| {
            tracing::info!(
                "epoch {}/{}: loss {:.4}, train top-1 {:.2} %{test}, lr {:.2e}, {:.1} s",
                report.epoch + 1,
                report.epochs,
                report.train_loss,
                report.train_top1,
                report.lr,
                report.clock.seconds
            );
        });
        if let Some(rates) = report.test.as_ref().map(|test| &test.firing_rates) {
            let rates: Vec<_> =
                rates.iter().map(|(name, rate)| format!("{name} {rate:.4}")).collect();
            self.0.suspend(|| tracing::debug!("firing rates: {}", rates.join(", ")));
        }
        self.0.reset();
    }
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
        data_dir: args.data,
        data_roots: crate::data::roots(),
        verify: args.verify,
        cache: if args.no_cache { None } else { crate::cache::writable()? },
        resume: args.resume,
        commit: option_env!("SNN_COMMIT").map(str::to_string),
        device: Some(args.device),
    };
    let signal = catch_signals()?;
    let mut bar = Bar::new(quiet);
    match snn_train::train(&recipe, &options, &mut bar, &signal.flag)? {
        Outcome::Finished(result) => {
            bar.0.finish_and_clear();
            if args.json {
                output::print(&serde_json::to_string(&result)?);
            } else {
                output::print(&format!(
                    "{} ({}, members {}) {} {} T={} seed {}: top-1 {:.2} %, top-5 {:.2} %, AURC {:.2} (softmax) {:.2} (logit); best epoch {} {:.2} %; {}",
                    result.dataset,
                    result.split,
                    result.split_hash.get(..12).unwrap_or(""),
                    result.architecture,
                    result.loss,
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
            bar.0.finish_and_clear();
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

fn catch_signals() -> anyhow::Result<Signal> {
    let signal = Signal::default();
    #[cfg(unix)]
    for number in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let flag = || Arc::clone(&signal.flag);
        // In the order of registration: the shutdown sees the flag only from the second signal on.
        signal_hook::flag::register_conditional_shutdown(number, 128 + number, flag())?;
        let code = Arc::clone(&signal.number);
        signal_hook::flag::register_usize(number, code, number as usize)?;
        signal_hook::flag::register(number, flag())?;
    }
    Ok(signal)
}
