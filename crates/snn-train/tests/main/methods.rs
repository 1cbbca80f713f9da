//! Methods: what they add to a step, what they leave of themselves, and what they refuse.

use std::collections::BTreeSet;

use snn_losses::{Loss, Position};
use snn_models::{Architecture, Input, InputConfig, Model, ModelConfig};
use snn_ops::buffer;
use snn_train::{
    Examples, Method, Optimizer, OptimizerConfig, Recipe, Recompute, StepConfig, Trt, Tssd,
    recipe_keys, train_step,
};

use crate::util::{bytes, finish, interrupt_after, tiny};

/// Two epochs of two steps on event frames.
const EVENTS: &str = r#"
    seed = 7
    [data]
    name = "synthetic_events"
    t_steps = 4
    size = 16
    limit_train = 16
    limit_test = 8
    augment = { flip = true, roll = 2 }
    [model]
    architecture = "vgg9"
    width = 0.0625
    [neuron]
    v_threshold = 0.1
    [schedule]
    epochs = 2
    warmup_epochs = 1
    warmup_lr = 1e-3
    [optimizer]
    lr = 2e-3
    [train]
    batch = 8
"#;

fn events(sets: &[&str]) -> Recipe {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    Recipe::parse(EVENTS, "events", &sets).unwrap()
}

/// Every method, on recordings and on stills.
const METHODS: [&str; 8] = [
    "method={ kind = \"ssnn\", stage_steps = [4, 3, 2, 2] }",
    "method={ kind = \"ssnn\", stage_steps = [4, 3, 3, 1], transformer = \"linear+lif\", lambda_ec = 0.1 }",
    "method={ kind = \"tssd\" }",
    "method={ kind = \"tssd\", teacher_ce = true, weak_ce = true, weak_head = \"conv\" }",
    "method={ kind = \"trt\" }",
    "method={ kind = \"trt\", order = \"random\", bn_split = true, hybrid_head = \"own\" }",
    "method={ kind = \"trt\", symmetric = true, detach = true, reversed_ce = true, hybrid_loss = \"kl\" }",
    "method={ kind = \"strong-weak\", cascade = true }",
];

#[test]
fn methods_resume_bit_for_bit_and_leave_nothing_in_the_export() {
    for method in METHODS {
        let recipe = events(&[method]);
        let [whole, parts] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let result = finish(&recipe, whole.path());
        assert_eq!(interrupt_after(&recipe, parts.path(), 3), 3, "{method}");
        finish(&recipe, parts.path());
        assert!(bytes(parts.path()) == bytes(whole.path()), "{method}");
        let model = Model::load(&result.checkpoint).unwrap();
        assert!(model.config().heads.is_empty());
        assert!(!model.params().keys().any(|name| name.starts_with("heads")), "{method}");
        let plain = ModelConfig { steps: Default::default(), ..model.config().clone() };
        let own = model.params().keys().filter(|name| !name.starts_with("steps."));
        let names = Model::new(&plain, 0).unwrap().params().keys().cloned().collect::<Vec<_>>();
        assert_eq!(own.cloned().collect::<Vec<_>>(), names, "{method}");
    }
}

#[test]
fn methods_train_on_stills() {
    for method in METHODS.into_iter().skip(2) {
        let dir = tempfile::tempdir().unwrap();
        let result = finish(&tiny(&["loss={}", "schedule.epochs=1", method]), dir.path());
        assert!(result.n == 16 && result.t_steps == 2, "{method}");
    }
    let dir = tempfile::tempdir().unwrap();
    let shrinking = "method={ kind = \"ssnn\", stage_steps = [2, 2, 1] }";
    assert_eq!(finish(&tiny(&["schedule.epochs=1", shrinking]), dir.path()).n, 16);
}

/// The exported weights and the epochs' lines.
fn trained(recipe: &Recipe) -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    finish(recipe, dir.path());
    let mut files = bytes(dir.path());
    files.retain(|(name, _)| name == "metrics.jsonl" || name.ends_with("/model.safetensors"));
    files
}

#[test]
fn a_method_that_is_turned_off_is_the_plain_training() {
    let plain = trained(&events(&[]));
    for method in [
        "method={ kind = \"ssnn\", stage_steps = [4, 4, 4, 4], transformer = \"avg\", lambda_ec = 0 }",
        "method={ kind = \"tssd\", alpha = 0, beta = 0 }",
        "method={ kind = \"trt\", consistency = 0, hybrid = 0 }",
        "method={ kind = \"strong-weak\", weight = 0 }",
    ] {
        assert!(trained(&events(&[method])) == plain, "{method}");
    }
    assert!(trained(&events(&[METHODS[0]])) != plain);
}

#[test]
fn recomputed_stages_change_no_byte_of_a_method() {
    for method in ["method={ kind = \"trt\" }", "method={ kind = \"tssd\" }"] {
        for recipe in [tiny as fn(&[&str]) -> Recipe, events] {
            let kept = trained(&recipe(&["schedule.epochs=1", method]));
            let again = recipe(&["schedule.epochs=1", "train.recompute=stage", method]);
            assert!(trained(&again) == kept, "{method}");
        }
    }
}

fn model(t_steps: usize) -> Model {
    let mut config = ModelConfig::new(Architecture::SewResnet19, 10);
    (config.width, config.neuron.v_threshold, config.t_steps) = (1.0 / 16.0, 0.1, t_steps);
    config.input = InputConfig { height: 8, width: 8 };
    Model::new(&config, 3).unwrap()
}

/// The loss and the gradients' norm of a batch of stills, or of the same in every frame.
fn step(t_steps: usize, method: Option<Method>, terms: Option<snn_losses::Terms>) -> (f64, f64) {
    let x: Vec<f32> = (0..4 * 3 * 64).map(|i| ((i * 37 % 101) as f32) / 50.0 - 1.0).collect();
    let host_labels = vec![0, 3, 9, 5];
    let examples = Examples {
        x: Input::Still(buffer::tensor(x, vec![4, 3, 8, 8]).unwrap()),
        labels: buffer::tensor(host_labels.clone(), 4).unwrap(),
        host_labels,
        mixed: None,
        framings: Vec::new(),
    };
    let objective = Loss::CrossEntropy.at(Position { epoch: 0, epochs: 1 }).with(terms);
    let config = StepConfig {
        objective: &objective,
        method: method.as_ref(),
        seed: 1,
        lr: 1e-3,
        step: 0,
        recompute: Recompute::None,
    };
    let mut optimizer = Optimizer::new(&OptimizerConfig::default(), BTreeSet::new());
    let output = train_step(&mut model(t_steps), &mut optimizer, &examples, config).unwrap();
    (output.loss, output.grad_norm)
}

#[test]
fn a_teacher_of_as_many_steps_says_nothing() {
    let plain = step(2, None, None);
    let tssd = |teacher_steps| {
        let terms = snn_losses::Tssd {
            alpha: 1.0,
            beta: 0.0,
            temperature: 2.0,
            teacher_ce: false,
            weak_ce: false,
        };
        let method = Tssd { teacher_steps: Some(teacher_steps), beta: 0.0, ..Tssd::default() };
        step(2, Some(Method::Tssd(method)), Some(snn_losses::Terms::Tssd(terms)))
    };
    let equal = tssd(2);
    assert_eq!(equal.0, plain.0);
    assert!((equal.1 - plain.1).abs() < 1e-5 * plain.1, "{equal:?} {plain:?}");
    assert_ne!(tssd(3).0, plain.0);
}

#[test]
fn one_step_is_its_own_reverse() {
    let terms = snn_losses::Trt {
        consistency: 1.0,
        hybrid: 0.0,
        temperature: 2.0,
        detach: false,
        symmetric: true,
        reversed_ce: false,
        hybrid_kl: false,
    };
    let trt = |t_steps| {
        let method = Method::Trt(Trt { hybrid: 0.0, ..Trt::default() });
        step(t_steps, Some(method), Some(snn_losses::Terms::Trt(terms)))
    };
    let (plain, one) = (step(1, None, None), trt(1));
    assert_eq!(one.0, plain.0);
    assert!((one.1 - plain.1).abs() < 1e-5 * plain.1, "{one:?} {plain:?}");
    assert!(trt(3).0.is_finite());
}

#[test]
fn what_does_not_suit_is_named() {
    let refused = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        let error = Recipe::parse(EVENTS, "events", &sets).unwrap_err();
        assert_eq!(error.exit_code(), 1, "{error}");
        error.to_string()
    };
    for (set, says) in [
        (
            "{ kind = \"ssnn\", stage_steps = [4, 2, 3, 1] }",
            "method.stage_steps is [4, 2, 3, 1]; use steps that do not grow",
        ),
        (
            "{ kind = \"ssnn\", stage_steps = [4, 2] }",
            "4 numbers, for stage1, stage2, stage3, stage4 of vgg9",
        ),
        ("{ kind = \"ssnn\", stage_steps = [8, 6, 4, 2] }", "4 for the first stage"),
        ("{ kind = \"ssnn\", stage_steps = [4, 0, 0, 0] }", "method.stage_steps is 0; use 1 to"),
        ("{ kind = \"ssnn\", lambda_ec = -1.0 }", "method.lambda_ec is -1; use 0 or more"),
        ("{ kind = \"ssnn\", transformer = \"mean\" }", "transformer"),
        (
            "{ kind = \"tssd\", teacher_steps = 3 }",
            "method.teacher_steps is 3; use at least the 4 steps",
        ),
        (
            "{ kind = \"tssd\", weak_after = \"layer2\" }",
            "method.weak_after is layer2; use stage1, stage2",
        ),
        ("{ kind = \"tssd\", temperature = 0.0 }", "method.temperature is 0; use above 0"),
        ("{ kind = \"trt\", hybrid = -0.5 }", "method.hybrid is -0.5; use 0 or more"),
        ("{ kind = \"trt\", order = \"forwards\" }", "forwards"),
        ("{ kind = \"trt\", alpha = 1.0 }", "alpha"),
        ("{ kind = \"trx\" }", "trx"),
    ] {
        let message = refused(&[&format!("method={set}")]);
        assert!(message.contains(says), "{set}: {message}");
    }
    let sets = ["model.architecture=cnn1d", "method={ kind = \"ssnn\" }"];
    assert!(refused(&sets).contains("ssnn with cnn1d"), "{}", refused(&sets));
}

#[test]
fn a_run_with_heads_starts_from_a_checkpoint_without_them() {
    let [plain, taught] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let init = finish(&events(&["schedule.epochs=1"]), plain.path()).checkpoint;
    let init = format!("model.init=\"{}\"", init.display());
    let recipe = events(&["schedule.epochs=1", "method.kind=tssd", &init]);
    assert_eq!(finish(&recipe, taught.path()).method.as_deref(), Some("tssd"));
}

#[test]
fn recipes_of_the_repository_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/recipes");
    let mut methods = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        // Presets hold parts of recipes.
        if name.ends_with(".toml") && !name.starts_with("table") && name != "race.toml" {
            let recipe = Recipe::load(&path, &[]).unwrap();
            methods.extend(recipe.method.map(|method| method.name()));
        }
    }
    assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["ssnn", "trt", "tssd"]);
}

#[test]
fn a_method_is_in_the_hash_only_where_it_is() {
    let plain = events(&[]);
    assert!(!plain.to_toml().unwrap().contains("method"));
    let tssd = events(&["method.kind=tssd"]);
    assert_ne!(plain.hash().unwrap(), tssd.hash().unwrap());
    assert_eq!(Recipe::parse(&tssd.to_toml().unwrap(), "again", &[]).unwrap(), tssd);
}

#[test]
fn defaults_of_the_methods_are_what_the_reference_says() {
    for key in recipe_keys() {
        let Some(name) = key.name.strip_prefix("method.").filter(|name| *name != "kind") else {
            continue;
        };
        if key.default.is_empty() {
            continue;
        }
        let kind = key.meaning.split('`').nth(1).unwrap();
        let recipe = events(&[&format!("method.kind={kind}")]);
        let is = toml::Table::try_from(recipe.method.as_ref().unwrap()).unwrap()[name].clone();
        let is = match is {
            toml::Value::String(is) => is,
            toml::Value::Float(is) => is.to_string(),
            other => other.to_string(),
        };
        assert_eq!(format!("`{is}`"), key.default, "{kind} {name}");
    }
}
