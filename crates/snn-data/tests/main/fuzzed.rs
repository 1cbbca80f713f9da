//! Every fuzz target on a fixed number of made-up inputs; `cargo xtask fuzz` runs them for longer, led by coverage.

use std::path::Path;

use snn_data::random::{below, stream};

use crate::util::repository_data;

#[allow(clippy::expect_used, unreachable_pub)] // It is a crate's root elsewhere.
#[path = "../../../../tests/fuzz/src/lib.rs"]
mod targets;

/// Inputs that are made up for each target.
const INPUTS: u64 = 300;
/// Bytes of an input: targets are to be fast.
const MOST: usize = 1 << 14;

#[test]
fn every_target_answers_seeded_inputs() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/targets");
    let mut files: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, files, "TARGETS and the files of tests/fuzz/targets differ");
    let seeds = seeds();
    assert!(seeds.len() > 300, "{} seeds", seeds.len());
    for (which, name) in (0..).zip(names) {
        // Files that are meant for the target, and others.
        let word = name.split('_').next().unwrap();
        let own: Vec<&Vec<u8>> = seeds
            .iter()
            .filter(|(file, _)| file.starts_with(word))
            .map(|(_, bytes)| bytes)
            .collect();
        for input in 0..INPUTS {
            let mut rng = stream(31, "fuzzed", which, input);
            let mut pick = |n: usize| below(&mut rng, n as u64) as usize;
            let mut bytes = match own.len() {
                n if n > 0 && pick(4) > 0 => own[pick(n)].clone(),
                _ => seeds[pick(seeds.len())].1.clone(),
            };
            for _ in 0..=pick(6) {
                mutate(&mut bytes, &seeds, &mut pick);
            }
            targets::run(name, &bytes);
        }
    }
}

/// The hostile files, what fuzzing found, and events as our own writers write them.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for folder in ["hostile", "hostile/found"] {
        let mut paths: Vec<_> = std::fs::read_dir(repository_data().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        paths.sort();
        for path in paths {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.truncate(MOST);
            seeds.push((path.file_name().unwrap().to_str().unwrap().to_owned(), bytes));
        }
    }
    let event = |i: u16| snn_data::Event {
        t_us: 99 * u64::from(i),
        x: i,
        y: 0,
        polarity: i.is_multiple_of(2),
    };
    let events = (0..20).map(event).collect();
    let line = snn_data::EventStream { width: 20, height: 1, events, skipped_special: 0 };
    for format in snn_data::Format::WRITABLE {
        let bytes = snn_data::format::encode_events(&line, format).unwrap();
        seeds.push((format.to_string(), bytes));
    }
    seeds.push(("text".into(), b"t x y p\n0.5 1 2 1\n0.75,3,4,0\n".to_vec()));
    seeds
}

/// One change: a byte, a bit, a number of the format's size, a cut, a repetition, a part of another file.
fn mutate(bytes: &mut Vec<u8>, seeds: &[(String, Vec<u8>)], pick: &mut impl FnMut(usize) -> usize) {
    if bytes.is_empty() {
        bytes.push(pick(256) as u8);
        return;
    }
    let at = pick(bytes.len());
    let n = 1 + pick((bytes.len() - at).min(64));
    match pick(6) {
        0 => bytes[at] = pick(256) as u8,
        1 => bytes[at] ^= 1 << pick(8),
        2 => bytes[at..at + n].fill([0, 0x7f, 0x80, 0xff][pick(4)]),
        3 => bytes.truncate(at),
        4 => {
            let part = bytes[at..at + n].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let other = &seeds[pick(seeds.len())].1;
            let from = pick(other.len() + 1);
            let part = other[from..].iter().copied().take(n).collect::<Vec<_>>();
            bytes.splice(at..at + n, part);
        }
    }
    bytes.truncate(MOST);
}
