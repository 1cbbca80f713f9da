//! Steps one by one, and answers to single samples.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use candle_core::Tensor;
use snn_models::{
    Architecture, Encoding, Input, InputConfig, Mode, Model, ModelConfig, Request, State, margin,
};
use snn_ops::{Tape, buffer, random};

/// A narrow network whose norms have seen a batch, so that most of its layers fire.
fn model(architecture: Architecture, soft: bool, t_steps: usize) -> Model {
    let mut config = ModelConfig::new(architecture, 7);
    config.width = 0.1;
    config.t_steps = t_steps;
    let is_signal = architecture == Architecture::Cnn1d;
    let (height, width) = if is_signal { (1, 140) } else { (34, 33) };
    config.input = InputConfig { height, width };
    if soft {
        (config.neuron.reset, config.neuron.detach_reset) = ("soft".into(), false);
    }
    let mut model = Model::new(&config, 1).unwrap();
    let frames = Input::Frames(frames(&model, t_steps, 5));
    let output = model.forward(&mut Tape::off(), &frames, Mode::Train).unwrap();
    // A running statistic moves by a tenth of the way to the batch's; here it goes all the way.
    let folded = model.folded(&[&output.statistics]).unwrap().into_iter().map(|(name, moved)| {
        let old = &model.buffers()[&name];
        let all = ((moved - old).unwrap().affine(10.0, 0.0).unwrap() + old).unwrap();
        (name, all)
    });
    let folded: Vec<_> = folded.collect();
    model.set_buffers(folded);
    model
}

fn frames(model: &Model, t_steps: usize, n: usize) -> Tensor {
    let config = model.config();
    let shape = vec![t_steps, n, config.in_channels, config.input.height, config.input.width];
    let values =
        random::normal(&mut random::stream(3, "frames", 0, 0), shape.iter().product(), 0.5, 1.0);
    buffer::tensor(values, shape).unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

#[test]
fn steps_in_a_row_are_the_sequence_to_the_bit() {
    const T: usize = 4;
    for architecture in Architecture::ALL {
        for soft in [false, true] {
            let model = model(architecture, soft, T);
            for n in [1, 5] {
                let x = frames(&model, T, n);
                let whole = Input::Frames(x.clone());
                let whole = model.forward(&mut Tape::exact(), &whole, Mode::Eval).unwrap();
                let whole = whole.logits.tensor().clone();
                let mut state = State::new();
                for t in 0..T {
                    // What a state keeps outside of the model is all of it.
                    state = State::from_tensors(state.steps(), &state.tensors().unwrap()).unwrap();
                    let step = model.step(&x.get(t).unwrap(), &mut state).unwrap();
                    let name = format!("{} soft {soft} N {n} step {t}", architecture.name());
                    assert_eq!(bits(&step), bits(&whole.get(t).unwrap()), "{name}");
                }
                assert_eq!(state.steps(), T as u64);
                // Samples alone are the batch.
                for i in 0..n {
                    let alone = Input::Frames(x.narrow(1, i, 1).unwrap().contiguous().unwrap());
                    let alone = model.forward(&mut Tape::exact(), &alone, Mode::Eval).unwrap();
                    let of_batch = whole.narrow(1, i, 1).unwrap();
                    assert_eq!(bits(alone.logits.tensor()), bits(&of_batch), "sample {i} of {n}");
                }
            }
        }
    }
}

#[test]
fn spikes_reach_the_last_layer_of_the_networks_above() {
    for architecture in Architecture::ALL {
        let model = model(architecture, false, 4);
        let request = Request { counts: true, ..Request::new(Mode::Eval) };
        let input = Input::Frames(frames(&model, 4, 5));
        let output = model.pass(&mut Tape::exact(), &input, &request).unwrap();
        let names: Vec<&str> = output.fired.iter().map(|fired| fired.name.as_str()).collect();
        assert_eq!(names, model.neurons());
        let silent = output.fired.iter().filter(|fired| fired.spikes.iter().sum::<u64>() == 0);
        assert!(silent.count() <= 1, "{architecture:?}: {:?}", output.fired);
    }
}

#[test]
fn an_image_is_its_repeated_frame() {
    let model = model(Architecture::Resnet19, false, 3);
    let x = frames(&model, 1, 2).get(0).unwrap();
    let still = model.forward(&mut Tape::exact(), &Input::Still(x.clone()), Mode::Eval).unwrap();
    let mut state = State::new();
    for t in 0..3 {
        let step = model.step(&x, &mut state).unwrap();
        assert_eq!(bits(&step), bits(&still.logits.tensor().get(t).unwrap()));
    }
}

#[test]
fn frames_that_do_not_continue_a_state_are_refused_and_change_nothing() {
    let model = model(Architecture::VggSnn, false, 2);
    let mut state = State::new();
    model.step(&frames(&model, 1, 2).get(0).unwrap(), &mut state).unwrap();
    let before = state.tensors().unwrap();
    let message =
        model.step(&frames(&model, 1, 3).get(0).unwrap(), &mut state).unwrap_err().to_string();
    assert!(message.contains("[2, C, H, W]") && message.contains("[3, 2, 34, 33]"), "{message}");
    assert_eq!(state.steps(), 1);
    for (name, v) in state.tensors().unwrap() {
        assert_eq!(bits(&v), bits(&before[&name]), "{name}");
    }
    assert!(
        State::from_tensors(1, &[("lif.0".to_string(), before["lif.0.v"].clone())].into()).is_err()
    );
}

#[test]
fn predictions_are_the_argmax_of_mean_scores() {
    let model = model(Architecture::SewResnet19, false, 4);
    let input = Input::Frames(frames(&model, 4, 5));
    let answers = model.predict(&input).unwrap();
    let logits = model.forward(&mut Tape::exact(), &input, Mode::Eval).unwrap().logits;
    let scores = logits.tensor().to_vec3::<f32>().unwrap();
    for (i, answer) in answers.iter().enumerate() {
        let mean: Vec<f64> =
            (0..7).map(|k| scores.iter().map(|s| f64::from(s[i][k])).sum()).collect();
        let best = mean.iter().copied().fold(f64::MIN, f64::max);
        assert_eq!(mean[answer.class], best);
        assert!((answer.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(answer.per_step.len(), 4);
        let top = answer.top(3);
        assert_eq!((top[0].0, top.len()), (answer.class, 3));
        assert!(top[0].1 >= top[1].1 && top[0].1 == answer.probability());
    }
    let x = frames(&model, 4, 1).affine(f64::NAN, 0.0).unwrap();
    assert!(model.predict(&Input::Frames(x)).unwrap_err().to_string().contains("not finite"));
}

#[test]
fn a_sample_that_stops_early_has_the_answer_of_its_steps() {
    const T: usize = 6;
    for architecture in [Architecture::SewResnet19, Architecture::VggSnn] {
        let model = model(architecture, false, T);
        let x = frames(&model, T, 3);
        for i in 0..3 {
            let x = x.narrow(1, i, 1).unwrap().contiguous().unwrap();
            let first =
                |steps: usize| Input::Frames(x.narrow(0, 0, steps).unwrap().contiguous().unwrap());
            let predict = |steps| model.predict(&first(steps)).unwrap().remove(0);
            let sure = |steps| {
                let scores = model.forward(&mut Tape::exact(), &first(steps), Mode::Eval).unwrap();
                let scores = scores.logits.tensor().squeeze(1).unwrap().to_vec2::<f32>().unwrap();
                let mut sum = vec![0.0; scores[0].len()];
                let rows = scores.iter().flat_map(|row| row.iter().enumerate());
                rows.for_each(|(k, &v)| sum[k] += f64::from(v));
                let mean: Vec<f64> = sum.iter().map(|v| v / steps as f64).collect();
                margin(&mean).unwrap()
            };
            let margins: Vec<f64> = (1..=T).map(sure).collect();
            for least in margins.iter().copied().chain([0.0, 1.0]) {
                let stop = margins.iter().position(|sure| *sure >= least).map_or(T, |at| at + 1);
                let answer = model.predict_until(&first(T), least).unwrap();
                assert_eq!(answer, predict(stop), "{architecture:?} {i} {least}");
            }
        }
        assert!(model.predict_until(&Input::Frames(x.clone()), 0.5).is_err());
        let one = Input::Frames(x.narrow(1, 0, 1).unwrap().contiguous().unwrap());
        for least in [-0.1, 1.1, f64::NAN] {
            assert!(model.predict_until(&one, least).unwrap_err().to_string().contains("margin"));
        }
    }
}

#[test]
fn a_still_sample_stops_early_as_its_steps_do() {
    let mut model = model(Architecture::Resnet19, false, 4);
    let x = frames(&model, 1, 1).get(0).unwrap();
    for encoding in [Encoding::Direct, Encoding::Latency] {
        model.config_mut().encoding = encoding;
        let whole = model.predict(&Input::Still(x.clone())).unwrap().remove(0);
        let all = model.predict_until(&Input::Still(x.clone()), 1.0).unwrap();
        assert_eq!(all, whole, "{encoding:?}");
        let one = model.predict_until(&Input::Still(x.clone()), 0.0).unwrap();
        assert_eq!(one.per_step, whole.per_step[..1], "{encoding:?}");
    }
}
