//! The loop: epochs of steps, an evaluation after each, checkpoints in between, a result at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use snn_losses::{Objective, Position};

use crate::evaluate::{EVAL_BATCH, evaluate_until};
use crate::journal::{self, Clock, EpochReport};
use crate::result::{RunResult, finish};
use crate::schedule::learning_rate;
use crate::setup::{Run, RunOptions};
use crate::step::{StepConfig, train_step};
use crate::{Error, Examples, Recipe, Result, run_file};

/// What an observer is told after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// Epochs of the run.
    pub epochs: usize,
    /// Steps taken in this epoch.
    pub step_in_epoch: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// The step's loss.
    pub loss: f64,
    /// Mean accuracy of the epoch so far in percent.
    pub train_top1: f64,
}

/// Someone who watches a run, such as a progress bar. `()` watches nothing.
pub trait Observer {
    /// Now and then while the data set is opened.
    fn on_open(&mut self, _opened: snn_data::Opened) {}
    /// After every step.
    fn on_step(&mut self, _report: &StepReport) {}
    /// After every epoch.
    fn on_epoch(&mut self, _report: &EpochReport) {}
}

impl Observer for () {}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All epochs are done.
    Finished(Box<RunResult>),
    /// The interrupt flag was set.
    Interrupted {
        /// Steps taken, of which a checkpoint is written; none while the data was being opened, when there was
        /// nothing new to write.
        step: Option<u64>,
    },
}

/// Trains by a recipe until it is done or `interrupt` is set.
///
/// A directory is one run. With `options.resume` an interrupted run goes on from its newest intact checkpoint, to the
/// same bytes that it would have reached without the interruption; a finished one is returned as it is.
///
/// # Errors
/// Every variant of [`Error`]; [`Error::exit_code`] says which end a program should come to. After an error the
/// directory still holds the checkpoints before it.
///
/// # Determinism
/// The same recipe, data and engine give the same checkpoints, metrics (but for `clock`) and export, bit for bit, with
/// any number of threads and workers and any number of interruptions.
pub fn train(
    recipe: &Recipe,
    options: &RunOptions,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Outcome> {
    if options.resume
        && run_file::exists(&options.dir)
        && let Some(result) = RunResult::load(&options.dir)?
    {
        run_file::check_recipe(recipe, &options.dir)?;
        return Ok(Outcome::Finished(Box::new(result)));
    }
    let opened = Run::open(recipe, options, &mut |progress| {
        observer.on_open(progress);
        !interrupt.load(Ordering::Relaxed)
    });
    let mut run = match opened {
        Err(Error::Data(snn_data::Error::Stopped)) => {
            return Ok(Outcome::Interrupted { step: None });
        }
        opened => opened?,
    };
    // The last epoch is in no checkpoint before its evaluation, so that a resumed run comes by here too.
    let last = loop {
        let Some(report) = epoch(&mut run, recipe, observer, interrupt)? else {
            run.save(recipe.train.keep)?;
            return Ok(Outcome::Interrupted { step: Some(run.progress.step) });
        };
        observer.on_epoch(&report);
        if let Some(last) = report.test.filter(|_| report.epoch + 1 == report.epochs) {
            break last;
        }
    };
    Ok(Outcome::Finished(Box::new(finish(&mut run, recipe, options, last)?)))
}

/// The rest of the epoch in progress; none when interrupted.
fn epoch(
    run: &mut Run,
    recipe: &Recipe,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Option<EpochReport>> {
    let started = Instant::now();
    let (epoch, epochs) = (run.progress.epoch, recipe.schedule.epochs);
    let objective = recipe.loss.at(Position { epoch, epochs });
    let loader = Arc::clone(&run.train);
    let steps = recipe.train.steps_per_epoch.unwrap_or(loader.steps());
    let rate = |step: usize| {
        let position = recipe.schedule.position(epoch, step, steps);
        learning_rate(&recipe.schedule, recipe.optimizer.lr, position)
    };
    let done = run.progress.step_in_epoch;
    let mut batches = loader.epoch(epoch as u64, done).take(steps - done);
    let mut waited = 0.0;
    loop {
        let asked = Instant::now();
        let Some(batch) = batches.next() else { break };
        let examples = Examples::new(batch?)?;
        waited += asked.elapsed().as_secs_f64();
        if interrupt.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (step, lr) = (run.progress.step, rate(run.progress.step_in_epoch));
        let recompute = recipe.train.recompute;
        let config = StepConfig { objective: &objective, lr, step, recompute };
        let out = train_step(&mut run.model, &mut run.optimizer, &examples, config)?;
        run.progress.add_step(out.loss, out.correct, examples.host_labels.len());
        tracing::debug!(target: "snn_train::step", step, loss = out.loss, grad_norm = out.grad_norm, "step");
        let (step_in_epoch, train_top1) = (run.progress.step_in_epoch, run.progress.means().1);
        let loss = out.loss;
        observer.on_step(&StepReport { epoch, epochs, step_in_epoch, steps, loss, train_top1 });
        let every = recipe.train.checkpoint_every;
        if every > 0 && run.progress.step.is_multiple_of(every) {
            run.save(recipe.train.keep)?;
        }
    }
    let (train_loss, train_top1) = run.progress.means();
    check_loss(recipe, &objective, train_loss, run)?;
    // The state is saved before the evaluation, so that it does not depend on where an interruption came.
    let is_last = epoch + 1 == epochs;
    if recipe.train.checkpoint_every == 0 || is_last {
        run.save(recipe.train.keep)?;
    }
    let mut test = None;
    if is_last || (epoch + 1).is_multiple_of(recipe.train.eval_every) {
        let workers = recipe.train.workers;
        test = evaluate_until(&run.model, &run.test, EVAL_BATCH, workers, interrupt)?;
        if test.is_none() {
            return Ok(None);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let (lr, alpha) = (rate(0), objective.alpha());
    let clock = Clock { seconds, waited, peak_rss_mb: journal::peak_rss_mb() };
    let step = run.progress.step;
    let report =
        EpochReport { epoch, epochs, step, lr, alpha, train_loss, train_top1, test, clock };
    run.metrics_bytes = journal::append(&run.dir, &report)?;
    run.seconds += seconds;
    run.progress.end_epoch(report.test.as_ref());
    let test_top1 = report.test.as_ref().map(|test| test.top1);
    tracing::info!(
        target: "snn_train::epoch",
        epoch, lr, alpha, train_loss, train_top1, test_top1, seconds, "epoch"
    );
    Ok(Some(report))
}

/// Ends a run that learns nothing, rather than let it use up its time.
fn check_loss(recipe: &Recipe, objective: &Objective, mean: f64, run: &Run) -> Result<()> {
    let limit = recipe.train.loss_limit * objective.uniform(run.model.config().num_classes);
    if run.progress.epoch < recipe.schedule.warmup_epochs || mean <= limit {
        return Ok(());
    }
    let what = format!("the epoch's mean loss is {mean:.4}, above {limit:.4} (train.loss_limit)");
    Err(Error::Diverged { step: run.progress.step, what })
}
