//! Sets of photographs: their lists and folders.

use std::path::Path;

use snn_data::format::{picture, read_file};
use snn_data::transform::Interpolation;
use snn_data::{Augment, DataConfig, Error, Kind, Limits, Splits, open};

use crate::matlab::{array, element, mat, numbers};
use crate::util::per_class;
use snn_needs::shared_data;

fn opened(name: &str, dir: &Path) -> Splits {
    open(&DataConfig::new(name, Some(dir.into()))).unwrap()
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn cub_is_divided_by_its_lists() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("cub200", &dir);
    assert_eq!((splits.train.len(), splits.test.len()), (600, 515));
    assert_eq!(splits.train.split(), "cub200/subset-600-515");
    assert_eq!((splits.train.num_classes(), splits.train.kind()), (20, Kind::Images));
    assert_eq!(splits.train.class_names()[0], "001.Black_footed_Albatross");
    assert_eq!(splits.train.sample_shape(), [3, 224, 224]);
    assert_eq!(per_class(splits.train.labels(), 20)[0], 30);
}

#[test]
fn tiny_imagenet_takes_its_test_classes_from_a_list() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("tiny_imagenet", &dir);
    assert_eq!(splits.train.split(), "tiny-imagenet/subset-2000-500");
    assert_eq!(per_class(splits.train.labels(), 10), [200; 10]);
    assert_eq!(per_class(splits.test.labels(), 10), [50; 10]);
    assert_eq!(splits.train.class_names()[0], "n01443537");
    // Half of the pictures a class are looked at; some are grey.
    for index in (0..splits.train.len()).step_by(2) {
        let x = splits.train.sample(index, &Augment::default(), None).unwrap().x;
        assert!(x.len() == 3 * 64 * 64 && x.iter().all(|x| x.abs() < 3.0));
    }
    // val_23.JPEG comes before all others, and is of class n01629819.
    let first = splits.test.labels()[0] as usize;
    assert_eq!(splits.test.class_names()[first], "n01629819");
    assert_eq!(splits.train.sample_shape(), [3, 64, 64]);
}

#[test]
fn any_folder_of_pictures_opens() {
    let Some(dir) = shared_data() else { return };
    let splits = opened("image_folder", &dir.join("flowers12"));
    assert_eq!(
        (splits.train.num_classes(), splits.train.class_names()[0].as_str()),
        (12, "bluebell")
    );
    assert_eq!(per_class(splits.train.labels(), 12), [60; 12]);
    assert_eq!(per_class(splits.test.labels(), 12), [20; 12]);
    assert_eq!(splits.train.split(), "image-folder/by-folder-720-240");
    let size = DataConfig {
        size: Some(32),
        ..DataConfig::new("image_folder", Some(dir.join("flowers12")))
    };
    let small = open(&size).unwrap();
    assert_eq!(small.train.sample_shape(), [3, 32, 32]);
    assert_eq!(small.members(), splits.members());
    let crop =
        Augment { random_resized_crop: Some(Default::default()), flip: true, ..Augment::default() };
    let sample = |key| small.train.sample(7, &crop, key).unwrap().x;
    let middle = sample(None);
    assert_eq!((middle.len(), &middle), (3 * 32 * 32, &sample(None)));
    assert_eq!(sample(Some((1, 2))), sample(Some((1, 2))));
    assert_ne!(sample(Some((1, 2))), sample(Some((1, 3))));
    assert_ne!(sample(Some((1, 2))), middle);
    // The middle of the picture itself, brought to the size as Pillow does.
    let limits = Limits::default();
    let path = std::fs::read_dir(dir.join("flowers12/train/bluebell")).unwrap();
    let mut paths: Vec<_> = path.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let picture = picture(&read_file(&paths[7], &limits).unwrap(), &limits, &paths[7]).unwrap();
    let expected = picture.central(32, 0.875, Interpolation::Bilinear);
    let (mean, std) = (small.train.mean(), small.train.std());
    for (channel, plane) in expected.pixels().chunks(1024).enumerate() {
        for (&pixel, x) in plane.iter().zip(&middle[1024 * channel..]) {
            let x = (x * std[channel] + mean[channel]) * 255.0;
            assert!((x - f32::from(pixel)).abs() < 1e-2, "{x} {pixel}");
        }
    }
}

#[test]
fn folders_of_one_set_are_needed() {
    let dir = tempfile::tempdir().unwrap();
    for path in
        ["train/a/2.jpg", "train/a/10.JPEG", "train/b/1.png", "train/b/notes.txt", "val/b/1.jpg"]
    {
        write(&dir.path().join(path), b"not decoded");
    }
    let splits = opened("imagenet", dir.path());
    assert_eq!((splits.train.labels(), splits.test.labels()), (&[0, 0, 1][..], &[1][..]));
    write(&dir.path().join("val/c/1.jpg"), b"");
    let error =
        open(&DataConfig::new("imagenet", Some(dir.path().into()))).unwrap_err().to_string();
    assert!(error.contains("class c"), "{error}");
    let error = splits.train.sample(0, &Augment::default(), None).unwrap_err().to_string();
    assert!(error.contains("2.jpg"), "{error}");
}

#[test]
fn stanford_cars_need_their_test_labels() {
    let Some(shared) = shared_data() else { return };
    let dir = tempfile::tempdir().unwrap();
    let devkit = shared.join("stanford-cars-devkit");
    let copy = |from: &str, to: &str| {
        write(&dir.path().join("devkit").join(to), &std::fs::read(devkit.join(from)).unwrap());
    };
    for name in ["cars_train_annos.mat", "cars_meta.mat"] {
        copy(name, name);
    }
    let open = || open(&DataConfig::new("stanford_cars", Some(dir.path().into())));
    let error = open().unwrap_err().to_string();
    assert!(error.contains("cars_test_annos_withlabels.mat"), "{error}");
    // The labeled test annotations have the form of the training ones.
    copy("cars_train_annos.mat", "cars_test_annos_withlabels.mat");
    let error = open().unwrap_err().to_string();
    assert!(error.contains("8144 of 8144 listed files") && error.contains("00001.jpg"), "{error}");
    for side in ["cars_train", "cars_test"] {
        std::fs::create_dir(dir.path().join(side)).unwrap();
        for i in 1..=8144 {
            write(&dir.path().join(side).join(format!("{i:05}.jpg")), b"not decoded");
        }
    }
    // As an interrupted copy leaves it.
    write(&dir.path().join("cars_test/00007.jpg"), b"");
    let error = open().unwrap_err().to_string();
    assert!(error.contains("1 of 8144 listed files") && error.contains("00007.jpg"), "{error}");
    write(&dir.path().join("cars_test/00007.jpg"), b"not decoded");
    let splits = open().unwrap();
    assert_eq!(splits.train.split(), "stanford-cars/subset-8144-8144");
    assert_eq!(splits.train.num_classes(), 196);
    let first = splits.train.labels()[0] as usize;
    assert_eq!(splits.train.class_names()[first], "Audi TTS Coupe 2012");
}

/// A list of Stanford Dogs: paths and classes from 1.
fn dog_list(files: &[(&str, f64)]) -> Vec<u8> {
    let cell = |&(file, _): &(&str, f64)| {
        let text: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
        array(4, file.len(), "", &element(4, &text))
    };
    let cells: Vec<u8> = files.iter().flat_map(cell).collect();
    let labels: Vec<f64> = files.iter().map(|(_, label)| *label).collect();
    mat(&[array(1, files.len(), "file_list", &cells), numbers("labels", &labels)])
}

#[test]
fn stanford_dogs_are_divided_by_matlab_lists() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) =
        ("n02085620-Chihuahua/n02085620_5927.jpg", "n02085782-Japanese_spaniel/n02085782_1.jpg");
    write(&dir.path().join("lists/train_list.mat"), &dog_list(&[(b, 2.0), (a, 1.0)]));
    write(&dir.path().join("lists/test_list.mat"), &dog_list(&[(a, 1.0)]));
    for file in [a, b] {
        write(&dir.path().join("Images").join(file), b"not decoded");
    }
    let splits = opened("stanford_dogs", dir.path());
    assert_eq!((splits.train.labels(), splits.test.labels()), (&[1, 0][..], &[0][..]));
    assert_eq!(splits.train.class_names(), ["Chihuahua", "Japanese_spaniel"]);
    assert_eq!(splits.train.split(), "stanford-dogs/subset-2-1");
    for wrong in [("../x.jpg", 1.0), (a, 0.0), (a, 121.0)] {
        write(&dir.path().join("lists/test_list.mat"), &dog_list(&[wrong]));
        let wrong = open(&DataConfig::new("stanford_dogs", Some(dir.path().into())));
        assert!(matches!(wrong, Err(Error::Missing { .. } | Error::Format { .. })));
    }
}
