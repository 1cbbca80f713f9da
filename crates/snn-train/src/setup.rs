//! What has to be there before the first step: the data, the model, and the state of an earlier process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use snn_data::{CacheConfig, Dataset, Loader, LoaderConfig, Order};
use snn_models::{InputConfig, Model, ModelConfig};

use crate::recipe::Recipe;
use crate::{
    Error, Result, checkpoint, checkpoint::Identity, journal, lock::RunLock, manifest::Manifest,
    optim::Optimizer, progress::Progress, restore::Restored, run_file, write_atomic,
};

pub(crate) const RECIPE_FILE: &str = "recipe.toml";

/// Where a run lives and what it may find there.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The run directory; made when it is not there.
    pub dir: PathBuf,
    /// Where the data sets lie; the data crate's own choice when absent.
    pub data_dir: Option<PathBuf>,
    /// Where prepared samples of large data sets are kept; nowhere when absent.
    pub cache: Option<CacheConfig>,
    /// Go on with the run in the directory, or start it when there is none.
    pub resume: bool,
    /// The source code's commit, for the record.
    pub commit: Option<String>,
    /// Where the network is computed; the CPU when absent. Weights and the optimizer stay on the CPU.
    pub device: Option<Device>,
}

impl RunOptions {
    /// The name of the kernels that compute, for the record.
    pub(crate) fn engine(&self) -> &'static str {
        snn_ops::engine_name(self.device.as_ref().unwrap_or(&Device::Cpu))
    }
}

/// A run that is ready to go on.
pub(crate) struct Run {
    pub(crate) dir: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) train: Arc<Loader>,
    pub(crate) test: Arc<Dataset>,
    pub(crate) split_hash: String,
    pub(crate) model: Model,
    pub(crate) optimizer: Optimizer,
    pub(crate) progress: Progress,
    pub(crate) manifest: Manifest,
    pub(crate) metrics_bytes: u64,
    /// Seconds of the epochs so far.
    pub(crate) seconds: f64,
    _lock: RunLock,
}

impl Run {
    /// Opens the data, builds the model, and restores the newest intact checkpoint.
    ///
    /// `watch` is told how far the data is and stops the opening by `false`.
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
        let mut data = recipe.data.config(options.data_dir.clone());
        data.cache = options.cache.clone();
        let splits = snn_data::open_with(&data, watch)?;
        let split_hash = splits.members();
        let (train, test) = (Arc::new(splits.train), Arc::new(splits.test));
        let data_hash = data_hash(&train, &test);
        let config = model_config(recipe, &train);
        config.check_batch(recipe.train.batch.min(train.len()), config.t_steps)?;
        let mut model = Model::new(&config, recipe.seed)?;
        if let Some(device) = &options.device {
            model.set_device(device);
        }
        let train = Loader::new(Arc::clone(&train), loader_config(recipe, train.len()))?;
        if let Some(asked) = recipe.train.steps_per_epoch.filter(|&n| n > train.steps()) {
            let (field, got) = ("train.steps_per_epoch".into(), asked.to_string());
            let allowed = format!("1 to {}, the steps of this data", train.steps());
            return Err(Error::Setting { field, got, allowed });
        }
        let (lock, old) = match claimed {
            Some(claimed) => claimed,
            None => {
                crate::atomic::create_dir(dir)?;
                claim(options)?
            }
        };
        let (identity, manifest) = if old {
            let identity = run_file::check(options, recipe, &data_hash)?;
            let manifest = Manifest::read(dir)?;
            manifest.sweep(dir)?;
            (identity, manifest)
        } else {
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
        let optimizer = Optimizer::new(&recipe.optimizer);
        let restored = Restored::newest(dir, manifest, &mut model, optimizer, &identity)?;
        let Restored { manifest, optimizer, progress, metrics_bytes, seconds } = restored;
        journal::cut(dir, metrics_bytes)?;
        let dir = dir.clone();
        Ok(Self {
            dir,
            identity,
            train: Arc::new(train),
            test,
            split_hash,
            model,
            optimizer,
            progress,
            manifest,
            metrics_bytes,
            seconds,
            _lock: lock,
        })
    }

    /// Writes a checkpoint of this moment, unless there is one.
    pub(crate) fn save(&mut self, keep: usize) -> Result<()> {
        let step = self.progress.step;
        if self.manifest.entries.last().is_some_and(|last| last.step == step) {
            return Ok(());
        }
        let bytes =
            checkpoint::encode(&self.model, &self.optimizer, &self.progress, &self.identity)?;
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

/// One name for both splits' contents.
fn data_hash(train: &Dataset, test: &Dataset) -> String {
    crate::hash::sha256(format!("{} {}", train.hash(), test.hash()).as_bytes())
}

/// The last, smaller batch is dropped, unless it is the only one.
fn loader_config(recipe: &Recipe, n: usize) -> LoaderConfig {
    LoaderConfig {
        batch: recipe.train.batch,
        order: if recipe.data.class_balanced { Order::ClassBalanced } else { Order::Shuffled },
        drop_last: n >= recipe.train.batch,
        workers: recipe.train.workers,
        seed: recipe.seed,
        augment: recipe.data.augment,
    }
}

fn model_config(recipe: &Recipe, data: &Dataset) -> ModelConfig {
    let mut config = ModelConfig::new(recipe.model.architecture, data.num_classes());
    config.width = recipe.model.width;
    config.t_steps = recipe.t_steps();
    config.neuron = recipe.neuron.clone();
    config.precision = recipe.train.precision;
    config.labels = data.class_names().to_vec();
    if let [.., channels, height, width] = *data.sample_shape() {
        config.in_channels = channels;
        config.input = InputConfig { height, width };
    }
    config
}
