//! SHD from files as the published ones, made here: 16-bit times and channels in HDF5's global heap.

use std::io::Write;
use std::path::Path;

use hdf5_pure::{
    Datatype, DatatypeByteOrder, FileBuilder, FloatingPointLayout, GroupBuilder, make_u16_type,
};
use snn_data::{Augment, DataConfig, Error, FrameBy, Splits, open};

/// A recording: its label, and of each spike the seconds as a 16-bit float and the channel.
type Recording<'a> = (u8, &'a [(u16, u16)]);

const QUARTER: u16 = 0x3400;
const HALF: u16 = 0x3800;
const ONE: u16 = 0x3c00;

/// Five spikes in the channels 0, 4, 5, 350 and 699.
const FIVE: &[(u16, u16)] = &[(QUARTER, 0), (QUARTER, 4), (QUARTER, 5), (HALF, 350), (ONE, 699)];
const ONE_SPIKE: &[(u16, u16)] = &[(HALF, 7)];

fn half_type() -> Datatype {
    let layout = FloatingPointLayout {
        bit_offset: 0,
        bit_precision: 16,
        exponent_location: 10,
        exponent_size: 5,
        mantissa_location: 0,
        mantissa_size: 10,
        exponent_bias: 15,
    };
    Datatype::FloatingPoint { size: 2, byte_order: DatatypeByteOrder::LittleEndian, layout }
}

/// The file whose heap begins at `heap`: times are the heap's objects 1, 3, ..., channels 2, 4, ...
fn pointing_to(heap: u64, recordings: &[Recording<'_>]) -> Vec<u8> {
    let n = recordings.len() as u64;
    let rows = |group: &mut GroupBuilder, name: &str, base: Datatype, first: u32| {
        let mut places = Vec::new();
        for (object, (_, spikes)) in (first..).step_by(2).zip(recordings) {
            places.extend((spikes.len() as u32).to_le_bytes());
            places.extend(heap.to_le_bytes());
            places.extend(object.to_le_bytes());
        }
        let base_type = Box::new(base);
        let kind =
            Datatype::VariableLength { is_string: false, padding: None, charset: None, base_type };
        group.create_dataset(name).with_raw_data(kind, places, n);
    };
    let mut file = FileBuilder::new();
    let labels: Vec<u8> = recordings.iter().map(|(label, _)| *label).collect();
    file.create_dataset("labels").with_u8_data(&labels);
    let mut spikes = file.create_group("spikes");
    rows(&mut spikes, "times", half_type(), 1);
    rows(&mut spikes, "units", make_u16_type(), 2);
    file.add_group(spikes.finish());
    file.finish().unwrap()
}

fn file(recordings: &[Recording<'_>]) -> Vec<u8> {
    let mut objects = Vec::new();
    let mut numbers = 1u16..;
    for (_, spikes) in recordings {
        let (times, units): (Vec<u16>, Vec<u16>) = spikes.iter().copied().unzip();
        for values in [times, units] {
            objects.extend(numbers.next().unwrap().to_le_bytes());
            objects.extend([1, 0, 0, 0, 0, 0]);
            objects.extend((2 * values.len() as u64).to_le_bytes());
            objects.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            objects.resize(objects.len().next_multiple_of(8), 0);
        }
    }
    // The places in it do not change the file's length.
    let heap = pointing_to(0, recordings).len() as u64;
    let mut bytes = pointing_to(heap, recordings);
    bytes.extend(b"GCOL\x01\0\0\0");
    bytes.extend((16 + objects.len() as u64).to_le_bytes());
    bytes.extend(objects);
    bytes
}

fn write(dir: &Path, train: &[Recording<'_>], test: &[Recording<'_>]) {
    std::fs::write(dir.join("shd_train.h5"), file(train)).unwrap();
    std::fs::write(dir.join("shd_test.h5"), file(test)).unwrap();
}

fn opened(dir: &Path, size: Option<usize>) -> snn_data::Result<Splits> {
    let config = DataConfig::new("shd", Some(dir.into()));
    open(&DataConfig { t_steps: 3, frames_by: FrameBy::TimeWhole, size, ..config })
}

/// Where a sample's spikes are, as (step, polarity, channel).
fn spikes(splits: &Splits, index: usize) -> Vec<(usize, usize, usize)> {
    let sample = splits.train.sample(index, &Augment::default(), None).unwrap();
    let [_, 2, 1, channels] = sample.shape[..] else { panic!("{:?}", sample.shape) };
    let one = |(at, &x): (usize, &f32)| {
        std::iter::repeat_n((at / channels / 2, at / channels % 2, at % channels), x as usize)
    };
    sample.x.iter().enumerate().flat_map(one).collect()
}

#[test]
fn recordings_of_two_files_are_the_two_sides() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[(3, ONE_SPIKE), (19, FIVE), (0, FIVE)], &[(10, FIVE), (9, ONE_SPIKE)]);
    let splits = opened(dir.path(), None).unwrap();
    assert_eq!(splits.train.split(), "shd/subset-3-2");
    assert_eq!((splits.train.labels(), splits.test.labels()), (&[3, 19, 0][..], &[10, 9][..]));
    let names = splits.train.class_names();
    assert_eq!((names.len(), names[3].as_str(), names[19].as_str()), (20, "three", "neun"));
    assert_eq!(splits.train.sample_shape(), [3, 2, 1, 700]);
    // A quarter to one second in three frames of a quarter of a second each.
    let five = [(0, 1, 0), (0, 1, 4), (0, 1, 5), (1, 1, 350), (2, 1, 699)];
    assert_eq!(spikes(&splits, 1), five);
    // In 140 groups of five channels.
    let joined = opened(dir.path(), Some(140)).unwrap();
    assert_eq!(joined.train.sample_shape(), [3, 2, 1, 140]);
    let five = [(0, 1, 0), (0, 1, 0), (0, 1, 1), (1, 1, 70), (2, 1, 139)];
    assert_eq!(spikes(&joined, 1), five);
    assert!(matches!(opened(dir.path(), Some(701)), Err(Error::Config { field: "size", .. })));
    // Compressed, as they are published.
    for name in ["shd_train.h5", "shd_test.h5"] {
        let path = dir.path().join(name);
        let packed = std::fs::File::create(dir.path().join(format!("{name}.gz"))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(packed, Default::default());
        encoder.write_all(&std::fs::read(&path).unwrap()).unwrap();
        encoder.finish().unwrap();
        std::fs::remove_file(path).unwrap();
    }
    let packed = opened(dir.path(), None).unwrap();
    assert_eq!((packed.train.hash(), packed.members()), (splits.train.hash(), splits.members()));
}

#[test]
fn wrong_labels_and_recordings_without_spikes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[(3, FIVE), (20, FIVE)], &[(1, FIVE)]);
    let error = opened(dir.path(), None).unwrap_err();
    assert!(matches!(error, Error::Label { record: 1, got: 20, .. }), "{error}");
    write(dir.path(), &[(3, FIVE)], &[(1, &[])]);
    let error = opened(dir.path(), None).unwrap_err().to_string();
    assert!(error.contains("shd_test.h5: no events"), "{error}");
}
