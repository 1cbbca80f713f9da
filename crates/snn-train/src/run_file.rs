//! run.json: what a run was started with, and the refusal to go on with anything else.

use std::path::Path;

use snn_records::{
    BEST_DIR, CHECKPOINT_DIR, Extension, FORMAT, METRICS_FILE, RECIPE_FILE, RESULT_FILE, RUN_FILE,
    RunFile, STEPS_FILE,
};

use crate::data_hash::{self, DataHash};
use crate::files::{self, RECORD};
use crate::manifest::MANIFEST_FILE;
use crate::recipe::{difference, identity};
use crate::{Error, Recipe, Result, RunOptions, atomic, checkpoint::Identity, hash, write_atomic};

/// Whether the directory holds a run.
pub(crate) fn exists(dir: &Path) -> bool {
    files::is_taken(&dir.join(RUN_FILE))
}

/// A file of a run, or of anything a run would write over, in a directory that holds no run.
pub(crate) fn remains(dir: &Path) -> Option<&'static str> {
    let records = [METRICS_FILE, STEPS_FILE, RESULT_FILE, CHECKPOINT_DIR, BEST_DIR, RECIPE_FILE];
    let ours = [MANIFEST_FILE].into_iter().chain(records);
    ours.into_iter().find(|name| files::is_taken(&dir.join(name)))
}

/// Refuses to go on with another recipe; the cheap part of the identity.
pub(crate) fn check_recipe(recipe: &Recipe, dir: &Path) -> Result<()> {
    same_recipe(recipe, dir, &read(dir)?)
}

fn same_recipe(recipe: &Recipe, dir: &Path, started: &RunFile) -> Result<()> {
    let path = dir.join(RECIPE_FILE);
    let kept = kept(dir)?;
    let was = match started.format {
        // Of format 1 the hash is that of the file, which says in its own words what today's hash is made of.
        1 if hash::sha256(kept.as_bytes()) == started.recipe_hash => {
            Recipe::parse(&kept, &path.display().to_string(), &[])?.hash()?
        }
        1 => {
            let why = "is missing or not the recipe that run.json tells of, without which a run of format 1 cannot go \
                       on; put a copy of it back, or start the run again in another directory";
            return Err(Error::checkpoint(path, why));
        }
        FORMAT => started.recipe_hash.clone(),
        other => {
            let why = format!("has format {other}, this version reads 1 and {FORMAT}");
            return Err(Error::checkpoint(dir.join(RUN_FILE), why));
        }
    };
    let is = recipe.hash()?;
    if was == is {
        return Ok(());
    }
    let kept = Recipe::parse(&kept, "", &[]).and_then(|kept| identity::text(&kept));
    let difference = match difference::changes(&kept.unwrap_or_default(), &identity::text(recipe)?)
    {
        fields if fields.is_empty() && recipe.model.init.is_some() => {
            format!("model.init names other weights; hash {was}, now {is}")
        }
        fields if fields.is_empty() => format!("hash {was}, now {is}"),
        fields => fields.join(", "),
    };
    Err(Error::Identity { path: dir.into(), what: "recipe", difference })
}

/// The text of the recipe that the directory keeps; empty where it keeps none.
pub(crate) fn kept(dir: &Path) -> Result<String> {
    let bytes = files::read_if_there(&dir.join(RECIPE_FILE), RECORD)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the run was to be, where `recipe` is the run's but for more epochs.
pub(crate) fn extension(recipe: &Recipe, dir: &Path) -> Result<Option<Extension>> {
    let started = read(dir)?;
    let Ok(kept) = Recipe::parse(&kept(dir)?, "", &[]) else { return Ok(None) };
    let (Some(epochs), Some(more)) = (kept.schedule.epochs, recipe.schedule.epochs) else {
        return Ok(None);
    };
    let mut shorter = recipe.clone();
    shorter.schedule.epochs = Some(epochs);
    let is_same = more > epochs && same_recipe(&shorter, dir, &started).is_ok();
    Ok(is_same.then_some(Extension { epochs, recipe_hash: started.recipe_hash }))
}

/// Makes the run one of more epochs. Its result goes first: a run that has none goes on.
pub(crate) fn extend(recipe: &Recipe, dir: &Path, was: Extension) -> Result<()> {
    let mut started = read(dir)?;
    tracing::warn!(
        "the run of {} epochs goes on to {}: rate and loss are those of a run of so many from here on, so its result is not \
         that of a run which was never shorter",
        was.epochs,
        recipe.schedule.epochs.unwrap_or(0)
    );
    atomic::remove(&dir.join(RESULT_FILE))?;
    started.extended.push(was);
    (started.format, started.recipe_hash) = (FORMAT, recipe.hash()?);
    atomic::write_json(&dir.join(RUN_FILE), &started)?;
    write_recipe(recipe, dir)
}

/// Writes the recipe that the directory keeps.
pub(crate) fn write_recipe(recipe: &Recipe, dir: &Path) -> Result<()> {
    write_atomic(&dir.join(RECIPE_FILE), recipe.to_toml()?.as_bytes())
}

/// Writes the recipe unless the directory keeps it: a run that was killed after run.json goes on.
pub(crate) fn keep_recipe(recipe: &Recipe, dir: &Path) -> Result<()> {
    let kept = kept(dir)?;
    if kept.is_empty() {
        return write_recipe(recipe, dir);
    }
    // Killed while it was extended, or begun in the place of one that had trained nothing.
    let is_other =
        || Recipe::parse(&kept, "", &[]).and_then(|kept| kept.hash()).ok() != recipe.hash().ok();
    if read(dir)?.format == FORMAT && is_other() {
        return write_recipe(recipe, dir);
    }
    Ok(())
}

/// Writes it, when a run starts.
pub(crate) fn write(recipe: &Recipe, options: &RunOptions, identity: &Identity) -> Result<()> {
    let run = RunFile {
        format: FORMAT,
        recipe_hash: identity.recipe_hash.clone(),
        data_hash: identity.data_hash.clone(),
        engine: options.engine().into(),
        instructions: instructions().into(),
        precision: recipe.train.precision.name().into(),
        threads: snn_ops::threads(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: options.commit.clone(),
        extended: Vec::new(),
        networks: Vec::new(),
    };
    atomic::write_json(&options.dir.join(RUN_FILE), &run)
}

pub(crate) fn read(dir: &Path) -> Result<RunFile> {
    let path = dir.join(RUN_FILE);
    let bytes = files::read(&path, RECORD)?;
    let why = "is damaged; put a copy of it back, or start the run again in another directory";
    Ok(snn_models::read_json(&bytes, &path, why)?)
}

/// Refuses to go on with another recipe or, in the first phase, other data; warns where the numbers may round
/// differently. Returns what the run was started with.
pub(crate) fn check(
    options: &RunOptions,
    recipe: &Recipe,
    data_hash: Option<&DataHash>,
) -> Result<RunFile> {
    let dir = options.dir.as_path();
    let started = read(dir)?;
    same_recipe(recipe, dir, &started)?;
    let is = data_hash.map(|hash| hash.as_in(&started.data_hash));
    if let Some(is) = is.filter(|hash| *hash != started.data_hash) {
        let difference = match data_hash::difference(&started.data_hash, is) {
            Some(which) => which.to_owned(),
            None => format!("hash {}, now {is}", started.data_hash),
        };
        return Err(Error::Identity { path: dir.into(), what: "data", difference });
    }
    let machine = [
        ("engine", started.engine.as_str(), options.engine()),
        ("instructions", started.instructions.as_str(), instructions()),
    ];
    for (what, was, now) in machine {
        if !was.is_empty() && was != now {
            let why = "the run goes on, but not to the same bytes as without the interruption";
            tracing::warn!(what, was, now, "rounds differently: {why}");
        }
    }
    Ok(started)
}

/// The instruction set that matrix products choose their kernels by: with another one they round differently.
pub fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return "x86-64 avx512f";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "x86-64 avx2 fma";
        }
    }
    std::env::consts::ARCH
}
