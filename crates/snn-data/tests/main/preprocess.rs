//! One file gives the values that a data set has of it, to the bit.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use snn_data::format::encode_events;
use snn_data::{
    Augment, DataConfig, Dataset, Event, EventStream, Format, FrameBy, Kind, Normalize, Preprocess,
    Time, open, random,
};
use snn_needs::shared_data;

use crate::util::repository_data;

/// An 8-bit PNG of pixels `[C, H, W]`, C = 1 or 3, without compression to speak of.
fn png([channels, height, width]: [usize; 3], pixels: &[u8]) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in 0..height {
        rows.push(0);
        for column in 0..width {
            rows.extend((0..channels).map(|c| pixels[(c * height + row) * width + column]));
        }
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&rows).unwrap();
    let sides = [(width as u32).to_be_bytes(), (height as u32).to_be_bytes()].concat();
    let header = [&sides[..], &[8, if channels == 1 { 0 } else { 2 }, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in [(b"IHDR", header), (b"IDAT", packed.finish().unwrap()), (b"IEND", vec![])]
    {
        let named = [&name[..], &body].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&named);
        file.extend((body.len() as u32).to_be_bytes());
        file.extend(named);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}

fn values(set: &Dataset, index: usize) -> Vec<f32> {
    set.sample(index, &Augment::default(), None).unwrap().x
}

/// The pixels of an image of a packed set at the files' own size.
fn pixels(set: &Dataset, index: usize) -> Vec<u8> {
    let x = values(set, index);
    let plane = x.len() / set.mean().len();
    let level = |(i, x): (usize, &f32)| {
        (255.0 * (x * set.std()[i / plane] + set.mean()[i / plane])).round() as u8
    };
    x.iter().enumerate().map(level).collect()
}

fn packed_pictures(name: &str, dir: Option<PathBuf>, sizes: [Option<usize>; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let config =
        DataConfig { limit_train: Some(4), limit_test: Some(4), ..DataConfig::new(name, dir) };
    let plain = open(&config).unwrap().test;
    let shape: [usize; 3] = plain.sample_shape().try_into().unwrap();
    for size in sizes {
        let sized = open(&DataConfig { size, ..config.clone() }).unwrap().test;
        for index in 0..4 {
            let path = folder.path().join("a.png");
            fs::write(&path, png(shape, &pixels(&plain, index))).unwrap();
            let read = sized.preprocess().read(&path).unwrap();
            assert_eq!((read.shape, read.time), (sized.sample_shape(), Time::Still));
            assert_eq!(read.x, values(&sized, index), "{name} {size:?} {index}");
        }
    }
    // A picture of another size, and of another number of channels, is brought to the set's.
    let path = folder.path().join("b.png");
    fs::write(&path, png([3, 50, 70], &[7; 3 * 50 * 70])).unwrap();
    assert_eq!(plain.preprocess().read(&path).unwrap().shape, shape);
}

#[test]
fn a_png_of_the_right_pixels_is_a_sample_of_a_packed_set() {
    packed_pictures("fashion_mnist", Some(repository_data()), [None, Some(32), Some(20)]);
    let Some(dir) = shared_data() else { return };
    packed_pictures("cifar10", Some(dir), [None, Some(33), Some(48)]);
}

#[test]
fn a_photograph_is_read_as_its_set_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut rng = random::stream(1, "test", 0, 0);
    let mut files = Vec::new();
    for (side, class, size) in
        [("train", "a", [3, 40, 31]), ("train", "b", [3, 16, 16]), ("test", "b", [1, 9, 60])]
    {
        let folder = dir.path().join(side).join(class);
        fs::create_dir_all(&folder).unwrap();
        let pixels: Vec<u8> =
            (0..size.iter().product()).map(|_| random::below(&mut rng, 256) as u8).collect();
        files.push(folder.join("1.png"));
        fs::write(folder.join("1.png"), png(size, &pixels)).unwrap();
    }
    let config =
        DataConfig { size: Some(16), ..DataConfig::new("image_folder", Some(dir.path().into())) };
    let splits = open(&config).unwrap();
    let expected = [values(&splits.train, 0), values(&splits.train, 1), values(&splits.test, 0)];
    for (file, expected) in files.iter().zip(expected) {
        assert_eq!(splits.train.preprocess().read(file).unwrap().x, expected, "{}", file.display());
    }
}

fn recording(seed: u64, side: u64) -> EventStream {
    let mut rng = random::stream(seed, "test", 0, 0);
    let event = |i: u64| Event {
        t_us: 100 * i,
        x: random::below(&mut rng, side) as u16,
        y: random::below(&mut rng, side) as u16,
        polarity: random::below(&mut rng, 2) == 1,
    };
    let events = (0..500).map(event).collect();
    EventStream { width: side as u16, height: side as u16, events, skipped_special: 0 }
}

#[test]
fn a_recording_is_read_as_its_set_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (i, suit) in ["club", "diamond", "heart", "spade"].into_iter().enumerate() {
        let path = dir.path().join(format!("{suit}.aedat"));
        fs::write(&path, encode_events(&recording(i as u64, 35), Format::Aedat2).unwrap()).unwrap();
        paths.push(path);
    }
    for (size, frames_by) in
        [(None, FrameBy::Time), (Some(32), FrameBy::Count), (Some(20), FrameBy::TimeWhole)]
    {
        let config = DataConfig {
            t_steps: 4,
            size,
            frames_by,
            ..DataConfig::new("poker_dvs", Some(dir.path().into()))
        };
        let splits = open(&config).unwrap();
        let preprocess = splits.test.preprocess();
        assert_eq!(
            (preprocess.kind(), preprocess.shape()),
            (Kind::Events, splits.test.sample_shape())
        );
        // Files in the order of their names take turns.
        for (i, path) in paths.iter().enumerate() {
            let set = if i % 2 == 0 { &splits.train } else { &splits.test };
            let read = preprocess.read(path).unwrap();
            assert_eq!((read.x, read.time), (values(set, i / 2), Time::Frames));
        }
    }
    // A camera on its side, decoded when a sample is asked for.
    let folder = dir.path().join("cats/cat");
    fs::create_dir_all(&folder).unwrap();
    for number in [1, 950] {
        let bytes = encode_events(&recording(number, 128), Format::Aedat2).unwrap();
        fs::write(folder.join(format!("cifar10_cat_{number}.aedat")), bytes).unwrap();
    }
    let config = DataConfig {
        t_steps: 3,
        size: Some(48),
        ..DataConfig::new("dvs_cifar10", Some(dir.path().join("cats")))
    };
    let splits = open(&config).unwrap();
    let read = splits.train.preprocess().read(&folder.join("cifar10_cat_950.aedat")).unwrap();
    assert_eq!(read.x, values(&splits.test, 0));
    let empty = dir.path().join("empty.aedat");
    fs::write(&empty, b"#!AER-DAT2.0\r\n").unwrap();
    assert!(splits.train.preprocess().read(&empty).unwrap_err().to_string().contains("no events"));
}

#[test]
fn real_recordings_are_read_as_their_set_reads_them() {
    let Some(dir) = shared_data() else { return };
    let limit = Some(10);
    let config = DataConfig {
        limit_train: limit,
        limit_test: limit,
        ..DataConfig::new("nmnist", Some(dir.clone()))
    };
    let splits = open(&config).unwrap();
    let folder = dir.join("n-mnist-1100/Test/0");
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let zero = splits.test.labels().iter().position(|&label| label == 0).unwrap();
    assert_eq!(splits.test.preprocess().read(&files[0]).unwrap().x, values(&splits.test, zero));
}

#[test]
fn a_signal_gives_the_windows_of_its_recording() {
    let dir = tempfile::tempdir().unwrap();
    let wave = |i: usize, t: usize| (t as f32 * (0.1 + i as f32)).sin() + i as f32;
    for (i, name) in ["n600", "ib600", "ob600", "tb600"].into_iter().enumerate() {
        let lines: String = (0..2600).map(|t| format!("{}\n", wave(i, t))).collect();
        fs::write(dir.path().join(format!("{name}.csv")), lines).unwrap();
    }
    for normalize in [Normalize::Window, Normalize::Training] {
        let config = DataConfig {
            size: Some(256),
            normalize,
            ..DataConfig::new("jnu", Some(dir.path().into()))
        };
        let splits = open(&config).unwrap();
        let of_class = |set: &Dataset, class: u32| -> Vec<Vec<f32>> {
            let places = set.labels().iter().enumerate().filter(|&(_, &label)| label == class);
            places.map(|(index, _)| values(set, index)).collect()
        };
        let preprocess = splits.train.preprocess();
        // Of 2,600 samples 1,560 train, which are 6 windows, and 1,040 test, which are 4.
        let windows = preprocess.read_all(&dir.path().join("ib600.csv")).unwrap();
        assert_eq!((windows.len(), &windows[0].shape[..]), (10, &[1, 1, 256][..]));
        let train: Vec<Vec<f32>> = windows.into_iter().take(6).map(|window| window.x).collect();
        assert_eq!(train, of_class(&splits.train, 1));
        let rest: String = (1560..2600).map(|t| format!("{}\n", wave(1, t))).collect();
        let path = dir.path().join("rest.txt");
        fs::write(&path, rest).unwrap();
        let test = preprocess.read_all(&path).unwrap();
        let test: Vec<Vec<f32>> = test.into_iter().map(|window| window.x).collect();
        assert_eq!(test, of_class(&splits.test, 1));
        assert_eq!(preprocess.read(&path).unwrap().x, test[0]);
    }
    let Some(shared) = shared_data() else { return };
    for (name, file, class) in [
        ("cwru", "cwru-1797/1797_B_14_DE12.npz", 2),
        ("mfpt", "mfpt/train_data/OuterRaceFault_vload_1.mat", 1),
    ] {
        let train = open(&DataConfig::new(name, Some(shared.clone()))).unwrap().train;
        let first = train.labels().iter().position(|&label| label == class).unwrap();
        let windows = train.preprocess().read_all(&shared.join(file)).unwrap();
        for (i, window) in windows.iter().take(50).enumerate() {
            assert_eq!(window.x, values(&train, first + i), "{name}");
        }
    }
}

#[test]
fn a_cloud_is_read_as_its_set_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let mesh = "OFF 4 2 0\n0 0 0\n1 0 0\n0 1 0\n0 0 3\n3 0 1 2\n3 0 1 3\n";
    let files = [("train", "1.xyz", "0 0 0\n2 0 1\n5 4 3\n"), ("test", "2.off", mesh)];
    for (side, name, text) in files {
        fs::create_dir_all(dir.path().join(side).join("a")).unwrap();
        fs::write(dir.path().join(side).join("a").join(name), text).unwrap();
    }
    let config =
        DataConfig { size: Some(16), ..DataConfig::new("point_folder", Some(dir.path().into())) };
    let splits = open(&config).unwrap();
    for (set, file) in [(&splits.train, "train/a/1.xyz"), (&splits.test, "test/a/2.off")] {
        let read = set.preprocess().read(&dir.path().join(file)).unwrap();
        assert_eq!((read.x, read.shape), (values(set, 0), vec![3, 1, 16]));
    }
}

#[test]
fn own_frames_say_how_they_were_made() {
    let x = vec![1.0; 2 * 2 * 3 * 4];
    let set =
        Dataset::from_frames("a", "a/all", vec!["b".into()], vec![0], [2, 2, 3, 4], x).unwrap();
    let Preprocess::Recordings(recordings) = set.preprocess().clone() else { panic!() };
    let by_count =
        snn_data::preprocess::Recordings { frames_by: FrameBy::Count, ..recordings.clone() };
    let set = set.with_preprocess(Preprocess::Recordings(by_count.clone())).unwrap();
    assert_eq!(set.preprocess(), &Preprocess::Recordings(by_count));
    let wider = snn_data::preprocess::Recordings { width: 5, ..recordings };
    let error = set.with_preprocess(Preprocess::Recordings(wider)).unwrap_err().to_string();
    assert!(error.starts_with("preprocess:"), "{error}");
}

#[test]
fn missing_and_foreign_files_are_errors() {
    let set = open(&DataConfig::new("synthetic", None)).unwrap().train;
    let read = |path: &Path| set.preprocess().read(path).unwrap_err().to_string();
    assert!(read(Path::new("/no/such.png")).contains("/no/such.png"));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.png"), b"GIF89a").unwrap();
    assert!(read(&dir.path().join("a.png")).contains("not a JPEG or PNG picture"));
}

#[cfg(feature = "serde")]
#[test]
fn json_has_plain_names_and_no_others() {
    let written = |preprocess: &Preprocess| {
        let text = serde_json::to_string(preprocess).unwrap();
        assert_eq!(&serde_json::from_str::<Preprocess>(&text).unwrap(), preprocess);
        let unknown = text.replacen('{', "{\"colour\":1,", 1);
        let error = serde_json::from_str::<Preprocess>(&unknown).unwrap_err().to_string();
        assert!(error.contains("colour"), "{error}");
        text
    };
    let config = DataConfig { size: Some(8), t_steps: 2, ..DataConfig::new("synthetic", None) };
    let set = open(&config).unwrap().train;
    assert_eq!(
        written(set.preprocess()),
        r#"{"kind":"pictures","channels":3,"height":8,"width":8,"stored":[8,8],"crop":0.875,"interpolation":"bilinear","mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#
    );
    let set = open(&DataConfig { name: "synthetic_events".into(), ..config }).unwrap().train;
    assert_eq!(
        written(set.preprocess()),
        r#"{"kind":"recordings","orientation":"as-stored","crop":false,"frames_by":"time","t_steps":2,"height":8,"width":8,"resize":"fit"}"#
    );
    let full = r#"{"kind":"recordings","format":"atis-overflow","sensor":[240,180],"orientation":"on-its-side","crop":true,"columns":70,"frames_by":"count-even","t_steps":5,"height":48,"width":48,"resize":"bilinear"}"#;
    assert_eq!(written(&serde_json::from_str(full).unwrap()), full);
    let signals =
        r#"{"kind":"signals","window":1024,"rate":12000.0,"signal":"DE","mean":[],"std":[]}"#;
    assert_eq!(written(&serde_json::from_str(signals).unwrap()), signals);
    let clouds = r#"{"kind":"clouds","points":1024}"#;
    assert_eq!(written(&serde_json::from_str(clouds).unwrap()), clouds);
}
