//! The event pipeline of the TKS paper: ten time bins, the rest dropped, resized to 48 x 48 with aligned corners.

use std::path::Path;

use sha2::{Digest, Sha256};
use snn_data::format::{AtisOptions, atis};
use snn_data::{EventStream, FrameBy, Limits, frames, resize_bilinear};

use crate::golden::Golden;
use snn_needs::shared_data;

fn prepared(stream: &EventStream) -> Vec<f32> {
    let x = frames(stream, 10, FrameBy::Time).unwrap();
    resize_bilinear(&x, (stream.height.into(), stream.width.into()), (48, 48), true)
}

fn sha256(x: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = x.iter().flat_map(|x| x.to_le_bytes()).collect();
    Sha256::digest(bytes).to_vec()
}

#[test]
fn twenty_drawn_recordings_equal_tonic_and_torch_bit_for_bit() {
    let golden = Golden::open("dvs_pipeline.safetensors");
    let first = prepared(&golden.stream("0", 128, 128));
    assert_eq!(first[..2 * 48 * 48], golden.floats("0/first"));
    for i in 0..20 {
        let x = prepared(&golden.stream(&i.to_string(), 128, 128));
        assert_eq!(sha256(&x), golden.bytes(&format!("{i}/sha256")), "recording {i}");
    }
}

#[test]
fn twenty_nmnist_recordings_equal_tonic_and_torch_bit_for_bit() {
    let Some(dir) = shared_data() else { return };
    let golden = Golden::open("dvs_pipeline.safetensors");
    let names: Vec<String> =
        golden.names().into_iter().filter(|name| name.starts_with("nmnist/")).collect();
    assert_eq!(names.len(), 20);
    for name in names {
        let path = dir.join(name.replace("nmnist/", "n-mnist-1100/Train/"));
        let bytes = std::fs::read(&path).unwrap();
        let options = AtisOptions { sensor: Some((34, 34)), overflow_markers: false };
        let stream = atis(&bytes, &options, &Limits::default(), Path::new(&name)).unwrap();
        assert_eq!(sha256(&prepared(&stream)), golden.bytes(&name), "{name}");
    }
}
