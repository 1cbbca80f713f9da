//! Changes of images against Pillow, torchvision and timm on fixed parameters.

use snn_data::transform::{
    AutoAugment, Image, Interpolation, Mix, Op, RandAugment, Region, cut_region, cutmix, mixup,
};
use snn_data::{Augment, Dataset};

use crate::golden::Golden;

/// ImageNet's mean color, which RandAugment brings in from outside.
const GROUND: [u8; 3] = [124, 116, 104];

fn image(golden: &Golden, name: &str) -> Image {
    let shape = golden.shape(name).try_into().unwrap();
    Image::new(shape, golden.bytes(name)).unwrap()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().unwrap()
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "bilinear" => Interpolation::Bilinear,
        "bicubic" => Interpolation::Bicubic,
        other => panic!("{other}"),
    }
}

/// What the key asks for, from the pictures `a` and `b`; `None` for keys of floats.
fn made(key: &str, a: &Image, b: &Image) -> Option<Image> {
    let mut x = a.clone();
    match *key.split('/').collect::<Vec<_>>().as_slice() {
        ["a"] => {}
        ["b"] => x = b.clone(),
        ["rand", change, magnitude, sign] => {
            let change = number(change);
            let op = RandAugment::change(change, number(magnitude), sign == "minus", x.size());
            op.apply(&mut x, Interpolation::Bicubic, &GROUND);
        }
        ["auto", policy, pair] => {
            let policy =
                if policy == "cifar10" { AutoAugment::Cifar10 } else { AutoAugment::ImageNet };
            let pair: usize = number(pair);
            for op in
                policy.changes(pair, [!pair.is_multiple_of(2), pair.is_multiple_of(2)], x.size())
            {
                op.apply(&mut x, Interpolation::Nearest, &[]);
            }
        }
        ["brightness", factor] => x.brightness(number(factor)),
        ["contrast", factor] => x.contrast(number(factor)),
        ["color", factor] => x.color(number(factor)),
        ["resize", by, height, width] => {
            x = b.resize((number(height), number(width)), interpolation(by));
        }
        ["resized_crop", by, top, left, height, width] => {
            let (top, left) = (number(top), number(left));
            let region = Region { top, left, height: number(height), width: number(width) };
            x = b.resized_crop(region, (20, 24), interpolation(by));
        }
        ["rotate", by, degrees] => {
            Op::Rotate(number(degrees)).apply(&mut x, interpolation(by), &[9, 8, 7]);
        }
        ["central", side, share] => {
            x = b.central(number(side), number(share), Interpolation::Bilinear);
        }
        ["crop", top, left] => {
            x = a.crop((number::<isize>(top) - 4, number::<isize>(left) - 4), a.size());
        }
        ["flip"] => x.flip(),
        _ => return None,
    }
    Some(x)
}

#[test]
fn changes_of_images_equal_pillow_torchvision_and_timm_bit_for_bit() {
    let golden = Golden::open("images.safetensors");
    let (a, b) = (image(&golden, "a"), image(&golden, "b"));
    let (mut compared, mut wrong) = (0, Vec::new());
    for key in golden.names() {
        let Some(got) = made(&key, &a, &b) else { continue };
        let expected = image(&golden, &key);
        compared += 1;
        if got != expected {
            let differ = got.pixels().iter().zip(expected.pixels()).filter(|(a, b)| a != b);
            wrong.push(format!("{key}: {} pixels, {:?}", differ.count(), got.shape()));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared}: {wrong:#?}", wrong.len());
    assert!(compared > 130, "{compared}");
}

#[test]
fn normalization_equals_torchvision() {
    let golden = Golden::open("images.safetensors");
    let (mean, std) = (&[0.4914, 0.4822, 0.4465], &[0.2023, 0.1994, 0.2010]);
    let pixels = golden.bytes("a");
    let names = vec!["a".to_owned()];
    let shape = [3, 16, 20];
    let set = Dataset::from_images("a", "a", names, vec![0], shape, pixels, (mean, std)).unwrap();
    let x = set.sample(0, &Augment::default(), None).unwrap().x;
    let expected = golden.floats("normalize");
    assert_eq!(x.len(), expected.len());
    assert!(x.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn mixed_images_equal_timms() {
    let golden = Golden::open("images.safetensors");
    let (x, y, size) = (golden.floats("mix/x"), golden.floats("mix/y"), (16, 20));
    let mut mixed = x.clone();
    mixup(&mut mixed, &y, 0.3);
    let expected = golden.floats("mixup/0.3");
    assert!(mixed.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6));
    let mut compared = 0;
    for key in golden.names() {
        if let ["cutmix", weight, row, column] = *key.split('/').collect::<Vec<_>>().as_slice() {
            let region = cut_region(number(weight), (number(row), number(column)), size);
            let mut mixed = x.clone();
            cutmix(&mut mixed, &y, size, region);
            assert_eq!(mixed, golden.floats(&key), "{key}");
            let share = golden.floats(&key.replace("cutmix", "cutmix_share"))[0];
            assert!((Mix::Cut(region).weight(size) - share).abs() < 1e-6, "{key}");
            compared += 1;
        }
    }
    assert_eq!(compared, 2);
}
