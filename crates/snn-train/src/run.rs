//! The loop: phases of epochs of steps, an evaluation after each epoch, checkpoints in between, a result at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use snn_losses::Objective;
use snn_models::{Model, Size};
use snn_records::{BEST_DIR, Clock, EpochReport, RunResult, StepLine};

use crate::activity::Alarm;
use crate::evaluate::{EVAL_BATCH, evaluate_watched, training_rates};
use crate::export::{About, card};
use crate::model_file::PhaseModel;
use crate::plan::Part;
use crate::result::{export, finish, load_result};
use crate::setup::Run;
use crate::step::{StepConfig, train_step};
use crate::{Error, Examples, Recipe, Result, RunOptions, journal, run_file};

/// What an observer hears before the first step.
#[derive(Clone, Debug, PartialEq)]
pub struct Beginning {
    /// The data set.
    pub dataset: String,
    /// How it is divided.
    pub split: String,
    /// Training and test samples.
    pub samples: [usize; 2],
    /// Classes.
    pub classes: usize,
    /// The network.
    pub architecture: &'static str,
    /// Its time steps.
    pub t_steps: usize,
    /// Its parameters, work and layers of neurons.
    pub size: Size,
    /// Epochs of the run.
    pub epochs: usize,
    /// Phases of the run, each with settings of its own; what is said here is of the one in progress.
    pub phases: usize,
    /// Optimizer steps of the run.
    pub steps: usize,
    /// Samples of a step.
    pub batch: usize,
    /// Steps that were taken already, of a run that goes on.
    pub taken: u64,
    /// Threads that compute.
    pub threads: usize,
    /// The kernels.
    pub engine: &'static str,
}

/// What an observer hears after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// Epochs of the run.
    pub epochs: usize,
    /// Steps taken in this epoch.
    pub step_in_epoch: usize,
    /// Steps of this epoch.
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
    /// Once, when the data is open and the model made.
    fn on_begin(&mut self, _beginning: &Beginning) {}
    /// After every batch of an evaluation: samples measured so far, and all of them.
    fn on_evaluate(&mut self, _done: usize, _total: usize) {}
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
        /// Steps taken, of which a checkpoint is written; none while the first data was being opened, when there was
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
/// Equal recipes, data and engines give equal checkpoints, metrics (but for `clock`) and exports, bit for bit, with any
/// number of threads and workers and any number of interruptions.
pub fn train(
    recipe: &Recipe,
    options: &RunOptions,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Outcome> {
    if options.resume && run_file::exists(&options.dir) {
        let is_longer = options.extend && run_file::extension(recipe, &options.dir)?.is_some();
        if !is_longer && let Some(result) = load_result(&options.dir)? {
            run_file::check_recipe(recipe, &options.dir)?;
            return Ok(Outcome::Finished(Box::new(result)));
        }
    }
    let stopped = |step| Ok(Outcome::Interrupted { step });
    let mut run = match Run::open(recipe, options, &mut watch(observer, interrupt)) {
        Err(Error::Data(snn_data::Error::Stopped)) => return stopped(None),
        opened => opened?,
    };
    let mut alarm = Alarm::default();
    observer.on_begin(&beginning(&run, options)?);
    loop {
        let Some(report) = epoch(&mut run, observer, interrupt)? else {
            run.save()?;
            return stopped(Some(run.counters.step));
        };
        let in_training = || training_rates(&run.model, &run.stage.train, report.epoch);
        if let Some(warning) = alarm.hear(&report, in_training)? {
            tracing::warn!("{warning}");
        }
        observer.on_epoch(&report);
        if !run.part().ends_with(report.epoch) {
            continue;
        }
        if let Some(last) = report.test.filter(|_| report.epoch + 1 == report.epochs) {
            let result = finish(&run, recipe, options, last)?;
            return Ok(Outcome::Finished(Box::new(result)));
        }
        // The phase's last state is saved.
        let step = run.counters.step;
        run = match run.next_phase(options, &mut watch(observer, interrupt)) {
            Err(Error::Data(snn_data::Error::Stopped)) => return stopped(Some(step)),
            next => next?,
        };
    }
}

fn beginning(run: &Run, options: &RunOptions) -> Result<Beginning> {
    let (part, config, data) = (run.part(), run.model.config(), run.stage.train.data());
    Ok(Beginning {
        dataset: data.name().into(),
        split: data.split().into(),
        samples: [data.len(), run.stage.test.len()],
        classes: data.num_classes(),
        architecture: config.architecture.name(),
        t_steps: config.t_steps,
        size: Model::size(config)?,
        epochs: run.plan.epochs(),
        phases: run.plan.parts.len(),
        steps: run.plan.parts.iter().map(|part| part.steps).sum(),
        batch: part.recipe.train.batch.min(data.len()),
        taken: run.counters.step,
        threads: snn_ops::threads(),
        engine: options.engine(),
    })
}

/// Passes on how far the data is, and stops its opening once interrupted.
fn watch<'a>(
    observer: &'a mut dyn Observer,
    interrupt: &'a AtomicBool,
) -> impl FnMut(snn_data::Opened) -> bool {
    move |progress| {
        observer.on_open(progress);
        !interrupt.load(Ordering::Relaxed)
    }
}

/// The rest of the epoch in progress; none when interrupted.
fn epoch(
    run: &mut Run,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Option<EpochReport>> {
    let started = Instant::now();
    let (part, epoch) = (run.part(), run.counters.epoch);
    let objective = part.recipe.loss.at(part.position(epoch)).with(run.terms()?);
    let Some(waited) = steps(run, &part, &objective, observer, interrupt)? else {
        return Ok(None);
    };
    let (train_loss, train_top1) = run.counters.means();
    check_loss(run, &part, &objective, train_loss)?;
    // The state is saved before the evaluation, so that it does not depend on where an interruption came. The last epoch
    // of a phase is in no checkpoint before its evaluation, so that a resumed run comes by here too.
    if part.recipe.train.checkpoint_every == 0 || part.ends_with(epoch) {
        run.save()?;
    }
    let mut test = None;
    if part.evaluates(epoch) {
        let workers = part.recipe.train.workers;
        let total = run.stage.test.len();
        let mut watch = |done| {
            observer.on_evaluate(done, total);
            !interrupt.load(Ordering::Relaxed)
        };
        test = evaluate_watched(&run.model, &run.stage.test, EVAL_BATCH, workers, &mut watch)?;
        if test.is_none() {
            return Ok(None);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let report = EpochReport {
        epoch,
        epochs: run.plan.epochs(),
        phase: (run.plan.parts.len() > 1).then_some(run.counters.phase),
        step: run.counters.step,
        lr: part.rate(epoch, 0),
        alpha: objective.alpha(),
        train_loss,
        train_top1,
        test,
        clock: Clock { seconds, waited, peak_rss_mb: journal::peak_rss_mb() },
    };
    if part.recipe.train.keep_best {
        keep_best(run, &part, &report)?;
    }
    run.lock.check()?;
    run.metrics_bytes = journal::append(&run.dir, &report)?;
    run.seconds += seconds;
    run.counters.end_epoch(report.test.as_ref());
    let (lr, alpha) = (report.lr, report.alpha);
    let test_top1 = report.test.as_ref().map(|test| test.top1);
    tracing::info!(
        target: "snn_train::epoch",
        epoch, lr, alpha, train_loss, train_top1, test_top1, seconds, "epoch"
    );
    Ok(Some(report))
}

/// Keeps the weights of an epoch that is better than those before, before its line says so: a run that is killed in
/// between comes by here again.
fn keep_best(run: &Run, part: &Part, report: &EpochReport) -> Result<()> {
    let Some(test) = &report.test else { return Ok(()) };
    if run.counters.best.is_some_and(|(best, _)| test.top1 <= best) {
        return Ok(());
    }
    let started = run_file::read(&run.dir)?;
    let of_phase = PhaseModel::new(&run.stage, run.model.config())?;
    let data_hash = &run.identity.data_hash;
    let about = About { started: &started, recipe: &part.recipe, of_phase: &of_phase, data_hash };
    let card = card(&about, report.epoch, report.step, Some(test));
    export(&run.model_with(card)?, &run.dir.join(BEST_DIR))
}

/// The rest of the epoch's steps, and the seconds in which they waited for their batches; none when interrupted.
fn steps(
    run: &mut Run,
    part: &Part,
    objective: &Objective,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Option<f64>> {
    let (epoch, epochs) = (run.counters.epoch, run.plan.epochs());
    let steps = part.steps_of(epoch);
    let done = run.counters.step_in_epoch;
    let loader = Arc::clone(&run.stage.train);
    let mut batches = loader.epoch(epoch as u64, done).take(steps - done);
    let mut waited = 0.0;
    loop {
        let asked = Instant::now();
        let Some(batch) = batches.next() else { return Ok(Some(waited)) };
        let examples = Examples::new(batch?)?;
        waited += asked.elapsed().as_secs_f64();
        if interrupt.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (step, lr) = (run.counters.step, part.rate(epoch, run.counters.step_in_epoch));
        let (method, seed) = (part.recipe.method.as_ref(), part.recipe.seed);
        let recompute = part.recipe.train.recompute;
        let config = StepConfig { objective, method, seed, lr, step, recompute };
        let out = train_step(&mut run.model, &mut run.optimizer, &examples, config)?;
        let (loss, grad_norm) = (out.loss, out.grad_norm);
        run.counters.add_step(loss, out.correct, examples.host_labels.len());
        tracing::debug!(target: "snn_train::step", step, loss, grad_norm, "step");
        if let Some(log) = &mut run.steps_file {
            log.push(&StepLine { step, epoch, lr, loss, grad_norm })?;
        }
        let (step_in_epoch, train_top1) = (run.counters.step_in_epoch, run.counters.means().1);
        observer.on_step(&StepReport { epoch, epochs, step_in_epoch, steps, loss, train_top1 });
        let every = part.recipe.train.checkpoint_every;
        if every > 0 && run.counters.step.is_multiple_of(every) {
            run.save()?;
        }
    }
}

/// Ends a run that learns nothing, rather than let it use up its time.
fn check_loss(run: &Run, part: &Part, objective: &Objective, mean: f64) -> Result<()> {
    let uniform = objective.uniform(run.model.config().num_classes);
    let limit = part.recipe.train.loss_limit * uniform;
    if part.warms_up(run.counters.epoch) || mean <= limit {
        return Ok(());
    }
    let what = format!("the epoch's mean loss is {mean:.4}, above {limit:.4} (train.loss_limit)");
    Err(Error::Diverged { step: run.counters.step, what })
}
