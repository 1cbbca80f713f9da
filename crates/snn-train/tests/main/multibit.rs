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
    for sets in [
        &["neuron.kind=plif"][..],
        &["neuron.kind=alif"],
        &["neuron.kind=if"],
        &["neuron.kind=ilif"],
        &["neuron.tebn=true", "neuron.tdbn=1.0"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sets: Vec<&str> = [&["neuron.bits=[1, 0]"], sets].concat();
        let result = finish(&small("multibit", &sets), &folder.path().join("run"));
        assert!(result.top1.is_finite() && result.checkpoint.is_dir(), "{sets:?}");
    }
}
