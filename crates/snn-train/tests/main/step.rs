//! One step: what it changes, and what it refuses to change.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::Tensor;
use snn_losses::{Loss, Objective, Position, Ramp};
use snn_models::{Architecture, InputConfig, Model, ModelConfig, Precision};
use snn_ops::buffer;
use snn_train::{
    Error, Examples, Optimizer, OptimizerConfig, Recompute, StepConfig, StepOutput, train_step,
};

fn model() -> Model {
    let mut config = ModelConfig::new(Architecture::SewResnet19, 10);
    config.width = 1.0 / 16.0;
    config.neuron.v_threshold = 0.1;
    config.t_steps = 2;
    config.input = InputConfig { height: 8, width: 8 };
    Model::new(&config, 3).unwrap()
}

fn input(bad: Option<f32>) -> Examples {
    let mut x: Vec<f32> = (0..4 * 3 * 64).map(|i| ((i * 37 % 101) as f32) / 50.0 - 1.0).collect();
    if let Some(bad) = bad {
        x[300] = bad;
    }
    let host_labels = vec![0, 3, 9, 5];
    let labels = buffer::tensor(host_labels.clone(), 4).unwrap();
    Examples {
        x: snn_models::Input::Still(buffer::tensor(x, vec![4, 3, 8, 8]).unwrap()),
        labels,
        host_labels,
        mixed: None,
        framings: Vec::new(),
    }
}

fn values(tensors: &BTreeMap<String, Tensor>) -> Vec<Vec<f32>> {
    tensors.values().map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
}

const LOSS: Loss = Loss::Tks { alpha: 0.3, temperature: 3.0, ramp: Ramp::Constant };

fn objective() -> Objective {
    LOSS.at(Position { epoch: 0, epochs: 1 })
}

fn config(objective: &Objective, step: u64) -> StepConfig<'_> {
    StepConfig { objective, method: None, seed: 1, lr: 5e-3, step, recompute: Recompute::None }
}

/// One step of [`LOSS`].
fn step(
    model: &mut Model,
    optimizer: &mut Optimizer,
    examples: &Examples,
    step: u64,
) -> snn_train::Result<StepOutput> {
    train_step(model, optimizer, examples, config(&objective(), step))
}

#[test]
fn steps_lower_the_loss_of_their_batch() {
    let (mut model, mut optimizer) =
        (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
    let input = input(None);
    let losses: Vec<f64> =
        (0..30).map(|k| step(&mut model, &mut optimizer, &input, k).unwrap().loss).collect();
    assert!(losses[29] < 0.9 * losses[0], "{losses:?}");
    assert_eq!(optimizer.steps(), 30);
}

#[test]
fn recomputed_stages_change_no_byte() {
    for architecture in Architecture::ALL {
        for precision in [Precision::F32, Precision::Bf16] {
            let mut of = ModelConfig::new(architecture, 10);
            (of.width, of.neuron.v_threshold, of.t_steps) = (1.0 / 16.0, 0.1, 2);
            (of.in_channels, of.input) = (3, InputConfig { height: 16, width: 16 });
            if architecture == Architecture::Cnn1d {
                of.input = InputConfig { height: 2, width: 128 };
            }
            of.precision = precision;
            let start = Model::new(&of, 3).unwrap();
            let pixels = (0..4 * 3 * 256).map(|i| ((i * 37 % 101) as f32) / 50.0 - 1.0).collect();
            let InputConfig { height, width } = of.input;
            let x = buffer::tensor(pixels, vec![4, 3, height, width]).unwrap();
            let input = Examples { x: snn_models::Input::Still(x), ..input(None) };
            let objective = objective();
            let train = |recompute| {
                let mut model = start.clone();
                let mut optimizer = Optimizer::new(&OptimizerConfig::default(), BTreeSet::new());
                let outputs = [0, 1, 2].map(|k| {
                    let config = StepConfig { recompute, ..config(&objective, k) };
                    train_step(&mut model, &mut optimizer, &input, config).unwrap()
                });
                (values(model.params()), values(model.buffers()), optimizer, outputs)
            };
            let (kept, again) = (train(Recompute::None), train(Recompute::Stage));
            assert!(kept.0 == again.0 && kept.1 == again.1, "{architecture:?} {precision:?}");
            assert!(kept.2.moments() == again.2.moments() && kept.3 == again.3);
            assert!(kept.0 != values(start.params()) && kept.1 != values(start.buffers()));
        }
    }
}

#[test]
fn non_finite_input_changes_nothing_and_is_named() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut model, mut optimizer) =
            (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
        step(&mut model, &mut optimizer, &input(None), 0).unwrap();
        let before = (values(model.params()), values(model.buffers()), optimizer.moments().clone());
        let error = step(&mut model, &mut optimizer, &input(Some(bad)), 1);
        let error = error.unwrap_err();
        assert!(
            matches!(&error, Error::Diverged { step: 1, what } if what.contains("input")
            || what.contains("finite")),
            "{error}"
        );
        assert_eq!(error.exit_code(), 3);
        let after = (values(model.params()), values(model.buffers()), optimizer.moments().clone());
        assert!(before == after && optimizer.steps() == 1);
    }
}

#[test]
fn what_vanishes_in_the_spikes_is_still_blamed_on_the_input() {
    // No neuron fires at NaN, so that the loss is finite, and the gradients of the first layer alone are not.
    let mut of = ModelConfig::new(Architecture::VggSnn, 2);
    (of.width, of.t_steps) = (0.0625, 2);
    of.input = InputConfig { height: 16, width: 16 };
    for bad in [f32::NAN, f32::INFINITY] {
        let mut values: Vec<f32> =
            (0..2 * 4 * 2 * 256).map(|i| if i % 7 == 0 { 2.0 } else { 0.5 }).collect();
        values[5] = bad;
        let host_labels = vec![0, 1, 0, 1];
        let examples = Examples {
            x: snn_models::Input::Frames(buffer::tensor(values, vec![2, 4, 2, 16, 16]).unwrap()),
            labels: buffer::tensor(host_labels.clone(), 4).unwrap(),
            host_labels,
            framings: Vec::new(),
            mixed: None,
        };
        let (mut model, mut optimizer) = (
            Model::new(&of, 1).unwrap(),
            Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()),
        );
        let error = step(&mut model, &mut optimizer, &examples, 0).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        let words =
            "diverged at step 0: the input holds a number that is not finite; mend the data";
        assert_eq!(text, words);
    }
}

#[test]
fn a_loss_that_is_nan_before_the_first_update_is_no_matter_of_the_rate() {
    let (mut model, mut optimizer) =
        (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
    let loss = Loss::Tks { alpha: 0.3, temperature: 1e-39, ramp: Ramp::Constant };
    let objective = loss.at(Position { epoch: 0, epochs: 1 });
    let first = StepConfig { objective: &objective, ..config(&objective, 0) };
    let text = train_step(&mut model, &mut optimizer, &input(None), first).unwrap_err().to_string();
    assert!(text.contains("a constant of the loss") && !text.contains("learning rate"), "{text}");
}

#[test]
fn a_rate_that_is_no_number_changes_nothing() {
    for lr in [f64::NAN, f64::INFINITY] {
        let (mut model, mut optimizer) =
            (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
        let before = (values(model.params()), values(model.buffers()));
        let objective = objective();
        let with = StepConfig { lr, ..config(&objective, 4) };
        let error = train_step(&mut model, &mut optimizer, &input(None), with).unwrap_err();
        assert!(matches!(error, Error::Diverged { step: 4, .. }), "{error}");
        assert!(before == (values(model.params()), values(model.buffers())));
        assert_eq!((optimizer.steps(), optimizer.moments().len()), (0, 0));
    }
}

#[test]
fn label_out_of_range_is_a_typed_error() {
    let (mut model, mut optimizer) =
        (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
    let mut input = input(None);
    input.labels = buffer::tensor(vec![0u32, 1, 10, 2], 4).unwrap();
    let error = step(&mut model, &mut optimizer, &input, 0).unwrap_err();
    assert!(matches!(&error, Error::Loss(snn_losses::Error::Label { label: 10, .. })), "{error}");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn mixed_samples_weigh_the_losses_of_both_labels() {
    let other = buffer::tensor(vec![7u32, 7, 1, 0], 4).unwrap();
    let loss = |labels: Option<&Tensor>, mixed: Option<(Tensor, Vec<f64>)>| {
        let (mut model, mut optimizer) =
            (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
        let mut input = Examples { mixed, ..input(None) };
        if let Some(labels) = labels {
            input.labels = labels.clone();
        }
        step(&mut model, &mut optimizer, &input, 0).unwrap()
    };
    let (own, others) = (loss(None, None).loss, loss(Some(&other), None).loss);
    let mixed = loss(None, Some((other.clone(), vec![0.25; 4])));
    assert!(
        (mixed.loss - (0.25 * own + 0.75 * others)).abs() < 1e-5,
        "{} {own} {others}",
        mixed.loss
    );
    assert!((own - others).abs() > 1e-3);
    assert_eq!(loss(None, Some((other.clone(), vec![1.0; 4]))).loss, own);
    assert!(mixed.grad_norm > 0.0 && mixed.grad_norm != loss(None, None).grad_norm);
}

/// Sixteen samples of ten classes, each with its own stripe.
fn stripes() -> Examples {
    let host_labels: Vec<u32> = (0..16).map(|i| i % 10).collect();
    let pixel = |label: u32, p: u32| {
        let noise = ((p * 37 + label * 11) % 101) as f32 / 101.0 - 0.5;
        noise + if p / 7 % 10 == label { 3.0 } else { 0.0 }
    };
    let x = host_labels.iter().flat_map(|&l| (0..192).map(move |p| pixel(l, p))).collect();
    let labels = buffer::tensor(host_labels.clone(), 16).unwrap();
    Examples {
        x: snn_models::Input::Still(buffer::tensor(x, vec![16, 3, 8, 8]).unwrap()),
        labels,
        host_labels,
        mixed: None,
        framings: Vec::new(),
    }
}

#[test]
fn every_loss_learns_sixteen_samples_by_heart() {
    let losses = [
        Loss::CrossEntropy,
        Loss::LabelSmoothing { epsilon: 0.1 },
        Loss::Tet { lambda: 0.05, mean: 1.0 },
        Loss::Tks { alpha: 0.7, temperature: 3.0, ramp: Ramp::Released },
        Loss::TksPaper { alpha: 0.7, temperature: 3.0, ramp: Ramp::Paper },
    ];
    let input = stripes();
    for loss in &losses {
        let (mut model, mut optimizer) =
            (model(), Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()));
        let learned = (0..150).any(|step| {
            // Knowledge sharing grows as in a run: at once, it would hold every answer near uniform.
            let objective = loss.at(Position { epoch: step, epochs: 600 });
            let config = StepConfig { lr: 1e-2, ..config(&objective, step as u64) };
            train_step(&mut model, &mut optimizer, &input, config).unwrap().correct == 16
        });
        assert!(learned, "{}", loss.name());
    }
}

#[test]
fn a_networks_own_penalty_is_added_to_the_loss() {
    let mut of = ModelConfig::new(Architecture::SpikingPointnet, 10);
    (of.width, of.neuron.v_threshold, of.t_steps) = (1.0 / 16.0, 0.1, 2);
    of.input = InputConfig { height: 8, width: 8 };
    let mut model = Model::new(&of, 3).unwrap();
    let input = input(None);
    let mode = snn_models::Mode::Train;
    let output = model.forward(&mut snn_ops::Tape::off(), &input.x, mode).unwrap();
    let number = |x: &Tensor| f64::from(x.sum_all().unwrap().to_scalar::<f32>().unwrap());
    let own = objective().value(&output.logits.tensor().into(), &(&input.labels).into()).unwrap();
    let penalty = number(output.penalties["transform"].tensor());
    let mut optimizer = Optimizer::new(&OptimizerConfig::default(), BTreeSet::new());
    let got = step(&mut model, &mut optimizer, &input, 0).unwrap().loss;
    assert!(penalty > 0.0 && (got - number(&own) - penalty).abs() < 1e-6, "{got} {penalty}");
}
