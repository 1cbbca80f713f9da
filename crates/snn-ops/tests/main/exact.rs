//! Exact evaluation: what a call computes does not depend on how its images and steps are cut into calls.

use candle_core::Tensor;
use snn_ops::{
    Conv2d, Moments, Pool2d, Precision, Result, Tape, Value, add, avg_pool2d, batch_norm_eval,
    buffer, conv_channels, conv1d, conv2d, global_avg_pool, global_max_pool, linear, matmul,
    max_pool2d, mean, multiply, narrow, random, reshape, sigmoid,
};

fn normal(shape: &[usize], name: &str) -> Tensor {
    let mut rng = random::stream(17, name, 0, 0);
    let values = random::normal(&mut rng, shape.iter().product(), 0.0, 1.0);
    buffer::tensor(values, shape).unwrap()
}

/// Spikes whose rate falls from one step to the next, with a silent last one.
fn spikes(shape: &[usize]) -> Tensor {
    let (mut rng, len) = (random::stream(18, "spikes", 0, 0), shape.iter().product::<usize>());
    let rate = |i: usize| 0.6 - 0.6 * ((i * shape[0] / len + 1) as f32 / shape[0] as f32);
    let values = (0..len).map(|i| u8::from(random::unit(&mut rng) < rate(i))).collect::<Vec<_>>();
    buffer::tensor(values, shape).unwrap()
}

fn bits(y: &Value) -> Vec<u32> {
    let y = buffer::to_f32(y.tensor()).unwrap().flatten_all().unwrap();
    y.to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
}

/// Runs `f` on all of `x`, `[T, N, ..]`, on each step, on pieces of each step, and on each image.
fn check(what: &str, x: &Tensor, f: impl Fn(&mut Tape, &Value) -> Result<Value>) {
    let run =
        |x: Tensor| bits(&f(&mut Tape::exact(), &Value::constant(x.copy().unwrap())).unwrap());
    let whole = run(x.clone());
    let (steps, images) = (x.dims()[0], x.dims()[1]);
    for piece in [images, images.div_ceil(2), 2.min(images), 1] {
        let mut got = Vec::new();
        for t in 0..steps {
            for first in (0..images).step_by(piece) {
                let x = x.narrow(0, t, 1).unwrap();
                got.extend(run(x.narrow(1, first, piece.min(images - first)).unwrap()));
            }
        }
        assert!(got == whole, "{what}: {piece} of {images} images");
    }
}

#[test]
fn convolutions_do_not_depend_on_the_images_beside_them() {
    // Dense, sparse and Winograd shapes, images that are cut by rows or not, fewer and more than 16.
    let cases: &[([usize; 5], usize, [usize; 2], Conv2d)] = &[
        ([3, 5, 8, 8, 16], 33, [3, 3], Conv2d::square(1, 1)),
        ([2, 9, 16, 16, 64], 64, [3, 3], Conv2d::square(1, 1)),
        ([2, 20, 4, 4, 128], 32, [3, 3], Conv2d::square(1, 1)),
        ([2, 3, 12, 10, 40], 24, [3, 3], Conv2d::square(2, 1)),
        ([3, 17, 7, 5, 24], 70, [1, 1], Conv2d::square(1, 0)),
        ([2, 3, 20, 18, 3], 20, [7, 7], Conv2d::square(2, 3)),
        ([4, 6, 1, 40, 5], 12, [1, 9], Conv2d::new([1, 4], [0, 4])),
        ([2, 5, 32, 32, 8], 16, [3, 3], Conv2d::square(1, 1)),
    ];
    for &(shape, out, [kh, kw], config) in cases {
        let w = Value::constant(normal(&[out, shape[4], kh, kw], "w"));
        for precision in [Precision::F32, Precision::Bf16] {
            let config = Conv2d { precision, ..config };
            let conv = |tape: &mut Tape, x: &Value| conv2d(tape, x, &w, config);
            check(&format!("{shape:?} f32 {config:?}"), &normal(&shape, "x"), conv);
            check(&format!("{shape:?} u8 {config:?}"), &spikes(&shape), conv);
        }
    }
    let w = Value::constant(normal(&[12, 5, 9], "w"));
    check("conv1d", &spikes(&[3, 4, 40, 5]), |tape, x| conv1d(tape, x, &w, 2, 4));
}

#[test]
fn one_row_of_a_linear_layer_goes_the_way_of_many() {
    for (k, o) in [(1, 1), (7, 10), (64, 3), (100, 10), (257, 33), (512, 256)] {
        let (w, b) = (normal(&[o, k], "w"), normal(&[o], "b"));
        let (w, b) = (Value::constant(w), Value::constant(b));
        for rows in 1..=9 {
            let linear = |tape: &mut Tape, x: &Value| linear(tape, x, &w, &b);
            check(&format!("{k} {o}"), &normal(&[2, rows, k], "x"), linear);
            check(&format!("{k} {o} u8"), &spikes(&[2, rows, k]), linear);
        }
    }
}

#[test]
fn exact_rows_are_the_products_that_others_compute() {
    let (x, w, b) = (normal(&[5, 37], "x"), normal(&[11, 37], "w"), normal(&[11], "b"));
    let [x, w, b] = [x, w, b].map(Value::constant);
    let run = |mut tape: Tape| crate::check::flat(linear(&mut tape, &x, &w, &b).unwrap().tensor());
    let wide: Vec<f64> = run(Tape::off()).into_iter().map(f64::from).collect();
    crate::check::assert_close(&run(Tape::exact()), &wide);
}

#[test]
fn norms_pools_and_adds_do_not_depend_on_the_images_beside_them() {
    let (weight, bias) = (normal(&[24], "weight"), normal(&[24], "bias"));
    let (weight, bias) = (Value::constant(weight), Value::constant(bias));
    let running = Moments { mean: vec![0.3; 24], var: vec![1.7; 24], count: 0 };
    let pool = Pool2d::square(3, 2, 1);
    for x in [normal(&[3, 7, 6, 5, 24], "x"), spikes(&[3, 7, 6, 5, 24])] {
        check("norm", &x, |_, x| batch_norm_eval(x, &weight, &bias, &running));
        check("max pool", &x, |tape, x| max_pool2d(tape, x, pool));
        check("average pool", &x, |tape, x| avg_pool2d(tape, x, pool));
        check("global max pool", &x, global_max_pool);
        check("global average pool", &x, global_avg_pool);
        check("add", &x, |tape, x| add(tape, x, x));
    }
}

#[test]
fn operators_of_attention_do_not_depend_on_the_samples_beside_them() {
    let kernel = Value::constant(normal(&[3], "kernel"));
    for x in [normal(&[3, 7, 6, 5, 24], "x"), spikes(&[3, 7, 6, 5, 24])] {
        check("gate", &x, |tape, x| {
            let descriptor = mean(tape, x, &[2, 3])?;
            let gate = conv_channels(tape, &descriptor, &kernel)?;
            let gate = sigmoid(tape, &gate)?;
            multiply(tape, x, &gate)
        });
        check("product", &x, |tape, x| {
            let rows = [x.dims()[0], x.dims()[1], 30, 24];
            let points = reshape(tape, x, &rows)?;
            let transform = narrow(tape, &points, 2, 3, 24)?;
            matmul(tape, &points, &transform)
        });
    }
}
