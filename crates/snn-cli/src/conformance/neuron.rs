//! lif.safetensors: spikes, potentials and gradients of seven neurons.

use anyhow::Context;
use candle_core::Tensor;
use snn_neuron::{LifConfig, Reset, Surrogate, lif, reference};
use snn_ops::{Tape, buffer};

use super::golden::{BF16, Golden, Ours, rounded};

fn config(case: &str) -> anyhow::Result<LifConfig> {
    let base = LifConfig::default();
    Ok(match case {
        "bireal_hard" => base,
        "bireal_hard_through_reset" => LifConfig { detach_reset: false, ..base },
        "triangle_hard_vth1" => {
            LifConfig { v_threshold: 1.0, surrogate: Surrogate::Triangle, ..base }
        }
        "rectangle_soft_vth1" => LifConfig {
            v_threshold: 1.0,
            surrogate: Surrogate::Rectangle,
            reset: Reset::Soft,
            decay_input: false,
            ..base
        },
        "atan_hard_vth1_inclusive" => {
            LifConfig { v_threshold: 1.0, surrogate: Surrogate::Atan, strict: false, ..base }
        }
        "sigmoid_soft" => LifConfig { surrogate: Surrogate::Sigmoid, reset: Reset::Soft, ..base },
        "tau_1_5" => LifConfig { tau: 1.5, ..base },
        other => anyhow::bail!("case `{other}` is not known to this version"),
    })
}

/// In bf16 the current is rounded and its gradient, too, is stored so; potentials are f32 in either.
pub(super) fn run(golden: &Golden, is_bf16: bool) -> anyhow::Result<Ours> {
    let mut ours = Ours::default();
    for case in golden.cases("x") {
        let config = config(&case)?;
        let x = golden.of_rank(&format!("{case}.x"), 3)?;
        let seed = golden.get(&format!("{case}.grad_out"))?;
        let neurons = x.elem_count() / x.dims()[0];
        let trace =
            reference::forward(&golden.f32s(&format!("{case}.x"))?, &vec![0.0; neurons], &config);
        ours.put(format!("{case}.membrane"), buffer::tensor(trace.membrane, x.dims())?, 2e-5);
        let (spikes, gradient) = (format!("{case}.spikes"), format!("{case}.grad_x"));
        if is_bf16 {
            let x = rounded(x)?;
            let expected = fire(&buffer::to_f32(&x)?, seed, &config)?;
            let got = fire(&x, seed, &config)?;
            ours.put_beside(spikes, got.0, expected.0, 0.0);
            ours.put_beside(gradient, got.1, expected.1, BF16);
        } else {
            let got = fire(x, seed, &config)?;
            ours.put(spikes, got.0, 0.0);
            ours.put(gradient, got.1, 1e-4);
        }
    }
    Ok(ours)
}

/// Spikes and the current's gradient.
fn fire(x: &Tensor, seed: &Tensor, config: &LifConfig) -> anyhow::Result<(Tensor, Tensor)> {
    let mut tape = Tape::new();
    let leaf = tape.leaf("x", x.clone());
    let spikes = lif(&mut tape, &leaf, None, config)?.spikes;
    let mut found = None;
    tape.backward([(&spikes, seed.clone())], &mut |_, gradient| {
        found = Some(gradient);
        Ok(())
    })?;
    Ok((spikes.tensor().clone(), found.context("the current has no gradient")?))
}
