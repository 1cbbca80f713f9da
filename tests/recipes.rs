//! No recipe is a dead letter: the run of every row that the preset `paper` and the papers' studies train takes a few steps, on
//! data of the true layout. Networks are narrow and samples small; all else is the recipe's.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::reproduce::paper::{self, TABLES};
use xtask::reproduce::preset::{Plan, Preset, Run};
use xtask::reproduce::study::{self, Study};

use crate::util::{command, ended};
use crate::{sensors, writers};

/// The runs of all tables by name, each with the folder of its data.
fn runs() -> Result<BTreeMap<String, (String, Run)>> {
    let data = xtask::sh::root().join("data");
    let preset = Preset::read(&data.join("recipes"), "paper")?;
    let mut runs = BTreeMap::new();
    for table in TABLES {
        let rows = paper::read(&data.join(format!("paper/{}.csv", table.name)))?;
        for row in preset.plan(&rows, 1, |_| true)? {
            let Plan::Run(job) = row.plan else { continue };
            for run in job.runs {
                runs.insert(run.name.clone(), (job.folder.clone(), run));
            }
        }
    }
    Ok(runs)
}

fn make_data(root: &Path) -> Result<()> {
    writers::cifar10(&root.join("cifar10"))?;
    writers::cifar100(&root.join("cifar100"))?;
    writers::imagenet(&root.join("imagenet"))?;
    writers::cub200(&root.join("CUB_200_2011"))?;
    writers::stanford_dogs(&root.join("stanford-dogs"))?;
    writers::stanford_cars(&root.join("stanford-cars"))?;
    writers::dvs_cifar10(&root.join("dvs-cifar10"))?;
    writers::ncaltech101(&root.join("n-caltech101"))
}

/// Takes two steps of a run, and gives its result.
fn two_steps(place: &Path, run: &Run, folder: &str, sets: &[&str]) -> Result<Value> {
    let (recipe, run_dir) = (place.join("recipe.toml"), place.join("runs").join(&run.name));
    std::fs::write(&recipe, toml::to_string(&run.recipe)?)?;
    let data = place.join("data").join(folder).display().to_string();
    let (recipe, run_dir) = (recipe.display().to_string(), run_dir.display().to_string());
    let args = ["train", &recipe, "--data", &data, "--run", &run_dir, "--no-cache", "--json"];
    let small = ["model.width=0.0625", "train.batch=2", "train.log_steps=true"];
    let sets = small.iter().chain(sets).flat_map(|set| ["--set", *set]);
    let done = ended(command(&args.into_iter().chain(sets).collect::<Vec<_>>())?)?;
    ensure!(done.code == Some(0), "{}: {done:?}", run.name);
    let steps = std::fs::read_to_string(Path::new(&run_dir).join("steps.jsonl"))?;
    ensure!(steps.lines().count() == 2, "{}: {steps}", run.name);
    Ok(serde_json::from_str(&done.out)?)
}

#[test]
fn every_run_of_the_papers_preset_takes_a_few_steps() -> Result<()> {
    let place = tempfile::tempdir()?;
    make_data(&place.path().join("data"))?;
    let runs = runs()?;
    // Table 4's 36, the rows without a star in two forms of TKS, and Table 3's 24.
    assert_eq!(runs.len(), 36 + 4 + 24);
    for (name, (folder, run)) in runs {
        let sets = ["data.size=32", "train.steps_per_epoch=2", "schedule.epochs=1"];
        let result = two_steps(place.path(), &run, &folder, &sets)?;
        ensure!(result["loss"] == run.recipe["loss"]["kind"].as_str().context("a loss")?, "{name}");
    }
    Ok(())
}

#[test]
fn every_run_of_the_papers_studies_takes_a_few_steps() -> Result<()> {
    let place = tempfile::tempdir()?;
    let data = place.path().join("data");
    writers::cifar10(&data.join("cifar10"))?;
    writers::cifar100(&data.join("cifar100"))?;
    writers::imagenet(&data.join("imagenet"))?;
    writers::dvs_cifar10(&data.join("dvs-cifar10"))?;
    writers::ncaltech101(&data.join("n-caltech101"))?;
    sensors::dvs_gesture(&data.join("dvs-gesture"))?;
    sensors::mfpt(&data.join("mfpt"))?;
    sensors::jnu(&data.join("jnu"))?;
    sensors::modelnet40(&data.join("modelnet40"))?;
    let mut seen = 0;
    for name in study::names(&xtask::sh::root())?.iter().filter(|name| name.ends_with("-paper")) {
        let study = Study::read(&xtask::sh::root().join("data/studies"), name)?;
        for set in study.sets {
            for row in set.rows {
                let mut run = row.runs.into_iter().next().context("a repeat")?;
                run.name = format!("{name}-{}", run.name);
                // Of several phases the first two, a step each.
                let mut phases =
                    run.recipe.remove("phase").unwrap_or(toml::Value::Array(Vec::new()));
                let all = phases.as_array_mut().context("phases")?;
                all.truncate(2);
                for phase in all.iter_mut().filter_map(toml::Value::as_table_mut) {
                    phase.insert("epochs".into(), 1.into());
                }
                let phased = !all.is_empty();
                run.recipe.insert("phase".into(), phases);
                let small: &[&str] = match set.folder.as_str() {
                    "mfpt" | "jnu" => &["data.size=256"],
                    "modelnet40" => &["data.size=64"],
                    // Of three recordings a class a random tenth is none.
                    "dvs-cifar10" => &["data.size=32", "data.split=first-900-per-class"],
                    _ => &["data.size=32"],
                };
                let whole = ["train.steps_per_epoch=2", "schedule.epochs=1"];
                let length = if phased { &["train.steps_per_epoch=1"][..] } else { &whole };
                let result = two_steps(place.path(), &run, &set.folder, &[small, length].concat())?;
                let method = run.recipe.get("method").and_then(|method| method.get("kind"));
                let method = method.and_then(toml::Value::as_str);
                ensure!(result["method"].as_str() == method, "{}: {result}", run.name);
                seen += 1;
            }
        }
    }
    // TSSD 4 x 5, SSNN 5 x 3, TRT 5 x 5, multi-bit 8 x 3, MRA-SNN 7 x 4.
    assert_eq!(seen, 20 + 15 + 25 + 24 + 28);
    Ok(())
}
