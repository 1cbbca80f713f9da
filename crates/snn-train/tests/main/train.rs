//! Whole runs.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use snn_models::Model;
use snn_train::{
    DataRecipe, EVAL_BATCH, EpochReport, Error, Observer, Recipe, RunLock, RunOptions, evaluate,
    load_result, train,
};

use crate::util::{STEPS, TINY, bytes, finish, interrupt_after, names, options, run, tiny};

#[test]
fn same_seed_gives_same_bytes_and_another_seed_does_not() {
    let (a, b, c) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&tiny(&[]), a.path());
    finish(&tiny(&[]), b.path());
    assert_eq!(bytes(a.path()), bytes(b.path()));
    finish(&tiny(&["seed=8"]), c.path());
    assert_ne!(bytes(a.path())[1], bytes(c.path())[1]);
}

#[test]
fn number_of_threads_changes_no_byte() {
    for precision in ["train.precision=f32", "train.precision=bf16"] {
        let dirs = [1, 2, 3].map(|threads| {
            let dir = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| finish(&tiny(&[precision]), dir.path()));
            dir
        });
        assert_eq!(bytes(dirs[0].path()), bytes(dirs[1].path()));
        assert_eq!(bytes(dirs[0].path()), bytes(dirs[2].path()));
    }
}

#[test]
fn recomputation_changes_the_recipe_and_nothing_else_of_a_run() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&tiny(&[]), a.path());
    finish(&tiny(&["train.recompute=stage"]), b.path());
    let results = |dir| {
        let mut files = bytes(dir);
        files.retain(|(name, _)| name == "metrics.jsonl" || name.ends_with("/model.safetensors"));
        files
    };
    assert_eq!(results(a.path()).len(), 3);
    assert_eq!(results(a.path()), results(b.path()));
}

#[test]
fn checkpoint_of_a_bf16_run_evaluates_in_bf16() {
    let dir = tempfile::tempdir().unwrap();
    let result = finish(&tiny(&["train.precision=bf16"]), dir.path());
    assert_eq!(result.precision, "bf16");
    let model = Model::load(&result.checkpoint).unwrap();
    assert_eq!(model.config().precision, snn_models::Precision::Bf16);
    let data: DataRecipe = serde_json::from_value(result.data).unwrap();
    let test = snn_data::open(&data.config(None)).unwrap().test;
    let again = evaluate(&model, &Arc::new(test), EVAL_BATCH).unwrap();
    assert_eq!((again.top1, again.aurc_logit), (result.top1, result.aurc_logit));
}

#[test]
fn finished_run_holds_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let result = finish(&tiny(&[]), dir.path());
    let expected = [
        "MANIFEST",
        "checkpoint",
        "lock",
        "metrics.jsonl",
        "recipe.toml",
        "result.json",
        "run.json",
        "step-00000003.safetensors",
        "step-00000006.safetensors",
    ];
    assert_eq!(names(dir.path()), expected);
    assert_eq!(load_result(dir.path()).unwrap(), Some(result.clone()));
    assert_eq!((result.loss.as_str(), result.architecture.as_str()), ("tks", "sew_resnet19"));
    assert_eq!((result.n, result.epochs, result.per_step_top1.len()), (16, 2, 2));
    assert_eq!(result.cumulative_top1.last(), Some(&result.top1));
    assert!(result.best_top1 >= result.top1 && result.best_epoch < 2);
    let metrics = std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
    let lines: Vec<EpochReport> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1].test.as_ref().unwrap().top1, result.top1);
    assert_eq!((lines[1].alpha, lines[1].step), (0.35, STEPS));
}

#[test]
fn keys_that_never_change_weights_may_change_on_resuming() {
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finish(&tiny(&[]), whole.path());
    interrupt_after(&tiny(&[]), cut.path(), 4);
    let sets =
        ["train.workers=0", "train.keep=5", "train.checkpoint_every=1", "train.recompute=stage"];
    finish(&tiny(&sets), cut.path());
    assert_eq!(bytes(cut.path()), bytes(whole.path()));
    let error = run(&tiny(&["train.batch=4"]), cut.path()).unwrap_err().to_string();
    assert!(error.contains("train.batch was 8, is 4"), "{error}");
}

#[test]
fn a_checkpoint_to_start_from_is_known_by_its_weights() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = finish(&tiny(&["schedule.epochs=1"]), first.path()).checkpoint;
    let moved = second.path().join("moved");
    std::fs::create_dir(&moved).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(checkpoint.join(name), moved.join(name)).unwrap();
    }
    let recipe = |init: &std::path::Path| tiny(&[&format!("model.init={}", init.display())]);
    let dir = second.path().join("run");
    interrupt_after(&recipe(&checkpoint), &dir, 2);
    finish(&recipe(&moved), &dir);
    let path = moved.join("model.safetensors");
    let mut other = std::fs::read(&path).unwrap();
    *other.last_mut().unwrap() ^= 1;
    snn_train::write_atomic(&path, &other).unwrap();
    let error = run(&recipe(&moved), &dir).unwrap_err();
    assert!(matches!(error, Error::Identity { what: "recipe", .. }), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = run(&recipe(&moved), &dir).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("model.init"), "{error}");
}

#[test]
fn run_starts_from_another_checkpoint() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let checkpoint = finish(&tiny(&["model.t_steps=1"]), first.path()).checkpoint;
    let init = format!("model.init={}", checkpoint.display());
    // A rate too small to move a weight shows where the run started.
    let still = ["optimizer.lr=1e-30", "schedule.warmup_lr=0", "schedule.min_lr=0"];
    let recipe = tiny(&[&[init.as_str()], &still[..]].concat());
    interrupt_after(&recipe, second.path(), 0);
    let result = finish(&recipe, second.path());
    let weights = |path: &std::path::Path| Model::load(path).unwrap().params().clone();
    let (was, is) = (weights(&checkpoint), weights(&result.checkpoint));
    for (name, tensor) in &was {
        let difference = (tensor - &is[name]).unwrap().abs().unwrap().sum_all().unwrap();
        assert_eq!(difference.to_scalar::<f32>().unwrap(), 0.0, "{name}");
    }
    let third = tempfile::tempdir().unwrap();
    let error = run(&tiny(&[&init, "model.width=0.125"]), third.path()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("width"), "{error}");
    let error = run(&tiny(&["train.steps_per_epoch=9"]), third.path()).unwrap_err();
    assert!(error.to_string().contains("1 to 3"), "{error}");
}

#[test]
fn exported_checkpoint_evaluates_to_the_result() {
    let dir = tempfile::tempdir().unwrap();
    let result = finish(&tiny(&[]), dir.path());
    let model = Model::load(&result.checkpoint).unwrap();
    // The card alone says what the figures were measured on.
    let data: DataRecipe = serde_json::from_value(model.config().metrics["data"].clone()).unwrap();
    let config = data.config(None);
    let test = Arc::new(snn_data::open(&config).unwrap().test);
    let metrics = evaluate(&model, &test, EVAL_BATCH).unwrap();
    let got = (metrics.top1, metrics.top5, metrics.aurc_softmax, metrics.aurc_logit);
    assert_eq!(got, (result.top1, result.top5, result.aurc_softmax, result.aurc_logit));
    assert_eq!(metrics.per_step_top1, result.per_step_top1);
    assert_eq!(model.config().metrics["top1"], result.top1);
    assert_eq!(model.config().labels.len(), 10);
}

#[test]
fn events_are_trained_with_time_first_and_resume_alike() {
    let text = TINY.replace("    t_steps = 2\n", "");
    let sets = [
        "data.name=synthetic_events",
        "data.t_steps=3",
        "data.size=16",
        "data.augment={ crop_padding = 2, flip = true, rotate_degrees = 10, cutout = 3 }",
        "model.architecture=vgg_snn",
        "train.workers=2",
    ]
    .map(String::from);
    let recipe = Recipe::parse(&text, "tiny", &sets).unwrap();
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let result = finish(&recipe, whole.path());
    assert_eq!((result.t_steps, result.per_step_top1.len()), (3, 3));
    interrupt_after(&recipe, cut.path(), 4);
    finish(&recipe, cut.path());
    assert_eq!(bytes(cut.path()), bytes(whole.path()));
}

#[test]
fn every_loss_trains() {
    for kind in ["ce", "ls", "tet", "tks", "tks-paper"] {
        let dir = tempfile::tempdir().unwrap();
        let kind_is = format!("loss.kind={kind}");
        let mut sets = vec![kind_is.as_str(), "schedule.epochs=8", "optimizer.lr=1e-2"];
        if kind.starts_with("tks") {
            // Of one weight in all epochs, so that their losses can be compared.
            sets.push("loss.ramp=constant");
        }
        assert_eq!(finish(&tiny(&sets), dir.path()).loss, kind);
        let text = std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap();
        let losses: Vec<f64> = text
            .lines()
            .map(|line| serde_json::from_str::<EpochReport>(line).unwrap().train_loss)
            .collect();
        assert_eq!(losses.len(), 8);
        let [early, late] = [0, 4].map(|at| losses[at..at + 4].iter().sum::<f64>());
        assert!(losses[7] < losses[0] && late < early, "{kind}: {losses:?}");
    }
}

#[test]
fn second_start_needs_resume_and_the_same_recipe() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = tiny(&["schedule.epochs=1"]);
    finish(&recipe, dir.path());
    let fresh = RunOptions { resume: false, ..options(dir.path()) };
    let error = train(&recipe, &fresh, &mut (), &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }) && error.exit_code() == 1);
    let error = run(&tiny(&["schedule.epochs=1", "seed=8"]), dir.path()).unwrap_err();
    assert!(matches!(error, Error::Identity { what: "recipe", .. }) && error.exit_code() == 1);
    assert!(error.to_string().contains(" was "), "the field is named: {error}");
}

#[test]
fn busy_directory_is_refused_with_exit_code_4() {
    let dir = tempfile::tempdir().unwrap();
    let _lock = RunLock::acquire(dir.path()).unwrap();
    assert_eq!(run(&tiny(&[]), dir.path()).unwrap_err().exit_code(), 4);
}

#[test]
fn unusable_data_and_directory_have_their_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(&tiny(&["data.name=nothing"]), dir.path()).unwrap_err().exit_code(), 1);
    let away = RunOptions { data_dir: Some("/no/such/folder".into()), ..options(dir.path()) };
    let never = AtomicBool::new(false);
    let error = train(&tiny(&["data.name=cifar10"]), &away, &mut (), &never).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    let file = dir.path().join("file");
    std::fs::File::create(&file).unwrap();
    let error = run(&tiny(&[]), &file.join("run")).unwrap_err();
    assert!(error.exit_code() == 5 && error.to_string().contains("file"), "{error}");
}

#[test]
fn absurd_learning_rate_ends_as_diverged_and_leaves_finite_checkpoints() {
    let dir = tempfile::tempdir().unwrap();
    let sets = ["optimizer.lr=1e38", "schedule.warmup_lr=1e-3", "train.checkpoint_every=1"];
    let recipe = tiny(&sets);
    let error = run(&recipe, dir.path()).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 3.., .. }), "{error}");
    assert_eq!(error.exit_code(), 3);
    let bytes = std::fs::read(dir.path().join("step-00000003.safetensors")).unwrap();
    let tensors = candle_core::safetensors::load_buffer(&bytes, &candle_core::Device::Cpu).unwrap();
    for tensor in tensors.values() {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn loss_above_the_limit_ends_as_diverged() {
    let dir = tempfile::tempdir().unwrap();
    let sets = ["schedule.warmup_epochs=0", "loss.kind=ce", "train.loss_limit=1.0000001"];
    let recipe = tiny(&[&sets[..], &["optimizer.lr=1.0", "schedule.kind=constant"]].concat());
    let error = run(&recipe, dir.path()).unwrap_err();
    assert!(error.to_string().contains("train.loss_limit"), "{error}");
}

#[test]
fn observer_sees_every_step_and_epoch() {
    #[derive(Default)]
    struct Count(usize, usize);
    impl Observer for Count {
        fn on_step(&mut self, report: &snn_train::StepReport) {
            self.0 += 1;
            assert!(report.steps == 3 && report.step_in_epoch == (self.0 - 1) % 3 + 1);
        }
        fn on_epoch(&mut self, report: &EpochReport) {
            assert_eq!(report.epoch, self.1);
            assert_eq!(report.test.is_some(), report.epoch == 1);
            self.1 += 1;
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut count = Count::default();
    let never = AtomicBool::new(false);
    let recipe = tiny(&["train.eval_every=5"]);
    train(&recipe, &options(dir.path()), &mut count, &never).unwrap();
    assert_eq!((count.0, count.1), (6, 2));
}
