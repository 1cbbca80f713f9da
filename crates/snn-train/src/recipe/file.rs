//! Recipes as files: read with overrides, checked, written out, and hashed.

use std::path::Path;

use super::{identity, old, overrides, ranges, steps, tables::Recipe};
use crate::{Error, Result, files};

/// Bytes of a recipe's file, at most.
const LONGEST: u64 = 1 << 20;

impl Recipe {
    /// Reads a recipe, applies `key=value` overrides with dotted keys, and checks every range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with name and line for what is not a recipe, [`Error::Setting`] for a value out of range.
    pub fn parse(text: &str, origin: &str, sets: &[String]) -> Result<Self> {
        let mut recipe: Self = overrides::read(text, origin, sets, old::modernize)?;
        ranges::check(&recipe)?;
        steps::settle(&mut recipe)?;
        ranges::check_method(&recipe)?;
        Ok(recipe)
    }

    /// [`Recipe::parse`] of a file.
    ///
    /// # Errors
    /// As there, and [`Error::Recipe`] when the file cannot be read.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self> {
        let origin = path.display().to_string();
        let why = match files::read(path, LONGEST) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Self::parse(&text, &origin, sets),
                Err(error) => format!("is not UTF-8 text ({error})"),
            },
            Err(Error::Io { cause, .. }) => cause.to_string(),
            Err(Error::Checkpoint { why, .. }) => why,
            Err(error) => return Err(error),
        };
        Err(Error::Recipe { origin, why })
    }

    /// The recipe written out with all defaults: what a run directory keeps.
    ///
    /// # Errors
    /// [`Error::Recipe`] when TOML cannot hold a number of the recipe (a seed of 2^63 or more).
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|e| Error::Recipe { origin: "recipe".into(), why: e.to_string() })
    }

    /// A SHA-256 in hexadecimal that is equal for recipes that train the same weights: of the recipe with all defaults,
    /// without the keys that never change weights (`train.workers`, `keep`, `keep_best`, `eval_every`, `checkpoint_every`, `recompute`,
    /// `loss_limit` and `log_steps`), and with the weights that `model.init` names in the place of their path.
    ///
    /// # Errors
    /// As [`Recipe::to_toml`], and [`Error::Checkpoint`] when the checkpoint `model.init` cannot be read.
    pub fn hash(&self) -> Result<String> {
        identity::hash(self)
    }
}
