//! What methods add to a loss: worked examples, gradients, edges.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use snn_losses::{
    Answers, Early, Error, Loss, Mixed, Objective, Position, StrongWeak, Targets, Terms, Trt, Tssd,
    cross_entropy, divergence,
};

type Steps<'a> = &'a [[f64; 3]];

/// One sample's scores `[T, 1, 3]`.
fn scores(steps: Steps) -> Tensor {
    let flat = steps.as_flattened().to_vec();
    Tensor::from_vec(flat, (steps.len(), 1, 3), &Device::Cpu).unwrap()
}

fn label() -> Tensor {
    Tensor::new(&[0u32], &Device::Cpu).unwrap()
}

fn named(all: &[(&str, Tensor)]) -> BTreeMap<String, Tensor> {
    all.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect()
}

fn objective(terms: Terms) -> Objective {
    Loss::CrossEntropy.at(Position { epoch: 0, epochs: 1 }).with(Some(terms))
}

fn number(x: &Tensor) -> f64 {
    x.to_dtype(DType::F64).unwrap().to_scalar().unwrap()
}

/// The loss of logits, heads and views, and the gradient with respect to each, flat.
fn run(terms: Terms, logits: Steps, heads: &[(&str, Steps)], views: &[(&str, Steps)]) -> Outcome {
    let var = |steps: Steps| Var::from_tensor(&scores(steps)).unwrap();
    let own = var(logits);
    let with = |all: &[(&str, Steps)]| -> Vec<(String, Var)> {
        all.iter().map(|(name, steps)| (name.to_string(), var(steps))).collect()
    };
    let (heads, views) = (with(heads), with(views));
    let tensors = |all: &[(String, Var)]| -> BTreeMap<String, Tensor> {
        all.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    };
    let (of_heads, of_views) = (tensors(&heads), tensors(&views));
    let answers = Answers { logits: own.as_tensor(), heads: &of_heads, views: &of_views };
    let value = objective(terms).value(&answers, &(&label()).into()).unwrap();
    let gradients = value.backward().unwrap();
    let all = std::iter::once(&own).chain(heads.iter().chain(&views).map(|(_, var)| var));
    let gradient = all
        .map(|var| match gradients.get(var) {
            Some(g) => g.flatten_all().unwrap().to_vec1().unwrap(),
            None => vec![0.0; var.elem_count()],
        })
        .collect();
    Outcome { value: number(&value), gradient }
}

struct Outcome {
    value: f64,
    gradient: Vec<Vec<f64>>,
}

const TSSD: Tssd =
    Tssd { alpha: 1.0, beta: 1.0, temperature: 2.0, teacher_ce: false, weak_ce: false };

const TRT: Trt = Trt {
    consistency: 1.0,
    hybrid: 1.0,
    temperature: 2.0,
    detach: false,
    symmetric: false,
    reversed_ce: false,
    hybrid_kl: false,
};

/// The student is the first two of four steps.
const STEPS: [[f64; 3]; 4] =
    [[0.4, 0.1, 0.0], [1.0, 0.2, -0.3], [0.9, 0.5, -0.2], [1.3, 0.0, -0.5]];
const WEAK: [[f64; 3]; 1] = [[0.2, 0.3, 0.1]];

fn tssd(terms: Tssd) -> Outcome {
    run(Terms::Tssd(terms), &STEPS[..2], &[("stage2", &WEAK)], &[("teacher", &STEPS)])
}

#[test]
fn worked_example_of_tssd_comes_out() {
    let o_s = Tensor::new(&[[0.7f64, 0.15, -0.15]], &Device::Cpu).unwrap();
    let o_t = Tensor::new(&[[0.9f64, 0.2, -0.25]], &Device::Cpu).unwrap();
    let w = Tensor::new(&[[0.2f64, 0.3, 0.1]], &Device::Cpu).unwrap();
    let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-9, "{got} {want}");
    near(number(&divergence(&o_t, &o_s, 2.0).unwrap()) / 4.0, 0.0018464652);
    near(number(&divergence(&o_s, &w, 2.0).unwrap()) / 4.0, 0.0145561013);
    let ce = number(&cross_entropy(&scores(&STEPS[..2]), &label()).unwrap());
    near(ce, 0.6953271738);
    near(tssd(TSSD).value, 0.7609374401);
    // The halves alone, and what the flags add.
    near(tssd(Tssd { beta: 0.0, ..TSSD }).value, ce + 4.0 * 0.0018464652);
    near(tssd(Tssd { alpha: 0.0, ..TSSD }).value, ce + 4.0 * 0.0145561013);
    let teacher = number(&cross_entropy(&scores(&STEPS), &label()).unwrap());
    near(tssd(Tssd { teacher_ce: true, ..TSSD }).value, 0.7609374401 + teacher);
    let weak = number(&cross_entropy(&scores(&WEAK), &label()).unwrap());
    near(tssd(Tssd { weak_ce: true, ..TSSD }).value, 0.7609374401 + weak);
    // No gradient reaches the teacher, and a teacher that is the student says nothing.
    assert!(tssd(TSSD).gradient[2].iter().all(|g| *g == 0.0));
    let own =
        run(Terms::Tssd(Tssd { beta: 0.0, ..TSSD }), &STEPS[..2], &[], &[("teacher", &STEPS[..2])]);
    assert_eq!(own.value, ce);
}

#[test]
fn worked_example_of_trt_comes_out() {
    let (own, reversed, hybrid) = ([[1.2, 0.3, -0.4]], [[0.7, 0.6, -0.1]], [[0.9, 0.1, 0.2]]);
    let views: [(&str, Steps); 2] = [("reversed", &reversed), ("hybrid", &hybrid)];
    let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-9, "{got} {want}");
    let trt = |terms: Trt| run(Terms::Trt(terms), &own, &[], &views);
    let (ce, ce_hybrid, kl) = (0.4752810403, 0.6657319272, 0.0197250764);
    near(trt(TRT).value, 1.2199132733);
    near(trt(Trt { hybrid: 0.0, ..TRT }).value, ce + 4.0 * kl);
    near(trt(Trt { consistency: 0.0, ..TRT }).value, ce + ce_hybrid);
    // The flags change what they say, and detaching changes no value.
    let detached = trt(Trt { detach: true, ..TRT });
    near(detached.value, 1.2199132733);
    assert_ne!(detached.gradient[0], trt(TRT).gradient[0]);
    let plain = run(Terms::Trt(Trt { consistency: 0.0, hybrid: 0.0, ..TRT }), &own, &[], &[]);
    assert_eq!(detached.gradient[0], plain.gradient[0]);
    let ce_reversed = number(&cross_entropy(&scores(&reversed), &label()).unwrap());
    near(trt(Trt { reversed_ce: true, ..TRT }).value, 1.2199132733 + ce_reversed);
    let two = |a: &Steps, b: &Steps| {
        let of = |x: &Steps| scores(x).get(0).unwrap();
        number(&divergence(&of(a), &of(b), 2.0).unwrap())
    };
    let (o, r, h): (Steps, Steps, Steps) = (&own, &reversed, &hybrid);
    let both = 0.5 * (two(&o, &r) + two(&r, &o));
    near(trt(Trt { symmetric: true, hybrid: 0.0, ..TRT }).value, ce + both);
    near(trt(Trt { hybrid_kl: true, consistency: 0.0, ..TRT }).value, ce + two(&o, &h));
    // What is answered alike in both directions is consistent.
    let alike: [(&str, Steps); 1] = [("reversed", &own)];
    let same = run(Terms::Trt(Trt { hybrid: 0.0, ..TRT }), &own, &[], &alike);
    near(same.value, ce);
    assert_eq!(same.value, plain.value);
}

#[test]
fn strong_and_weak_steps_are_those_of_their_confidence() {
    // By the largest probability: step 1 is the surest, then 0, then 2.
    let steps = [[1.0, 0.2, -0.3], [2.0, 0.0, -1.0], [0.2, 0.3, 0.1]];
    let kl = |a: usize, b: usize| {
        let at = |i: usize| scores(&steps).get(i).unwrap();
        number(&divergence(&at(a), &at(b), 2.0).unwrap()) / 4.0
    };
    let ce = number(&cross_entropy(&scores(&steps), &label()).unwrap());
    let terms = StrongWeak { weight: 0.5, temperature: 2.0, weak_teaches: false, cascade: false };
    let value = |terms| run(Terms::StrongWeak(terms), &steps, &[], &[]).value;
    let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got} {want}");
    near(value(terms), ce + 0.5 * kl(1, 2));
    near(value(StrongWeak { weak_teaches: true, ..terms }), ce + 0.5 * kl(2, 1));
    near(value(StrongWeak { cascade: true, ..terms }), ce + 0.25 * (kl(1, 0) + kl(0, 2)));
    let one = run(Terms::StrongWeak(terms), &steps[..1], &[], &[]).value;
    assert_eq!(one, number(&cross_entropy(&scores(&steps[..1]), &label()).unwrap()));
}

#[test]
fn early_classifiers_answer_for_themselves() {
    let (a, b) = ([[0.2, 0.3, 0.1], [0.9, 0.0, 0.0]], [[1.0, -1.0, 0.5]]);
    let heads: [(&str, Steps); 2] = [("stage1", &a), ("stage2", &b)];
    let terms = Early { weight: 0.3, classifiers: 2 };
    let ce = |x: Steps| number(&cross_entropy(&scores(x), &label()).unwrap());
    let got = run(Terms::Early(terms), &STEPS, &heads, &[]).value;
    let want = ce(&STEPS) + 0.3 * (ce(&a) + ce(&b));
    assert!((got - want).abs() < 1e-12, "{got} {want}");
    let none = Early { weight: 0.0, classifiers: 2 };
    assert_eq!(run(Terms::Early(none), &STEPS, &heads, &[]).value, ce(&STEPS));
    let uniform = objective(Terms::Early(terms)).uniform(3);
    assert!((uniform - 1.6 * 3f64.ln()).abs() < 1e-12);
}

/// Every term with every flag that changes its value, and which of logits, head, reversed or teaching view and hybrid no
/// detaching stands before.
fn all() -> Vec<(Terms, &'static [usize])> {
    let tssd = Tssd { teacher_ce: true, weak_ce: true, ..TSSD };
    let trt = Trt { symmetric: true, reversed_ce: true, ..TRT };
    let cascade = StrongWeak { weight: 1.0, temperature: 2.0, weak_teaches: false, cascade: true };
    vec![
        (Terms::Early(Early { weight: 0.7, classifiers: 1 }), &[0, 1, 2, 3]),
        (Terms::Tssd(tssd), &[1]),
        (Terms::Tssd(Tssd { beta: 0.0, ..TSSD }), &[0, 1]),
        (Terms::Tssd(Tssd { alpha: 0.0, beta: 0.0, ..tssd }), &[0, 1, 2]),
        (Terms::Trt(TRT), &[0, 1, 2, 3]),
        (Terms::Trt(trt), &[0, 1, 2, 3]),
        (Terms::Trt(Trt { hybrid_kl: true, ..trt }), &[0, 1, 2, 3]),
        (Terms::StrongWeak(cascade), &[0, 1, 2, 3]),
        (
            Terms::StrongWeak(StrongWeak { weak_teaches: true, cascade: false, ..cascade }),
            &[0, 1, 2, 3],
        ),
    ]
}

#[test]
fn gradients_agree_with_finite_differences() {
    let start = [STEPS.to_vec(), WEAK.to_vec(), STEPS[1..].to_vec(), STEPS[2..].to_vec()];
    let value = |terms: Terms, x: &[Vec<[f64; 3]>; 4]| {
        let name = if matches!(terms, Terms::Tssd(_)) { "teacher" } else { "reversed" };
        let views: [(&str, Steps); 2] = [(name, &x[2]), ("hybrid", &x[3])];
        run(terms, &x[0], &[("stage2", &x[1])], &views)
    };
    for (terms, parts) in all() {
        let gradient = value(terms, &start).gradient;
        for &part in parts {
            for (at, got) in gradient[part].iter().enumerate() {
                let moved = |by: f64| {
                    let mut x = start.clone();
                    x[part].as_flattened_mut()[at] += by;
                    value(terms, &x).value
                };
                let step = 1e-5;
                let expected = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((got - expected).abs() < 1e-8, "{terms:?} {part} {at}: {got} {expected}");
            }
        }
    }
}

#[test]
fn mixed_samples_weigh_both_labels_in_the_terms_too() {
    let (own, other) = (label(), Tensor::new(&[2u32], &Device::Cpu).unwrap());
    let (logits, heads) = (scores(&STEPS), named(&[("stage1", scores(&WEAK))]));
    let views = BTreeMap::new();
    let answers = Answers { logits: &logits, heads: &heads, views: &views };
    let objective = objective(Terms::Early(Early { weight: 0.5, classifiers: 1 }));
    let value = |targets: Targets| number(&objective.value(&answers, &targets).unwrap());
    let mixed = Some(Mixed { labels: &other, weights: &[0.25] });
    let got = value(Targets { labels: &own, mixed });
    let want = 0.25 * value((&own).into()) + 0.75 * value((&other).into());
    assert!((got - want).abs() < 1e-12, "{got} {want}");
}

#[test]
fn what_is_missing_or_out_of_range_is_named() {
    let (logits, label) = (scores(&STEPS), label());
    let refused =
        |terms: Terms| objective(terms).value(&(&logits).into(), &(&label).into()).unwrap_err();
    assert!(matches!(refused(Terms::Tssd(TSSD)), Error::Answer { name: "teacher" }));
    assert!(matches!(refused(Terms::Trt(TRT)), Error::Answer { name: "reversed" }));
    let field = |terms: Terms| match refused(terms) {
        Error::Config { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field(Terms::Tssd(Tssd { alpha: -1.0, ..TSSD })), "alpha");
    assert_eq!(field(Terms::Trt(Trt { temperature: 0.0, ..TRT })), "temperature");
    assert_eq!(field(Terms::Early(Early { weight: f64::NAN, classifiers: 1 })), "lambda_ec");
    let wide = Tensor::zeros((1, 4), DType::F64, &Device::Cpu).unwrap();
    let narrow = Tensor::zeros((1, 3), DType::F64, &Device::Cpu).unwrap();
    assert!(matches!(divergence(&wide, &narrow, 2.0), Err(Error::Shape { what: "student", .. })));
}
