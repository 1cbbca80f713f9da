//! `cargo xtask reproduce TABLE` with a shell script in the place of `snn`: what is started, kept, continued, written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask::reproduce::paper::TABLES;
use xtask::reproduce::tables::tables;
use xtask::reproduce::{Done, Options, reproduce};

use crate::stand_in::{Place, place};

impl Place {
    fn run(&self) -> Result<Done> {
        reproduce("table4", &self.options)
    }

    /// Every file of every table.
    fn tables(&self) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::new();
        for table in ["table1", "table2", "table3", "table4"] {
            for name in [format!("{table}.csv"), format!("{table}.md"), "report.html".into()] {
                let path = format!("runs/{table}-mini/{name}");
                files.insert(path.clone(), fs::read_to_string(self.folder.path().join(path))?);
            }
        }
        Ok(files)
    }

    fn out(&self, name: &str) -> Result<String> {
        let path = self.folder.path().join("runs/table4-mini").join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    fn csv(&self) -> Result<Vec<Vec<String>>> {
        self.csv_of("table4")
    }

    fn csv_of(&self, table: &str) -> Result<Vec<Vec<String>>> {
        let path = self.folder.path().join(format!("runs/{table}-mini/{table}.csv"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.lines().map(|line| line.split(',').map(str::to_string).collect()).collect())
    }
}

#[test]
fn twelve_rows_run_and_sixteen_say_what_they_need() -> Result<()> {
    let place = place()?;
    assert_eq!(place.run()?.code, 0);
    assert_eq!(place.calls().len(), 12);
    let csv = place.csv()?;
    assert_eq!((csv.len(), csv[0].len()), (29, 29));
    ensure!(csv.iter().all(|row| row.len() == 29), "{csv:?}");
    let needs = csv.iter().filter(|row| row[8].starts_with("needs "));
    let needs: Vec<&str> = needs.map(|row| row[8].as_str()).collect();
    assert_eq!(needs.len(), 16);
    ensure!(
        needs.contains(&"needs CIFAR100") && needs.contains(&"needs N-Caltech101"),
        "{needs:?}"
    );
    assert_eq!(csv[1][8..12], ["fashion_mnist", "fashion_mnist/all", "82.50", "99.25"]);
    // The loss by its name, the best epoch's figures, and what is inferred.
    assert_eq!(csv[1][21..], ["5eed", "ce", "90.00", "99.00", "30.00", "31.00", "", "yes"]);
    let tet = csv.iter().filter(|row| row[3] == "TET" && row[27].contains("lambda 0 is inferred"));
    assert_eq!(tet.count(), 7);
    let checkpoint = Path::new(&csv[1][20]);
    ensure!(place.folder.path().join(checkpoint).is_dir(), "{checkpoint:?}");
    // A run bears the name of what it was trained on, wherever its figures stand.
    let run = "runs/mini/fashion-mnist-resnet19-baseline-seed42/checkpoint";
    ensure!(checkpoint == Path::new(run), "{checkpoint:?}");
    let page = place.out("report.html")?;
    ensure!(
        page.contains("<svg") && page.matches("<tr").count() == 30 + 1 + 3,
        "the report lacks something"
    );
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        ensure!(!page.contains(outside), "the report asks for {outside}");
    }
    Ok(())
}

#[test]
fn second_time_nothing_runs_and_nothing_changes() -> Result<()> {
    let place = place()?;
    place.run()?;
    let before = crate::util::tree(&place.folder.path().join("runs"))?;
    assert_eq!(place.run()?.code, 0);
    assert_eq!(place.calls().len(), 12);
    ensure!(crate::util::tree(&place.folder.path().join("runs"))? == before, "something changed");
    Ok(())
}

#[test]
fn options_are_obeyed_or_refused() -> Result<()> {
    let place = place()?;
    let options = place.options.clone();
    ensure!(reproduce("table4", &Options { only: Some("x".into()), ..options.clone() }).is_err());
    let away = place.folder.path().join("away");
    assert_eq!(reproduce("table4", &Options { runs: Some(away.clone()), ..options })?.code, 0);
    ensure!(away.join("table4/table4.csv").is_file());
    ensure!(away.join("fashion-mnist-resnet19-ls-seed42/result.json").is_file());
    ensure!(!place.folder.path().join("runs").exists());
    Ok(())
}

#[test]
fn interrupted_run_goes_on() -> Result<()> {
    let place = place()?;
    place.end(130, 1)?;
    let done = place.run()?;
    ensure!(done.code == 130 && done.table.is_none(), "{done:?}");
    assert_eq!(place.calls().len(), 1);
    assert_eq!(place.run()?.code, 0);
    let calls = place.calls();
    assert_eq!(calls.len(), 13);
    ensure!(calls[1].ends_with("--resume") && !calls[2].ends_with("--resume"), "{calls:?}");
    Ok(())
}

#[test]
fn diverged_run_leaves_its_row_empty() -> Result<()> {
    let place = place()?;
    place.end(3, 1)?;
    assert_eq!(place.run()?.code, 1);
    assert_eq!(place.calls().len(), 12);
    let csv = place.csv()?;
    ensure!(csv[1][8].starts_with("fashion_mnist: no result in runs/"), "{:?}", csv[1]);
    Ok(())
}

#[test]
fn changed_recipe_sets_the_old_run_aside() -> Result<()> {
    let place = place()?;
    place.run()?;
    let preset = place.folder.path().join("data/recipes/tables-mini.toml");
    let text = fs::read_to_string(&preset)?;
    let changed = text.replace("epsilon = 0.1", "epsilon = 0.2");
    ensure!(changed != text, "the preset has another epsilon");
    fs::write(&preset, changed)?;
    assert_eq!(place.run()?.code, 0);
    // The three label smoothing rows.
    assert_eq!(place.calls().len(), 15);
    let old = place.folder.path().join("runs/mini/old");
    assert_eq!(fs::read_dir(old)?.count(), 3);
    Ok(())
}

#[test]
fn several_seeds_give_mean_and_spread() -> Result<()> {
    let mut place = place()?;
    place.options.seeds = 3;
    place.run()?;
    assert_eq!(place.calls().len(), 36);
    let csv = place.csv()?;
    // 82.5, 83.5, 84.5
    assert_eq!([&csv[1][10], &csv[1][14], &csv[1][15]], ["83.50", "3", "1.00"]);
    Ok(())
}

#[test]
fn presets_without_their_data_say_so() -> Result<()> {
    let mut place = place()?;
    for preset in ["cpu", "paper"] {
        place.options.preset = preset.into();
        let done = place.run()?;
        ensure!(
            done.code == 1 && done.table.is_some_and(|t| t.contains("needs cifar10 in")),
            "{preset}"
        );
    }
    assert_eq!(place.calls().len(), 0);
    place.options.preset = "huge".into();
    ensure!(place.run().is_err(), "an unknown preset is an error");
    Ok(())
}

#[test]
fn every_cell_is_a_figure_or_says_why_not() -> Result<()> {
    let place = place()?;
    assert_eq!(tables(&TABLES, &place.options)?.code, 0);
    // Table 4's twelve and the row without augmentation; the others of tables 1 and 2 are among the twelve.
    assert_eq!(place.calls().len(), 13);
    for (table, rows, ran, cited) in
        [("table1", 31, 3, 23), ("table2", 16, 1, 14), ("table3", 18, 0, 0), ("table4", 28, 12, 0)]
    {
        let csv = place.csv_of(table)?;
        ensure!(csv[1..].iter().all(|row| row[0] == table[5..]), "{table}");
        let count = |is: &dyn Fn(&Vec<String>) -> bool| csv[1..].iter().filter(|r| is(r)).count();
        let says =
            |word: &'static str| count(&|row| row[8].starts_with(word) && row[10].is_empty());
        assert_eq!((csv.len() - 1, count(&|row| !row[10].is_empty())), (rows, ran), "{table}");
        assert_eq!((says("cited "), says("needs ")), (cited, rows - ran - cited), "{table}");
    }
    let first = place.csv_of("table1")?;
    ensure!(first.iter().any(|row| row[3] == "TET" && row[8] == "cited Deng2022"), "{first:?}");
    // ResNet-19 with and without the paper's star.
    let tks: Vec<_> =
        first.iter().filter(|row| row[2] == "resnet19" && row[1] == "CIFAR10").collect();
    let told: Vec<_> = tks.iter().map(|row| [row[28].as_str(), row[5].as_str()]).collect();
    assert_eq!(told, [["no", "95.30"], ["yes", "96.35"]]);
    ensure!(tks[0][20].ends_with("fashion-mnist-resnet19-plain-tks-seed42/checkpoint"), "{tks:?}");
    ensure!(tks[0][27].contains("no augmentation at all is ours"), "{tks:?}");
    // The same run in two tables.
    let fourth = place.csv()?;
    ensure!(fourth.iter().any(|row| row[20] == tks[1][20] && row[3] == "TKS"), "{tks:?}");
    let page = &place.tables()?["runs/table1-mini/report.html"];
    ensure!(page.contains("cited Deng2022") && page.contains("needs CIFAR100"), "{page}");
    Ok(())
}

#[test]
fn tables_are_the_same_however_many_run_at_once_and_whenever_they_are_interrupted() -> Result<()> {
    let whole = place()?;
    tables(&TABLES, &whole.options)?;
    let expected = whole.tables()?;
    for jobs in [1, 2, 5] {
        for at in [None, Some(1), Some(2), Some(7), Some(13)] {
            let mut place = place()?;
            place.options.jobs = jobs;
            if let Some(at) = at {
                place.end(130, at)?;
                let done = tables(&TABLES, &place.options)?;
                ensure!(done.code == 130 && done.table.is_none(), "{jobs} {at:?} {done:?}");
            }
            assert_eq!(tables(&TABLES, &place.options)?.code, 0);
            ensure!(place.tables()? == expected, "{jobs} at once, interrupted at {at:?}");
            let calls = place.calls();
            // Those that ran beside an interrupted one were ended too.
            let resumed = calls.iter().filter(|call| call.contains("--resume")).count();
            let least = usize::from(at.is_some());
            ensure!((least..=least * jobs).contains(&resumed), "{calls:?}");
            ensure!(calls.iter().all(|call| call.contains("--threads") == (jobs > 1)), "{calls:?}");
        }
    }
    Ok(())
}

#[test]
fn dry_run_lists_every_row_and_what_it_may_take() -> Result<()> {
    let place = place()?;
    let list = |what: &str, preset: &str| -> Result<String> {
        let preset = preset.into();
        let options = Options { dry_run: true, preset, ..place.options.clone() };
        reproduce(what, &options)?.table.context("a list")
    };
    // 4 epochs of 187 steps of 32, 3.2 s a step by the stub's answer; 1e8 operations a sample of a quarter of the pixels.
    let text = list("all", "mini")?;
    let line = "CIFAR10 resnet19 TKS*: fashion-mnist-resnet19-tks-seed42; 0.66 h by a probe, under 0.001 h on a GPU (estimate)";
    ensure!(text.contains(line), "{text}");
    ensure!(text.contains("CIFAR100 resnet19 TKS*: needs CIFAR100\n"), "{text}");
    ensure!(text.contains("CIFAR10 ResNet-19 TET*: cited Deng2022\n"), "{text}");
    ensure!(text.contains("13 runs can be trained: "), "{text}");
    // The figures of the same runs, and what they want besides.
    let matched = "fashion-mnist-dvs-vgg-snn-baseline";
    ensure!(text.lines().any(|l| l.contains(matched) && l.ends_with("to be trained")), "{text}");
    // A row whose data is not here yet has its hours too.
    let text = list("table4", "cpu")?;
    ensure!(
        text.contains("needs cifar10 in a folder cifar10; 18 h by a probe, 0.100 h on a GPU"),
        "{text}"
    );
    ensure!(text.contains("12 runs need data: ") && !text.contains("can be trained"), "{text}");
    assert_eq!(place.calls().len(), 0);
    // What finished is known.
    place.run()?;
    let text = list("table4", "mini")?;
    ensure!(
        text.contains("tks-seed42; under 0.001 h as before, under 0.001 h on a GPU (estimate)"),
        "{text}"
    );
    Ok(())
}

#[test]
fn runs_beside_an_interrupted_one_are_told_once_to_end() -> Result<()> {
    // A second signal would end `snn` without a checkpoint.
    let mut place = place()?;
    place.options.jobs = 3;
    fs::write(place.folder.path().join("wait"), "")?;
    place.end(130, 3)?;
    let done = place.run()?;
    ensure!(done.code == 130 && place.calls().len() == 3, "{done:?} {:?}", place.calls());
    let runs = place.folder.path().join("runs/mini");
    let mut told = Vec::new();
    for entry in fs::read_dir(runs)? {
        told.extend(fs::read_to_string(entry?.path().join("told")));
    }
    assert_eq!(told, ["TERM\n", "TERM\n"]);
    Ok(())
}
