//! Slips of people: what a start that fails leaves, what is told before the first step, and what is told at all.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use snn_models::Model;
use snn_train::{Error, RunOptions, load_result, train};

use crate::util::{TINY, begin, bytes, finish, interrupt_after, names, options, run, tiny};

fn set(key: &str, path: &Path) -> String {
    format!("{key}={:?}", path.display().to_string())
}

#[test]
fn a_start_that_fails_burns_no_directory() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("run");
    let fresh = RunOptions { resume: false, ..options(&dir) };
    let start = |sets: &[&str]| train(&tiny(sets), &fresh, &mut (), &AtomicBool::new(false));
    let slip = set("model.init", &place.path().join("tow"));
    for sets in [&[slip.as_str()][..], &["train.steps_per_epoch=99"], &["model.width=16"]] {
        let error = start(sets).unwrap_err().to_string();
        assert_eq!(names(place.path()), [""; 0], "{sets:?}: {error}");
    }
    // One value per channel has no variance: the norm is named, and nothing is left.
    let single = ["model.architecture=sew_resnet18", "train.batch=1", "model.t_steps=1"];
    let error = start(&single).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("layer") && text.contains("one value per channel"), "{text}");
    assert_eq!((error.exit_code(), names(place.path()).len()), (1, 0));
    start(&[]).unwrap();
}

#[test]
fn a_run_that_trained_nothing_keeps_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = RunOptions { resume: false, ..options(dir.path()) };
    let start = |sets: &[&str]| train(&tiny(sets), &fresh, &mut (), &AtomicBool::new(false));
    let wild = ["optimizer.lr=1e38", "schedule.warmup_epochs=0"];
    let error = start(&wild).unwrap_err();
    assert!(error.exit_code() == 3 && dir.path().join("run.json").exists(), "{error}");
    start(&[]).unwrap();
    let whole = tempfile::tempdir().unwrap();
    finish(&tiny(&[]), whole.path());
    assert_eq!(bytes(dir.path()), bytes(whole.path()));
    // One that has trained is in the way.
    assert!(matches!(start(&wild), Err(Error::Exists { .. })));
    let dir = tempfile::tempdir().unwrap();
    interrupt_after(&tiny(&[]), dir.path(), 1);
    let fresh = RunOptions { resume: false, ..options(dir.path()) };
    let error = train(&tiny(&[]), &fresh, &mut (), &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
}

#[test]
fn a_kill_before_the_run_is_one_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    for stray in [".run.json.aB3dE6.tmp", ".notes.aB3dE6.tmp"] {
        std::fs::File::create(dir.path().join(stray)).unwrap();
    }
    finish(&tiny(&[]), dir.path());
    let strays: Vec<_> =
        names(dir.path()).into_iter().filter(|name| name.ends_with(".tmp")).collect();
    assert_eq!(strays, [".notes.aB3dE6.tmp"], "a stranger's file stays");
}

#[test]
fn another_checkpoint_in_the_place_of_init_is_refused_on_resuming() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    finish(&tiny(&[]), &at("one"));
    finish(&tiny(&["seed=8"]), &at("two"));
    let init = set("model.init", &at("one/checkpoint"));
    begin(&tiny(&[&init]), &at("run"));
    for name in ["config.json", "model.safetensors", "SHA256SUMS"] {
        std::fs::copy(at("two/checkpoint").join(name), at("one/checkpoint").join(name)).unwrap();
    }
    let error = run(&tiny(&[&init]), &at("run")).unwrap_err();
    assert!(matches!(error, Error::Identity { what: "recipe", .. }), "{error}");
    assert!(error.to_string().contains("model.init names other weights"), "{error}");
    // Half of a copy is none.
    let names = ["config.json", "model.safetensors"].map(|name| at("one/checkpoint").join(name));
    std::fs::copy(&names[1], at("kept")).unwrap();
    let mut other = std::fs::read(&names[1]).unwrap();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    snn_train::write_atomic(&names[1], &other).unwrap();
    let error = run(&tiny(&[&init]), &at("next")).unwrap_err().to_string();
    assert!(error.contains("SHA256SUMS") && !at("next").exists(), "{error}");
}

#[test]
fn the_trunk_of_a_checkpoint_of_other_classes_is_taken_over() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    finish(&tiny(&[]), &at("ten"));
    // The generated set has ten classes always: a checkpoint of three is made by hand.
    let ten = Model::load(&at("ten/checkpoint")).unwrap();
    let head = format!("{}.", ten.classifier());
    let weight = format!("{head}weight");
    let mut config = ten.config().clone();
    (config.num_classes, config.labels) = (3, vec!["a".into(), "b".into(), "c".into()]);
    let mut three = Model::new(&config, 1).unwrap();
    for (name, tensor) in ten.params() {
        if !name.starts_with(&head) {
            three.params_mut().insert(name.clone(), tensor.clone());
        }
    }
    three.set_buffers(ten.buffers().clone());
    snn_train::export(&three, &at("three")).unwrap();
    let init = set("model.init", &at("three"));
    // No step is taken: the state that the run begins with.
    let begun = |sets: &[&str], name: &str| {
        begin(&tiny(sets), &at(name));
        let out = at(&format!("{name}-out"));
        snn_train::export_run(&at(name), snn_train::Which::Last, &out).unwrap();
        Model::load(&out).unwrap()
    };
    let (from, fresh) = (begun(&[&init], "from"), begun(&[], "fresh"));
    let values = |model: &Model, name: &str| {
        let tensor = model.params().get(name).or(model.buffers().get(name)).unwrap();
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    for name in ten.params().keys().chain(ten.buffers().keys()) {
        let expected = if name.starts_with(&head) { &fresh } else { &ten };
        assert_eq!(values(&from, name), values(expected, name), "{name}");
    }
    // Asked for, it is refused or made anew.
    let error = run(&tiny(&[&init, "model.init_head=keep"]), &at("kept")).unwrap_err().to_string();
    assert!(
        error.contains(&format!("`{weight}` is [3, ")) && error.contains(&format!("`{head}bias`")),
        "{error}"
    );
    let own = set("model.init", &at("ten/checkpoint"));
    assert_eq!(values(&begun(&[&own], "same"), &weight), values(&ten, &weight));
    let anew = begun(&[&own, "model.init_head=new"], "new");
    assert_eq!(values(&anew, &weight), values(&fresh, &weight));
    assert_eq!(values(&anew, "conv1.weight"), values(&ten, "conv1.weight"));
    let alone = snn_train::Recipe::parse(TINY, "r", &["model.init_head=new".into()]);
    assert!(alone.unwrap_err().to_string().contains("model.init"));
}

#[cfg(unix)]
#[test]
fn pipes_in_the_place_of_a_runs_files_are_refused_at_once() {
    for name in ["run.json", "MANIFEST", "metrics.jsonl", "result.json", "recipe.toml"] {
        let dir = tempfile::tempdir().unwrap();
        match name {
            "result.json" => drop(finish(&tiny(&[]), dir.path())),
            _ => drop(interrupt_after(&tiny(&[]), dir.path(), 4)),
        }
        let path = dir.path().join(name);
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = run(&tiny(&[]), dir.path()).unwrap_err();
        assert!(error.to_string().contains("is not a regular file"), "{name}: {error}");
        assert_eq!(error.exit_code(), 2, "{name}");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let error = run(&tiny(&[]), dir.path()).unwrap_err().to_string();
        assert!(error.contains("is not a regular file"), "{name}: {error}");
    }
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("r.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = snn_train::Recipe::load(&pipe, &[]).unwrap_err();
    assert!(error.exit_code() == 1 && error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn figures_that_were_changed_are_measured_again_or_found() {
    let dir = tempfile::tempdir().unwrap();
    let result = finish(&tiny(&[]), dir.path());
    let all = bytes(dir.path());
    let change = |name: &str, from: &str, to: &str| {
        let path = dir.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} {from}");
        snn_train::write_atomic(&path, text.replacen(from, to, 1).as_bytes()).unwrap();
        text
    };
    let top1 = format!("\"top1\": {:?}", result.top1);
    for (from, to) in [
        (top1.as_str(), "\"top1\": 99.5"),
        ("\"seed\": 7", "\"seed\": 8"),
        ("\"best_epoch\": ", "\"best_epoch\": 4"),
        ("sew_resnet19", "sew_resnet18"),
    ] {
        change("result.json", from, to);
        let again = finish(&tiny(&[]), dir.path());
        assert_eq!((again.top1, again.seed, again.best_epoch), (result.top1, 7, result.best_epoch));
        assert_eq!(again.architecture, "sew_resnet19");
        assert_eq!(bytes(dir.path()), all);
    }
    // The same in both places is not what SHA256SUMS knows.
    change("result.json", &top1, "\"top1\": 99.5");
    change("checkpoint/config.json", &top1, "\"top1\": 99.5");
    assert_eq!(finish(&tiny(&[]), dir.path()).top1, result.top1);
    assert_eq!(bytes(dir.path()), all);
    let was = change("metrics.jsonl", "\"train_loss\":", "\"train_loss\":1");
    let error = run(&tiny(&[]), dir.path()).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("line 1 is damaged"), "{error}");
    snn_train::write_atomic(&dir.path().join("metrics.jsonl"), was.as_bytes()).unwrap();
    assert_eq!(finish(&tiny(&[]), dir.path()), load_result(dir.path()).unwrap().unwrap());
    // Of a run that is not finished they are computed again, from the state before them.
    std::fs::remove_file(dir.path().join("result.json")).unwrap();
    change("metrics.jsonl", "\"train_loss\":", "\"train_loss\":1");
    finish(&tiny(&[]), dir.path());
    assert_eq!(bytes(dir.path()), all);
}

#[test]
fn a_set_that_holds_nan_is_refused_when_it_is_made() {
    let set = |bad: f32| {
        let mut values = vec![0.5; 3 * 2 * 2 * 64];
        values[300] = bad;
        let names = vec!["a".into(), "b".into()];
        snn_data::Dataset::from_frames("own", "x", names, vec![0, 1, 0], [2, 2, 8, 8], values)
    };
    set(0.25).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = set(bad).unwrap_err().to_string();
        assert!(error.contains(&format!("{bad} in sample 1")), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_into_a_directory_in_anothers_place() {
    struct Swap<'a>(&'a Path);
    impl snn_train::Observer for Swap<'_> {
        fn on_begin(&mut self, _: &snn_train::Beginning) {
            std::fs::rename(self.0.join("run"), self.0.join("away")).unwrap();
            std::fs::create_dir(self.0.join("run")).unwrap();
        }
    }
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("run");
    let never = AtomicBool::new(false);
    let error = train(&tiny(&[]), &options(&dir), &mut Swap(place.path()), &never).unwrap_err();
    assert!(matches!(error, Error::Moved { .. }) && error.exit_code() == 5, "{error}");
    assert_eq!(names(&dir), [""; 0]);
}
