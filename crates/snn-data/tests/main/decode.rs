//! JPEG and PNG files against Pillow, and files that are none.

use std::path::Path;

use snn_data::format::picture;
use snn_data::transform::{Image, Interpolation, RandomResizedCrop};
use snn_data::{Augment, DataConfig, Error, FormatFault, Limits, Result, open, random};

use crate::golden::Golden;
use snn_needs::shared_data;

fn read(bytes: &[u8]) -> Result<Image> {
    picture(bytes, &Limits::default(), Path::new("x.jpg"))
}

fn files(golden: &Golden) -> Vec<(String, Vec<u8>)> {
    let names =
        golden.names().into_iter().filter_map(|key| key.strip_prefix("file/").map(str::to_owned));
    names.map(|name| (name.clone(), golden.bytes(&format!("file/{name}")))).collect()
}

#[test]
fn pictures_equal_pillows() {
    let golden = Golden::open("pictures.safetensors");
    let files = files(&golden);
    assert_eq!(files.len(), 9);
    for (name, bytes) in files {
        let (image, key) = (read(&bytes).unwrap(), format!("pixels/{name}"));
        let expected = golden.bytes(&key);
        assert_eq!(image.shape().to_vec(), golden.shape(&key), "{name}");
        let off: Vec<u8> =
            image.pixels().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect();
        let (most, sum) =
            (off.iter().max().unwrap(), off.iter().map(|&x| u32::from(x)).sum::<u32>());
        let mean = f64::from(sum) / off.len() as f64;
        let allowed = if name.starts_with("png") { (0, 0.0) } else { (8, 0.5) };
        assert!(*most <= allowed.0 && mean <= allowed.1, "{name}: {most}, {mean}");
    }
}

#[test]
fn cut_and_damaged_pictures_are_errors_or_pictures() {
    let golden = Golden::open("pictures.safetensors");
    for (name, bytes) in files(&golden) {
        for end in 0..bytes.len() - 12 {
            assert!(read(&bytes[..end]).is_err(), "{name} cut at {end}");
        }
        for at in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                if let Ok(image) = read(&bytes) {
                    let [channels, height, width] = image.shape();
                    assert_eq!(channels * height * width, image.pixels().len());
                }
            }
        }
    }
    let none = read(b"GIF89a").unwrap_err();
    assert!(matches!(none, Error::Format { fault: FormatFault::Magic { .. }, .. }), "{none}");
}

#[test]
fn claimed_sizes_are_bounded_before_anything_is_allocated() {
    let golden = Golden::open("pictures.safetensors");
    // The frame header of a baseline JPEG: marker, length, precision, rows, columns.
    let mut jpeg = golden.bytes("file/jpeg/444");
    let frame = jpeg.windows(2).position(|at| at == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x7f, 0xff, 0x7f, 0xff]);
    // A PNG's first chunk: length, name, columns, rows; its checksum is not needed to see the size.
    let mut png = golden.bytes("file/png/rgb");
    png[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
    for bytes in [jpeg, png] {
        let error = read(&bytes).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "sample_values", .. }), "{error}");
    }
    let limits = Limits { side: 20, ..Limits::default() };
    let jpeg = golden.bytes("file/jpeg/444");
    assert!(picture(&jpeg, &limits, Path::new("x.jpg")).is_err());
}

#[test]
fn photographs_are_cropped_at_their_own_size() {
    let golden = Golden::open("pictures.safetensors");
    let dir = tempfile::tempdir().unwrap();
    for side in ["train/a", "test/a"] {
        std::fs::create_dir_all(dir.path().join(side)).unwrap();
        std::fs::write(dir.path().join(side).join("1.png"), golden.bytes("file/png/rgb")).unwrap();
    }
    let config = DataConfig::new("image_folder", Some(dir.path().to_owned()));
    let data = open(&DataConfig { size: Some(16), ..config }).unwrap().train;
    let stored = read(&golden.bytes("file/png/rgb")).unwrap();
    assert_eq!(stored.size(), (21, 30));
    let standard = |image: &Image| {
        let mut x = vec![0.0; 3 * 16 * 16];
        image.standardize(data.mean(), data.std(), &mut x);
        x
    };
    let plain = data.sample(0, &Augment::default(), None).unwrap().x;
    assert_eq!(plain, standard(&stored.central(16, 0.875, Interpolation::Bilinear)));
    let crop = RandomResizedCrop::default();
    let augment = Augment { random_resized_crop: Some(crop), ..Augment::default() };
    for epoch in 0..20 {
        let mut rng = random::stream(7, "augment", epoch, 0);
        let expected = standard(&crop.apply(&mut rng, &stored, (16, 16)));
        assert_eq!(data.sample(0, &augment, Some((7, epoch))).unwrap().x, expected);
    }
}

#[test]
fn real_photographs_open() {
    let Some(dir) = shared_data() else { return };
    let mut opened = 0;
    for folder in ["imagenet-native", "tiny-imagenet-10/val/images"] {
        let Ok(entries) = std::fs::read_dir(dir.join(folder)) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|e| e == "JPEG") {
                let bytes = std::fs::read(&path).unwrap();
                let image = picture(&bytes, &Limits::default(), &path).unwrap();
                assert_eq!(image.shape()[0], 3);
                opened += 1;
            }
        }
    }
    println!("{opened} photographs");
}
