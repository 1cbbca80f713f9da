//! Folders as people have them: found, or told what to do.

use std::path::Path;

use snn_data::transform::Interpolation;
use snn_data::{DataConfig, Dataset, Error, Preprocess, Splits, open};

use crate::util::repository_data;

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn files(root: &Path, names: &[&str]) {
    names.iter().for_each(|name| write(&root.join(name), name.as_bytes()));
}

fn opened(name: &str, dir: &Path) -> Splits {
    open(&DataConfig::new(name, Some(dir.into()))).unwrap()
}

fn refused(name: &str, dir: &Path) -> String {
    open(&DataConfig::new(name, Some(dir.into()))).unwrap_err().to_string()
}

/// What `image_folder` takes at least.
const TWO: [&str; 4] = ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg"];

#[test]
fn pictures_of_other_kinds_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path(), &TWO);
    assert_eq!(opened("image_folder", dir.path()).notices(), [""; 0]);
    files(dir.path(), &["train/a/2.bmp", "train/b/3.webp", "test/b/2.bmp", "train/a/Thumbs.db"]);
    let splits = opened("image_folder", dir.path());
    let [notice] = splits.notices()[..] else { panic!("{:?}", splits.notices()) };
    assert!(notice.contains("3 entries") && notice.contains("(2 .bmp, 1 .webp)"), "{notice}");
    assert!(notice.ends_with("files of .jpg, .jpeg, .png are"), "{notice}");
}

#[test]
fn class_without_samples_is_said_and_is_part_of_the_members() {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path(), &TWO);
    let two = opened("image_folder", dir.path());
    std::fs::create_dir_all(dir.path().join("train/c")).unwrap();
    let three = opened("image_folder", dir.path());
    assert_eq!(three.train.num_classes(), 3);
    let notices = three.notices();
    let side = |side| format!("the class \"c\" has no {side} samples");
    assert!(notices[0].ends_with(&side("training")), "{notices:?}");
    assert!(notices[1].ends_with(&side("test")), "{notices:?}");
    assert_ne!(three.members(), two.members());
    // All of a class's pictures in a format that is not read: both are said.
    std::fs::remove_file(dir.path().join("train/a/1.jpg")).unwrap();
    files(dir.path(), &["train/a/1.bmp"]);
    assert_eq!(opened("image_folder", dir.path()).notices().len(), 4);
}

#[test]
fn what_macos_packs_is_no_class() {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path(), &TWO);
    let before = opened("image_folder", dir.path());
    files(dir.path(), &["train/__MACOSX/a/._1.jpg", "__MACOSX/x", "train/a/__MACOSX/._1.jpg"]);
    let after = opened("image_folder", dir.path());
    assert_eq!((after.members(), after.notices()), (before.members(), vec![]));
}

#[cfg(unix)]
#[test]
fn no_class_vanishes() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    files(dir.path(), &TWO);
    let class = |side: &str| dir.path().join(side).join("c");
    for side in ["train", "test"] {
        // A link that leads nowhere, and one to itself, for which the system has an error of its own.
        for (to, expected) in [(dir.path().join("none"), "this link"), (class(side), "/c: ")] {
            symlink(to, class(side)).unwrap();
            let error = refused("image_folder", dir.path());
            assert!(error.contains(expected) && error.contains(&format!("{side}/c")), "{error}");
            std::fs::remove_file(class(side)).unwrap();
        }
        let unnamed = dir.path().join(side).join(std::ffi::OsStr::from_bytes(b"\xff"));
        std::fs::create_dir(&unnamed).unwrap();
        let error = refused("image_folder", dir.path());
        assert!(error.contains("not UTF-8"), "{error}");
        std::fs::remove_dir(&unnamed).unwrap();
    }
    // A link that leads to a folder is that folder.
    symlink(dir.path().join("train/a"), class("train")).unwrap();
    assert_eq!(opened("image_folder", dir.path()).train.labels(), [0, 1, 2]);
}

/// N-MNIST with a recording a class and side.
fn nmnist(root: &Path, train: &str, test: &str) {
    for digit in 0..10u8 {
        for (side, number) in [(train, 1), (test, 2)] {
            let path = root.join(format!("{side}/{digit}/0000{number}.bin"));
            write(&path, &[digit, 3, 0x80, 0, 1, digit, 4, 0x80, 0, 99]);
        }
    }
}

#[test]
fn nmnist_is_found_as_tonic_and_unpackers_leave_it() {
    let dir = tempfile::tempdir().unwrap();
    nmnist(&dir.path().join("usual"), "Train", "Test");
    let usual = opened("nmnist", &dir.path().join("usual"));
    nmnist(&dir.path().join("tonic/NMNIST"), "Train", "Test");
    nmnist(&dir.path().join("twice"), "Train/Train", "Test/Test");
    for folder in ["tonic", "twice"] {
        let found = opened("nmnist", &dir.path().join(folder));
        assert_eq!(found.members(), usual.members(), "{folder}");
        assert_eq!(found.train.hash(), usual.train.hash(), "{folder}");
    }
    files(&dir.path().join("packed"), &["Train.zip", "Test.zip"]);
    let error = refused("nmnist", &dir.path().join("packed"));
    assert!(error.contains("Test.zip lies there: unpack it"), "{error}");
}

#[test]
fn idx_files_are_found_under_the_names_that_unpackers_give() {
    let dir = tempfile::tempdir().unwrap();
    let embedded = repository_data().join("fashion-mnist");
    let usual = opened("fashion_mnist", &embedded);
    for side in ["train", "t10k"] {
        for kind in ["images-idx3", "labels-idx1"] {
            let name = format!("{side}-{kind}-ubyte");
            let packed = embedded.join(format!("{name}.gz"));
            let bytes = std::fs::read(if packed.exists() { packed } else { embedded.join(&name) });
            let (bytes, dotted) = (bytes.unwrap(), name.replace("-idx", ".idx"));
            write(&dir.path().join("dots").join(&dotted), &bytes);
            write(&dir.path().join("folders").join(&name).join(&name), &bytes);
        }
    }
    for folder in ["dots", "folders"] {
        let found = opened("fashion_mnist", &dir.path().join(folder));
        assert_eq!(found.train.hash(), usual.train.hash(), "{folder}");
    }
}

#[test]
fn a_side_in_a_folder_of_its_own_name_is_found() {
    let dir = tempfile::tempdir().unwrap();
    files(&dir.path().join("usual"), &TWO);
    let twice = TWO.map(|name| name.replace("train/", "train/train/"));
    files(&dir.path().join("twice"), &twice.each_ref().map(String::as_str));
    let usual = opened("image_folder", &dir.path().join("usual"));
    assert_eq!(opened("image_folder", &dir.path().join("twice")).members(), usual.members());
    // The whole set in a folder of its name.
    files(&dir.path().join("own/own"), &TWO);
    assert_eq!(opened("image_folder", &dir.path().join("own")).members(), usual.members());
    // A class may have a side's name.
    files(&dir.path().join("trains"), &["train/train/1.jpg", "test/train/1.jpg"]);
    assert_eq!(opened("image_folder", &dir.path().join("trains")).train.class_names(), ["train"]);
}

#[test]
fn tiny_imagenet_may_be_sorted_by_class() {
    let dir = tempfile::tempdir().unwrap();
    let (list, sorted) = (dir.path().join("list"), dir.path().join("sorted"));
    let train = ["train/n01/images/n01_0.JPEG", "train/n02/images/n02_0.JPEG"];
    for root in [&list, &sorted] {
        files(root, &train);
    }
    for (number, class) in [(10, "n01"), (2, "n02"), (3, "n01")] {
        let picture = format!("val_{number}.JPEG");
        write(&list.join("val/images").join(&picture), picture.as_bytes());
        write(&sorted.join("val").join(class).join(&picture), picture.as_bytes());
    }
    let annotations = "val_2.JPEG\tn02\nval_3.JPEG\tn01\nval_10.JPEG\tn01\n";
    write(&list.join("val/val_annotations.txt"), annotations.as_bytes());
    let (list, sorted) = (opened("tiny_imagenet", &list), opened("tiny_imagenet", &sorted));
    assert_eq!(list.test.labels(), [1, 0, 0]);
    assert_eq!(sorted.members(), list.members());
    assert_eq!(sorted.test.hash(), list.test.hash());
}

#[test]
fn other_forms_of_a_set_are_answered_by_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (name, file, expected) in [
        ("cifar10", "cifar-10-batches-py/data_batch_1", "is the version for Python"),
        ("dvs_gesture", "ibmGestureTrain/user02/0.npy", "Tonic's conversion"),
        ("imagenet", "val/ILSVRC2012_val_00000001.JPEG", "into folders of their classes"),
        ("modelnet10", "ModelNet10.zip", "unpack it"),
    ] {
        files(&dir.path().join(name), &[file]);
        let error = refused(name, &dir.path().join(name));
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_set_is_found_in_its_usual_folder_and_the_error_says_where_it_was_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let config = |name: &str| DataConfig {
        roots: vec![first.clone(), second.clone()],
        ..DataConfig::new(name, None)
    };
    let error = open(&config("nmnist")).unwrap_err().to_string();
    for place in ["first/n-mnist", "first/nmnist", "second/NMNIST", "name the folder of nmnist"] {
        assert!(error.contains(place), "{error}");
    }
    nmnist(&second.join("NMNIST"), "Train", "Test");
    assert_eq!(open(&config("nmnist")).unwrap().train.len(), 10);
    // Sets without a usual folder lie in one of their name.
    files(&second.join("image_folder"), &TWO);
    assert_eq!(open(&config("image_folder")).unwrap().train.len(), 2);
    // Where `snn data get` puts the folder of an archive.
    let cifar = second.join("cifar10/cifar-10-batches-bin");
    for name in ["data_batch_1.bin", "test_batch.bin"] {
        write(&cifar.join(name), &[3; 3073]);
    }
    assert_eq!(open(&config("cifar10")).unwrap().train.labels(), [3]);
    // The first root wins, and a folder that is named is the only one.
    nmnist(&first.join("nmnist"), "Train", "Test");
    write(&first.join("nmnist/Train/7/00003.bin"), &[1, 1, 0x80, 0, 1, 1, 2, 0x80, 0, 99]);
    assert_eq!(open(&config("nmnist")).unwrap().train.len(), 11);
    let named = DataConfig { dir: Some(dir.path().join("none")), ..config("nmnist") };
    assert!(matches!(open(&named), Err(Error::Missing { .. })));
}

#[test]
fn cifar_is_normalized_as_braincog_does_on_request() {
    let dir = tempfile::tempdir().unwrap();
    for (name, label) in [("data_batch_1.bin", 3), ("test_batch.bin", 5)] {
        write(&dir.path().join(name), &[&[label][..], &[51; 3072]].concat());
    }
    let config =
        |normalize| DataConfig { normalize, ..DataConfig::new("cifar10", Some(dir.path().into())) };
    let moments = |set: &Dataset| (set.mean().to_vec(), set.std().to_vec());
    let own = (vec![0.4914, 0.4822, 0.4465], vec![0.2023, 0.1994, 0.2010]);
    let usual = open(&config(snn_data::Normalize::Window)).unwrap();
    assert_eq!((moments(&usual.train), moments(&usual.test)), (own.clone(), own.clone()));
    let braincog = open(&config(snn_data::Normalize::Braincog)).unwrap();
    let imagenet = (vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]);
    assert_eq!((moments(&braincog.train), moments(&braincog.test)), (imagenet, own));
    assert_eq!(braincog.train.hash(), usual.train.hash());
    let other = DataConfig {
        normalize: snn_data::Normalize::Braincog,
        ..DataConfig::new("synthetic", None)
    };
    assert!(open(&other).unwrap_err().to_string().starts_with("normalize: "));
}

#[test]
fn pictures_are_resized_bicubically_on_request() {
    let dir = tempfile::tempdir().unwrap();
    files(dir.path(), &TWO);
    let config = |interpolation| DataConfig {
        interpolation,
        ..DataConfig::new("image_folder", Some(dir.path().into()))
    };
    let [bilinear, bicubic] = [Interpolation::Bilinear, Interpolation::Bicubic]
        .map(|interpolation| open(&config(interpolation)).unwrap().test);
    let Preprocess::Pictures(pictures) = bicubic.preprocess() else { panic!() };
    assert_eq!(pictures.interpolation, Interpolation::Bicubic);
    assert_eq!((bilinear.members(), bilinear.hash() == bicubic.hash()), (bicubic.members(), false));
    let other =
        DataConfig { interpolation: Interpolation::Bicubic, ..DataConfig::new("synthetic", None) };
    assert!(open(&other).unwrap_err().to_string().starts_with("interpolation: "));
}

#[test]
fn generated_sets_have_bounds() {
    for (name, n, size) in [("synthetic", 16_777_216, 8), ("synthetic_events", 1 << 19, 32)] {
        let config =
            DataConfig { limit_train: Some(n), size: Some(size), ..DataConfig::new(name, None) };
        let error = open(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("{n} generated samples take")), "{error}");
    }
}

#[test]
fn kinds_of_the_catalog_are_those_of_the_samples() {
    // A set whose reader gives another kind does not open: here those that need no files from elsewhere.
    for name in ["synthetic", "synthetic_events", "fashion_mnist", "fashion_mnist_dvs"] {
        let splits = open(&DataConfig {
            limit_train: Some(4),
            limit_test: Some(4),
            ..DataConfig::new(name, Some(repository_data()))
        });
        let kind = name.parse::<snn_data::DatasetName>().unwrap().kind();
        assert_eq!(splits.unwrap().train.kind(), kind);
    }
}
