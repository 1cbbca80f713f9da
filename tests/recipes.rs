//! No recipe is a dead letter: the run of every row that the preset `paper` trains takes a few steps, on data of the true
//! layout. Networks are narrow and samples small; all else is the recipe's.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask::reproduce::paper;
use xtask::reproduce::preset::{Plan, Preset, Run};
use xtask::reproduce::tables::TABLES;

use crate::util::{command, ended};
use crate::writers;

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

#[test]
fn every_run_of_the_papers_preset_takes_a_few_steps() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (data, recipe) = (place.path().join("data"), place.path().join("recipe.toml"));
    make_data(&data)?;
    let runs = runs()?;
    // Table 4's 36, the rows without a star in two forms of TKS, and Table 3's 24.
    assert_eq!(runs.len(), 36 + 4 + 24);
    for (name, (folder, run)) in runs {
        std::fs::write(&recipe, toml::to_string(&run.recipe)?)?;
        let run_dir = place.path().join("runs").join(&name);
        let (recipe, run_dir) = (recipe.display().to_string(), run_dir.display().to_string());
        let data = data.join(folder).display().to_string();
        let args = ["train", &recipe, "--data", &data, "--run", &run_dir, "--no-cache", "--json"];
        let small = ["model.width=0.0625", "data.size=32", "train.batch=2"];
        let short = ["train.steps_per_epoch=2", "schedule.epochs=1", "train.log_steps=true"];
        let sets = small.iter().chain(&short).flat_map(|set| ["--set", *set]);
        let done = ended(command(&args.into_iter().chain(sets).collect::<Vec<_>>())?)?;
        ensure!(done.code == Some(0), "{name}: {done:?}");
        let result: serde_json::Value = serde_json::from_str(&done.out)?;
        ensure!(result["loss"] == run.recipe["loss"]["kind"].as_str().context("a loss")?, "{name}");
        let steps = std::fs::read_to_string(Path::new(&run_dir).join("steps.jsonl"))?;
        ensure!(steps.lines().count() == 2, "{name}: {steps}");
    }
    Ok(())
}
