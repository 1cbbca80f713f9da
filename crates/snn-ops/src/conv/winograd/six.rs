//! The matrices of F(6x6, 3x3) on one axis, as `four` has those of F(4x4, 3x3): eight products for what takes eighteen.
//!
//! The points are 0, A, -A, B, -B, C, -C and infinity. Of the eighths, whose squares are exact, these round about least:
//! six times as much as the four points of `four`, half as much as the usual 1/2, 1 and 2.

use super::lane::{LANES, Lane, ZERO};

const A: f32 = 0.625;
const B: f32 = 1.0;
const C: f32 = 2.125;
const A2: f32 = A * A;
const B2: f32 = B * B;
const C2: f32 = C * C;
/// Sums and products of the squares.
const ONES: f32 = A2 + B2 + C2;
const TWOS: f32 = A2 * B2 + A2 * C2 + B2 * C2;
const THREES: f32 = A2 * B2 * C2;
const BY_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2) * (A2 - C2));
const BY_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2) * (B2 - C2));
const BY_C: f32 = 1.0 / (2.0 * C2 * (C2 - A2) * (C2 - B2));

/// `Bt d` on one axis.
#[inline(always)]
pub(super) fn input_axis(d: [Lane; 8]) -> [Lane; 8] {
    let mut out = [ZERO; 8];
    let [d0, d1, d2, d3, d4, d5, d6, d7] = d;
    for l in 0..LANES {
        let [d0, d1, d2, d3, d4, d5, d6, d7] =
            [d0[l], d1[l], d2[l], d3[l], d4[l], d5[l], d6[l], d7[l]];
        // Of points p and -p: `sum` and `product` are those of the other two squares.
        let both = |p: f32, sum: f32, product: f32| {
            let (even, odd) = (d6 - sum * d4 + product * d2, p * (d5 - sum * d3 + product * d1));
            (even + odd, even - odd)
        };
        out[0][l] = d6 - ONES * d4 + TWOS * d2 - THREES * d0;
        (out[1][l], out[2][l]) = both(A, B2 + C2, B2 * C2);
        (out[3][l], out[4][l]) = both(B, A2 + C2, A2 * C2);
        (out[5][l], out[6][l]) = both(C, A2 + B2, A2 * B2);
        out[7][l] = d7 - ONES * d5 + TWOS * d3 - THREES * d1;
    }
    out
}

/// `G g` on one axis.
#[inline(always)]
pub(super) fn weight_axis(g: [Lane; 3]) -> [Lane; 8] {
    let mut out = [ZERO; 8];
    let [g0, g1, g2] = g;
    for l in 0..LANES {
        let [g0, g1, g2] = [g0[l], g1[l], g2[l]];
        let both = |p: f32, by: f32| {
            let (even, odd) = (by * (g0 + p * p * g2), by * p * g1);
            (even + odd, even - odd)
        };
        out[0][l] = g0 / -THREES;
        (out[1][l], out[2][l]) = both(A, BY_A);
        (out[3][l], out[4][l]) = both(B, BY_B);
        (out[5][l], out[6][l]) = both(C, BY_C);
        out[7][l] = g2;
    }
    out
}

/// `At m` on one axis.
#[inline(always)]
pub(super) fn output_axis(m: [Lane; 8]) -> [Lane; 6] {
    let mut out = [ZERO; 6];
    let [m0, m1, m2, m3, m4, m5, m6, m7] = m;
    for l in 0..LANES {
        let [m0, m1, m2, m3, m4, m5, m6, m7] =
            [m0[l], m1[l], m2[l], m3[l], m4[l], m5[l], m6[l], m7[l]];
        let even = [m1 + m2, m3 + m4, m5 + m6];
        let odd = [m1 - m2, m3 - m4, m5 - m6];
        let sum = |x: [f32; 3], a: f32, b: f32, c: f32| a * x[0] + b * x[1] + c * x[2];
        out[0][l] = m0 + sum(even, 1.0, 1.0, 1.0);
        out[1][l] = sum(odd, A, B, C);
        out[2][l] = sum(even, A2, B2, C2);
        out[3][l] = sum(odd, A2 * A, B2 * B, C2 * C);
        out[4][l] = sum(even, A2 * A2, B2 * B2, C2 * C2);
        out[5][l] = sum(odd, A2 * A2 * A, B2 * B2 * B, C2 * C2 * C) + m7;
    }
    out
}

/// `A dy` on one axis, the transpose of `At`.
#[inline(always)]
pub(super) fn output_gradient_axis(dy: [Lane; 6]) -> [Lane; 8] {
    let mut out = [ZERO; 8];
    let [d0, d1, d2, d3, d4, d5] = dy;
    for l in 0..LANES {
        let [d0, d1, d2, d3, d4, d5] = [d0[l], d1[l], d2[l], d3[l], d4[l], d5[l]];
        let both = |p: f32| {
            let p2 = p * p;
            let (even, odd) = (d0 + p2 * d2 + p2 * p2 * d4, p * (d1 + p2 * d3 + p2 * p2 * d5));
            (even + odd, even - odd)
        };
        out[0][l] = d0;
        (out[1][l], out[2][l]) = both(A);
        (out[3][l], out[4][l]) = both(B);
        (out[5][l], out[6][l]) = both(C);
        out[7][l] = d5;
    }
    out
}

/// `Gt u` on one axis, the transpose of `G`.
#[inline(always)]
pub(super) fn weight_gradient_axis(u: [Lane; 8]) -> [Lane; 3] {
    let mut out = [ZERO; 3];
    let [u0, u1, u2, u3, u4, u5, u6, u7] = u;
    for l in 0..LANES {
        let [u0, u1, u2, u3, u4, u5, u6, u7] =
            [u0[l], u1[l], u2[l], u3[l], u4[l], u5[l], u6[l], u7[l]];
        let even = [BY_A * (u1 + u2), BY_B * (u3 + u4), BY_C * (u5 + u6)];
        let odd = [BY_A * A * (u1 - u2), BY_B * B * (u3 - u4), BY_C * C * (u5 - u6)];
        out[0][l] = u0 / -THREES + even[0] + even[1] + even[2];
        out[1][l] = odd[0] + odd[1] + odd[2];
        out[2][l] = A2 * even[0] + B2 * even[1] + C2 * even[2] + u7;
    }
    out
}
