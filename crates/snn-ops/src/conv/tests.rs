//! Each engine against the f64 reference, on odd sizes, strides, paddings and channel counts.

use snn_needs::{Need, skipped};

use super::reference::{Case, TOLERANCE, close, close_to};
use super::run::Kernel;
use super::winograd::Form;
use super::*;
use crate::Engine;
use crate::random::{normal, stream};

fn dense(kernel: Kernel) -> Engine {
    match kernel {
        Kernel::Dense(engine) | Kernel::Sparse(engine) => engine,
    }
}

fn check(kernel: Kernel, case: &Case, spikes: bool) {
    let [h, w, c] = case.image;
    let (oh, ow) = (case.extent(0), case.extent(1));
    let mut rng = stream(7, "conv", h as u64, w as u64);
    let mut x = normal(&mut rng, case.n * h * w * c, 0.0, 1.0);
    let counts: Vec<u8> = x.iter().map(|v| v.abs().floor() as u8).collect();
    if spikes {
        x = counts.iter().map(|&v| f32::from(v)).collect();
    }
    let weight = normal(&mut rng, case.out * c * case.taps[0] * case.taps[1], 0.0, 1.0);
    let dy = normal(&mut rng, case.n * oh * ow * case.out, 0.0, 1.0);
    let plan = Correlation::forward(case.image, case.out, case.taps, case.config).unwrap();
    let data = if spikes { Data::U8(&counts) } else { Data::F32(&x) };

    let (mut y, mut dx, mut dw) =
        (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; weight.len()]);
    case.products(|o, i, k| {
        y[o] += f64::from(x[i]) * f64::from(weight[k]);
        dx[i] += f64::from(dy[o]) * f64::from(weight[k]);
        dw[k] += f64::from(dy[o]) * f64::from(x[i]);
    });

    let [kh, kw] = case.taps;
    let taps: Vec<_> = (0..kh).flat_map(|j| (0..kw).map(move |i| [j, i])).collect();
    let packed = run::pack(kernel, &plan, &taps, |t, c, o| weight[index(&plan, o, c, t)]);
    let mut out = vec![0.0; dy.len()];
    run::correlate(kernel, &plan, data, &packed, Output::Shared(&mut out), Scope::Call);
    close("y", &out, &y);
    let weight = buffer::tensor(weight, vec![case.out, c, kh, kw]).unwrap();
    let choices = Choices::new(dense(kernel), Precision::F32);
    let got = input_gradient(choices, &plan, &weight, Data::F32(&dy), x.len()).unwrap();
    close("dx", &got, &dx);
    let x = match spikes {
        true => buffer::tensor(counts, vec![case.n, h, w, c]).unwrap(),
        false => buffer::tensor(x, vec![case.n, h, w, c]).unwrap(),
    };
    let got = weight_gradient(Choice::F32(kernel), &plan, &x, Data::F32(&dy)).unwrap();
    close("dw", &got.flatten_all().unwrap().to_vec1::<f32>().unwrap(), &dw);
}

#[test]
fn engines_agree_with_the_equation() {
    let case = Case::new;
    let cases = [
        case(2, [9, 9, 3], 5, [3, 3], [1, 1], [1, 1]),
        case(3, [8, 8, 4], 6, [3, 3], [2, 2], [1, 1]),
        case(2, [7, 9, 4], 33, [3, 3], [2, 2], [1, 1]),
        case(2, [8, 8, 5], 17, [1, 1], [2, 2], [0, 0]),
        case(2, [20, 18, 3], 4, [7, 7], [2, 2], [3, 3]),
        case(1, [5, 31, 17], 40, [3, 3], [1, 1], [1, 1]),
        case(1, [11, 6, 2], 3, [2, 5], [3, 2], [0, 2]),
        case(1, [4, 4, 3], 2, [1, 1], [1, 1], [2, 1]),
        case(1, [6, 5, 2], 70, [4, 2], [5, 1], [1, 0]),
        case(1, [1, 64, 1], 5, [1, 16], [1, 4], [0, 6]),
        // More output channels than one group of the weight gradient, or one block of packed weights, holds.
        case(2, [5, 4, 3], 300, [3, 3], [1, 1], [1, 1]),
        case(1, [4, 4, 160], 150, [3, 3], [2, 2], [1, 1]),
    ];
    for engine in [Engine::Portable, Engine::Avx512] {
        if engine.available().is_err() {
            skipped(Need::Avx512);
            continue;
        }
        for kernel in [Kernel::Dense(engine), Kernel::Sparse(engine)] {
            for case in &cases {
                check(kernel, case, false);
                check(kernel, case, true);
            }
        }
    }
}

/// Every plan that `winograd` can do, worth it or not: partial tiles, odd channels, padding that grows
/// and crops, more tiles than one group holds.
#[test]
fn winograd_agrees_with_the_equation() {
    let case = |n, image, out, padding| Case::new(n, image, out, [3, 3], [1, 1], padding);
    let cases = [
        case(2, [9, 10, 3], 5, [1, 1]),
        case(1, [4, 4, 1], 1, [1, 1]),
        case(3, [5, 7, 17], 33, [1, 1]),
        case(2, [8, 8, 16], 130, [0, 2]),
        case(1, [31, 29, 40], 24, [2, 0]),
        case(20, [4, 4, 128], 32, [1, 1]),
        // More tiles than one round of the weight gradient takes.
        case(3, [38, 35, 5], 7, [1, 1]),
    ];
    for engine in [Engine::Portable, Engine::Avx512] {
        if engine.available().is_err() {
            skipped(Need::Avx512);
            continue;
        }
        for case in &cases {
            winograd_case(engine, Form::Four, TOLERANCE, case);
            // A hundredth of what a bf16 result is rounded by.
            winograd_case(engine, Form::Six, 2e-5, case);
        }
    }
}

fn winograd_case(engine: Engine, form: Form, tolerance: f64, case: &Case) {
    let [h, w, c] = case.image;
    let mut rng = stream(9, "winograd", h as u64, w as u64);
    let weight = normal(&mut rng, case.out * c * 9, 0.0, 1.0);
    let dy = normal(&mut rng, case.n * case.extent(0) * case.extent(1) * case.out, 0.0, 1.0);
    let x = normal(&mut rng, case.n * h * w * c, 0.0, 1.0);
    let counts: Vec<u8> = x.iter().map(|v| v.abs().floor() as u8).collect();
    let forward = Correlation::forward(case.image, case.out, case.taps, case.config).unwrap();

    let mut want = vec![0.0; x.len()];
    case.products(|o, i, k| want[i] += f64::from(dy[o]) * f64::from(weight[k]));
    let mut phases = forward.input_gradient();
    let (plan, taps) = phases.remove(0);
    assert!(phases.is_empty() && winograd::is_possible(&plan), "{plan:?}");
    let packed =
        winograd::pack(engine, form, &plan, &taps, |t, o, c| weight[index(&forward, o, c, t)]);
    let mut dx = vec![f32::NAN; x.len()];
    winograd::correlate(
        engine,
        form,
        &plan,
        Data::F32(&dy),
        &packed,
        Output::Shared(&mut dx),
        Scope::Call,
    );
    close_to(tolerance, "dx", &dx, &want);

    for data in [Data::F32(&x), Data::U8(&counts)] {
        let mut x = vec![0.0; x.len()];
        data.copy_to(&mut x);
        let (mut y, mut dw) = (vec![0.0; dy.len()], vec![0.0; weight.len()]);
        case.products(|o, i, k| {
            y[o] += f64::from(x[i]) * f64::from(weight[k]);
            dw[k] += f64::from(dy[o]) * f64::from(x[i]);
        });
        let taps: Vec<_> = (0..9).map(|t| [t / 3, t % 3]).collect();
        let packed = winograd::pack(engine, form, &forward, &taps, |t, c, o| {
            weight[index(&forward, o, c, t)]
        });
        let mut out = vec![f32::NAN; y.len()];
        winograd::correlate(
            engine,
            form,
            &forward,
            data,
            &packed,
            Output::Shared(&mut out),
            Scope::Call,
        );
        close_to(tolerance, "y", &out, &y);
        let got = winograd::weight_gradient(engine, form, &forward, data, Data::F32(&dy));
        let mut oihw = vec![0.0; got.len()];
        for (k, line) in got.chunks_exact(case.out).enumerate() {
            for (o, v) in line.iter().enumerate() {
                oihw[index(&forward, o, k % c, [k / c / 3, k / c % 3])] = *v;
            }
        }
        close_to(tolerance, "dw", &oihw, &dw);
    }
}

/// What every kernel computes for the shapes of one image alone: the image by itself, and among others.
#[test]
fn an_image_alone_has_the_bits_of_the_image_among_others() {
    let (n, image, out) = (19, [6, 9, 20], 36);
    let (in_len, out_len) = (image.iter().product::<usize>(), 6 * 9 * out);
    let plan = Correlation::forward(image, out, [3, 3], Conv2d::square(1, 1)).unwrap();
    let mut rng = stream(13, "alone", 0, 0);
    let x = normal(&mut rng, n * in_len, 0.0, 1.0);
    let counts: Vec<u8> = x.iter().map(|v| v.abs().floor() as u8).collect();
    let w = normal(&mut rng, out * 20 * 9, 0.0, 1.0);
    let mut choices = Vec::new();
    for engine in [Engine::Portable, Engine::Avx512] {
        if let Err(why) = engine.available() {
            println!("skipped: {why}");
            continue;
        }
        choices.extend([Kernel::Dense(engine), Kernel::Sparse(engine)].map(Choice::F32));
        choices.extend([Form::Four, Form::Six].map(|form| Choice::Winograd(engine, form)));
    }
    for unit in tiles::units() {
        choices.extend([tiles::Parts::One, tiles::Parts::Three].map(|p| Choice::Tiles(unit, p)));
    }
    for choice in choices {
        for x in [Data::F32(&x), Data::U8(&counts)] {
            let run = |first: usize, count: usize| {
                let x = x.slice(first * in_len..(first + count) * in_len);
                forward::<f32>(choice, &plan, x, &w, count * out_len, Scope::Image)
            };
            let whole = run(0, n);
            for count in [1, 2, 7] {
                let starts = (0..n).step_by(count);
                let cut: Vec<f32> = starts.flat_map(|i| run(i, count.min(n - i))).collect();
                assert!(cut == whole, "{choice:?} {count}");
            }
        }
    }
}

#[test]
fn exact_choices_do_not_look_at_the_images() {
    let choices = Choices::new(engine(), Precision::F32);
    for (side, channels) in [(4, 512), (8, 256), (16, 64), (32, 128), (32, 16)] {
        let image = [side, side, channels];
        let plan = Correlation::forward(image, channels, [3, 3], Conv2d::square(1, 1)).unwrap();
        let len = side * side * channels;
        let (silent, busy) = (vec![0u8; len], vec![1u8; 3 * len]);
        let choice = |x: &[u8]| choices.of_input(&plan, Data::U8(x), Scope::Image);
        assert_eq!(choice(&silent), choice(&busy));
        assert_eq!(choice(&silent[..len]), choice(&busy[..len]));
    }
}

#[test]
fn misfits_are_named() {
    let value = |shape: &[usize]| {
        Value::constant(buffer::tensor(vec![0f32; shape.iter().product()], shape.to_vec()).unwrap())
    };
    let conv = |x: &[usize], w: &[usize], c| {
        conv2d(&mut Tape::off(), &value(x), &value(w), c).map(|_| ()).unwrap_err().to_string()
    };
    let message = conv(&[1, 4, 4, 3], &[2, 4, 3, 3], Conv2d::square(1, 1));
    assert!(message.contains("[.., H, W, 4]"), "{message}");
    let message = conv(&[1, 2, 2, 3], &[2, 3, 3, 3], Conv2d::square(1, 0));
    assert!(message.contains("at least 3 x 3"), "{message}");
    let message = conv(&[1, 4, 4, 3], &[2, 3, 3, 3], Conv2d::square(0, 0));
    assert!(message.contains("stride"), "{message}");
}
