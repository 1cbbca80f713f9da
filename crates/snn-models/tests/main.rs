//! Architectures and checkpoints as a user sees them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::path::Path;

use snn_models::{Architecture, CONFIG_FILE, InputConfig, Mode, Model, ModelConfig, WEIGHTS_FILE};
use snn_ops::{Tape, buffer, random};

/// Parameters, MACs per step and LIF layers by arithmetic on the layer lists of the papers.
#[test]
fn sizes_are_those_of_the_layer_lists() {
    let size = |architecture, classes| {
        let size = Model::size(&ModelConfig::new(architecture, classes)).unwrap();
        (size.parameters, size.macs_per_step / 1_000_000, size.lif_layers)
    };
    assert_eq!(size(Architecture::Resnet19, 10), (12_698_250, 2285, 18));
    assert_eq!(size(Architecture::Resnet19, 100), (12_721_380, 2285, 18));
    assert_eq!(size(Architecture::SewResnet19, 10), (12_630_858, 2216, 21));
    assert_eq!(size(Architecture::SewResnet19, 100), (12_653_988, 2216, 21));
    assert_eq!(size(Architecture::SewResnet18, 1000), (11_689_512, 1814, 20));
    assert_eq!(size(Architecture::SewResnet34, 1000), (21_797_672, 3663, 36));
    assert_eq!(size(Architecture::SewResnet50, 1000), (25_557_032, 4089, 53));
    assert_eq!(size(Architecture::SewResnet18, 200).0, 11_279_112);
    assert_eq!(size(Architecture::VggSnn, 10), (9_268_746, 1361, 8));
    assert_eq!(size(Architecture::VggSnn, 101).0, 9_688_165);
}

fn small(architecture: Architecture) -> ModelConfig {
    let mut config = ModelConfig::new(architecture, 7);
    config.width = 0.05;
    config.input = InputConfig { height: 34, width: 33 };
    config
}

fn image(config: &ModelConfig, n: usize) -> candle_core::Tensor {
    let shape = vec![n, config.in_channels, config.input.height, config.input.width];
    let values =
        random::normal(&mut random::stream(3, "image", 0, 0), shape.iter().product(), 0.5, 1.0);
    buffer::tensor(values, shape).unwrap()
}

fn logits(model: &Model, x: &candle_core::Tensor, mode: Mode) -> Vec<f32> {
    let output = model.forward(&mut Tape::off(), x, mode).unwrap();
    output.logits.tensor().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn an_image_and_the_image_written_out_agree_in_both_modes() {
    for architecture in Architecture::ALL {
        let config = small(architecture);
        let model = Model::new(&config, 1).unwrap();
        let x = image(&config, 2);
        let written_out = x.unsqueeze(0).unwrap().repeat((config.t_steps, 1, 1, 1, 1)).unwrap();
        let output = model.forward(&mut Tape::off(), &x, Mode::Train).unwrap();
        let all = model.forward(&mut Tape::off(), &written_out, Mode::Train).unwrap();
        assert_eq!(output.logits.dims(), [config.t_steps, 2, 7], "{architecture:?}");
        assert_eq!(output.running.len(), all.running.len());
        for ((name, once), (_, repeated)) in output.running.iter().zip(&all.running) {
            let (once, repeated) =
                (once.to_vec1::<f32>().unwrap(), repeated.to_vec1::<f32>().unwrap());
            for (a, b) in once.iter().zip(&repeated) {
                assert!(
                    (a - b).abs() <= 1e-5 * b.abs().max(1.0),
                    "{architecture:?} {name}: {a} {b}"
                );
            }
        }
        assert_eq!(logits(&model, &x, Mode::Eval), logits(&model, &written_out, Mode::Eval));
    }
}

#[test]
fn initial_weights_depend_on_seed_and_name_alone() {
    let bytes =
        |seed| Model::new(&small(Architecture::Resnet19), seed).unwrap().to_files().unwrap();
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1)[1].1, bytes(2)[1].1);
}

fn save(model: &Model, dir: &Path) {
    for (name, bytes) in model.to_files().unwrap() {
        #[allow(clippy::disallowed_methods, reason = "a test file")]
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

#[allow(clippy::disallowed_methods, reason = "a test file")]
fn damage(dir: &Path, file: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let path = dir.join(file);
    let intact = std::fs::read(&path).unwrap();
    let mut bytes = intact.clone();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    let message = Model::load(dir).map(|_| ()).unwrap_err().to_string();
    std::fs::write(&path, intact).unwrap();
    Model::load(dir).unwrap();
    message
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_intact_one_loads() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let model = Model::new(&small(Architecture::VggSnn), 4).unwrap();
    save(&model, dir);
    let x = image(model.config(), 1).unsqueeze(0).unwrap();
    assert_eq!(logits(&Model::load(dir).unwrap(), &x, Mode::Eval), logits(&model, &x, Mode::Eval));

    let named = |message: String, parts: &[&str]| {
        assert!(parts.iter().all(|p| message.contains(p)), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 5);
    named(damage(dir, WEIGHTS_FILE, cut), &[WEIGHTS_FILE, "intact"]);
    let nan = |bytes: &mut Vec<u8>| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    };
    named(damage(dir, WEIGHTS_FILE, nan), &[WEIGHTS_FILE, "NaN"]);
    named(damage(dir, CONFIG_FILE, cut), &[CONFIG_FILE]);
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: &mut Vec<u8>| {
            *bytes = String::from_utf8(bytes.clone()).unwrap().replace(from, to).into_bytes();
        }
    };
    named(damage(dir, CONFIG_FILE, replace("vgg_snn", "resnet19")), &[WEIGHTS_FILE, "resnet19"]);
    named(damage(dir, CONFIG_FILE, replace("\"width\": 0.05", "\"width\": 1.0")), &["needs F32"]);
    named(damage(dir, CONFIG_FILE, replace("\"tau\": 2.0", "\"tau\": 0.5")), &["tau"]);
    named(damage(dir, CONFIG_FILE, replace("\"t_steps\"", "\"t_step\"")), &["t_step"]);
    let huge = replace("\"num_classes\": 7", "\"num_classes\": 9999999999");
    named(damage(dir, CONFIG_FILE, huge), &["num_classes"]);
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let config = small(Architecture::SewResnet19);
    let model = Model::new(&config, 0).unwrap();
    let x = image(&config, 1).narrow(2, 0, 30).unwrap();
    let message = model.forward(&mut Tape::off(), &x, Mode::Eval).unwrap_err().to_string();
    assert!(message.contains("[N, 3, 34, 33]") && message.contains("30"), "{message}");
    let mut config = ModelConfig::new(Architecture::VggSnn, 10);
    config.input = InputConfig { height: 8, width: 8 };
    let message = Model::new(&config, 0).unwrap_err().to_string();
    assert!(message.contains("larger input"), "{message}");
}
