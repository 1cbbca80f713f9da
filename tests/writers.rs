//! Data sets of which the repository holds no copy, tiny, in the layout and the formats in which their publishers give them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::matlab::{array, element, mat, numbers};
use crate::util::png;

/// CIFAR's and CIFAR10-DVS's classes.
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Training and test samples of a class.
const EACH: [(&str, u32); 2] = [("train", 2), ("test", 1)];

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    Ok(fs::write(path, bytes)?)
}

/// A photograph, whose class and number show. The content is PNG under any name, as one of ImageNet's `.JPEG` files is.
fn photograph(path: &Path, class: u32, number: u32) -> Result<()> {
    let color = |x, y| [(40 * class + 3 * x as u32) as u8, (90 * number) as u8, 5 * y as u8];
    write(path, png(40, 36, color)?)
}

/// Records of labels, the last of which is the class, and 3,072 bytes.
fn cifar(path: &Path, coarse: bool, n: u32) -> Result<()> {
    let record = |i: u32| {
        let class = (i % 10) as u8;
        let pixels = (0..3072u32).map(move |at| (at * (i + 3) / 7) as u8);
        (if coarse { vec![0, class] } else { vec![class] }).into_iter().chain(pixels)
    };
    write(path, (0..n).flat_map(record).collect::<Vec<u8>>())
}

/// CIFAR-10, binary version.
pub(crate) fn cifar10(root: &Path) -> Result<()> {
    cifar(&root.join("data_batch_1.bin"), false, 20)?;
    cifar(&root.join("test_batch.bin"), false, 10)
}

/// CIFAR-100, binary version.
pub(crate) fn cifar100(root: &Path) -> Result<()> {
    cifar(&root.join("train.bin"), true, 20)?;
    cifar(&root.join("test.bin"), true, 10)
}

/// ImageNet: `train/<wnid>` and `val/<wnid>`.
pub(crate) fn imagenet(root: &Path) -> Result<()> {
    for (class, wnid) in (0..).zip(["n01440764", "n01443537", "n01484850"]) {
        for (side, n) in EACH {
            let side = if side == "test" { "val" } else { side };
            for i in 0..n {
                let file = format!("{side}/{wnid}/{wnid}_{i}.JPEG");
                photograph(&root.join(file), class, i)?;
            }
        }
    }
    Ok(())
}

/// CUB-200-2011: `images/` and its four lists.
pub(crate) fn cub200(root: &Path) -> Result<()> {
    let names = ["001.Black_footed_Albatross", "002.Laysan_Albatross", "003.Sooty_Albatross"];
    let (mut images, mut labels, mut sides, mut classes) = Default::default();
    let add = |list: &mut String, line: String| *list += &(line + "\n");
    let mut id = 0;
    for (class, name) in (0..).zip(names) {
        add(&mut classes, format!("{} {name}", class + 1));
        for (side, n) in EACH {
            for i in 0..n {
                id += 1;
                let file = format!("{name}/{side}_{i:04}_{id}.jpg");
                photograph(&root.join("images").join(&file), class, i)?;
                add(&mut images, format!("{id} {file}"));
                add(&mut labels, format!("{id} {}", class + 1));
                add(&mut sides, format!("{id} {}", u8::from(side == "train")));
            }
        }
    }
    write(&root.join("images.txt"), images)?;
    write(&root.join("image_class_labels.txt"), labels)?;
    write(&root.join("train_test_split.txt"), sides)?;
    write(&root.join("classes.txt"), classes)
}

/// MATLAB's text.
fn text(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    array(4, text.len(), "", &element(4, &units))
}

/// MATLAB's cells of texts.
fn cells(name: &str, texts: &[String]) -> Vec<u8> {
    let all: Vec<u8> = texts.iter().flat_map(|one| text(one)).collect();
    array(1, texts.len(), name, &all)
}

/// Stanford Dogs: `Images/` and the lists of MATLAB.
pub(crate) fn stanford_dogs(root: &Path) -> Result<()> {
    for (side, n) in EACH {
        let (mut files, mut labels) = (Vec::new(), Vec::new());
        for (class, name) in (0..).zip(["n02085620-Chihuahua", "n02085782-Japanese_spaniel"]) {
            for i in 0..n {
                let file = format!("{name}/{}_{side}{i}.jpg", &name[..9]);
                photograph(&root.join("Images").join(&file), class, i)?;
                files.push(file);
                labels.push(f64::from(class + 1));
            }
        }
        let list = mat(&[cells("file_list", &files), numbers("labels", &labels)]);
        write(&root.join(format!("lists/{side}_list.mat")), list)?;
    }
    Ok(())
}

/// Stanford Cars: `cars_train/`, `cars_test/` and the devkit with the test labels.
pub(crate) fn stanford_cars(root: &Path) -> Result<()> {
    for (side, n) in EACH {
        let (mut values, mut count) = (Vec::new(), 0);
        for class in 0..3 {
            for i in 0..n {
                count += 1;
                let file = format!("{count:05}.jpg");
                photograph(&root.join(format!("cars_{side}")).join(&file), class, i)?;
                values.extend(numbers("", &[f64::from(class + 1)]));
                values.extend(text(&file));
            }
        }
        let fields: Vec<u8> = ["class", "fname"]
            .iter()
            .flat_map(|name| format!("{name:\0<8}").into_bytes())
            .collect();
        // The length of a field's name, in the short form of an element.
        let content = [vec![5, 0, 4, 0, 8, 0, 0, 0], element(1, &fields), values].concat();
        let labeled = if side == "test" { "_withlabels" } else { "" };
        let file = format!("devkit/cars_{side}_annos{labeled}.mat");
        write(&root.join(file), mat(&[array(2, count, "annotations", &content)]))?;
    }
    let names: Vec<String> = (1..=3).map(|class| format!("Car {class} 2012")).collect();
    write(&root.join("devkit/cars_meta.mat"), mat(&[cells("class_names", &names)]))
}

/// CIFAR10-DVS: AEDAT 2.0 of 128 x 128, a class numbered from 0 to 999, of which those from 900 on are tested.
pub(crate) fn dvs_cifar10(root: &Path) -> Result<()> {
    for (class, name) in (0u32..).zip(CLASSES) {
        for number in [0, 1, 900] {
            let mut bytes = b"#!AER-DAT2.0\r\n# made by a test\r\n".to_vec();
            for i in 0..200u32 {
                let (x, y, on) = ((i * 7 + class) % 128, (i * 5 + number) % 128, i % 2);
                bytes.extend((y << 8 | x << 1 | on).to_be_bytes());
                bytes.extend((1000 + 50 * i).to_be_bytes());
            }
            write(&root.join(format!("{name}/cifar10_{name}_{number}.aedat")), bytes)?;
        }
    }
    Ok(())
}

/// N-Caltech101: 40-bit events, a folder a class.
pub(crate) fn ncaltech101(root: &Path) -> Result<()> {
    for (class, name) in (0u32..).zip(["BACKGROUND_Google", "accordion", "airplanes"]) {
        for number in 1..=5u32 {
            let event = |i: u32| {
                let (x, y, t) = ((i * 3 + class) % 100, (i * 7 + number) % 80, 50 * i);
                let [_, high, middle, low] = t.to_be_bytes();
                [x as u8, y as u8, ((i % 2) as u8 * 0x80) | high, middle, low]
            };
            let bytes: Vec<u8> = (0..200).flat_map(event).collect();
            write(&root.join(format!("Caltech101/{name}/image_{number:04}.bin")), bytes)?;
        }
    }
    Ok(())
}
