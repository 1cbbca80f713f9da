//! The matrices of F(4x4, 3x3) on one axis, sixteen channels at a time.
//!
//! Four outputs of a three-tap correlation are `y = At [(G g) * (Bt d)]` (Lavin and Gray 2016, section 4.3,
//! arXiv:1509.09308): six products for what takes twelve. The matrices evaluate polynomials at 0, A, -A, B, -B
//! and infinity. With 5/8 and 3/2, whose squares are exact, rounding stays within the bound of the direct
//! kernels' tests; the usual 1 and 2 exceed it.

use super::lane::{LANES, Lane, ZERO};

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;
const BY_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
const BY_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));

/// `Bt d` on one axis.
#[inline(always)]
pub(super) fn input_axis(d: [Lane; 6]) -> [Lane; 6] {
    let mut out = [ZERO; 6];
    let [d0, d1, d2, d3, d4, d5] = d;
    for l in 0..LANES {
        let [d0, d1, d2, d3, d4, d5] = [d0[l], d1[l], d2[l], d3[l], d4[l], d5[l]];
        let (even_a, odd_a) = (d4 - B2 * d2, A * (d3 - B2 * d1));
        let (even_b, odd_b) = (d4 - A2 * d2, B * (d3 - A2 * d1));
        out[0][l] = (A2 * B2) * d0 - (A2 + B2) * d2 + d4;
        out[1][l] = even_a + odd_a;
        out[2][l] = even_a - odd_a;
        out[3][l] = even_b + odd_b;
        out[4][l] = even_b - odd_b;
        out[5][l] = (A2 * B2) * d1 - (A2 + B2) * d3 + d5;
    }
    out
}

/// `G g` on one axis.
#[inline(always)]
pub(super) fn weight_axis(g: [Lane; 3]) -> [Lane; 6] {
    let mut out = [ZERO; 6];
    let [g0, g1, g2] = g;
    for l in 0..LANES {
        let [g0, g1, g2] = [g0[l], g1[l], g2[l]];
        let (even_a, odd_a) = (BY_A * (g0 + A2 * g2), BY_A * A * g1);
        let (even_b, odd_b) = (BY_B * (g0 + B2 * g2), BY_B * B * g1);
        out[0][l] = g0 / (A2 * B2);
        out[1][l] = even_a + odd_a;
        out[2][l] = even_a - odd_a;
        out[3][l] = even_b + odd_b;
        out[4][l] = even_b - odd_b;
        out[5][l] = g2;
    }
    out
}

/// `At m` on one axis.
#[inline(always)]
pub(super) fn output_axis(m: [Lane; 6]) -> [Lane; 4] {
    let mut out = [ZERO; 4];
    let [m0, m1, m2, m3, m4, m5] = m;
    for l in 0..LANES {
        let [m0, m1, m2, m3, m4, m5] = [m0[l], m1[l], m2[l], m3[l], m4[l], m5[l]];
        let (even_a, odd_a, even_b, odd_b) = (m1 + m2, m1 - m2, m3 + m4, m3 - m4);
        out[0][l] = m0 + even_a + even_b;
        out[1][l] = A * odd_a + B * odd_b;
        out[2][l] = A2 * even_a + B2 * even_b;
        out[3][l] = (A2 * A) * odd_a + (B2 * B) * odd_b + m5;
    }
    out
}

/// `A dy` on one axis, the transpose of `At`.
#[inline(always)]
pub(super) fn output_gradient_axis(dy: [Lane; 4]) -> [Lane; 6] {
    let mut out = [ZERO; 6];
    let [d0, d1, d2, d3] = dy;
    for l in 0..LANES {
        let [d0, d1, d2, d3] = [d0[l], d1[l], d2[l], d3[l]];
        let (even_a, odd_a) = (d0 + A2 * d2, A * (d1 + A2 * d3));
        let (even_b, odd_b) = (d0 + B2 * d2, B * (d1 + B2 * d3));
        out[0][l] = d0;
        out[1][l] = even_a + odd_a;
        out[2][l] = even_a - odd_a;
        out[3][l] = even_b + odd_b;
        out[4][l] = even_b - odd_b;
        out[5][l] = d3;
    }
    out
}

/// `Gt u` on one axis, the transpose of `G`.
#[inline(always)]
pub(super) fn weight_gradient_axis(u: [Lane; 6]) -> [Lane; 3] {
    let mut out = [ZERO; 3];
    let [u0, u1, u2, u3, u4, u5] = u;
    for l in 0..LANES {
        let [u0, u1, u2, u3, u4, u5] = [u0[l], u1[l], u2[l], u3[l], u4[l], u5[l]];
        let (even_a, odd_a) = (BY_A * (u1 + u2), BY_A * A * (u1 - u2));
        let (even_b, odd_b) = (BY_B * (u3 + u4), BY_B * B * (u3 - u4));
        out[0][l] = u0 / (A2 * B2) + even_a + even_b;
        out[1][l] = odd_a + odd_b;
        out[2][l] = A2 * even_a + B2 * even_b + u5;
    }
    out
}
