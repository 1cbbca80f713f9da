//! What has to be there before the first step: the data, the model, and the state of an earlier process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use snn_models::{InputConfig, Model, ModelConfig};
use snn_records::{RESULT_FILE, RunFile};

use crate::manifest::{self, Manifest};
use crate::model_file::PhaseModel;
use crate::plan::{self, Part, Plan};
use crate::stage::{self, Stage};
use crate::{
    Error, Recipe, Result, RunOptions, checkpoint, checkpoint::Identity, counters::Counters, init,
    journal, lock::RunLock, memory, optim::Optimizer, restore, restore::Restored, run_file,
    steps_file::StepsFile,
};

/// A run that is ready to go on.
pub(crate) struct Run {
    pub(crate) dir: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) plan: Plan,
    pub(crate) stage: Stage,
    pub(crate) model: Model,
    pub(crate) optimizer: Optimizer,
    pub(crate) counters: Counters,
    pub(crate) manifest: Manifest,
    pub(crate) metrics_bytes: u64,
    pub(crate) steps_file: Option<StepsFile>,
    /// Seconds of the epochs so far.
    pub(crate) seconds: f64,
    /// Epochs that the run was to have before it was extended.
    pub(crate) extended_from: Vec<usize>,
    pub(crate) lock: RunLock,
}

impl Run {
    /// Opens the data of the phase in progress, builds the model, and restores the newest intact checkpoint.
    ///
    /// `watch` hears how far the data is and stops the opening by `false`.
    pub(crate) fn open(
        recipe: &Recipe,
        options: &RunOptions,
        watch: &mut dyn FnMut(snn_data::Opened) -> bool,
    ) -> Result<Self> {
        let dir = &options.dir;
        if dir.to_str().is_none() {
            // result.json could not name the checkpoint.
            let why = "the run directory's name is not UTF-8; choose another";
            return Err(Error::checkpoint(dir, why));
        }
        // It reads what `model.init` names.
        let recipe_hash = recipe.hash()?;
        // A directory that is not there is made only once everything else is there, so that a failed start leaves nothing.
        let claimed = if dir.exists() { Some(claim(options)?) } else { None };
        if let Some((_, true)) = &claimed
            && options.extend
            && let Some(was) = run_file::extension(recipe, dir)?
        {
            run_file::extend(recipe, dir, was)?;
        }
        let phase = match &claimed {
            Some((_, true)) if !recipe.phase.is_empty() => {
                run_file::check_recipe(recipe, dir)?;
                restore::phase(dir, &Manifest::read(dir)?)?
            }
            _ => 0,
        };
        let phases = plan::recipes(recipe);
        let (own, _) = &phases[phase.min(phases.len() - 1)];
        let stage = Stage::open(own, options, watch)?;
        let data = Arc::clone(stage.train.data());
        let config = stage::model_config(own, &data)?;
        stage::check_batch(&config, own, &data)?;
        for (at, (other, _)) in phases.iter().enumerate() {
            let of_phase = one_network(&config, other);
            of_phase.map_err(|error| if phases.len() > 1 { error.in_phase(at) } else { error })?;
        }
        let size = Model::size(&config).map_err(stage::by_key)?;
        memory::check(&config, &size, own, own.train.batch.min(data.len()))?;
        let mut model = Model::new(&config, recipe.seed).map_err(stage::by_key)?;
        if !config.steps.is_empty() {
            let size = Model::size(&config)?;
            let (t_avg, cost_ratio) = (size.t_avg(), size.cost_ratio());
            tracing::info!(t_avg, cost_ratio, "stages of their own time steps");
        }
        if let Some(device) = &options.device {
            model.set_device(device);
        }
        let plan = Plan::new(recipe, data.len())?;
        plan.doubts().iter().for_each(|doubt| tracing::warn!("{doubt}"));
        let known = match &claimed {
            Some((_, true)) => {
                // What run.json knows is the data of the first phase; a checkpoint knows that of its own.
                let data_hash = (phase == 0).then_some(&stage.data_hash);
                Some((run_file::check(options, recipe, data_hash)?, Manifest::read(dir)?))
            }
            Some((_, false)) | None => None,
        };
        let has_begun = known.as_ref().is_some_and(|(_, manifest)| !manifest.entries.is_empty());
        if let Some(from) = recipe.model.init.as_ref().filter(|_| !has_begun) {
            init::start_from(&mut model, from, recipe.model.init_head)?;
        }
        let (lock, known) = match claimed {
            Some((lock, _)) => (lock, known),
            None => {
                crate::atomic::create_dir(dir)?;
                // Another process may have been faster.
                match claim(options)? {
                    (_, true) => return Err(Error::Exists { path: dir.clone() }),
                    (lock, false) => (lock, None),
                }
            }
        };
        let data_hash = stage.data_hash.now().to_owned();
        let mut identity = Identity { recipe_hash, data_hash, former: Vec::new() };
        let mut extended_from = Vec::new();
        let manifest = match known {
            Some((RunFile { recipe_hash, data_hash, extended, .. }, manifest)) => {
                manifest.sweep(dir)?;
                identity.recipe_hash = recipe_hash;
                // A run goes on by the way to hash that it began with.
                identity.data_hash = stage.data_hash.as_in(&data_hash).to_owned();
                identity.former = extended.iter().map(|was| was.recipe_hash.clone()).collect();
                extended_from = extended.iter().map(|was| was.epochs).collect();
                manifest
            }
            None => {
                manifest::sweep_temporary(dir)?;
                run_file::write(recipe, options, &identity)?;
                Manifest::start(dir)?
            }
        };
        run_file::keep_recipe(recipe, dir)?;
        PhaseModel::new(&stage, model.config())?.note(dir, phase)?;
        let optimizer = Optimizer::new(&own.optimizer, model.undecayed());
        let restored = Restored::newest(dir, manifest, &mut model, optimizer, &identity, phase)?;
        let Restored { manifest, optimizer, mut counters, mut metrics_bytes, mut seconds } =
            restored;
        // The last epoch of what was a whole run is not told anew: its rate was that of the shorter run.
        if !extended_from.is_empty()
            && counters.step_in_epoch > 0
            && let Some((line, bytes)) = journal::line(dir, counters.epoch, counters.step)?
        {
            counters.end_epoch(line.test.as_ref());
            (metrics_bytes, seconds) = (bytes, seconds + line.clock.seconds);
        }
        journal::cut(dir, metrics_bytes)?;
        let log = recipe.train.log_steps;
        let steps_file = if log { Some(StepsFile::open(dir, counters.step)?) } else { None };
        let dir = dir.clone();
        Ok(Self {
            dir,
            identity,
            plan,
            stage,
            model,
            optimizer,
            counters,
            manifest,
            metrics_bytes,
            steps_file,
            seconds,
            extended_from,
            lock,
        })
    }

    /// The phase in progress.
    pub(crate) fn part(&self) -> Arc<Part> {
        Arc::clone(&self.plan.parts[self.counters.phase])
    }

    /// What the method adds to the loss.
    pub(crate) fn terms(&self) -> Result<Option<snn_losses::Terms>> {
        let part = self.part();
        let Some(method) = &part.recipe.method else { return Ok(None) };
        Ok(Some(method.terms(&self.model.config().names()?)))
    }

    /// Goes on to the next phase, whose data is opened as in [`Run::open`]; none after the last.
    pub(crate) fn next_phase(
        mut self,
        options: &RunOptions,
        watch: &mut dyn FnMut(snn_data::Opened) -> bool,
    ) -> Result<Self> {
        self.counters.end_phase();
        let part = self.part();
        self.optimizer.configure(&part.recipe.optimizer, part.reset);
        let stage = self.stage.next(&part.recipe, options, watch)?;
        stage.fit(&part.recipe, &mut self.model)?;
        self.identity.data_hash = stage.data_hash.as_in(&self.identity.data_hash).to_owned();
        let own = PhaseModel::new(&stage, self.model.config())?;
        own.note(&self.dir, self.counters.phase)?;
        tracing::info!(phase = self.counters.phase, "phase");
        Ok(Self { stage, ..self })
    }

    /// The model as it is now, with what is done to a file before it and a card.
    pub(crate) fn model_with(&self, card: serde_json::Value) -> Result<Model> {
        let mut model = self.model.clone();
        let of_phase = PhaseModel::new(&self.stage, model.config())?;
        *model.config_mut() = of_phase.model;
        model.config_mut().metrics = card;
        Ok(model)
    }

    /// Writes a checkpoint of this moment, unless there is one.
    pub(crate) fn save(&mut self) -> Result<()> {
        self.lock.check()?;
        if let Some(log) = &mut self.steps_file {
            log.sync()?;
        }
        let step = self.counters.step;
        if self.manifest.entries.last().is_some_and(|last| last.step == step) {
            return Ok(());
        }
        let bytes =
            checkpoint::encode(&self.model, &self.optimizer, &self.counters, &self.identity)?;
        let keep = self.part().recipe.train.keep;
        self.manifest.save(&self.dir, step, &bytes, self.metrics_bytes, keep)
    }
}

/// Takes the directory's lock, and says whether it holds a run that may go on.
fn claim(options: &RunOptions) -> Result<(RunLock, bool)> {
    let dir = &options.dir;
    let lock = RunLock::acquire(dir)?;
    let old = run_file::exists(dir);
    if old && !options.resume {
        // A start that failed, or was killed before it had trained anything that counts, keeps nobody else out.
        return match has_nothing(dir)? {
            true => Ok((lock, false)),
            false => Err(Error::Exists { path: dir.clone() }),
        };
    }
    match run_file::remains(dir).filter(|_| !old) {
        Some(name) => Err(Error::InTheWay { path: dir.join(name) }),
        None => Ok((lock, old)),
    }
}

/// Whether a run has neither a checkpoint nor a line of metrics.
fn has_nothing(dir: &Path) -> Result<bool> {
    let states =
        Manifest::read_if_there(dir).map(|manifest| manifest.map_or(0, |m| m.entries.len()));
    let found = states.and_then(|states| Ok(states + journal::read_all(dir)?.len()));
    match found {
        Ok(found) => Ok(found == 0 && !dir.join(RESULT_FILE).exists()),
        // What is damaged was something.
        Err(Error::Checkpoint { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses a phase whose samples' size or steps, or a method whose passes, would need other parameters, before anything is
/// trained.
fn one_network(config: &ModelConfig, phase: &Recipe) -> Result<()> {
    let parameters = |config: &ModelConfig| Ok::<_, Error>(Model::size(config)?.parameters);
    let own = parameters(config)?;
    let refuse = |field: &str, got: usize, allowed: String| {
        Err(Error::Setting { field: field.into(), got: got.to_string(), allowed })
    };
    if let Some(side) = phase.data.size {
        let mut other = config.clone();
        other.input = InputConfig { height: side, width: side };
        if parameters(&other)? != own {
            let name = config.architecture.name();
            let allowed = format!("one size for all phases: the parameters of {name} depend on it");
            return refuse("data.size", side, allowed);
        }
    }
    let still = phase.data.t_steps.is_none();
    let key = if still { "model.t_steps" } else { "data.t_steps" };
    let of_method = phase.method.iter().flat_map(|method| method.steps(phase.t_steps()));
    let steps = [(key, phase.t_steps())].into_iter().chain(of_method);
    for (key, t_steps) in steps.filter(|_| config.steps.is_empty()) {
        let other = ModelConfig { t_steps, ..config.clone() };
        if parameters(&other)? != own {
            let parts = ["tcja"].into_iter().filter(|part| config.parts.get(*part) == Some(&true));
            let parts = parts.map(|part| format!("model.parts.{part}"));
            let tebn = config.neuron.tebn.then(|| "neuron.tebn".to_owned());
            let tied: Vec<String> = tebn.into_iter().chain(parts).collect();
            let allowed = format!(
                "{} throughout, for which {} has parameters; leave that out, or train with one number of steps",
                config.t_steps,
                tied.join(" and ")
            );
            return refuse(key, t_steps, allowed);
        }
    }
    Ok(())
}
