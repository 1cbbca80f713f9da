//! `snn import`: files with the names of other programs, made of our own weights.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use crate::util::{self, TINY, run};

/// Shape and bytes by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn read(path: &Path) -> Result<Tensors> {
    let bytes = fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let tensors = file.tensors().into_iter();
    Ok(tensors.map(|(name, v)| (name, (v.shape().to_vec(), v.data().to_vec()))).collect())
}

fn write(path: &Path, tensors: &Tensors) -> Result<()> {
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
    });
    let views: Vec<_> = views.collect::<Result<_>>()?;
    fs::write(path, safetensors::serialize(views, None)?)?;
    Ok(())
}

/// A checkpoint of a tiny trained network, and what its weights are.
fn trained(folder: &Path, architecture: &str) -> Result<(PathBuf, Tensors)> {
    let text = TINY.replace("\"vgg_snn\"", &format!("\"{architecture}\""));
    let dir = util::train(folder, architecture, &text, &["--set", "schedule.epochs=1"])?;
    let dir = dir.join("checkpoint");
    let tensors = read(&dir.join("model.safetensors"))?;
    Ok((dir, tensors))
}

fn number(value: f32) -> (Vec<usize>, Vec<u8>) {
    (Vec::new(), value.to_le_bytes().to_vec())
}

/// Imports `tensors`, and returns what the program said and where the checkpoint is.
fn import(
    folder: &Path,
    tensors: &Tensors,
    from: &str,
    architecture: &str,
    more: &[&str],
) -> Result<(util::Ended, PathBuf)> {
    let (file, out) =
        (folder.join("theirs.safetensors"), folder.join(format!("{from}-{architecture}")));
    write(&file, tensors)?;
    let (file, path) = (file.display().to_string(), out.display().to_string());
    let args = ["import", &file, "--from", from, "--architecture", architecture, "--out", &path];
    Ok((run(&[&args[..], more].concat())?, out))
}

fn config(dir: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(dir.join("config.json"))?)?)
}

#[test]
fn braincogs_vgg_and_resnet_become_ours() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Convolutions and pools are numbered together there.
    let places = ["0", "1", "3", "4", "6", "7", "9", "10"];
    let (_, ours) = trained(folder.path(), "vgg_snn")?;
    let mut theirs = Tensors::new();
    for (name, tensor) in &ours {
        let parts: Vec<&str> = name.split('.').collect();
        let renamed = match parts.as_slice() {
            ["fc", part] => format!("learner.fc.1.{part}"),
            [kind, k, part] => {
                format!("learner.feature.{}.{kind}.{part}", places[k.parse::<usize>()?])
            }
            _ => name.clone(),
        };
        theirs.insert(renamed, tensor.clone());
    }
    for place in places {
        let of = |part: &str| format!("learner.feature.{place}.{part}");
        theirs.insert(of("bn.num_batches_tracked"), number(8.0));
        theirs.insert(of("node.threshold"), number(0.75));
        theirs.insert(of("node.act_fun.alpha"), number(2.0));
    }
    let more = ["--set", "input.height=16", "--set", "input.width=16", "--set", "t_steps=2"];
    let (ended, out) = import(folder.path(), &theirs, "braincog", "vgg_snn", &more)?;
    ensure!(
        ended.code == Some(0) && ended.err.contains("24 tensors that are no weights"),
        "{ended:?}"
    );
    ensure!(read(&out.join("model.safetensors"))? == ours, "other weights");
    let config = config(&out)?;
    ensure!(config["neuron"]["v_threshold"] == 0.75 && config["width"] == 0.0625, "{config}");
    ensure!(config["in_channels"] == 3 && config["num_classes"] == 10, "{config}");

    let (_, ours) = trained(folder.path(), "resnet19")?;
    // The first block's shortcut is a norm alone, number 0 there; the others follow a convolution.
    let theirs = ours.iter().map(|(name, tensor)| {
        (name.replace("layer1.0.downsample.1.", "layer1.0.downsample.0."), tensor.clone())
    });
    let theirs: Tensors = theirs.collect();
    ensure!(theirs.keys().any(|name| name == "layer2.0.downsample.0.weight"));
    let (ended, out) = import(folder.path(), &theirs, "braincog", "resnet19", &[])?;
    ensure!(ended.code == Some(0) && read(&out.join("model.safetensors"))? == ours, "{ended:?}");
    Ok(())
}

#[test]
fn torchvisions_trunk_gets_a_new_classifier_and_spikingjellys_neurons_are_theirs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (_, ours) = trained(folder.path(), "sew_resnet18")?;
    let trunk: Tensors =
        ours.clone().into_iter().filter(|(name, _)| !name.starts_with("fc.")).collect();
    let more = ["--set", "num_classes=7"];
    let (ended, out) = import(folder.path(), &trunk, "torchvision", "sew_resnet18", &more)?;
    ensure!(ended.code == Some(0) && ended.err.contains("no classifier of 7 classes"), "{ended:?}");
    let mut tensors = read(&out.join("model.safetensors"))?;
    let classifier = tensors.remove("fc.weight").context("no classifier")?;
    ensure!(classifier.0 == [7, 32] && tensors.remove("fc.bias").is_some() && tensors == trunk);
    // What is there is not written over.
    let (ended, _) = import(folder.path(), &trunk, "torchvision", "sew_resnet18", &more)?;
    ensure!(ended.code == Some(1) && ended.err.contains("holds a checkpoint already"), "{ended:?}");

    let (ended, out) =
        import(folder.path(), &ours, "spikingjelly", "sew_resnet18", &["--neuron", "if"])?;
    ensure!(ended.code == Some(0) && read(&out.join("model.safetensors"))? == ours, "{ended:?}");
    let neuron = &config(&out)?["neuron"];
    ensure!(
        neuron["v_threshold"] == 1.0 && neuron["strict"] == false && neuron["tau"] == 1e30,
        "{neuron}"
    );
    ensure!(neuron["decay_input"] == false && neuron["surrogate"] == "sigmoid", "{neuron}");
    Ok(())
}

#[test]
fn files_of_other_networks_are_refused_with_a_list() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (_, ours) = trained(folder.path(), "sew_resnet18")?;
    let (ended, out) = import(folder.path(), &ours, "torchvision", "sew_resnet34", &[])?;
    let named = ["does not hold the weights of sew_resnet34", "no layer1.2.conv1.weight", "more"];
    ensure!(
        ended.code == Some(2) && named.iter().all(|name| ended.err.contains(name)),
        "{ended:?}"
    );
    ensure!(!out.exists(), "a refused file left a checkpoint");
    let (ended, _) = import(folder.path(), &ours, "torchvision", "vgg_snn", &[])?;
    ensure!(ended.code == Some(2) && ended.err.contains("has no conv.0.weight"), "{ended:?}");
    let (ended, _) = import(folder.path(), &ours, "torchvision", "resnet20", &[])?;
    ensure!(ended.code == Some(1) && ended.err.contains("resnet20"), "{ended:?}");
    let mut two = ours.clone();
    let (name, tensor) = ours.first_key_value().context("no tensor")?;
    two.insert(format!("module.{name}"), tensor.clone());
    let (ended, _) = import(folder.path(), &two, "torchvision", "sew_resnet18", &[])?;
    ensure!(ended.code == Some(2) && ended.err.contains("both mean"), "{ended:?}");
    let more = ["--set", "neuron.tua=2"];
    let (ended, _) = import(folder.path(), &ours, "torchvision", "sew_resnet18", &more)?;
    ensure!(ended.code == Some(1) && ended.err.contains("tua"), "{ended:?}");
    Ok(())
}
