//! Every unit against the f64 equation, on odd sizes, strides, paddings and channel counts.

use half::bf16;
use snn_needs::{Need, skipped};

use super::super::index;
use super::super::output::Output;
use super::super::plan::Correlation;
use super::super::reference::{Case, close};
use super::*;
use crate::buffer::Data;
use crate::random::{normal, stream};

pub(in crate::conv) fn units() -> Vec<Unit> {
    let mut units = vec![Unit::Plain];
    #[cfg(target_arch = "x86_64")]
    {
        match unsafe_bf16::is_available() {
            true => units.push(Unit::Bf16),
            false => skipped(Need::Avx512Bf16),
        }
        match unsafe_amx::available() {
            Ok(()) => units.push(Unit::Amx),
            Err(_) => skipped(Need::Amx),
        }
    }
    units
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Counts,
    Bf16,
    F32,
}

fn check(unit: Unit, case: &Case, kind: Kind, parts: Parts) {
    let what = format!("{unit:?} {kind:?} {parts:?} {:?} {:?}", case.image, case.config);
    let [h, w, c] = case.image;
    let mut rng = stream(7, "tiles", h as u64, w as u64);
    // With one part the result is exact for operands that bf16 holds.
    let rounded = |v: Vec<f32>| v.into_iter().map(|v| widen(round(v))).collect::<Vec<f32>>();
    let held = |v: Vec<f32>| if parts == Parts::One { rounded(v) } else { v };
    let mut x = normal(&mut rng, case.n * h * w * c, 0.0, 1.0);
    match kind {
        Kind::Counts => x.iter_mut().for_each(|v| *v = v.abs().floor()),
        Kind::Bf16 => x = rounded(x),
        Kind::F32 => x = held(x),
    }
    let counts: Vec<u8> = x.iter().map(|&v| v as u8).collect();
    let halves: Vec<bf16> = x.iter().map(|&v| bf16::from_f32(v)).collect();
    let data = match kind {
        Kind::Counts => Data::U8(&counts),
        Kind::Bf16 => Data::Bf16(&halves),
        Kind::F32 => Data::F32(&x),
    };
    let (oh, ow) = (case.extent(0), case.extent(1));
    let weight = held(normal(&mut rng, case.out * c * case.taps[0] * case.taps[1], 0.0, 1.0));
    let dy = held(normal(&mut rng, case.n * oh * ow * case.out, 0.0, 1.0));
    let (mut y, mut dx, mut dw) =
        (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; weight.len()]);
    case.products(|o, i, k| {
        y[o] += f64::from(x[i]) * f64::from(weight[k]);
        dx[i] += f64::from(dy[o]) * f64::from(weight[k]);
        dw[k] += f64::from(dy[o]) * f64::from(x[i]);
    });

    let plan = Correlation::forward(case.image, case.out, case.taps, case.config).unwrap();
    let [kh, kw] = case.taps;
    let taps: Vec<_> = (0..kh).flat_map(|j| (0..kw).map(move |i| [j, i])).collect();
    let packed = pack(&plan, &taps, parts, |t, c, o| weight[index(&plan, o, c, t)]);
    let mut out = vec![f32::NAN; dy.len()];
    correlate(unit, &plan, data, &packed, Output::Shared(&mut out));
    close(&format!("y {what}"), &out, &y);
    let mut out = vec![bf16::ZERO; dy.len()];
    correlate(unit, &plan, data, &packed, Output::Shared(&mut out));
    let largest = y.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (got, want) in out.iter().zip(&y) {
        assert!((got.to_f64() - want).abs() <= want.abs() / 256.0 + 1e-6 * largest, "{what}");
    }

    let mut got = vec![0.0; x.len()];
    for (phase, taps) in plan.input_gradient() {
        let packed = pack(&phase, &taps, parts, |t, o, c| weight[index(&plan, o, c, t)]);
        correlate(unit, &phase, Data::F32(&dy), &packed, Output::Shared(&mut got));
    }
    close(&format!("dx {what}"), &got, &dx);

    let got = weight_gradient(unit, &plan, data, Data::F32(&dy), parts);
    let mut oihw = vec![0.0; dw.len()];
    for (k, line) in got.chunks_exact(case.out).enumerate() {
        let (tap, c) = ([k / plan.input[2] / kw, k / plan.input[2] % kw], k % plan.input[2]);
        line.iter().enumerate().for_each(|(o, &v)| oihw[index(&plan, o, c, tap)] = v);
    }
    close(&format!("dw {what}"), &oihw, &dw);
}

#[test]
fn units_agree_with_the_equation() {
    let case = Case::new;
    let cases = [
        case(2, [9, 9, 3], 5, [3, 3], [1, 1], [1, 1]),
        case(3, [8, 8, 4], 6, [3, 3], [2, 2], [1, 1]),
        case(2, [7, 9, 40], 33, [3, 3], [2, 2], [1, 1]),
        case(2, [8, 8, 5], 17, [1, 1], [2, 2], [0, 0]),
        case(2, [20, 18, 3], 4, [7, 7], [2, 2], [3, 3]),
        case(1, [5, 31, 17], 40, [3, 3], [1, 1], [1, 1]),
        case(1, [11, 6, 2], 3, [2, 5], [3, 2], [0, 2]),
        case(1, [4, 4, 3], 2, [1, 1], [1, 1], [2, 1]),
        case(1, [6, 5, 2], 70, [4, 2], [5, 1], [1, 0]),
        case(1, [1, 64, 1], 5, [1, 16], [1, 4], [0, 6]),
        // Many images of a group, an odd number of column tiles, and more rows than one block.
        case(37, [4, 4, 70], 48, [3, 3], [1, 1], [1, 1]),
        case(1, [4, 4, 160], 150, [3, 3], [2, 2], [1, 1]),
    ];
    for unit in units() {
        for case in &cases {
            for kind in [Kind::Counts, Kind::Bf16, Kind::F32] {
                for parts in [Parts::One, Parts::Three] {
                    check(unit, case, kind, parts);
                }
            }
        }
    }
}

#[test]
fn parts_add_up() {
    for x in normal(&mut stream(1, "parts", 0, 0), 1000, 0.0, 100.0) {
        let [a, b, c] = split(x).map(widen);
        assert_eq!((a + b) + c, x);
        assert!(b.abs() <= a.abs() / 128.0 && c.abs() <= b.abs() / 128.0, "{x}: {a} {b} {c}");
        assert_eq!(round(x), bf16::from_f32(x).to_bits());
    }
    assert!(widen(round(f32::NAN)).is_nan());
    assert_eq!(widen(round(f32::INFINITY)), f32::INFINITY);
}
