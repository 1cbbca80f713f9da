//! Architectures and checkpoints as a user sees them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "main/neurons.rs"]
mod neurons;
#[allow(clippy::disallowed_methods, reason = "files are damaged on purpose")]
mod weights;

use std::path::Path;

use snn_models::{
    Architecture, CONFIG_FILE, Input, InputConfig, Mode, Model, ModelConfig, WEIGHTS_FILE,
};
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
    let is_signal = architecture == Architecture::Cnn1d;
    let (height, width) = if is_signal { (1, 140) } else { (34, 33) };
    config.input = InputConfig { height, width };
    config
}

fn image(config: &ModelConfig, n: usize) -> candle_core::Tensor {
    let shape = vec![n, config.in_channels, config.input.height, config.input.width];
    let values =
        random::normal(&mut random::stream(3, "image", 0, 0), shape.iter().product(), 0.5, 1.0);
    buffer::tensor(values, shape).unwrap()
}

fn logits(model: &Model, x: &Input, mode: Mode) -> Vec<f32> {
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
        let (x, written_out) = (Input::Still(x), Input::Frames(written_out));
        let output = model.forward(&mut Tape::off(), &x, Mode::Train).unwrap();
        let all = model.forward(&mut Tape::off(), &written_out, Mode::Train).unwrap();
        assert_eq!(output.logits.dims(), [config.t_steps, 2, 7], "{architecture:?}");
        let once = model.folded(&[&output.statistics]).unwrap();
        let repeated = model.folded(&[&all.statistics]).unwrap();
        assert_eq!(once.len(), model.buffers().len());
        for ((name, once), repeated) in once.iter().zip(repeated.values()) {
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
    let x = Input::Frames(image(model.config(), 1).unsqueeze(0).unwrap());
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
    let refused = |architecture, input: &dyn Fn(candle_core::Tensor) -> Input| {
        let config = small(architecture);
        let model = Model::new(&config, 0).unwrap();
        let input = input(image(&config, 1));
        model.forward(&mut Tape::off(), &input, Mode::Eval).unwrap_err().to_string()
    };
    let smaller = |x: candle_core::Tensor| Input::Still(x.narrow(2, 0, 30).unwrap());
    let message = refused(Architecture::VggSnn, &smaller);
    assert!(message.contains("[N, 2, 34, 33]") && message.contains("30"), "{message}");
    let grey = |x: candle_core::Tensor| Input::Still(x.narrow(1, 0, 1).unwrap());
    let message = refused(Architecture::SewResnet19, &grey);
    assert!(message.contains("[N, 3, 34, 33]"), "{message}");
    let message = refused(Architecture::SewResnet19, &Input::Frames);
    assert!(message.contains("[T, N, 3, 34, 33]"), "{message}");
    let mut config = ModelConfig::new(Architecture::VggSnn, 10);
    config.input = InputConfig { height: 8, width: 8 };
    let message = Model::new(&config, 0).unwrap_err().to_string();
    assert!(message.contains("larger input"), "{message}");
}

#[test]
fn what_would_not_fit_in_memory_is_refused_before_it_is_made() {
    let refused = |change: &dyn Fn(&mut ModelConfig)| {
        let mut config = ModelConfig::new(Architecture::Resnet19, 10);
        change(&mut config);
        Model::new(&config, 0).map(|_| ()).unwrap_err().to_string()
    };
    let wide = refused(&|c| c.width = 16.0);
    assert!(wide.starts_with("width: makes more than 1073741824 parameters"), "{wide}");
    let wider = refused(&|c| c.width = 17.0);
    assert!(wider.starts_with("width: is 17; use a number above 0, at most 16"), "{wider}");
    let large = refused(&|c| c.input = InputConfig { height: 1 << 16, width: 1 << 16 });
    assert!(large.starts_with("width: makes a feature map"), "{large}");
    let tau = refused(&|c| c.neuron.tau = 0.5);
    assert!(tau.starts_with("neuron.tau: is 0.5"), "{tau}");

    // The largest map is the stem's, 128 channels of 32 x 32: 2^17 elements, 2^13 of them fit.
    let mut config = ModelConfig::new(Architecture::Resnet19, 10);
    assert_eq!(Model::size(&config).unwrap().largest_map, 1 << 17);
    assert!(config.check_batch(1 << 11, 4).is_ok());
    let field = |config: &ModelConfig, n, t_steps| {
        let message = config.check_batch(n, t_steps).unwrap_err().to_string();
        message.split(':').next().unwrap().to_string()
    };
    assert_eq!(field(&config, (1 << 11) + 1, 4), "batch");
    assert_eq!(field(&config, 1, (1 << 13) + 1), "t_steps");
    assert_eq!(field(&config, usize::MAX, usize::MAX), "t_steps");
    // forward() looks before it allocates: a view of one zero stands for the batch.
    config.width = 0.0625;
    config.t_steps = 1 << 16;
    let model = Model::new(&config, 0).unwrap();
    let zero = buffer::tensor(vec![0f32], vec![1, 1, 1, 1]).unwrap();
    let x = Input::Still(zero.broadcast_as((3, 3, 32, 32)).unwrap());
    let message = model.forward(&mut Tape::off(), &x, Mode::Eval).unwrap_err().to_string();
    assert!(message.starts_with("batch: 3 samples x 65536 steps x 8192"), "{message}");
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_oversized_files_are_refused_without_reading_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let pipe = dir.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [&pipe, Path::new("/dev/zero"), dir] {
        let message = snn_models::read_file(path, 100).unwrap_err().to_string();
        assert!(message.contains("is not a regular file"), "{message}");
    }
    save(&Model::new(&small(Architecture::VggSnn), 4).unwrap(), dir);
    for (name, len) in [(CONFIG_FILE, 2 << 20), (WEIGHTS_FILE, 1u64 << 40)] {
        // A sparse file: its size alone must do.
        let path = dir.join(name);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let old = file.metadata().unwrap().len();
        file.set_len(len).unwrap();
        let message = Model::load(dir).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains("is larger than"), "{message}");
        file.set_len(old).unwrap();
    }
    Model::load(dir).unwrap();
}

#[test]
fn tensors_of_a_var_builder_make_the_same_model() {
    let config = small(Architecture::SewResnet19);
    let model = Model::new(&config, 5).unwrap();
    let [_, (_, weights)] = model.to_files().unwrap();
    let vars = candle_nn::VarBuilder::from_buffered_safetensors(
        weights,
        candle_core::DType::F32,
        &candle_core::Device::Cpu,
    )
    .unwrap();
    let same = Model::from_vars(&config, &vars).unwrap();
    assert_eq!(same.to_files().unwrap(), model.to_files().unwrap());
    let mut wider = config;
    wider.width = 0.1;
    assert!(Model::from_vars(&wider, &vars).unwrap_err().to_string().contains("shape mismatch"));
}
