//! How large a batch may be.

use crate::declare::Declare;
use crate::{Error, ModelConfig, Result};

impl ModelConfig {
    /// Refuses a batch of `n` samples over `t_steps` steps, the model's own or a sequence's, that would
    /// make a feature map of more than [`ModelConfig::MAX_ELEMENTS`]; nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field that makes it too large: `batch`, `t_steps` or `width`.
    pub fn check_batch(&self, n: usize, t_steps: usize) -> Result<()> {
        check_map(Declare::read(self)?.size.largest_map, n, t_steps)
    }
}

impl ModelConfig {
    /// Refuses a training batch of `n` samples of which a norm would see one value per channel, which has no variance.
    /// `is_still` says that all steps see one image.
    ///
    /// # Errors
    /// [`Error::Config`] naming the norm.
    pub fn check_norms(&self, n: usize, is_still: bool) -> Result<()> {
        for norm in Declare::read(self)?.layout.norms {
            let steps = if is_still && norm.is_first { 1 } else { norm.t_steps };
            check_values(&norm.name, n * steps * norm.pixels)?;
        }
        Ok(())
    }
}

/// Refuses a norm's batch statistics of so many values per channel.
pub(crate) fn check_values(norm: &str, values: usize) -> Result<()> {
    if values > 1 {
        return Ok(());
    }
    let why = "sees one value per channel, which has no variance; use a larger batch, more time steps or a larger input";
    Err(Error::Config { field: norm.into(), why: why.into() })
}

/// [`ModelConfig::check_batch`] for a network whose largest map of one step has so many elements.
pub(crate) fn check_map(map: usize, n: usize, t_steps: usize) -> Result<()> {
    let most = ModelConfig::MAX_ELEMENTS;
    let fits = |factor: usize| map.checked_mul(factor).is_some_and(|elements| elements <= most);
    if n.checked_mul(t_steps).is_some_and(fits) {
        return Ok(());
    }
    let why = format!(
        "{n} samples x {t_steps} steps x {map} elements make a feature map of more than {most}; \
         use a smaller batch, t_steps, width or input"
    );
    let field = match (fits(t_steps), fits(1)) {
        (true, _) => "batch",
        (false, true) => "t_steps",
        (false, false) => "width",
    };
    Err(Error::Config { field: field.into(), why })
}
