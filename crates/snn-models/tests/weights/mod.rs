//! Weights that others wrote, and checkpoints that are no longer what was exported.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;
use safetensors::tensor::{Dtype, TensorView};
use snn_models::{
    Architecture, CONFIG_FILE, Input, InputConfig, Mode, Model, ModelConfig, SUMS_FILE, StoredType,
    WEIGHTS_FILE, check_sums, sums,
};
use snn_ops::{Tape, buffer};

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn config() -> ModelConfig {
    let mut config = ModelConfig::new(Architecture::SewResnet19, 3);
    (config.width, config.t_steps) = (0.05, 1);
    config.input = InputConfig { height: 8, width: 8 };
    config
}

/// The tensors of a model's file, to be changed and written again.
fn tensors(model: &Model) -> Tensors {
    let [_, (_, bytes)] = model.to_files().unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let own = |view: TensorView| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    file.iter().map(|(name, view)| (name.to_string(), own(view))).collect()
}

fn load(tensors: &Tensors) -> snn_models::Result<Model> {
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    Model::from_bytes(config(), &bytes, Path::new("w.safetensors"))
}

fn refusal(tensors: &Tensors) -> String {
    let message = load(tensors).map(|_| ()).unwrap_err().to_string();
    assert!(message.starts_with("w.safetensors: ") && message.lines().count() == 1, "{message}");
    message
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word))
}

#[test]
fn what_pytorch_adds_to_a_file_changes_nothing() {
    let model = Model::new(&config(), 4).unwrap();
    let mut wrapped = Tensors::new();
    for (name, tensor) in tensors(&model) {
        if let Some(norm) = name.strip_suffix(".running_var") {
            let counter = (Dtype::I64, vec![], 7i64.to_le_bytes().to_vec());
            wrapped.insert(format!("_orig_mod.module.{norm}.num_batches_tracked"), counter);
        }
        wrapped.insert(format!("_orig_mod.module.{name}"), tensor);
    }
    assert_eq!(load(&wrapped).unwrap().to_files().unwrap(), model.to_files().unwrap());
}

#[test]
fn every_wrong_name_and_shape_is_listed_at_once_in_order() {
    let mut wrong = tensors(&Model::new(&config(), 4).unwrap());
    for name in ["bn1.bias", "layer1.0.bn1.bias"] {
        let tensor = wrong.remove(name).unwrap();
        wrong.insert(format!("old.{name}"), tensor);
    }
    wrong.get_mut("layer2.0.conv1.weight").unwrap().1.rotate_left(1);
    let message = refusal(&wrong);
    let missing = "has no tensor `bn1.bias`, `layer1.0.bn1.bias`, which sew_resnet19 needs";
    let extra = "has a tensor `old.bn1.bias`, `old.layer1.0.bn1.bias`, which sew_resnet19 has not";
    assert!(message.contains(missing) && message.contains(extra), "{message}");
    assert!(message.contains("tensor `layer2.0.conv1.weight` is F32 ["), "{message}");
    // The same words whenever it is asked.
    assert!((0..8).all(|_| refusal(&wrong) == message));
}

#[test]
fn halves_and_doubles_become_floats() {
    let model = Model::new(&config(), 4).unwrap();
    let of = |dtype: Dtype| {
        let mut other = tensors(&model);
        for (of, _, bytes) in other.values_mut() {
            *of = dtype;
            *bytes = floats(bytes).fold(Vec::new(), |mut to, value| {
                let word = value.to_bits();
                match dtype {
                    Dtype::F64 => to.extend(f64::from(value).to_le_bytes()),
                    // Cut off, which is exact for the powers of two and zeros below.
                    Dtype::BF16 => to.extend(((word >> 16) as u16).to_le_bytes()),
                    Dtype::F16 => to.extend(half(value).to_le_bytes()),
                    _ => panic!(),
                }
                to
            });
        }
        load(&other).unwrap()
    };
    assert_eq!(of(Dtype::F64).to_files().unwrap(), model.to_files().unwrap());
    let mean = |model: &Model| model.buffers()["bn1.running_var"].to_vec1::<f32>().unwrap();
    for dtype in [Dtype::F16, Dtype::BF16] {
        let other = of(dtype);
        assert_eq!(mean(&other), mean(&model));
        let all = |model: &Model| model.params()["conv1.weight"].flatten_all().unwrap();
        let (is, was) =
            (all(&other).to_vec1::<f32>().unwrap(), all(&model).to_vec1::<f32>().unwrap());
        assert!(is.iter().zip(&was).all(|(a, b)| (a - b).abs() <= b.abs() / 128.0), "{dtype:?}");
        assert!(is != was, "{dtype:?} holds fewer digits");
    }
    let mut whole = tensors(&model);
    let counts = (Dtype::I32, vec![3], vec![0; 12]);
    whole.insert(format!("{}.bias", model.classifier()), counts);
    assert!(refusal(&whole).contains(".bias` is I32 [3]; sew_resnet19 needs F32 [3]"));
}

/// A number of normal size as f16, its last digits cut off.
fn half(value: f32) -> u16 {
    let (bits, exponent) = (value.to_bits(), (value.to_bits() >> 23) & 0xff);
    let sign = (bits >> 16 & 0x8000) as u16;
    match exponent.checked_sub(112) {
        Some(exponent) if exponent > 0 => {
            sign | (exponent << 10) as u16 | (bits >> 13 & 0x3ff) as u16
        }
        _ => sign,
    }
}

#[test]
fn a_variance_below_zero_is_refused_by_name() {
    let mut bad = tensors(&Model::new(&config(), 4).unwrap());
    let (_, _, bytes) = bad.get_mut("layer1.0.bn1.running_var").unwrap();
    bytes[..4].copy_from_slice(&(-0.25f32).to_le_bytes());
    let message = refusal(&bad);
    assert!(message.contains("`layer1.0.bn1.running_var` holds -0.25"), "{message}");
    // The same numbers through candle.
    let views = bad.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    let cpu = candle_core::Device::Cpu;
    let vars =
        candle_nn::VarBuilder::from_buffered_safetensors(bytes, candle_core::DType::F32, &cpu);
    let message = Model::from_vars(&config(), &vars.unwrap()).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("layer1.0.bn1.running_var"), "{message}");
}

#[test]
fn one_value_per_channel_has_no_variance() {
    // At 8 x 8 its last stage has one pixel left.
    let mut deep = config();
    deep.architecture = Architecture::SewResnet18;
    let model = Model::new(&deep, 4).unwrap();
    let x = |n: usize| Input::Still(buffer::tensor(vec![0.5; n * 192], vec![n, 3, 8, 8]).unwrap());
    let message =
        model.forward(&mut Tape::off(), &x(1), Mode::Train).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("one value per channel") && message.contains("layer"), "{message}");
    assert_eq!(deep.check_norms(1, true).unwrap_err().to_string(), message);
    model.forward(&mut Tape::off(), &x(2), Mode::Train).unwrap();
    model.forward(&mut Tape::off(), &x(1), Mode::Eval).unwrap();
    deep.check_norms(2, true).unwrap();
    deep.t_steps = 2;
    deep.check_norms(1, true).unwrap();
    config().check_norms(1, true).unwrap();
}

#[test]
fn a_file_that_is_not_what_was_exported_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::new(&config(), 4).unwrap();
    let files = model.to_files().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write(SUMS_FILE, &sums(&files));
    files.iter().for_each(|(name, bytes)| write(name, bytes));
    Model::load(dir.path()).unwrap();
    let refusal = || Model::load(dir.path()).map(|_| ()).unwrap_err().to_string();
    for (name, bytes) in &files {
        for at in (0..bytes.len()).step_by(bytes.len() / 40) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            write(name, &flipped);
            let message = refusal();
            assert!(message.contains(name) && message.contains(SUMS_FILE), "{at} {message}");
        }
        write(name, bytes);
    }
    write(SUMS_FILE, b"nothing of the kind\n");
    assert!(refusal().contains("no list of hashes"));
    std::fs::remove_file(dir.path().join(SUMS_FILE)).unwrap();
    Model::load(dir.path()).unwrap();
}

#[test]
fn a_field_of_another_kind_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::new(&config(), 4).unwrap();
    let [(_, text), (_, weights)] = model.to_files().unwrap();
    std::fs::write(dir.path().join(WEIGHTS_FILE), weights).unwrap();
    let text = String::from_utf8(text).unwrap();
    for (from, to, field) in [
        ("\"architecture\": \"sew_resnet19\"", "\"architecture\": 1", "architecture: "),
        ("\"tau\": 2.0", "\"tau\": \"x\"", "neuron.tau: "),
        ("\"height\": 8", "\"height\": -8", "input.height: "),
    ] {
        assert!(text.contains(from));
        std::fs::write(dir.path().join(CONFIG_FILE), text.replace(from, to)).unwrap();
        let message = Model::load(dir.path()).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains(field) && !message.contains("column"), "{message}");
    }
}

#[test]
fn every_listed_file_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let [config, weights] = Model::new(&config(), 4).unwrap().to_files().unwrap();
    let files = [("README.md", b"card".to_vec()), config, weights];
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    let refusal = || check_sums(dir.path()).unwrap_err().to_string();
    files.iter().for_each(|(name, bytes)| write(name, bytes));
    assert!(refusal().contains("SHA256SUMS: is missing"), "{}", refusal());
    write(SUMS_FILE, &sums(&files));
    assert_eq!(check_sums(dir.path()).unwrap(), files.each_ref().map(|(name, _)| *name));
    for (name, bytes) in &files {
        let mut other = bytes.clone();
        other[bytes.len() / 2] ^= 1;
        write(name, &other);
        assert!(refusal().contains(name) && refusal().contains("has sha256"), "{}", refusal());
        std::fs::remove_file(dir.path().join(name)).unwrap();
        assert!(refusal().contains(name), "{}", refusal());
        write(name, bytes);
    }
    for hostile in ["../x", "/etc/hostname", "a/b", "..", "."] {
        write(SUMS_FILE, format!("{}  {hostile}\n", "0".repeat(64)).as_bytes());
        assert!(refusal().contains("no plain file name"), "{hostile}: {}", refusal());
    }
}

#[test]
fn weights_stored_as_bf16_are_the_rounded_ones() {
    let model = Model::new(&config(), 4).unwrap();
    let [(_, text), (_, half)] = model.to_files_as(StoredType::Bf16).unwrap();
    let [(_, same), (_, whole)] = model.to_files().unwrap();
    assert_eq!(text, same);
    let (_, file) = snn_models::read_tensors(&half, Path::new("half")).unwrap();
    for (name, view) in file.iter() {
        let is_half = view.shape().len() > 1;
        assert_eq!(view.dtype(), if is_half { Dtype::BF16 } else { Dtype::F32 }, "{name}");
    }
    let loaded = |bytes: &[u8]| Model::from_bytes(config(), bytes, Path::new("x")).unwrap();
    let (rounded, exact) = (loaded(&half), loaded(&whole));
    let mut changed = 0;
    for (name, tensor) in rounded.params() {
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (is, was) in values(tensor).into_iter().zip(values(&exact.params()[name])) {
            assert!((is - was).abs() <= was.abs() / 256.0, "{name}: {is} {was}");
            assert!(tensor.rank() > 1 || is == was, "{name}");
            changed += usize::from(is != was);
        }
    }
    assert!(changed > 1000, "{changed}");
    // Stored again, nothing more is lost.
    assert_eq!(rounded.to_files_as(StoredType::Bf16).unwrap()[1].1, half);
}
