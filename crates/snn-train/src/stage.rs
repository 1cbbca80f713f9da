//! The data of a phase, opened.

use std::sync::Arc;

use snn_data::{DataConfig, Dataset, Loader, LoaderConfig, Order};
use snn_models::{InputConfig, Model, ModelConfig};

use crate::{Error, Recipe, Result, RunOptions, data_hash::DataHash};

/// Both sides of the data set that a phase trains on, prepared as it asks.
pub(crate) struct Stage {
    config: DataConfig,
    pub(crate) train: Arc<Loader>,
    pub(crate) test: Arc<Dataset>,
    /// Hash of which samples are on which side.
    pub(crate) split_hash: String,
    /// Hash of both sides' samples.
    pub(crate) data_hash: DataHash,
}

impl Stage {
    /// Opens the data of a phase, whose recipe is `recipe`. `watch` hears how far it is, and stops it by `false`.
    pub(crate) fn open(
        recipe: &Recipe,
        options: &RunOptions,
        watch: &mut dyn FnMut(snn_data::Opened) -> bool,
    ) -> Result<Self> {
        let config = data_config(recipe, options);
        let splits = snn_data::open_with(&config, watch)?;
        let split_hash = splits.members();
        splits.notices().iter().for_each(|notice| tracing::warn!("{notice}"));
        let (train, test) = (Arc::new(splits.train), Arc::new(splits.test));
        let data_hash = DataHash::of(&train, &test);
        let framings = framings(recipe, &config, watch)?;
        let train = loader(recipe, train, framings)?;
        Ok(Self { config, train, test, split_hash, data_hash })
    }

    /// The data of the next phase: what is open, where that phase prepares its samples alike.
    pub(crate) fn next(
        self,
        recipe: &Recipe,
        options: &RunOptions,
        watch: &mut dyn FnMut(snn_data::Opened) -> bool,
    ) -> Result<Self> {
        if data_config(recipe, options) == self.config {
            let framings = self.train.framings().to_vec();
            let train = loader(recipe, Arc::clone(self.train.data()), framings)?;
            return Ok(Self { train, ..self });
        }
        // Two sets at once may not fit into memory.
        let samples = self.train.data().len();
        drop(self);
        let next = Self::open(recipe, options, watch)?;
        match next.train.data().len() {
            got if got == samples => Ok(next),
            got => Err(Error::Setting {
                field: "phase data.size".into(),
                got: format!("{:?}, which makes {got} training samples", recipe.data.size),
                allowed: format!("sizes that make {samples}, as in the phase before"),
            }),
        }
    }

    /// Sets the model to what the phase's samples are: their size, and the steps that it runs.
    pub(crate) fn fit(&self, recipe: &Recipe, model: &mut Model) -> Result<()> {
        let config = model_config(recipe, self.train.data())?;
        check_batch(&config, recipe, self.train.data())?;
        let own = model.config_mut();
        (own.t_steps, own.input) = (config.t_steps, config.input);
        Ok(())
    }
}

/// Refuses a batch whose feature maps would be too large, or of which a norm would see one value.
pub(crate) fn check_batch(config: &ModelConfig, recipe: &Recipe, data: &Dataset) -> Result<()> {
    let n = recipe.train.batch.min(data.len());
    config.check_batch(n, config.t_steps).map_err(by_key)?;
    config.check_norms(n, !data.is_events()).map_err(by_key)
}

/// The model for the samples of `data`.
///
/// # Errors
/// [`Error::Setting`] when the method does not suit the network.
pub(crate) fn model_config(recipe: &Recipe, data: &Dataset) -> Result<ModelConfig> {
    let mut config = ModelConfig::new(recipe.model.architecture, data.num_classes());
    config.width = recipe.model.width;
    config.t_steps = recipe.t_steps();
    config.encoding = recipe.model.encoding;
    config.neuron = recipe.neuron.clone();
    config.neurons = recipe.neurons.clone();
    config.parts = recipe.model.parts.clone();
    config.precision = recipe.train.precision;
    config.labels = data.class_names().to_vec();
    if let [.., channels, height, width] = *data.sample_shape() {
        config.in_channels = channels;
        config.input = InputConfig { height, width };
    }
    if let Some(method) = &recipe.method {
        method.ask(&mut config)?;
    }
    Ok(config)
}

/// A model's fields by the keys of the recipe that set them.
pub(crate) fn by_key(error: snn_models::Error) -> Error {
    let snn_models::Error::Config { field, why } = error else { return error.into() };
    let key = match field.as_str() {
        "width" => "model.width",
        "t_steps" => "model.t_steps",
        "batch" => "train.batch",
        "input" | "input.height" | "input.width" => "data.size",
        other if other.starts_with("parts.") => &format!("model.{other}"),
        other => other,
    };
    Error::Model(snn_models::Error::Config { field: key.into(), why })
}

fn data_config(recipe: &Recipe, options: &RunOptions) -> DataConfig {
    DataConfig {
        roots: options.data_roots.clone(),
        cache: options.cache.clone(),
        verify: options.verify,
        ..recipe.data.config(options.data_dir.clone())
    }
}

/// The training samples in the further framings that the method asks for.
fn framings(
    recipe: &Recipe,
    config: &DataConfig,
    watch: &mut dyn FnMut(snn_data::Opened) -> bool,
) -> Result<Vec<Arc<Dataset>>> {
    let asked = match (&recipe.method, recipe.data.t_steps) {
        (Some(method), Some(t_steps)) => method.framings(t_steps),
        (Some(_) | None, _) => Vec::new(),
    };
    asked
        .into_iter()
        .map(|t_steps| {
            // Nothing is measured in another framing.
            let config = DataConfig { t_steps, limit_test: Some(1), ..config.clone() };
            Ok(Arc::new(snn_data::open_with(&config, watch)?.train))
        })
        .collect()
}

/// The last, smaller batch is dropped, unless it is the only one.
fn loader(recipe: &Recipe, data: Arc<Dataset>, framings: Vec<Arc<Dataset>>) -> Result<Arc<Loader>> {
    let config = LoaderConfig {
        batch: recipe.train.batch,
        order: if recipe.data.class_balanced { Order::ClassBalanced } else { Order::Shuffled },
        drop_last: data.len() >= recipe.train.batch,
        workers: recipe.train.workers,
        seed: recipe.seed,
        augment: recipe.data.augment,
    };
    Ok(Arc::new(Loader::new(data, config)?.with_framings(framings)?))
}
