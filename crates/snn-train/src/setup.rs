//! What has to be there before the first step: the data, the model, and the state of an earlier process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use snn_models::{InputConfig, Model, ModelConfig};
use snn_records::RECIPE_FILE;

use crate::plan::{self, Part, Plan};
use crate::stage::{self, Stage};
use crate::{
    Error, Recipe, Result, RunOptions, checkpoint, checkpoint::Identity, counters::Counters,
    journal, lock::RunLock, manifest::Manifest, optim::Optimizer, restore, restore::Restored,
    run_file, steps_file::StepsFile, write_atomic,
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
    _lock: RunLock,
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
        // A directory that is not there is made only once the data is open, so that a failed start leaves nothing.
        let claimed = if dir.exists() { Some(claim(options)?) } else { None };
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
        let config = stage::model_config(own, &data);
        stage::check_batch(&config, own, &data)?;
        phases.iter().try_for_each(|(other, _)| one_network(&config, other))?;
        let mut model = Model::new(&config, recipe.seed).map_err(stage::by_key)?;
        if let Some(device) = &options.device {
            model.set_device(device);
        }
        let plan = Plan::new(recipe, data.len())?;
        let (lock, old) = match claimed {
            Some(claimed) => claimed,
            None => {
                crate::atomic::create_dir(dir)?;
                claim(options)?
            }
        };
        let (identity, manifest) = if old {
            // What run.json knows is the data of the first phase; a checkpoint knows that of its own.
            let known = (phase == 0).then_some(&stage.data_hash);
            let started = run_file::check(options, recipe, known)?;
            let recipe_hash = started.recipe_hash;
            let data_hash = stage.data_hash.as_in(&started.data_hash).to_owned();
            let manifest = Manifest::read(dir)?;
            manifest.sweep(dir)?;
            (Identity { recipe_hash, data_hash }, manifest)
        } else {
            let data_hash = stage.data_hash.now().to_owned();
            let identity = Identity { recipe_hash: recipe.hash()?, data_hash };
            run_file::write(recipe, options, &identity)?;
            (identity, Manifest::start(dir)?)
        };
        if let Some(init) = recipe.model.init.as_ref().filter(|_| manifest.entries.is_empty()) {
            start_from(&mut model, init)?;
        }
        // After run.json, so that a run killed between the two goes on.
        if !dir.join(RECIPE_FILE).exists() {
            write_atomic(&dir.join(RECIPE_FILE), recipe.to_toml()?.as_bytes())?;
        }
        let optimizer = Optimizer::new(&own.optimizer, model.undecayed());
        let restored = Restored::newest(dir, manifest, &mut model, optimizer, &identity, phase)?;
        let Restored { manifest, optimizer, counters, metrics_bytes, seconds } = restored;
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
            _lock: lock,
        })
    }

    /// The phase in progress.
    pub(crate) fn part(&self) -> Arc<Part> {
        Arc::clone(&self.plan.parts[self.counters.phase])
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
        tracing::info!(phase = self.counters.phase, "phase");
        Ok(Self { stage, ..self })
    }

    /// Writes a checkpoint of this moment, unless there is one.
    pub(crate) fn save(&mut self) -> Result<()> {
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
        return Err(Error::Exists { path: dir.clone() });
    }
    match run_file::remains(dir).filter(|_| !old) {
        Some(name) => Err(Error::InTheWay { path: dir.join(name) }),
        None => Ok((lock, old)),
    }
}

/// Refuses a phase whose samples' size would make other parameters, before anything is trained.
fn one_network(config: &ModelConfig, phase: &Recipe) -> Result<()> {
    let Some(side) = phase.data.size else { return Ok(()) };
    let mut other = config.clone();
    other.input = InputConfig { height: side, width: side };
    if Model::size(&other)?.parameters == Model::size(config)?.parameters {
        return Ok(());
    }
    let allowed = format!(
        "one size for all phases: the parameters of {} depend on it",
        config.architecture.name()
    );
    Err(Error::Setting { field: "phase data.size".into(), got: side.to_string(), allowed })
}

/// Gives the model the weights and running statistics of a checkpoint.
fn start_from(model: &mut Model, init: &Path) -> Result<()> {
    let other = Model::load(init)?;
    let shapes = |model: &Model| -> Vec<(String, Vec<usize>)> {
        let all = model.params().iter().chain(model.buffers());
        all.map(|(name, tensor)| (name.clone(), tensor.dims().to_vec())).collect()
    };
    if shapes(model) != shapes(&other) {
        let why = "is of another architecture, width or number of classes (model.init)";
        return Err(Error::checkpoint(init, why));
    }
    *model.params_mut() = other.params().clone();
    model.set_buffers(other.buffers().clone());
    Ok(())
}
