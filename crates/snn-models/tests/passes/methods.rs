//! What methods of training ask of a pass: steps that shrink, classifiers beside, longer showings, forks, penalties.

use snn_models::{
    Architecture, Fork, Head, Input, InputConfig, Mode, Model, ModelConfig, Request, Transformer,
};
use snn_ops::{Tape, buffer, random};

use crate::{config, frames, gradients, seed_of, values};

/// VGG-9 with stages of 4, 3, 2 and 2 steps.
fn shrinking(transformer: Transformer) -> ModelConfig {
    let mut config = config(Architecture::Vgg9);
    let steps = [("stage1", 3), ("stage2", 2), ("stage3", 2)];
    config.steps = steps.map(|(name, t)| (name.to_string(), t)).into();
    config.transformer = transformer;
    // At this width fewer neurons would fire, and gradients would not reach every matrix.
    config.neuron.v_threshold = 0.1;
    config
}

#[test]
fn steps_shrink_in_every_mode() {
    let every = [
        Transformer::Linear,
        Transformer::Avg,
        Transformer::First,
        Transformer::Last,
        Transformer::LinearLif,
    ];
    for transformer in every {
        let config = shrinking(transformer);
        let model = Model::new(&config, 1).unwrap();
        let trained = matches!(transformer, Transformer::Linear | Transformer::LinearLif);
        let matrices = model.params().keys().filter(|name| name.starts_with("steps."));
        assert_eq!(matrices.count(), if trained { 3 } else { 0 });
        let mut tape = Tape::new();
        let output = model.forward(&mut tape, &frames(&config, 1), Mode::Train).unwrap();
        assert_eq!(output.logits.dims(), [2, 3, 5]);
        let found = gradients(tape, &[(&output.logits, seed_of(output.logits.tensor(), 3))]);
        assert_eq!(found.len(), model.params().len(), "{transformer:?}");
        let reached = found
            .iter()
            .filter(|(name, g)| name.starts_with("steps.") && g.iter().any(|g| *g != 0.0));
        assert_eq!(reached.count(), if trained { 3 } else { 0 }, "{transformer:?}");
        let lifs = model.neurons().iter().filter(|name| name.starts_with("steps.")).count();
        assert_eq!(lifs, if transformer == Transformer::LinearLif { 3 } else { 0 });
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
        assert_eq!(text.contains("transformer"), transformer != Transformer::Linear, "{text}");
    }
}

#[test]
fn first_and_last_keep_spikes_and_linear_lif_makes_them() {
    // The part after a change sees the same as a network of that many steps would.
    let mut config = config(Architecture::Vgg9);
    config.steps = [("stage4".to_string(), 2)].into();
    let all = frames(&config, 1);
    let steps = |transformer, model: &Model| {
        let mut model = model.clone();
        model.config_mut().transformer = transformer;
        let output = model.forward(&mut Tape::exact(), &all, Mode::Eval).unwrap();
        values(output.logits.tensor())
    };
    config.transformer = Transformer::First;
    let model = Model::new(&config, 1).unwrap();
    let mut plain = model.clone();
    plain.config_mut().steps.clear();
    let whole =
        values(plain.forward(&mut Tape::exact(), &all, Mode::Eval).unwrap().logits.tensor());
    assert_eq!(steps(Transformer::First, &model), whole[..2 * 3 * 5]);
    assert_eq!(steps(Transformer::Last, &model), whole[2 * 3 * 5..]);
}

#[test]
fn averages_of_steps_and_work_are_those_of_the_stages() {
    let mut config = ModelConfig::new(Architecture::Vgg9, 10);
    let stages = ["stage1", "stage2", "stage3"];
    let mut of = |steps: [usize; 4]| {
        config.t_steps = steps[0];
        config.steps =
            stages.map(String::from).into_iter().zip(steps[1..].iter().copied()).collect();
        Model::size(&config).unwrap()
    };
    let mmacs = |macs: usize| macs as f64 / 1e6;
    let close = |got: f64, want: f64| assert!((got - want).abs() < 0.3, "{got} {want}");
    let (low, high) = (of([8, 6, 4, 2]), of([11, 9, 7, 5]));
    assert_eq!((low.t_avg(), high.t_avg()), (5.0, 8.0));
    close(mmacs(low.macs), 6816.0);
    close(mmacs(high.macs), 10_900.8);
    assert!((low.cost_ratio() - 1.001).abs() < 5e-4, "{}", low.cost_ratio());
    let uniform = of([5, 5, 5, 5]);
    close(mmacs(uniform.macs), 6808.0);
    assert_eq!((uniform.t_avg(), uniform.cost_ratio()), (5.0, 1.0));
}

#[test]
fn steps_that_grow_are_refused() {
    let mut config = shrinking(Transformer::Linear);
    config.steps.insert("stage3".into(), 4);
    let message = Model::new(&config, 0).unwrap_err().to_string();
    assert!(message.starts_with("steps.stage3: is 4 after 2 steps"), "{message}");
}

#[test]
fn equal_steps_with_a_fixed_matrix_are_the_plain_network_in_training_too() {
    for architecture in [Architecture::Vgg9, Architecture::VggSnn, Architecture::Resnet19] {
        let plain = config(architecture);
        let run = |config: &ModelConfig| {
            let model = Model::new(config, 1).unwrap();
            let mut tape = Tape::new();
            let output = model.forward(&mut tape, &frames(config, 1), Mode::Train).unwrap();
            let seed = seed_of(output.logits.tensor(), 3);
            (values(output.logits.tensor()), gradients(tape, &[(&output.logits, seed)]))
        };
        let of_plain = run(&plain);
        for transformer in [Transformer::Avg, Transformer::First, Transformer::Last] {
            let mut mixed = plain.clone();
            let places = plain.names().unwrap().boundaries;
            mixed.steps = places.into_iter().map(|name| (name, 4)).collect();
            mixed.transformer = transformer;
            assert_eq!(run(&mixed), of_plain, "{architecture:?} {transformer:?}");
        }
    }
}

#[test]
fn heads_of_a_convolution_train_and_are_in_no_export() {
    let mut with_head = config(Architecture::Vgg9);
    (with_head.heads, with_head.head) = (vec!["stage2".into()], Head::Conv);
    let plain = Model::new(&config(Architecture::Vgg9), 1).unwrap();
    let model = Model::new(&with_head, 1).unwrap();
    assert_eq!(Model::size(&with_head).unwrap(), Model::size(plain.config()).unwrap());
    assert_eq!(model.neurons(), plain.neurons());
    assert_eq!(model.to_files().unwrap(), plain.to_files().unwrap());
    let request = Request { heads: true, ..Request::new(Mode::Train) };
    let mut tape = Tape::new();
    let output = model.pass(&mut tape, &frames(&with_head, 1), &request).unwrap();
    assert!(
        model.folded(&[&output.statistics]).unwrap().contains_key("heads.stage2.bn.running_mean")
    );
    let found =
        gradients(tape, &[(&output.heads["stage2"], seed_of(output.heads["stage2"].tensor(), 3))]);
    for part in ["conv.weight", "bn.weight", "weight", "bias"] {
        assert!(found[&format!("heads.stage2.{part}")].iter().any(|g| *g != 0.0), "{part}");
    }
}

#[test]
fn the_first_steps_of_a_longer_showing_are_the_shorter_one() {
    for architecture in [Architecture::Resnet19, Architecture::Vgg9] {
        let config = config(architecture);
        let model = Model::new(&config, 1).unwrap();
        let Input::Frames(all) = frames(&config, 1) else { panic!() };
        let still = Input::Still(all.get(0).unwrap());
        let run = |t_steps| {
            let request = Request { t_steps, ..Request::new(Mode::Eval) };
            values(model.pass(&mut Tape::exact(), &still, &request).unwrap().logits.tensor())
        };
        let (student, teacher) = (run(None), run(Some(6)));
        assert_eq!((student.len(), teacher.len()), (4 * 3 * 5, 6 * 3 * 5));
        assert_eq!(student, teacher[..student.len()], "{architecture:?}");
    }
}

#[test]
fn a_fork_runs_the_tail_on_both_orders_of_time() {
    for architecture in Architecture::ALL {
        let mut config = config(architecture);
        let (height, width) = match architecture {
            Architecture::Cnn1d | Architecture::MraSnn => (1, 256),
            _ => (16, 16),
        };
        config.input = InputConfig { height, width };
        config.neuron.v_threshold = 0.2;
        let mut model = Model::new(&config, 1).unwrap();
        let shape = vec![3, config.in_channels, height, width];
        let mut rng = random::stream(1, "still", 0, 0);
        let pixels = random::normal(&mut rng, shape.iter().product(), 0.5, 1.0);
        let still = Input::Still(buffer::tensor(pixels, shape).unwrap());
        // With the statistics of this batch, and more before a neuron without a norm, all layers fire.
        if let Some(weight) = model.params_mut().get_mut("fc1.weight") {
            *weight = (&*weight * 30.0).unwrap();
        }
        let output = model.forward(&mut Tape::off(), &still, Mode::Train).unwrap();
        let folded = model.folded(&[&output.statistics; 40]).unwrap();
        model.set_buffers(folded);
        let run = |fork: Option<(Vec<usize>, bool)>| {
            let fork =
                fork.map(|(order, joined)| Fork { after: model.stem().into(), order, joined });
            let request = Request { fork, ..Request::new(Mode::Eval) };
            let output = model.pass(&mut Tape::exact(), &still, &request).unwrap();
            output.logits.tensor().clone()
        };
        let reverse = || (0..4).rev().collect::<Vec<usize>>();
        let (plain, other) = (run(None), run(Some((reverse(), false))));
        let both = run(Some((reverse(), true)));
        assert_eq!(both.dims(), [4, 6, 5], "{architecture:?}");
        let half = |start| values(&both.narrow(1, start, 3).unwrap().contiguous().unwrap());
        assert_eq!(half(0), values(&plain), "{architecture:?}");
        assert_eq!(half(3), values(&other), "{architecture:?}");
        assert_eq!(values(&run(Some(((0..4).collect(), false)))), values(&plain));
        // The maxima over so many points are the same in either order.
        let pools_points =
            matches!(architecture, Architecture::Pointnet | Architecture::SpikingPointnet);
        assert!(pools_points || values(&other) != values(&plain), "{architecture:?}");
    }
    let model = Model::new(&config(Architecture::Vgg9), 1).unwrap();
    let fork = Fork { after: "lif9".into(), order: vec![0, 1, 2, 3], joined: true };
    let request = Request { fork: Some(fork), ..Request::new(Mode::Eval) };
    let x = frames(model.config(), 1);
    let message = model.pass(&mut Tape::off(), &x, &request).unwrap_err().to_string();
    assert!(message.starts_with("fork after lif9: is no layer of neurons; use lif.0"), "{message}");
}

#[test]
fn a_classifier_of_its_own_stands_beside_the_networks() {
    let mut config = config(Architecture::Resnet19);
    config.heads = vec![config.names().unwrap().classifier];
    let model = Model::new(&config, 1).unwrap();
    let mut tape = Tape::new();
    let output = model.forward(&mut tape, &frames(&config, 1), Mode::Train).unwrap();
    let own = model.classify_apart(&mut tape, &output.features).unwrap();
    assert_ne!(values(own.tensor()), values(output.logits.tensor()));
    let found = gradients(tape, &[(&own, seed_of(own.tensor(), 3))]);
    assert!(found.contains_key("heads.fc2.weight") && !found.contains_key("fc2.weight"));
    let files = model.to_files().unwrap();
    assert!(!files[1].1.windows(5).any(|bytes| bytes == b"heads"));
}

/// A cloud of 32 points, three times, for `architecture`.
fn clouds(architecture: Architecture) -> (ModelConfig, Input) {
    let mut config = config(architecture);
    config.input = InputConfig { height: 1, width: 32 };
    config.neuron.v_threshold = 0.2;
    let points = random::normal(&mut random::stream(1, "cloud", 0, 0), 3 * 3 * 32, 0.0, 1.0);
    (config, Input::Still(buffer::tensor(points, vec![3, 3, 1, 32]).unwrap()))
}

#[test]
fn t_nets_that_ask_for_no_change_leave_a_plain_pointnet() {
    let (config, x) = clouds(Architecture::SpikingPointnet);
    let mut model = Model::new(&config, 1).unwrap();
    for name in ["stn.fc3.weight", "stn.fc3.bias", "fstn.fc3.weight", "fstn.fc3.bias"] {
        let zero = model.params()[name].zeros_like().unwrap();
        model.params_mut().insert(name.into(), zero);
    }
    let (plain, _) = clouds(Architecture::Pointnet);
    let mut plain = Model::new(&plain, 2).unwrap();
    for (name, tensor) in plain.params_mut() {
        *tensor = model.params()[name].clone();
    }
    let run = |model: &Model| {
        values(model.forward(&mut Tape::off(), &x, Mode::Train).unwrap().logits.tensor())
    };
    let (got, want) = (run(&model), run(&plain));
    assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} {want:?}");
    assert!(got.iter().any(|x| *x != got[0]));
    // The identity keeps lengths.
    let output = model.forward(&mut Tape::off(), &x, Mode::Train).unwrap();
    assert_eq!(values(output.penalties["transform"].tensor()), [0.0]);
}

#[test]
fn a_networks_penalty_is_trainings_alone_and_reaches_its_matrices() {
    let (config, x) = clouds(Architecture::SpikingPointnet);
    let model = Model::new(&config, 1).unwrap();
    let mut tape = Tape::new();
    let output = model.forward(&mut tape, &x, Mode::Train).unwrap();
    let penalty = &output.penalties["transform"];
    assert!(penalty.dims() == [1] && values(penalty.tensor())[0] > 0.0);
    let found = gradients(tape, &[(penalty, buffer::tensor(vec![1f32], 1).unwrap())]);
    assert!(found["fstn.fc3.bias"].iter().any(|g| *g != 0.0));
    assert!(!found.contains_key("fc3.weight") && !found.contains_key("conv2.weight"));
    let evaluated = model.forward(&mut Tape::off(), &x, Mode::Eval).unwrap();
    assert!(evaluated.penalties.is_empty());
}
