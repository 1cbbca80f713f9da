//! The recipes of spikes of several bits, and an ANN on its way to one.

use std::sync::Arc;

use snn_models::Model;
use snn_train::{EVAL_BATCH, Recipe, evaluate};

use crate::util::finish;

/// The recipe of that name on a few generated samples, with a narrow network.
fn small(name: &str, sets: &[&str]) -> Recipe {
    let path = format!("{}/../../data/recipes/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let own = [
        "data.name=synthetic",
        "data.limit_train=24",
        "data.limit_test=16",
        "model.width=0.1",
        "train.batch=8",
        "schedule.epochs=2",
    ];
    let sets: Vec<String> = own.iter().chain(sets).map(|set| set.to_string()).collect();
    Recipe::load(path.as_ref(), &sets).unwrap()
}

#[test]
fn recipes_of_several_bits_train_and_their_checkpoints_say_so() {
    for bits in ["[1, 1]", "[2, 0]", "[1, 0]"] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let recipe = small("multibit", &[&format!("neuron.bits={bits}")]);
        let result = finish(&recipe, &dir);
        let model = Model::load(&result.checkpoint).unwrap();
        assert_eq!(format!("{:?}", model.config().neuron.bits), bits);
        assert!(model.params().contains_key("eca.7.weight"));
        let text = std::fs::read_to_string(result.checkpoint.join("config.json")).unwrap();
        // What is the default is not written, so that older files and recipes keep their hashes.
        assert_eq!(text.contains("\"bits\""), bits != "[1, 0]");
    }
}

#[test]
fn an_ann_is_trained_by_the_same_loop_and_converted_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = small("multibit-ann", &[]);
    let result = finish(&recipe, &folder.path().join("run"));
    let ann = Model::load(&result.checkpoint).unwrap();
    let snn = ann.converted(None).unwrap();
    assert_eq!(snn.config().neuron.bits, [2, 0]);
    let data = snn_data::open(&recipe.data.config(None)).unwrap().test;
    let data = Arc::new(data);
    let of = |model: &Model| evaluate(model, &data, EVAL_BATCH).unwrap();
    assert_eq!(of(&ann), of(&snn));
    assert_eq!(of(&ann).top1, result.top1);
    let mut longer = snn.clone();
    longer.config_mut().t_steps = 4;
    assert_eq!(of(&longer).n, 16);
}

#[test]
fn neurons_of_every_kind_take_steps() {
    for set in [
        "neuron={ kind = \"plif\" }",
        "neuron={ kind = \"alif\", tau_threshold = 10.0 }",
        "neuron={ kind = \"if\", v_threshold = 1.0 }",
        "neuron={ kind = \"ilif\", levels = 2 }",
        "neuron={ tebn = true, tdbn = 1.0 }",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sets = [set];
        let result = finish(&small("multibit", &sets), &folder.path().join("run"));
        assert!(result.top1.is_finite() && result.checkpoint.is_dir(), "{set}");
    }
}

#[test]
fn settings_that_would_change_nothing_are_refused_by_key() {
    let path = format!("{}/../../data/recipes/multibit.toml", env!("CARGO_MANIFEST_DIR"));
    let refused = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        Recipe::load(path.as_ref(), &sets).unwrap_err().to_string()
    };
    for (sets, starts) in [
        (&["neuron={ kind = \"ilif\", v_threshold = 3.0 }"][..], "neuron.v_threshold"),
        (&["neuron={ kind = \"if\", tau = 4.0 }"], "neuron.tau"),
        (&["neuron={ reset = \"soft\", v_reset = 0.1 }"], "neuron.v_reset"),
        (&["data.frames_by=count"], "data.frames_by"),
        (&["data.representation=voxel-grid"], "data.representation"),
        (&["model.encoding=latency", "model.t_steps=1"], "model.t_steps"),
        (&["method={ kind = \"strong-weak\" }", "model.t_steps=1"], "method.kind"),
        (&["method={ kind = \"ssnn\", lambda_ec = 0.0 }"], "method.stage_steps"),
    ] {
        let error = refused(sets);
        assert!(error.starts_with(starts), "{sets:?}: {error}");
    }
    // A layer of another kind may read what the others do not.
    let sets = [
        "neuron={ kind = \"ilif\", v_threshold = 3.0 }",
        "neurons={ \"lif.0\" = { kind = \"lif\" } }",
    ];
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    Recipe::load(path.as_ref(), &sets).unwrap();
}
