//! States of a run as checkpoints, and runs that become longer.

use snn_models::Model;
use snn_train::{EpochReport, Error, Outcome, RunOptions, Which, export_run, load_result, train};

use crate::util::{STEPS, bytes, finish, interrupt_after, names, options, run, tiny};

fn weights(dir: &std::path::Path) -> Vec<u8> {
    std::fs::read(dir.join("model.safetensors")).unwrap()
}

fn lines(dir: &std::path::Path) -> Vec<EpochReport> {
    let text = std::fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn any_kept_state_becomes_a_checkpoint() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let recipe = tiny(&["train.checkpoint_every=1", "train.keep=9"]);
    interrupt_after(&recipe, &at("run"), 4);
    let last = export_run(&at("run"), Which::Last, &at("last")).unwrap();
    assert_eq!((last.step, last.epoch, last.test), (4, 1, None));
    let third = export_run(&at("run"), Which::Step(3), &at("third")).unwrap();
    assert_eq!(
        (third.step, third.epoch, third.test.clone()),
        (3, 0, lines(&at("run"))[0].test.clone())
    );
    assert_eq!(names(&at("third")), ["SHA256SUMS", "config.json", "model.safetensors"]);
    let model = Model::load(&at("third")).unwrap();
    let card = &model.config().metrics;
    assert_eq!(card["top1"].as_f64(), third.test.map(|test| test.top1));
    assert_eq!(
        (card["step"].as_u64(), card["data"]["name"].as_str()),
        (Some(3), Some("synthetic"))
    );
    assert!(!model.config().preprocess.is_null() && model.config().labels.len() == 10);
    // The run goes on as if nobody had looked, and its last state is what it exports itself.
    finish(&recipe, &at("run"));
    export_run(&at("run"), Which::Last, &at("end")).unwrap();
    for name in ["config.json", "model.safetensors", "SHA256SUMS"] {
        let read = |dir: &str| std::fs::read(at(dir).join(name)).unwrap();
        assert_eq!(read("end"), read("run/checkpoint"), "{name}");
    }
    export_run(&at("run"), Which::Step(STEPS), &at("same")).unwrap();
    assert_eq!(weights(&at("same")), weights(&at("run/checkpoint")));
    for (which, out, words) in
        [(Which::Step(77), "none", "listed: 1, 2, 3, 4, 5, 6"), (Which::Last, "end", "already")]
    {
        let error = export_run(&at("run"), which, &at(out)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_best_epoch_is_kept_where_the_recipe_says_so() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    // A rate that destroys what the first epochs found.
    let sets = [
        "schedule.epochs=4",
        "schedule.warmup_epochs=0",
        "schedule.kind=constant",
        "optimizer.lr=0.02",
    ];
    let with = [&sets[..], &["train.keep_best=true"]].concat();
    let result = finish(&tiny(&with), &at("run"));
    assert_eq!(result.recipe_hash, finish(&tiny(&sets), &at("without")).recipe_hash);
    assert_eq!(bytes(&at("run"))[1], bytes(&at("without"))[1], "keeping changes nothing");
    let lines = lines(&at("run"));
    let best = &lines[result.best_epoch];
    let exported = export_run(&at("run"), Which::Best, &at("best")).unwrap();
    assert_eq!((exported.epoch, exported.step), (result.best_epoch, best.step));
    assert_eq!(exported.test.map(|test| test.top1), Some(result.best_top1));
    let model = Model::load(&at("best")).unwrap();
    assert_eq!(model.config().metrics["epoch"].as_u64(), Some(result.best_epoch as u64));
    let data: snn_train::DataRecipe =
        serde_json::from_value(model.config().metrics["data"].clone()).unwrap();
    let test = std::sync::Arc::new(snn_data::open(&data.config(None)).unwrap().test);
    let metrics = snn_train::evaluate(&model, &test, snn_train::EVAL_BATCH).unwrap();
    assert_eq!(Some(&metrics), best.test.as_ref());
    // Interrupted anywhere it is the same.
    interrupt_after(&tiny(&with), &at("cut"), 5);
    finish(&tiny(&with), &at("cut"));
    assert_eq!(weights(&at("cut/best")), weights(&at("run/best")));
    // Without it the last checkpoints are what there is.
    match export_run(&at("without"), Which::Best, &at("other")) {
        Ok(exported) => assert_eq!(exported.epoch, result.best_epoch),
        Err(error) => assert!(error.to_string().contains("train.keep_best"), "{error}"),
    }
}

#[test]
fn a_run_becomes_longer_when_asked_to_and_keeps_its_moments() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    // At a constant rate and loss a longer run begins as the shorter one did.
    let sets = |epochs: &'static str| {
        tiny(&[epochs, "schedule.kind=constant", "loss.kind=ce", "schedule.warmup_epochs=0"])
    };
    let (short, long) = (sets("schedule.epochs=2"), sets("schedule.epochs=4"));
    finish(&long, &at("whole"));
    finish(&short, &at("run"));
    let error = run(&long, &at("run")).unwrap_err();
    assert!(matches!(error, Error::Identity { what: "recipe", .. }), "{error}");
    let extend = |recipe, dir: &str| {
        let options = RunOptions { extend: true, ..options(&at(dir)) };
        train(recipe, &options, &mut (), &false.into())
    };
    let short_lines = lines(&at("run"));
    let Outcome::Finished(result) = extend(&long, "run").unwrap() else { panic!("stopped") };
    // What the shorter run said of its epochs stands.
    assert_eq!(lines(&at("run"))[..2], short_lines);
    assert_eq!((result.epochs, result.extended_from.as_slice()), (4, &[2][..]));
    assert_eq!(weights(&at("run/checkpoint")), weights(&at("whole/checkpoint")));
    let clockless = |dir: &str| -> Vec<_> {
        let whole = lines(&at(dir)).into_iter();
        whole.map(|line| (line.step, line.train_loss, line.test)).collect()
    };
    assert_eq!(clockless("run"), clockless("whole"));
    assert_eq!(load_result(&at("run")).unwrap(), Some(*result));
    // It is the longer run from then on, with the flag or without, and no longer the shorter one.
    finish(&long, &at("run"));
    extend(&long, "run").unwrap();
    assert!(matches!(run(&short, &at("run")), Err(Error::Identity { .. })));
    // Interrupted on the way it goes on; nothing but the epochs may differ.
    finish(&short, &at("cut"));
    struct Stop<'a>(&'a std::sync::atomic::AtomicBool);
    impl snn_train::Observer for Stop<'_> {
        fn on_begin(&mut self, _: &snn_train::Beginning) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let longer = RunOptions { extend: true, ..options(&at("cut")) };
    let stop = false.into();
    train(&long, &longer, &mut Stop(&stop), &stop).unwrap();
    finish(&long, &at("cut"));
    assert_eq!(weights(&at("cut/checkpoint")), weights(&at("whole/checkpoint")));
    finish(&short, &at("other"));
    let other = tiny(&["schedule.epochs=4", "loss.kind=ce"]);
    assert!(matches!(extend(&other, "other"), Err(Error::Identity { .. })));
}
