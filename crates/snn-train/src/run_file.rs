//! run.json: what a run was started with, and the refusal to go on with anything else.

use std::path::Path;

use snn_records::{
    CHECKPOINT_DIR, FORMAT, METRICS_FILE, RECIPE_FILE, RESULT_FILE, RUN_FILE, RunFile, STEPS_FILE,
};

use crate::data_hash::{self, DataHash};
use crate::manifest::MANIFEST_FILE;
use crate::recipe::{difference, identity};
use crate::{Error, Recipe, Result, RunOptions, atomic, checkpoint::Identity, hash};

/// Whether the directory holds a run.
pub(crate) fn exists(dir: &Path) -> bool {
    dir.join(RUN_FILE).exists()
}

/// A file of a run, or of anything a run would write over, in a directory that holds no run.
pub(crate) fn remains(dir: &Path) -> Option<&'static str> {
    let records = [METRICS_FILE, STEPS_FILE, RESULT_FILE, CHECKPOINT_DIR, RECIPE_FILE];
    let ours = [MANIFEST_FILE].into_iter().chain(records);
    ours.into_iter().find(|name| dir.join(name).exists())
}

/// Refuses to go on with another recipe; the cheap part of the identity.
pub(crate) fn check_recipe(recipe: &Recipe, dir: &Path) -> Result<()> {
    same_recipe(recipe, dir, &read(dir)?)
}

fn same_recipe(recipe: &Recipe, dir: &Path, started: &RunFile) -> Result<()> {
    let path = dir.join(RECIPE_FILE);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
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
        fields if fields.is_empty() => format!("hash {was}, now {is}"),
        fields => fields.join(", "),
    };
    Err(Error::Identity { path: dir.into(), what: "recipe", difference })
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
    };
    atomic::write_json(&options.dir.join(RUN_FILE), &run)
}

fn read(dir: &Path) -> Result<RunFile> {
    let path = dir.join(RUN_FILE);
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let why = format!(
            "is damaged ({e}); put a copy of it back, or start the run again in another directory"
        );
        Error::checkpoint(path, why)
    })
}

/// Refuses to go on with another recipe or, in the first phase, other data; warns where the numbers may round
/// differently. Returns what the run was started with, which its checkpoints are marked with.
pub(crate) fn check(
    options: &RunOptions,
    recipe: &Recipe,
    data_hash: Option<&DataHash>,
) -> Result<Identity> {
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
        ("engine", started.engine, options.engine()),
        ("instructions", started.instructions, instructions()),
    ];
    for (what, was, now) in machine {
        if !was.is_empty() && was != now {
            let why = "the run goes on, but not to the same bytes as without the interruption";
            tracing::warn!(what, was, now, "rounds differently: {why}");
        }
    }
    Ok(Identity { recipe_hash: started.recipe_hash, data_hash: started.data_hash })
}

/// The instruction set that matrix products choose their kernels by: with another one they round differently.
fn instructions() -> &'static str {
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
