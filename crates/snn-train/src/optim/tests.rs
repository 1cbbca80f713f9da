//! The optimizers against PyTorch's rules written out in f64, and against values worked out by hand.

use super::*;

/// f32 against f64 over ten steps, absolute; parameters are about 1.
const F32: f64 = 2e-6;

fn tensor(values: &[f64], shape: &[usize]) -> Tensor {
    buffer::tensor(values.iter().map(|&v| v as f32).collect(), shape).unwrap()
}

fn named(tensor: Tensor) -> BTreeMap<String, Tensor> {
    BTreeMap::from([("w".to_string(), tensor)])
}

fn values(params: &BTreeMap<String, Tensor>) -> Vec<f64> {
    let flat = params["w"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    flat.into_iter().map(f64::from).collect()
}

/// A gradient that depends on the parameter and the step.
fn slope(p: f64, step: u64) -> f64 {
    0.3 * p - 0.2 + 0.1 * step as f64
}

/// Ten steps in f64, `decay` being that in force for the parameter's rank.
fn reference(config: &OptimizerConfig, mut p: f64, decay: f64) -> f64 {
    let (mut m, mut v) = (0.0, 0.0);
    let (lr, [b1, b2]) = (config.lr, config.betas);
    for k in 1..=10u64 {
        let mut g = slope(p, k);
        if config.kind != OptimizerKind::Adamw {
            g += decay * p;
        } else {
            p -= lr * decay * p;
        }
        if config.kind == OptimizerKind::Sgd {
            m = if k == 1 { g } else { config.momentum * m + g };
            p -= lr * m;
            continue;
        }
        m = b1 * m + (1.0 - b1) * g;
        v = b2 * v + (1.0 - b2) * g * g;
        let m_hat = m / (1.0 - b1.powi(k as i32));
        let v_hat: f64 = v / (1.0 - b2.powi(k as i32));
        p -= lr * m_hat / (v_hat.sqrt() + config.eps);
    }
    p
}

#[test]
fn ten_steps_agree_with_the_f64_reference() {
    let start = [1.0, -0.7, 0.02, 2.5];
    for kind in [OptimizerKind::Adamw, OptimizerKind::Adam, OptimizerKind::Sgd] {
        let config =
            OptimizerConfig { kind, lr: 0.05, weight_decay: Some(0.1), ..Default::default() };
        for (shape, decay) in [(&[2, 2][..], 0.1), (&[4][..], 0.0)] {
            let mut params = named(tensor(&start, shape));
            let mut optimizer = Optimizer::new(&config, BTreeSet::new());
            for k in 1..=10 {
                let g: Vec<f64> = values(&params).iter().map(|&p| slope(p, k)).collect();
                optimizer.step(&mut params, &named(tensor(&g, shape)), config.lr).unwrap();
            }
            for (got, &p) in values(&params).iter().zip(&start) {
                let expected = reference(&config, p, decay);
                assert!((got - expected).abs() < F32, "{kind:?} {shape:?} {got} {expected}");
            }
        }
    }
}

#[test]
fn first_steps_are_those_worked_out_by_hand() {
    let mut params = named(tensor(&[1.0, 1.0], &[1, 2]));
    let gradient = named(tensor(&[0.5, -4.0], &[1, 2]));
    // Adam's first step is lr in the gradient's direction, after the decay of 1 - lr * 0.01.
    let mut adamw = Optimizer::new(&OptimizerConfig::default(), BTreeSet::new());
    adamw.step(&mut params, &gradient, 0.1).unwrap();
    let got = values(&params);
    assert!((got[0] - 0.899).abs() < F32 && (got[1] - 1.099).abs() < F32, "{got:?}");
    // Two steps of momentum 0.9 on one gradient move by 1 and 1.9 times lr g.
    let config = OptimizerConfig { kind: OptimizerKind::Sgd, ..Default::default() };
    let mut params = named(tensor(&[1.0, 1.0], &[1, 2]));
    let mut sgd = Optimizer::new(&config, BTreeSet::new());
    for _ in 0..2 {
        sgd.step(&mut params, &gradient, 0.1).unwrap();
    }
    let got = values(&params);
    assert!((got[0] - 0.855).abs() < F32 && (got[1] - 2.16).abs() < F32, "{got:?}");
}

#[test]
fn state_by_name_resumes_to_the_same_bits() {
    let config = OptimizerConfig::default();
    let run = |pause: bool| {
        let mut params = named(tensor(&[0.3, -0.9], &[2]));
        let mut optimizer = Optimizer::new(&config, BTreeSet::new());
        for k in 0..6 {
            let g = named(tensor(&[0.1 * f64::from(k), -0.4], &[2]));
            optimizer.step(&mut params, &g, 1e-2).unwrap();
            if pause && k == 2 {
                let moments = optimizer.moments().clone();
                optimizer =
                    Optimizer::new(&config, BTreeSet::new()).resume(optimizer.steps(), moments);
            }
        }
        values(&params)
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn copies_of_a_parameter_keep_their_values() {
    let mut params = named(tensor(&[1.0], &[1]));
    let before = params.clone();
    Optimizer::new(&OptimizerConfig::default(), BTreeSet::new())
        .step(&mut params, &named(tensor(&[1.0], &[1])), 0.1)
        .unwrap();
    assert_eq!(values(&before), [1.0]);
    assert_ne!(values(&params), [1.0]);
}

#[test]
fn gradient_of_another_shape_is_a_typed_error() {
    let mut params = named(tensor(&[1.0, 2.0], &[2]));
    let wrong = named(tensor(&[1.0, 2.0], &[1, 2]));
    let error =
        Optimizer::new(&OptimizerConfig::default(), BTreeSet::new()).step(&mut params, &wrong, 0.1);
    assert!(matches!(error, Err(Error::Ops(snn_ops::Error::Shape { .. }))));
}
