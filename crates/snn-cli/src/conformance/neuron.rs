//! lif.safetensors: spikes, potentials and gradients of seven neurons.

use snn_neuron::{LifConfig, Reset, Surrogate, lif, reference};
use snn_ops::{Tape, buffer};

use super::{Golden, Ours};

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

pub(super) fn run(golden: &Golden) -> anyhow::Result<Ours> {
    let mut ours = Ours::default();
    for case in golden.cases("x") {
        let config = config(&case)?;
        let x = golden.of_rank(&format!("{case}.x"), 3)?;
        let neurons = x.elem_count() / x.dims()[0];
        let mut tape = Tape::new();
        let leaf = tape.leaf("x", x.clone());
        let spikes = lif(&mut tape, &leaf, None, &config)?.spikes;
        ours.put(format!("{case}.spikes"), spikes.tensor().clone(), 0.0);
        let trace =
            reference::forward(&golden.f32s(&format!("{case}.x"))?, &vec![0.0; neurons], &config);
        ours.put(format!("{case}.membrane"), buffer::tensor(trace.membrane, x.dims())?, 2e-5);
        let seed = golden.get(&format!("{case}.grad_out"))?.clone();
        tape.backward(&spikes, seed, &mut |_, gradient| {
            ours.put(format!("{case}.grad_x"), gradient, 1e-4);
            Ok(())
        })?;
    }
    Ok(ours)
}
