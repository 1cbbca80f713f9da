//! Networks of neurons of every kind: units, learned constants, steps in a row, and ANNs converted.

use std::collections::BTreeMap;

use candle_core::Tensor;
use snn_models::{
    Architecture, Encoding, Input, InputConfig, Mode, Model, ModelConfig, NeuronChange,
    NeuronConfig, Output, Request, State,
};
use snn_ops::{Tape, buffer, random};

const T: usize = 3;

fn config(architecture: Architecture, neuron: NeuronConfig) -> ModelConfig {
    let mut config = ModelConfig::new(architecture, 5);
    config.width = 0.1;
    config.t_steps = T;
    let (height, width) = if config.in_channels == 1 { (1, 140) } else { (16, 16) };
    config.input = InputConfig { height, width };
    config.neuron = neuron;
    config
}

fn bits(whole: u8, fraction: u8, v_threshold: f64) -> NeuronConfig {
    NeuronConfig {
        v_threshold,
        reset: "soft".into(),
        decay_input: false,
        strict: false,
        surrogate: "rectangle".into(),
        bits: [whole, fraction],
        ..NeuronConfig::default()
    }
}

fn still(config: &ModelConfig) -> Tensor {
    let shape = vec![3, config.in_channels, config.input.height, config.input.width];
    let mut rng = random::stream(8, "still", 0, 0);
    let values = random::normal(&mut rng, shape.iter().product(), 0.5, 1.5);
    buffer::tensor(values, shape).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    buffer::to_f32(tensor).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn run(model: &Model, mode: Mode) -> Output {
    let request = Request { counts: true, ..Request::new(mode) };
    model.pass(&mut Tape::off(), &Input::Still(still(model.config())), &request).unwrap()
}

fn gradients(model: &Model, mut tape: Tape) -> BTreeMap<String, Vec<f32>> {
    let x = Input::Still(still(model.config()));
    let logits = model.forward(&mut tape, &x, Mode::Train).unwrap().logits;
    let mut rng = random::stream(9, "seed", 0, 0);
    let seed = random::normal(&mut rng, logits.tensor().elem_count(), 0.0, 1.0);
    let seed = buffer::tensor(seed, logits.dims()).unwrap();
    let mut found = BTreeMap::new();
    tape.backward([(&logits, seed)], &mut |name, gradient| {
        found.insert(name.to_string(), values(&gradient));
        Ok(())
    })
    .unwrap();
    found
}

/// The model with each parameter times what `factor` says of its name.
fn scaled(model: &Model, config: &ModelConfig, factor: impl Fn(&str) -> f64) -> Model {
    let mut other = Model::new(config, 1).unwrap();
    for (name, tensor) in other.params_mut() {
        *tensor = model.params()[name].affine(factor(name), 0.0).unwrap();
    }
    other
}

/// Spikes of k halves are those of k wholes whose weights are half as large: wherever a unit were forgotten or applied
/// twice, scores would differ.
#[test]
fn a_unit_is_applied_once_wherever_spikes_go() {
    for architecture in [
        Architecture::VggSnn,
        Architecture::Vgg9,
        Architecture::SewResnet18,
        Architecture::Pointnet,
        Architecture::Cnn1d,
    ] {
        let halves = Model::new(&config(architecture, bits(1, 1, 1.0)), 1).unwrap();
        let is_first =
            |name: &str| ["conv.0.", "conv1."].iter().any(|first| name.starts_with(first));
        let factor = |name: &str| {
            let is_weight = halves.params()[name].rank() > 1;
            if is_weight && !is_first(name) { 0.5 } else { 1.0 }
        };
        let wholes = scaled(&halves, &config(architecture, bits(2, 0, 0.5)), factor);
        for mode in [Mode::Train, Mode::Eval] {
            let (a, b) = (run(&halves, mode), run(&wholes, mode));
            assert_eq!(values(a.logits.tensor()), values(b.logits.tensor()), "{architecture:?}");
            assert_eq!(a.fired, b.fired);
            let last = a.fired.last().unwrap();
            let fires = last.spikes.iter().any(|&n| n > 0);
            assert!(fires || mode == Mode::Eval, "{architecture:?}: {last:?}");
            // What enters the classifier is what it says, so that methods may send it there again.
            let again = halves.classify(&mut Tape::off(), &a.features).unwrap();
            let mean = |x: &Tensor| x.sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!((mean(again.tensor()) - mean(a.logits.tensor())).abs() < 1e-3);
            let (a, b) = (values(a.features.tensor()), values(b.features.tensor()));
            assert!(a.iter().zip(&b).all(|(a, b)| 2.0 * a == *b), "{architecture:?}");
        }
        let kept = gradients(&halves, Tape::new());
        let others = gradients(&wholes, Tape::new());
        assert_eq!(kept.len(), halves.params().len(), "{architecture:?}");
        for (name, kept) in &kept {
            let factor = factor(name) as f32;
            assert!(kept.iter().zip(&others[name]).all(|(a, b)| *a == factor * b), "{name}");
        }
        assert_eq!(gradients(&halves, Tape::recomputing()), kept, "{architecture:?}");
    }
}

/// Shortcuts of spikes into a sum of currents: twice the current everywhere, and half as many levels to a threshold.
#[test]
fn a_unit_is_applied_once_to_a_shortcut() {
    let halves = Model::new(&config(Architecture::Resnet19, bits(1, 1, 1.0)), 1).unwrap();
    let factor = |name: &str| match name {
        "conv1.weight" | "fc1.weight" => 1.0,
        "fc1.bias" => 2.0,
        // Without a convolution this one sees the spikes.
        "layer1.0.downsample.1.weight" => 1.0,
        _ if name.contains("bn") || name.contains("downsample.1") => 2.0,
        _ if name.ends_with("weight") => 0.5,
        _ => 1.0,
    };
    let wholes = scaled(&halves, &config(Architecture::Resnet19, bits(2, 0, 1.0)), factor);
    let (a, b) = (run(&halves, Mode::Eval), run(&wholes, Mode::Eval));
    assert_eq!(a.fired, b.fired);
    let after_shortcut = a.fired.iter().find(|fired| fired.name == "layer1.1.lif2").unwrap();
    assert!(after_shortcut.spikes.iter().all(|&n| n > 0), "{after_shortcut:?}");
    assert_eq!(values(a.logits.tensor()), values(b.logits.tensor()));
}

#[test]
fn set_bits_and_silence_are_counted() {
    let model = Model::new(&config(Architecture::VggSnn, bits(2, 0, 0.3)), 1).unwrap();
    let request = Request {
        taps: vec!["lif.1".into()],
        counts: true,
        inputs: true,
        ..Request::new(Mode::Train)
    };
    let x = Input::Still(still(model.config()));
    let output = model.pass(&mut Tape::off(), &x, &request).unwrap();
    let k = output.taps["lif.1"].flatten_all().unwrap().to_vec1::<u8>().unwrap();
    let fired = output.fired.iter().find(|fired| fired.name == "lif.1").unwrap();
    let of = |count: fn(u8) -> u32| -> u64 { k.iter().map(|&k| u64::from(count(k))).sum() };
    let (bits, zeros) = (of(u8::count_ones), of(|k| u32::from(k == 0)));
    assert_eq!((fired.bits.iter().sum::<u64>(), fired.silent.iter().sum::<u64>()), (bits, zeros));
    assert!(k.contains(&3) && k.iter().all(|&k| k <= 3));
    // The next layer's additions: one for each set bit, as the second convolution's input is the first layer's spikes.
    let fed = output.fed.iter().find(|fed| fed.name == "conv.1").unwrap();
    let first = output.fired.iter().find(|fired| fired.name == "lif.0").unwrap();
    assert_eq!(fed.non_zero, first.bits.iter().sum::<u64>());
    assert!(fed.non_zero > fed.entries - first.silent.iter().sum::<u64>());
    let ann = ann(Architecture::VggSnn, 3);
    let layers = |model: &Model| Model::weight_layers(model.config()).unwrap();
    assert!(layers(&ann).iter().all(|layer| !layer.takes_spikes));
    assert!(layers(&model)[1..].iter().all(|layer| layer.takes_spikes));
    assert_eq!(fired.bits_per_neuron(), bits as f64 / k.len() as f64);
    assert_eq!(fired.silent_share(), zeros as f64 / k.len() as f64);
}

#[test]
fn learned_constants_start_as_the_plain_network_and_get_gradients() {
    for architecture in [Architecture::VggSnn, Architecture::Resnet19] {
        let plain = Model::new(&config(architecture, NeuronConfig::default()), 1).unwrap();
        let scores = |model: &Model| values(run(model, Mode::Train).logits.tensor());
        let plif = NeuronConfig { kind: "plif".into(), ..NeuronConfig::default() };
        let tebn = NeuronConfig { tebn: true, ..NeuronConfig::default() };
        let norms = plain.buffers().len() / 2;
        let leaks = plain.neurons().len();
        for (neuron, suffix, more) in [(plif, ".w", leaks), (tebn, ".step_scale", norms)] {
            let model = Model::new(&config(architecture, neuron), 1).unwrap();
            assert_eq!(scores(&model), scores(&plain), "{architecture:?} {suffix}");
            let all = gradients(&model, Tape::new());
            let own: Vec<_> = all.iter().filter(|(name, _)| name.ends_with(suffix)).collect();
            assert_eq!(own.len(), more);
            assert!(own.iter().all(|(_, g)| g.iter().all(|g| g.is_finite())));
            assert!(own.iter().filter(|(_, g)| g.iter().any(|&g| g != 0.0)).count() > more / 2);
            assert!(own.iter().all(|(name, _)| model.undecayed().contains(*name)));
            assert_eq!(gradients(&model, Tape::recomputing()), all, "{architecture:?} {suffix}");
            assert_eq!(model.params().len(), plain.params().len() + more);
        }
    }
    let tdbn = NeuronConfig { tdbn: Some(0.7), v_threshold: 0.8, ..NeuronConfig::default() };
    let model = Model::new(&config(Architecture::Vgg9, tdbn), 1).unwrap();
    assert!(values(&model.params()["bn.3.weight"]).iter().all(|&w| w == (0.7f64 * 0.8) as f32));
}

#[test]
fn steps_in_a_row_are_the_sequence_for_neurons_of_every_kind() {
    let base = NeuronConfig::default;
    let kinds = [
        NeuronConfig { kind: "plif".into(), tau: 1.7, ..base() },
        NeuronConfig { kind: "alif".into(), tau_threshold: 3.0, ..base() },
        NeuronConfig { kind: "if".into(), v_start: Some(0.5), ..base() },
        NeuronConfig { kind: "ilif".into(), ..base() },
        NeuronConfig { kind: "qcfs".into(), levels: 3, ..base() },
        NeuronConfig { tebn: true, ..base() },
        bits(1, 2, 0.6),
    ];
    for neuron in kinds {
        let mut model = Model::new(&config(Architecture::VggSnn, neuron.clone()), 1).unwrap();
        if neuron.tebn {
            for tensor in model.params_mut().iter_mut().filter(|(n, _)| n.ends_with("step_scale")) {
                *tensor.1 = buffer::tensor(vec![1.0f32, 0.5, 1.5], T).unwrap();
            }
        }
        let x = still(model.config());
        let input = Input::Still(x.clone());
        let whole = model.forward(&mut Tape::exact(), &input, Mode::Eval).unwrap().logits;
        let mut state = State::new();
        for t in 0..T {
            state = State::from_tensors(state.steps(), &state.tensors().unwrap()).unwrap();
            let step = model.step(&x, &mut state).unwrap();
            assert_eq!(values(&step), values(&whole.tensor().get(t).unwrap()), "{neuron:?} {t}");
        }
        let names = state.tensors().unwrap();
        assert_eq!(names.contains_key("lif.0.a"), neuron.kind == "alif");
        if neuron.tebn {
            let message = model.step(&x, &mut state).unwrap_err().to_string();
            assert!(
                message.starts_with("bn.0.step_scale: is of 3 time steps, and this pass has 4"),
                "{message}"
            );
            let mut longer = model.clone();
            longer.config_mut().t_steps = 4;
            let message = longer.forward(&mut Tape::off(), &input, Mode::Eval).unwrap_err();
            assert!(message.to_string().contains("bn.0.step_scale: is of 3"), "{message}");
        }
    }
    let wrong = [("lif.0.b".to_string(), buffer::tensor(vec![0f32], 1).unwrap())].into();
    let message = State::from_tensors(1, &wrong).unwrap_err().to_string();
    assert!(message.contains("NEURON.v or NEURON.a"), "{message}");
}

#[test]
fn single_layers_may_be_of_another_kind() {
    let mut config = config(Architecture::VggSnn, NeuronConfig::default());
    let plif =
        NeuronChange { kind: Some("plif".into()), tau: Some(3.0), ..NeuronChange::default() };
    config.neurons.insert("lif.2".into(), plif);
    let model = Model::new(&config, 1).unwrap();
    let leaks: Vec<&String> = model.params().keys().filter(|name| name.ends_with(".w")).collect();
    assert_eq!(leaks, ["lif.2.w"]);
    assert!((values(&model.params()["lif.2.w"])[0] + 2f32.ln()).abs() < 1e-6);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
    let change = NeuronChange { bits: Some([1, 1]), ..NeuronChange::default() };
    config.neurons.insert("lif.3".into(), change);
    let message = Model::new(&config, 1).unwrap_err().to_string();
    assert!(message.starts_with("neurons.lif.3: neuron.reset: is hard"), "{message}");
}

#[test]
fn interlaminar_connections_are_a_part_of_vgg() {
    let add = |mut config: ModelConfig| {
        config.parts.insert("interlaminar".into(), true);
        config
    };
    let plain = ModelConfig::new(Architecture::Vgg9, 10);
    let size = |config: &ModelConfig| Model::size(config).unwrap().parameters;
    // Four kernels of five.
    assert_eq!(size(&add(plain.clone())), size(&plain) + 20);
    let own = add(config(Architecture::Vgg9, bits(1, 1, 1.0)));
    let model = Model::new(&own, 1).unwrap();
    let found = gradients(&model, Tape::new());
    let gates: Vec<_> = found.iter().filter(|(name, _)| name.starts_with("eca.")).collect();
    let names: Vec<&str> = gates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["eca.3.weight", "eca.5.weight", "eca.6.weight", "eca.7.weight"]);
    assert!(gates.iter().all(|(_, g)| g.iter().any(|&g| g != 0.0)), "{gates:?}");
    assert_eq!(gradients(&model, Tape::recomputing()), found);
    let without = Model::new(&config(Architecture::Vgg9, bits(1, 1, 1.0)), 1).unwrap();
    assert_ne!(
        values(run(&model, Mode::Train).logits.tensor()),
        values(run(&without, Mode::Train).logits.tensor())
    );
    let wrong = add(config(Architecture::Resnet19, NeuronConfig::default()));
    assert!(Model::new(&wrong, 1).unwrap_err().to_string().starts_with("parts.interlaminar: "));
}

fn ann(architecture: Architecture, levels: u8) -> Model {
    let neuron =
        NeuronConfig { kind: "qcfs".into(), levels, v_threshold: 1.3, ..Default::default() };
    let mut config = config(architecture, neuron);
    config.t_steps = 1;
    let mut model = Model::new(&config, 1).unwrap();
    // Ceilings of their own, and norms that let the last layers hear something.
    for (i, (name, tensor)) in model.params_mut().iter_mut().enumerate() {
        if name.ends_with(".ceiling") {
            *tensor = tensor.affine(1.0 - 0.003 * i as f64, 0.0).unwrap();
        } else if name.contains("bn") {
            *tensor = tensor.affine(3.0, 0.0).unwrap();
        }
    }
    model
}

#[test]
fn a_converted_network_is_the_ann_at_one_step() {
    for architecture in [Architecture::VggSnn, Architecture::SewResnet18, Architecture::Resnet19] {
        for (levels, bits) in [(1, 1), (3, 2), (7, 3)] {
            let ann = ann(architecture, levels);
            let snn = ann.converted(None).unwrap();
            assert_eq!(snn.config().neuron.bits, [bits, 0]);
            let (a, b) = (run(&ann, Mode::Eval), run(&snn, Mode::Eval));
            assert_eq!(a.fired, b.fired, "{architecture:?} {levels}");
            assert!(a.fired[3].spikes[0] > 0);
            assert_eq!(values(a.logits.tensor()), values(b.logits.tensor()));
            // What is written is what was converted.
            let [(_, json), (_, weights)] = snn.to_files().unwrap();
            let config = serde_json::from_slice(&json).unwrap();
            let back = Model::from_bytes(config, &weights, "weights".as_ref()).unwrap();
            assert_eq!(values(run(&back, Mode::Eval).logits.tensor()), values(b.logits.tensor()));
            assert!(back.params().keys().all(|name| !name.ends_with(".ceiling")));
        }
    }
    // With more steps the mean comes closer to the ANN of very many levels.
    let (ann, exact) = (ann(Architecture::VggSnn, 3), ann(Architecture::VggSnn, 255));
    let mut snn = ann.converted(None).unwrap();
    let target = run(&exact, Mode::Eval).logits.tensor().get(0).unwrap();
    let mut error = |t_steps: usize| {
        snn.config_mut().t_steps = t_steps;
        let mean = run(&snn, Mode::Eval).logits.tensor().mean(0).unwrap();
        (mean - &target).unwrap().sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()
    };
    let errors = [error(1), error(8), error(64)];
    assert!(errors[2] < 0.2 * errors[0], "{errors:?}");
}

#[test]
fn what_cannot_be_converted_is_named() {
    let says = |model: &Model, bits: Option<u8>, what: &str| {
        let error = model.converted(bits).unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    };
    let mut config = config(Architecture::VggSnn, NeuronConfig::default());
    let shown = Model::new(&config, 1).unwrap();
    says(&shown, None, "t_steps: is 3, and an ANN has no time");
    config.t_steps = 1;
    let plain = Model::new(&config, 1).unwrap();
    says(&plain, None, "lif.0's kind: is lif, no activation of an ANN");
    let four = ann(Architecture::VggSnn, 4);
    says(&four, None, "levels: are 4, which no number of bits has");
    says(&four, Some(9), "bits: are 9; use 1 to 8");
    assert_eq!(four.converted(Some(2)).unwrap().config().neuron.bits, [2, 0]);
}

#[test]
fn activations_train_like_neurons() {
    let model = ann(Architecture::Vgg9, 3);
    let found = gradients(&model, Tape::new());
    assert_eq!(found.len(), model.params().len());
    let ceilings: Vec<_> = found.iter().filter(|(name, _)| name.ends_with(".ceiling")).collect();
    assert_eq!(ceilings.len(), 8);
    assert!(ceilings.iter().filter(|(_, g)| g[0] != 0.0).count() >= 7, "{ceilings:?}");
    assert_eq!(gradients(&model, Tape::recomputing()), found);
    let mut gone = model.clone();
    let zero = buffer::tensor(vec![0f32], 1).unwrap();
    gone.params_mut().insert("lif.2.ceiling".into(), zero);
    let x = Input::Still(still(gone.config()));
    let message = gone.forward(&mut Tape::off(), &x, Mode::Train).unwrap_err().to_string();
    assert!(message.starts_with("lif.2.ceiling: "), "{message}");
}

#[test]
fn joint_attention_is_a_part_of_vgg_that_sees_all_steps() {
    let mut with = config(Architecture::VggSnn, NeuronConfig::default());
    with.parts.insert("tcja".into(), true);
    let model = Model::new(&with, 1).unwrap();
    assert_eq!(model.params()["tcja.5.conv_t.weight"].dims(), [T, T, 4]);
    assert_eq!(model.params()["tcja.7.conv_c.weight"].dims(), [51, 51, 4]);
    let found = gradients(&model, Tape::new());
    let own: Vec<_> = found.iter().filter(|(name, _)| name.starts_with("tcja.")).collect();
    assert_eq!(own.len(), 4);
    assert!(own.iter().all(|(_, g)| g.iter().any(|&g| g != 0.0)));
    assert_eq!(gradients(&model, Tape::recomputing()), found);
    let x = still(&with);
    let message = model.step(&x, &mut State::new()).unwrap_err().to_string();
    assert!(message.starts_with("tcja.5: looks at all steps"), "{message}");
    let mut longer = model.clone();
    longer.config_mut().t_steps = 4;
    let message = longer.forward(&mut Tape::off(), &Input::Still(x), Mode::Eval).unwrap_err();
    assert!(message.to_string().starts_with("tcja.5: is of 3 time steps"), "{message}");
}

#[test]
fn a_still_sample_may_be_shown_as_one_spike_a_number() {
    let mut own = config(Architecture::VggSnn, NeuronConfig::default());
    own.encoding = Encoding::Latency;
    let model = Model::new(&own, 1).unwrap();
    let x = still(&own);
    // By hand: the share of what the sample spans, and the step that it is due.
    let samples = x.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
    let len = samples[0].len();
    let mut frames = vec![0f32; T * samples.len() * len];
    for (i, sample) in samples.iter().enumerate() {
        let least = sample.iter().copied().fold(f32::MAX, f32::min);
        let most = sample.iter().copied().fold(f32::MIN, f32::max);
        for (j, v) in sample.iter().enumerate() {
            let due = ((T - 1) as f32 * (1.0 - (v - least) / (most - least + 1e-12))).round();
            frames[(due as usize * samples.len() + i) * len + j] = 1.0;
        }
    }
    let shape = [&[T], x.dims()].concat();
    let frames = Input::Frames(buffer::tensor(frames, shape).unwrap());
    let scores = |x: &Input| {
        values(model.forward(&mut Tape::off(), x, Mode::Train).unwrap().logits.tensor())
    };
    assert_eq!(scores(&Input::Still(x)), scores(&frames));
    let text = serde_json::to_string(&own).unwrap();
    assert!(text.contains(r#""encoding":"latency""#));
    assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), own);
}
