//! The metrics against the golden vectors.

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use snn_train::{Meter, Metrics};

/// The golden values are f32.
const F32: f64 = 1e-6;

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn golden_metrics_are_reproduced() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/golden/losses.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let golden = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    for set in ["small", "cifar", "dvs"] {
        let get = |key: &str| flat(&golden[&format!("{set}.{key}")]);
        let logits = &golden[&format!("{set}.logits")];
        let (t_steps, n, k) = logits.dims3().unwrap();
        let labels = golden[&format!("{set}.labels")].to_vec1::<i64>().unwrap();
        let labels: Vec<u32> = labels.iter().map(|&l| l as u32).collect();
        let mut whole = Meter::default();
        whole.push(&flat(logits), &labels, k).unwrap();
        let Metrics { top1, top5, aurc_softmax, eaurc_softmax, aurc_logit, eaurc_logit, .. } =
            whole.finish();
        let pairs = [
            (top1, 100.0 * get("top1")[0]),
            (top5, 100.0 * get("top5")[0]),
            (aurc_softmax, 1e3 * get("aurc_softmax")[0]),
            (eaurc_softmax, 1e3 * get("aurc_softmax")[1]),
            (aurc_logit, 1e3 * get("aurc_logit")[0]),
            (eaurc_logit, 1e3 * get("aurc_logit")[1]),
        ];
        for (i, (got, expected)) in pairs.into_iter().enumerate() {
            let expected = f64::from(expected);
            assert!((got - expected).abs() <= F32 * 1e3, "{set} {i}: {got} {expected}");
        }
        assert_eq!(whole.finish().per_step_top1.len(), t_steps);
        // Batches change nothing.
        let mut parts = Meter::default();
        for i in 0..n {
            let one = logits.narrow(1, i, 1).unwrap().contiguous().unwrap();
            parts.push(&flat(&one), &labels[i..=i], k).unwrap();
        }
        assert_eq!(parts.finish(), whole.finish());
    }
}
