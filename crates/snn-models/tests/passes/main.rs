//! Passes that share parameters, auxiliary classifiers, taps, and steps that change.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod methods;

use std::collections::BTreeMap;

use candle_core::Tensor;
use snn_models::{
    Architecture, Input, InputConfig, Mode, Model, ModelConfig, NeuronChange, Request,
};
use snn_ops::{Tape, buffer, random};

fn config(architecture: Architecture) -> ModelConfig {
    let mut config = ModelConfig::new(architecture, 5);
    config.width = 0.1;
    config.t_steps = 4;
    config.input = InputConfig { height: 16, width: 16 };
    config
}

fn frames(config: &ModelConfig, seed: u64) -> Input {
    let shape = vec![4, 3, config.in_channels, 16, 16];
    let mut rng = random::stream(seed, "frames", 0, 0);
    let values = random::normal(&mut rng, shape.iter().product(), 0.5, 1.0);
    Input::Frames(buffer::tensor(values, shape).unwrap())
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn seed_of(logits: &Tensor, seed: u64) -> Tensor {
    let mut rng = random::stream(seed, "seed", 0, 0);
    buffer::tensor(random::normal(&mut rng, logits.elem_count(), 0.0, 1.0), logits.dims()).unwrap()
}

type Gradients = BTreeMap<String, Vec<f32>>;

fn gradients(tape: Tape, outputs: &[(&snn_ops::Value, Tensor)]) -> Gradients {
    let mut found = BTreeMap::new();
    tape.backward(outputs.iter().map(|(y, seed)| (*y, seed.clone())), &mut |name, gradient| {
        assert!(found.insert(name.to_string(), values(&gradient)).is_none(), "{name} twice");
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn two_passes_on_one_tape_are_two_batches() {
    for architecture in [Architecture::Resnet19, Architecture::SewResnet18, Architecture::VggSnn] {
        let config = config(architecture);
        let model = Model::new(&config, 1).unwrap();
        let inputs = [frames(&config, 1), frames(&config, 2)];
        let mut first: Option<Gradients> = None;
        for new in [Tape::new as fn() -> Tape, Tape::recomputing] {
            let mut both = new();
            let outputs =
                inputs.each_ref().map(|x| model.forward(&mut both, x, Mode::Train).unwrap());
            let seeds = outputs.each_ref().map(|o| seed_of(o.logits.tensor(), 9));
            let joint = gradients(
                both,
                &[(&outputs[0].logits, seeds[0].clone()), (&outputs[1].logits, seeds[1].clone())],
            );
            let mut alone = Vec::new();
            for (x, seed) in inputs.iter().zip(&seeds) {
                let mut tape = new();
                let output = model.forward(&mut tape, x, Mode::Train).unwrap();
                alone.push(gradients(tape, &[(&output.logits, seed.clone())]));
            }
            assert_eq!(joint.len(), model.params().len());
            for (name, joint) in &joint {
                let sum = alone[1][name].iter().zip(&alone[0][name]).map(|(b, a)| b + a);
                assert!(joint.iter().zip(sum).all(|(a, b)| *a == b), "{architecture:?} {name}");
            }
            // Recomputed stages change no byte.
            assert_eq!(first.get_or_insert_with(|| joint.clone()), &joint, "{architecture:?}");

            let at_once = model.folded(&[&outputs[0].statistics, &outputs[1].statistics]).unwrap();
            let mut batches = model.clone();
            for x in &inputs {
                let output = batches.forward(&mut Tape::off(), x, Mode::Train).unwrap();
                let folded = batches.folded(&[&output.statistics]).unwrap();
                batches.set_buffers(folded);
            }
            for (name, statistic) in &at_once {
                assert_eq!(values(statistic), values(&batches.buffers()[name]), "{name}");
            }
        }
    }
}

#[test]
fn heads_answer_in_training_alone_and_are_in_no_export() {
    for architecture in [Architecture::SewResnet19, Architecture::VggSnn] {
        let plain = Model::new(&config(architecture), 1).unwrap();
        let mut with_heads = config(architecture);
        with_heads.heads = plain.boundaries()[..2].to_vec();
        let model = Model::new(&with_heads, 1).unwrap();
        assert_eq!(Model::size(&with_heads).unwrap(), Model::size(plain.config()).unwrap());
        assert_eq!(model.to_files().unwrap(), plain.to_files().unwrap());
        let x = frames(&with_heads, 1);
        let request = Request { heads: true, ..Request::new(Mode::Train) };
        let mut tape = Tape::new();
        let output = model.pass(&mut tape, &x, &request).unwrap();
        let names: Vec<&String> = output.heads.keys().collect();
        assert_eq!(names, with_heads.heads.iter().collect::<Vec<_>>());
        assert!(output.heads.values().all(|head| head.dims() == [4, 3, 5]));
        let without = plain.forward(&mut Tape::off(), &x, Mode::Train).unwrap();
        assert!(without.heads.is_empty());
        assert_eq!(values(output.logits.tensor()), values(without.logits.tensor()));
        // A head alone sends gradients to itself and to what is before it.
        let (name, head) = output.heads.first_key_value().unwrap();
        let seed = seed_of(head.tensor(), 3);
        let found = gradients(tape, &[(head, seed)]);
        assert!(found.contains_key(&format!("heads.{name}.weight")));
        assert!(
            found.keys().any(|name| name.starts_with("conv")) && found.len() < model.params().len()
        );
    }
    let mut wrong = config(Architecture::VggSnn);
    wrong.heads = vec!["stage9".into()];
    let message = Model::new(&wrong, 0).unwrap_err().to_string();
    assert!(message.contains("stage9") && message.contains("stage1, stage2"), "{message}");
}

#[test]
fn features_through_the_classifier_are_the_scores() {
    let config = config(Architecture::Resnet19);
    let model = Model::new(&config, 1).unwrap();
    let output = model.forward(&mut Tape::off(), &frames(&config, 1), Mode::Eval).unwrap();
    let scores = model.classify(&mut Tape::off(), &output.features).unwrap();
    assert_eq!(values(scores.tensor()), values(output.logits.tensor()));
    assert_eq!(output.features.dims(), [4, 3, 26]);
}

#[test]
fn taps_and_counts_see_the_same_spikes_and_change_nothing() {
    let config = config(Architecture::SewResnet18);
    let model = Model::new(&config, 1).unwrap();
    let (x, tap) = (frames(&config, 1), "layer1.0.lif2");
    let request = Request { taps: vec![tap.into()], counts: true, ..Request::new(Mode::Train) };
    for mut tape in [Tape::off(), Tape::recomputing()] {
        let output = model.pass(&mut tape, &x, &request).unwrap();
        let plain = model.forward(&mut Tape::off(), &x, Mode::Train).unwrap();
        assert_eq!(values(output.logits.tensor()), values(plain.logits.tensor()));
        let spikes = &output.taps[tap];
        let fired = output.fired.iter().find(|fired| fired.name == tap).unwrap();
        assert_eq!(fired.neurons * 4, spikes.elem_count());
        let flat = spikes.flatten_all().unwrap().to_vec1::<u8>().unwrap();
        let counted: Vec<u64> =
            flat.chunks(fired.neurons).map(|s| s.iter().map(|&v| u64::from(v)).sum()).collect();
        assert_eq!(fired.spikes, counted);
        assert!(counted.iter().sum::<u64>() > 0);
    }
    let request = Request { taps: vec!["lif9".into()], ..Request::new(Mode::Eval) };
    let message = model.pass(&mut Tape::off(), &x, &request).unwrap_err().to_string();
    assert!(message.contains("lif9") && message.contains("layer1.0.lif1"), "{message}");
}

#[test]
fn steps_change_where_they_are_told_to() {
    let mut config = config(Architecture::VggSnn);
    config.steps = [("stage1".to_string(), 2), ("stage3".to_string(), 1)].into();
    let model = Model::new(&config, 1).unwrap();
    assert_eq!(model.params()["steps.stage1.weight"].dims(), [2, 4]);
    assert!(model.undecayed().contains("steps.stage3.weight"));
    assert!(!model.undecayed().contains("conv.0.weight"));
    let x = frames(&config, 1);
    let mut tape = Tape::new();
    let output = model.forward(&mut tape, &x, Mode::Train).unwrap();
    assert_eq!(output.logits.dims(), [1, 3, 5]);
    let found = gradients(tape, &[(&output.logits, seed_of(output.logits.tensor(), 3))]);
    for name in ["steps.stage1.weight", "steps.stage3.weight"] {
        assert!(found[name].iter().any(|&g| g != 0.0), "{name}");
    }
    // Fewer steps after a boundary are less work.
    let uniform = Model::size(&self::config(Architecture::VggSnn)).unwrap();
    let size = Model::size(&config).unwrap();
    assert_eq!(
        (size.macs_per_step, uniform.macs),
        (uniform.macs_per_step, 4 * uniform.macs_per_step)
    );
    assert!(size.macs < uniform.macs);

    let Input::Frames(all) = &x else { panic!() };
    let fewer = Input::Frames(all.narrow(0, 0, 3).unwrap().contiguous().unwrap());
    let message = model.forward(&mut Tape::off(), &fewer, Mode::Eval).unwrap_err().to_string();
    assert!(
        message.starts_with("steps.stage1: mixes 4 time steps, and the input has 3"),
        "{message}"
    );
    let message =
        model.step(&all.get(0).unwrap(), &mut snn_models::State::new()).unwrap_err().to_string();
    assert!(message.starts_with("steps.stage1: mixes the steps"), "{message}");
}

#[test]
fn equal_steps_with_an_identity_matrix_are_the_plain_network() {
    let plain = config(Architecture::VggSnn);
    let mut mixed = plain.clone();
    mixed.steps = [("stage1".to_string(), 4)].into();
    let run = |config: &ModelConfig| {
        let model = Model::new(config, 1).unwrap();
        let output = model.forward(&mut Tape::off(), &frames(config, 1), Mode::Eval).unwrap();
        values(output.logits.tensor())
    };
    assert_eq!(run(&plain), run(&mixed));
}

#[test]
fn a_layer_of_neurons_may_have_constants_of_its_own() {
    let mut config = config(Architecture::Resnet19);
    let run = |config: &ModelConfig| {
        let model = Model::new(config, 1).unwrap();
        let request = Request { counts: true, ..Request::new(Mode::Train) };
        model.pass(&mut Tape::off(), &frames(config, 1), &request).unwrap().fired
    };
    let plain = run(&config);
    let change = NeuronChange { v_threshold: Some(1e6), ..NeuronChange::default() };
    config.neurons.insert("layer1.0.lif1".into(), change);
    let changed = run(&config);
    assert_eq!(plain[0], changed[0]);
    assert!(plain[1].spikes[0] > 0 && changed[1].spikes.iter().all(|&s| s == 0), "{changed:?}");
    let text = serde_json::to_string(&config).unwrap();
    let back: ModelConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(back, config);

    let change = NeuronChange { tau: Some(0.5), ..NeuronChange::default() };
    config.neurons.insert("lif1".into(), change);
    let message = Model::new(&config, 0).unwrap_err().to_string();
    assert!(message.starts_with("neurons.lif1:") && message.contains("tau"), "{message}");
    config.neurons.clear();
    config.neurons.insert("lif7".into(), NeuronChange::default());
    let message = Model::new(&config, 0).unwrap_err().to_string();
    assert!(message.starts_with("neurons.lif7: is no part of resnet19"), "{message}");
}

fn windows(config: &ModelConfig, seed: u64) -> Input {
    let shape = vec![3, 1, 1, config.input.width];
    let mut rng = random::stream(seed, "windows", 0, 0);
    let values = random::normal(&mut rng, shape.iter().product(), 0.0, 1.0);
    Input::Still(buffer::tensor(values, shape).unwrap())
}

fn mra_snn(parts: &[(&str, bool)]) -> ModelConfig {
    let mut config = ModelConfig::new(Architecture::MraSnn, 5);
    (config.width, config.input.width) = (0.25, 256);
    config.neuron.v_threshold = 0.2;
    config.parts = parts.iter().map(|&(name, on)| (name.to_string(), on)).collect();
    config
}

#[test]
fn a_dendritic_gate_starts_as_plain_neurons_and_learns() {
    let run = |config: &ModelConfig| {
        let mut tape = Tape::new();
        let output = Model::new(config, 1).unwrap();
        let output = output.forward(&mut tape, &windows(config, 1), Mode::Train).unwrap();
        let seed = seed_of(output.logits.tensor(), 1);
        (values(output.logits.tensor()), gradients(tape, &[(&output.logits, seed)]))
    };
    let (gated, gradients) = run(&mra_snn(&[]));
    let (plain, _) = run(&mra_snn(&[("dendrites", false)]));
    assert_eq!(gated, plain);
    assert!(gated.iter().any(|&x| x != gated[0]));
    for name in
        ["encoder.dendrite.weight", "stage1.inner.dendrite.weight", "stage3.dendrite.weight"]
    {
        assert!(gradients[name].iter().any(|&g| g != 0.0), "{name}");
    }
}

#[test]
fn parts_are_turned_off_one_by_one() {
    let mut config = ModelConfig::new(Architecture::MraSnn, 10);
    let parameters = |config: &ModelConfig| Model::size(config).unwrap().parameters;
    // Convolutions, norms, classifier, then the kernels of 4 attentions and 7 gates.
    let whole = 1856 + 24_576 + 81_920 + 327_680 + 2 * (64 + 128 + 384 + 768) + 2570;
    let gates = (3 + 3 + 5 + 5) + (3 + 2 * (3 + 5 + 5));
    assert_eq!(parameters(&config), whole + gates);
    for (part, fewer) in [
        ("multi_scale", 1856 - 15 * 64),
        ("encoder_attention", 3),
        ("block_attention", 3 + 5 + 5),
        ("dendrites", 3 + 2 * (3 + 5 + 5)),
        ("residual", 64 * 128 + 128 * 256 + 2 * (128 + 256)),
    ] {
        config.parts = [(part.to_string(), false)].into();
        assert_eq!(parameters(&config), whole + gates - fewer, "{part}");
    }
    config.parts = [("dendrite".to_string(), false)].into();
    let message = Model::size(&config).unwrap_err().to_string();
    assert!(
        message.starts_with("parts.dendrite: is no part of mra_snn; use multi_scale,"),
        "{message}"
    );
    config.architecture = Architecture::Cnn1d;
    let message = Model::size(&config).unwrap_err().to_string();
    assert!(message.contains("of cnn1d, which has none"), "{message}");
    let text = serde_json::to_string(&mra_snn(&[("residual", false)])).unwrap();
    assert_eq!(
        serde_json::from_str::<ModelConfig>(&text).unwrap(),
        mra_snn(&[("residual", false)])
    );
}
