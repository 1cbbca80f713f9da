//! How many training images a second one thread prepares: `cargo run --release --example image_rate [-- FOLDER_OF_JPEGS]`.
//!
//! Without a folder: 32 x 32 images with the augmentation of the CIFAR rows marked `*` in the TKS paper's tables. With one: the
//! folder's JPEGs, decoded, cropped to 224 x 224 at random and normalized. `image_rate.py` prints torchvision's rates for
//! the same work.

#![allow(clippy::print_stdout)] // A rate is what it is for.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use snn_data::transform::{CropInterpolation, RandAugment, RandomResizedCrop};
use snn_data::{Augment, Dataset, Limits, Loader, LoaderConfig, Order, format, random};

const ROUNDS: u64 = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1) {
        Some(folder) => crops(folder.as_ref()),
        None => cifar_star(),
    }
}

/// A random part of each file's picture at 224 x 224, half of them mirrored, as floats that are normalized.
fn crops(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| ["jpg", "jpeg", "JPEG"].iter().any(|name| e == *name)) {
            files.push((std::fs::read(&path)?, path));
        }
    }
    files.sort();
    let (mean, std): ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let (mut rates, mut x) = (Vec::new(), vec![0.0f32; 3 * 224 * 224]);
    for epoch in 0..ROUNDS {
        let start = Instant::now();
        for (index, (bytes, path)) in (0..).zip(&files) {
            let mut rng = random::stream(1, "augment", epoch, index);
            let image = format::picture(bytes, &Limits::default(), path)?;
            let crop = RandomResizedCrop {
                interpolation: CropInterpolation::Bilinear,
                ..Default::default()
            };
            let mut part = crop.apply(&mut rng, &image, (224, 224));
            if random::unit(&mut rng) < 0.5 {
                part.flip();
            }
            part.standardize(&mean, &std, &mut x);
        }
        rates.push(files.len() as f64 / start.elapsed().as_secs_f64());
    }
    println!("crop_224 images/s {:.0}", median(rates));
    Ok(())
}

fn cifar_star() -> Result<(), Box<dyn std::error::Error>> {
    let data = Arc::new(noise(4096)?);
    let augment = Augment {
        crop_padding: 4,
        flip: true,
        rand_augment: Some(RandAugment::default()),
        random_erasing: 0.25,
        ..Augment::default()
    };
    let config = LoaderConfig {
        batch: 128,
        order: Order::Shuffled,
        drop_last: true,
        workers: 0,
        seed: 1,
        augment,
    };
    let loader = Loader::new(data, config)?;
    let mut rates = Vec::new();
    for epoch in 0..ROUNDS {
        let (start, mut images) = (Instant::now(), 0);
        for batch in loader.epoch(epoch, 0) {
            images += batch?.labels.len();
        }
        rates.push(images as f64 / start.elapsed().as_secs_f64());
    }
    println!("cifar_star images/s {:.0}", median(rates));
    Ok(())
}

/// Images whose neighbors are alike, as real ones are: the pixels' values set the pace of no change here.
fn noise(n: usize) -> snn_data::Result<Dataset> {
    let mut rng = random::stream(1, "noise", 0, 0);
    let mut pixels = Vec::with_capacity(n * 3 * 32 * 32);
    let mut x = 128.0f32;
    for _ in 0..n * 3 * 32 * 32 {
        x = (x + random::between(&mut rng, -20.0, 20.0)).clamp(0.0, 255.0);
        pixels.push(x as u8);
    }
    let moments: (&[f32], &[f32]) = (&[0.49, 0.48, 0.45], &[0.2, 0.2, 0.2]);
    Dataset::from_images(
        "noise",
        "noise",
        vec!["a".into()],
        vec![0; n],
        [3, 32, 32],
        pixels,
        moments,
    )
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}
