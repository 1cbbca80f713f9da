//! The losses as a user sees them: golden values, gradients, edges and errors.

#![allow(clippy::unwrap_used)]

mod terms;

use std::path::PathBuf;

use candle_core::{DType, Device, Tensor, Var};
use snn_losses::{Error, Loss, Mixed, Objective, Position, Ramp, Result, Targets};

/// f32 against f64, relative to the largest entry.
const VALUE: f64 = 2e-5;
/// For gradients.
const GRADIENT: f64 = 1e-4;

const ALL: [Loss; 5] = [
    Loss::CrossEntropy,
    Loss::LabelSmoothing { epsilon: 0.1 },
    Loss::Tet { lambda: 0.05, mean: 1.0 },
    Loss::Tks { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant },
    Loss::TksPaper { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant },
];

/// The objective of an epoch in which the weight of the shared knowledge is `alpha`.
fn objective(loss: &Loss, alpha: f64) -> Objective {
    let mut loss = loss.clone();
    if let Loss::Tks { alpha: end, .. } | Loss::TksPaper { alpha: end, .. } = &mut loss {
        *end = alpha;
    }
    loss.at(Position { epoch: 0, epochs: 1 })
}

fn compute(loss: &Loss, logits: &Tensor, labels: &Tensor, alpha: f64) -> Result<Tensor> {
    objective(loss, alpha).value(&logits.into(), &labels.into())
}

fn value_and_gradient(loss: &Loss, logits: &Tensor, labels: &Tensor, alpha: f64) -> (f64, Tensor) {
    let var = Var::from_tensor(logits).unwrap();
    let value = compute(loss, var.as_tensor(), labels, alpha).unwrap();
    let gradient = value.backward().unwrap().get(&var).unwrap().clone();
    (value.to_dtype(DType::F64).unwrap().to_scalar().unwrap(), gradient)
}

fn flat(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference relative to the largest entry of `expected`.
fn error(got: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(got.dims(), expected.dims());
    let (got, expected) = (flat(got), flat(expected));
    let scale = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    got.iter().zip(&expected).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs())) / scale
}

fn batch(steps: &[[[f64; 3]; 1]], dtype: DType) -> (Tensor, Tensor) {
    let flat = steps.as_flattened().as_flattened().to_vec();
    let logits = Tensor::from_vec(flat, (steps.len(), 1, 3), &Device::Cpu).unwrap();
    let logits = logits.to_dtype(dtype).unwrap();
    (logits, Tensor::new(&[0u32], &Device::Cpu).unwrap())
}

#[test]
fn golden_values_and_gradients_are_reproduced() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/losses.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let golden = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    let cases = [
        ("ce", Loss::CrossEntropy, 0.0),
        ("ls_0.1", Loss::LabelSmoothing { epsilon: 0.1 }, 0.0),
        ("tet_0", Loss::Tet { lambda: 0.0, mean: 1.0 }, 0.0),
        ("tet_0.05", Loss::Tet { lambda: 0.05, mean: 1.0 }, 0.0),
        (
            "tks_released_a0.7_t3",
            Loss::Tks { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant },
            0.7,
        ),
        (
            "tks_released_a0.3_t5",
            Loss::Tks { alpha: 0.3, temperature: 5.0, ramp: Ramp::Constant },
            0.3,
        ),
        (
            "tks_paper_a0.7_t3",
            Loss::TksPaper { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant },
            0.7,
        ),
        (
            "tks_paper_a0.3_t5",
            Loss::TksPaper { alpha: 0.3, temperature: 5.0, ramp: Ramp::Constant },
            0.3,
        ),
    ];
    for set in ["small", "cifar", "dvs"] {
        let logits = &golden[&format!("{set}.logits")];
        let labels = golden[&format!("{set}.labels")].to_dtype(DType::U32).unwrap();
        for (name, loss, alpha) in &cases {
            let (value, gradient) = value_and_gradient(loss, logits, &labels, *alpha);
            let expected = flat(&golden[&format!("{set}.{name}.value")])[0];
            assert!((value - expected).abs() <= VALUE * expected.abs(), "{set} {name} {value}");
            let worst = error(&gradient, &golden[&format!("{set}.{name}.grad")]);
            assert!(worst <= GRADIENT, "{set} {name} gradient {worst}");
        }
    }
}

#[test]
fn worked_example_of_tks_comes_out() {
    let steps = [[[2.0, 0.5, -1.0]], [[0.2, 1.1, 0.3]], [[1.5, -0.5, 0.0]]];
    let (logits, labels) = batch(&steps, DType::F64);
    let (value, gradient) = value_and_gradient(&ALL[3], &logits, &labels, 0.7);
    assert!((value - 6.940_647_235_2).abs() < 1e-9, "{value}");
    let expected = [
        -0.290701, 0.170918, 0.119784, -0.947882, 0.730834, 0.217048, -0.394593, 0.012018, 0.382576,
    ];
    for (got, expected) in flat(&gradient).iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
    let (value, gradient) = value_and_gradient(&ALL[4], &logits, &labels, 0.7);
    let expected = 0.3 * 0.501_407_552_7 + 0.7 * 9.0 * 1.052_815_895_5;
    assert!((value - expected).abs() < 1e-9, "{value}");
    for (got, expected) in flat(&gradient).iter().zip([-0.087883, 0.055035, 0.032848].repeat(3)) {
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let steps = [[[1.0, 0.4, -0.7]], [[-0.3, 0.9, 0.2]]];
    let (logits, labels) = batch(&steps, DType::F64);
    for loss in &ALL {
        let (_, gradient) = value_and_gradient(loss, &logits, &labels, 0.5);
        // The printed form detaches its teacher, so its gradient is not the slope of its value.
        if matches!(loss, Loss::TksPaper { .. }) {
            continue;
        }
        for (i, expected) in flat(&gradient).iter().enumerate() {
            let at = |step: f64| {
                let mut moved = flat(&logits);
                moved[i] += step;
                let moved = Tensor::from_vec(moved, (2, 1, 3), &Device::Cpu).unwrap();
                flat(&compute(loss, &moved, &labels, 0.5).unwrap())[0]
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope - expected).abs() < 1e-8, "{} {i} {slope} {expected}", loss.name());
        }
    }
}

#[test]
fn one_step_gives_tet_and_ce_the_same_value() {
    let (logits, labels) = batch(&[[[0.3, -1.0, 2.0]]], DType::F32);
    let ce = value_and_gradient(&ALL[0], &logits, &labels, 0.0);
    let tet = value_and_gradient(&Loss::Tet { lambda: 0.0, mean: 1.0 }, &logits, &labels, 0.0);
    assert_eq!((ce.0, flat(&ce.1)), (tet.0, flat(&tet.1)));
    for loss in &ALL {
        assert!(value_and_gradient(loss, &logits, &labels, 0.3).0.is_finite());
    }
}

#[test]
fn no_correct_step_means_a_uniform_teacher() {
    let (logits, labels) = batch(&[[[0.0, 1.0, 2.0]], [[-1.0, 3.0, 0.5]]], DType::F64);
    // alpha 1 and temperature 1 leave the shared term alone; against a uniform teacher it is the mean -log p.
    for loss in [
        Loss::Tks { alpha: 1.0, temperature: 1.0, ramp: Ramp::Constant },
        Loss::TksPaper { alpha: 1.0, temperature: 1.0, ramp: Ramp::Constant },
    ] {
        let (value, _) = value_and_gradient(&loss, &logits, &labels, 1.0);
        let mean_nll = |row: [f64; 3]| {
            let log_sum = row.iter().map(|v| v.exp()).sum::<f64>().ln();
            row.iter().map(|v| (log_sum - v) / 3.0).sum::<f64>()
        };
        let expected = match loss {
            Loss::Tks { .. } => (mean_nll([0.0, 1.0, 2.0]) + mean_nll([-1.0, 3.0, 0.5])) / 2.0,
            _ => mean_nll([-0.5, 2.0, 1.25]),
        };
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    }
}

#[test]
fn all_correct_sums_when_released_and_averages_on_paper() {
    let row = [2.0, 0.5, -1.0];
    let (logits, labels) = batch(&[[row], [row]], DType::F64);
    let (once, _) = batch(&[[row]], DType::F64);
    let temperature = 2.0;
    let paper = Loss::TksPaper { alpha: 1.0, temperature, ramp: Ramp::Constant };
    let two = value_and_gradient(&paper, &logits, &labels, 1.0).0;
    assert!((two - value_and_gradient(&paper, &once, &labels, 1.0).0).abs() < 1e-12);
    // Two equal correct steps halve the released teacher's temperature.
    let released = Loss::Tks { alpha: 1.0, temperature, ramp: Ramp::Constant };
    let sharper = Loss::Tks { alpha: 1.0, temperature: temperature / 2.0, ramp: Ramp::Constant };
    let two = value_and_gradient(&released, &logits, &labels, 1.0).0;
    assert!((two - 4.0 * value_and_gradient(&sharper, &once, &labels, 1.0).0).abs() < 1e-12);
}

#[test]
fn large_logits_stay_finite() {
    let (logits, labels) = batch(&[[[-1e30, 1e30, 0.0]], [[80.0, 500.0, -900.0]]], DType::F32);
    for loss in &ALL[..2] {
        let (value, gradient) = value_and_gradient(loss, &logits, &labels, 0.0);
        assert!(value.is_finite() && flat(&gradient).iter().all(|v| v.is_finite()));
    }
}

#[test]
fn label_out_of_range_is_a_typed_error() {
    let logits = Tensor::zeros((2, 2, 3), DType::F32, &Device::Cpu).unwrap();
    for bad in [3, 4, 255, u32::MAX] {
        let labels = Tensor::new(&[0u32, bad], &Device::Cpu).unwrap();
        for loss in &ALL {
            let error = compute(loss, &logits, &labels, 0.0).unwrap_err();
            assert!(
                matches!(error, Error::Label { label, sample_idx: 1, n_classes: 3 } if label == bad)
            );
        }
    }
}

#[test]
fn wrong_shapes_types_and_constants_are_typed_errors() {
    let logits = Tensor::zeros((2, 2, 3), DType::F32, &Device::Cpu).unwrap();
    let labels = Tensor::new(&[0u32, 1], &Device::Cpu).unwrap();
    let shape = |l: &Tensor, y: &Tensor| {
        matches!(compute(&Loss::CrossEntropy, l, y, 0.0), Err(Error::Shape { .. }))
    };
    assert!(shape(&logits.get(0).unwrap(), &labels));
    assert!(shape(&logits, &labels.reshape((2, 1)).unwrap()));
    assert!(shape(&logits.narrow(1, 0, 1).unwrap(), &labels));
    assert!(shape(&Tensor::zeros((0, 2, 3), DType::F32, &Device::Cpu).unwrap(), &labels));
    let half = logits.to_dtype(DType::BF16).unwrap();
    let wide = labels.to_dtype(DType::I64).unwrap();
    assert!(matches!(compute(&ALL[0], &half, &labels, 0.0), Err(Error::Type { .. })));
    assert!(matches!(compute(&ALL[0], &logits, &wide, 0.0), Err(Error::Type { .. })));
    let bad = [
        (Loss::LabelSmoothing { epsilon: 1.1 }, 0.0),
        (Loss::Tet { lambda: -0.1, mean: 1.0 }, 0.0),
        (Loss::Tet { lambda: 0.1, mean: f64::NAN }, 0.0),
        (Loss::Tks { alpha: 0.7, temperature: 0.0, ramp: Ramp::Constant }, 0.5),
        (Loss::TksPaper { alpha: 0.7, temperature: 3.0, ramp: Ramp::Constant }, 1.5),
    ];
    for (loss, alpha) in bad {
        assert!(matches!(compute(&loss, &logits, &labels, alpha), Err(Error::Config { .. })));
    }
}

/// The two halves of mixed samples, T = 3, N = 4, K = 3.
fn mixture() -> (Tensor, Tensor, Tensor) {
    let values: Vec<f64> = (0..36).map(|i| f64::from(i * 37 % 23) / 5.0 - 2.0).collect();
    let logits = Tensor::from_vec(values, (3, 4, 3), &Device::Cpu).unwrap();
    let labels = |of: [u32; 4]| Tensor::new(&of, &Device::Cpu).unwrap();
    (logits, labels([0, 2, 1, 1]), labels([1, 2, 0, 2]))
}

#[test]
fn equal_weights_weigh_whole_losses_to_the_bit() {
    let (logits, own, other) = mixture();
    for dtype in [DType::F32, DType::F64] {
        let logits = logits.to_dtype(dtype).unwrap();
        for loss in &ALL {
            let of = |labels| compute(loss, &logits, labels, 0.3).unwrap();
            let expected =
                ((of(&own) * 0.7).unwrap() + (of(&other) * (1.0 - 0.7)).unwrap()).unwrap();
            let mixed = Some(Mixed { labels: &other, weights: &[0.7; 4] });
            let targets = Targets { labels: &own, mixed };
            let got = objective(loss, 0.3).value(&(&logits).into(), &targets).unwrap();
            assert_eq!(flat(&got), flat(&expected), "{}", loss.name());
        }
    }
}

#[test]
fn unequal_weights_weigh_each_sample() {
    let (logits, own, other) = mixture();
    let weights = [0.0, 0.25, 0.5, 1.0];
    for loss in &ALL {
        let mixed = Some(Mixed { labels: &other, weights: &weights });
        let targets = Targets { labels: &own, mixed };
        let got = objective(loss, 0.3).value(&(&logits).into(), &targets).unwrap();
        let of = |n: usize, labels: &Tensor| {
            let (one, label) = (logits.narrow(1, n, 1).unwrap(), labels.narrow(0, n, 1).unwrap());
            flat(&compute(loss, &one, &label, 0.3).unwrap())[0]
        };
        let each = weights.iter().enumerate();
        let sum: f64 = each.map(|(n, w)| w * of(n, &own) + (1.0 - w) * of(n, &other)).sum();
        assert!((flat(&got)[0] - sum / 4.0).abs() < 1e-12, "{}", loss.name());
    }
    for wrong in [&[0.5; 3][..], &[0.5, 0.5, 0.5, 1.5], &[0.5, 0.5, 0.5, f64::NAN]] {
        let mixed = Some(Mixed { labels: &other, weights: wrong });
        let targets = Targets { labels: &own, mixed };
        assert!(objective(&ALL[0], 0.0).value(&(&logits).into(), &targets).is_err());
    }
}

#[test]
fn uniform_answers_cost_what_is_said() {
    let (logits, labels) = batch(&[[[0.0; 3]], [[0.0; 3]]], DType::F64);
    for loss in &ALL {
        // Of equal scores the first class counts as the answer, and it is the label; TKS then shares a uniform teacher.
        let value = flat(&compute(loss, &logits, &labels, 0.3).unwrap())[0];
        let uniform = objective(loss, 0.3).uniform(3);
        assert!((value - uniform).abs() < 1e-12, "{} {value} {uniform}", loss.name());
    }
}

#[test]
fn ramps_give_an_epoch_its_alpha() {
    let at = |ramp, epoch| {
        let loss = Loss::Tks { alpha: 0.8, temperature: 3.0, ramp };
        loss.at(Position { epoch, epochs: 4 }).alpha()
    };
    assert_eq!([0, 3].map(|epoch| at(Ramp::Released, epoch)), [0.0, 0.8 * 3.0 / 4.0]);
    assert_eq!([0, 3].map(|epoch| at(Ramp::Paper, epoch)), [0.0, 0.8 * 3.0 / 3.0]);
    assert_eq!([0, 3].map(|epoch| at(Ramp::Constant, epoch)), [0.8, 0.8]);
    assert_eq!(ALL[2].at(Position { epoch: 3, epochs: 4 }).alpha(), 0.0);
}

#[cfg(feature = "serde")]
mod tables {
    use super::*;

    fn read(text: &str) -> std::result::Result<Loss, String> {
        toml::from_str(text).map_err(|error| error.message().to_string())
    }

    #[test]
    fn each_kind_has_its_own_keys_and_defaults() {
        let cases = [
            ("", Loss::CrossEntropy),
            ("kind = 'ce'", Loss::CrossEntropy),
            ("kind = 'ls'", Loss::LabelSmoothing { epsilon: 0.1 }),
            ("kind = 'tet'", Loss::Tet { lambda: 0.0, mean: 1.0 }),
            ("kind = 'tks'", Loss::Tks { alpha: 0.7, temperature: 3.0, ramp: Ramp::Released }),
            (
                "kind = 'tks-paper'\nalpha = 0.3\nramp = 'constant'",
                Loss::TksPaper { alpha: 0.3, temperature: 3.0, ramp: Ramp::Constant },
            ),
        ];
        for (text, loss) in cases {
            assert_eq!(read(text).unwrap(), loss, "{text}");
            assert_eq!(read(&toml::to_string(&loss).unwrap()).unwrap(), loss);
        }
    }

    #[test]
    fn a_key_of_another_loss_says_whose_it_is() {
        for (text, named) in [
            ("kind = 'tet'\nalpha = 0.7", ["`alpha`", "`tks` and `tks-paper`", "`tet`"]),
            ("epsilon = 0.1", ["`epsilon`", "`ls`", "`ce`"]),
            ("kind = 'tks'\nmean = 1.0", ["`mean`", "`tet`", "`tks`"]),
        ] {
            let error = read(text).unwrap_err();
            assert!(named.iter().all(|name| error.contains(name)), "{error}");
        }
        assert!(read("nonsense = 1").unwrap_err().contains("nonsense"));
        assert!(read("kind = 'mse'").unwrap_err().contains("mse"));
    }
}
