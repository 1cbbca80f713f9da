//! Changes and frames of recordings against tonic and torch on fixed parameters.

use snn_data::transform::{self, Bell, Region, Turn, sheared_by, turned_by};
use snn_data::{
    EventStream, FrameBy, Window, frames, resize_bilinear, time_surfaces, voxel_grid, windows,
};

use crate::golden::Golden;

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().unwrap()
}

fn parts(key: &str) -> Vec<&str> {
    key.split('/').collect()
}

fn close(got: &[f32], expected: &[f32], key: &str) {
    assert_eq!(got.len(), expected.len(), "{key}");
    let off = got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-6, "{key}: {off}");
}

#[test]
fn frames_of_recordings_equal_tonics() {
    let golden = Golden::open("events.safetensors");
    let stream = golden.stream("events", 16, 12);
    let mut compared = 0;
    for key in golden.names() {
        let got = match *parts(&key).as_slice() {
            ["frames", "time", n] => frames(&stream, number(n), FrameBy::Time).unwrap(),
            ["frames", "count-even", n] => frames(&stream, number(n), FrameBy::CountEven).unwrap(),
            ["window", by, length, keep] => {
                let window = match by {
                    "time" => Window::Time(number(length)),
                    _ => Window::Events(number(length)),
                };
                let (t_steps, x) = windows(&stream, window, keep == "True").unwrap();
                assert_eq!(t_steps, golden.shape(&key)[0], "{key}");
                x
            }
            _ => continue,
        };
        let expected: Vec<f32> = golden.bytes(&key).into_iter().map(f32::from).collect();
        assert_eq!(got, expected, "{key}");
        compared += 1;
    }
    assert_eq!(compared, 18);
}

#[test]
fn voxel_grids_and_time_surfaces_equal_tonics() {
    let golden = Golden::open("events.safetensors");
    let stream = golden.stream("events", 16, 12);
    let mut compared = 0;
    for key in golden.names() {
        let got = match *parts(&key).as_slice() {
            ["voxel", n] => voxel_grid(&stream, number(n)).unwrap(),
            ["surface", dt, tau] => {
                let (t_steps, x) = time_surfaces(&stream, number(dt), number(tau)).unwrap();
                assert_eq!(t_steps, golden.shape(&key)[0]);
                x
            }
            _ => continue,
        };
        close(&got, &golden.floats(&key), &key);
        compared += 1;
    }
    assert_eq!(compared, 5);
}

#[test]
fn changes_of_event_lists_equal_tonics() {
    let golden = Golden::open("events.safetensors");
    let stream = golden.stream("events", 16, 12);
    let changed = |change: &dyn Fn(&mut EventStream)| {
        let mut stream = stream.clone();
        change(&mut stream);
        stream
    };
    assert_eq!(changed(&EventStream::flip_x), golden.stream("flip_x", 16, 12));
    assert_eq!(changed(&EventStream::flip_y), golden.stream("flip_y", 16, 12));
    assert_eq!(changed(&EventStream::flip_polarity), golden.stream("flip_polarity", 16, 12));
    assert_eq!(changed(&EventStream::reverse_time), golden.stream("reverse_time", 16, 12));
    let dropped: Vec<usize> = golden.bytes("dropped").into_iter().map(usize::from).collect();
    assert_eq!(changed(&|s| s.drop_places(&dropped)), golden.stream("drop", 16, 12));
    let (mut crops, mut drops) = (0, 0);
    for key in golden.names() {
        let key = key.strip_suffix("/t").unwrap_or("");
        if let [change, top, left, height, width] = *parts(key).as_slice() {
            let (top, left) = (number(top), number(left));
            let region = Region { top, left, height: number(height), width: number(width) };
            if change == "crop" {
                assert_eq!(changed(&|s| s.crop(region)), golden.stream(key, 9, 7));
                crops += 1;
            } else {
                assert_eq!(changed(&|s| s.drop_region(region)), golden.stream(key, 16, 12));
                drops += 1;
            }
        }
    }
    assert_eq!((crops, drops), (2, 1));
}

#[test]
fn changes_of_frames_equal_torch_and_torchvision() {
    let golden = Golden::open("events.safetensors");
    let (x, size) = (golden.floats("x"), (14, 18));
    let mut compared = 0;
    for key in golden.names() {
        let mut got = x.clone();
        match *parts(&key).as_slice() {
            ["turn", kind, degrees] => {
                let turn: fn(f64) -> Turn = if kind == "rotate" { turned_by } else { sheared_by };
                transform::turn(&mut got, size, turn(number(degrees)));
            }
            ["roll", down, right] => transform::roll(&mut got, size, (number(down), number(right))),
            ["reversed"] => transform::reverse_time(&mut got, size.0 * size.1),
            ["resize", corners, height, width] => {
                let to = (number(height), number(width));
                got = resize_bilinear(&x, size, to, corners == "True");
            }
            _ => continue,
        }
        assert_eq!(got, golden.floats(&key), "{key}");
        compared += 1;
    }
    assert_eq!(compared, 13);
}

#[test]
fn rolled_and_turned_events_make_rolled_and_turned_frames() {
    let golden = Golden::open("events.safetensors");
    let stream = golden.stream("events", 16, 12);
    let before = frames(&stream, 3, FrameBy::Count).unwrap();
    for (down, right) in [(3, -5), (-12, 16), (isize::MIN, isize::MAX)] {
        let mut rolled = stream.clone();
        rolled.roll((down, right));
        let mut expected = before.clone();
        transform::roll(&mut expected, (12, 16), (down % 12, right % 16));
        assert_eq!(frames(&rolled, 3, FrameBy::Count).unwrap(), expected);
    }
    // A half turn meets every pixel once.
    let mut turned = stream.clone();
    turned.turn(turned_by(180.0));
    let mut expected = before;
    transform::turn(&mut expected, (12, 16), turned_by(180.0));
    assert_eq!(frames(&turned, 3, FrameBy::Count).unwrap(), expected);
    turned.turn(turned_by(45.0));
    assert!(turned.events.iter().all(|event| event.x < 16 && event.y < 12));
}

#[test]
fn drawn_places_are_distinct_and_as_many_as_asked() {
    let mut rng = snn_data::random::stream(1, "drop", 0, 0);
    for (n, share, k) in [(100, 0.255, 26), (100, 0.0, 0), (10, 1.0, 10), (0, 0.5, 0), (7, 9.0, 7)]
    {
        let places = transform::drawn_places(&mut rng, n, share);
        assert_eq!(places.len(), k);
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(places.iter().all(|&place| place < n));
    }
}

#[test]
fn event_mix_equals_its_formula() {
    let golden = Golden::open("events.safetensors");
    let bell = |b: &[f32]| {
        let at = |i: usize| f64::from(b[i]);
        Bell { height: at(0), center: [at(1), at(2), at(3)], deviation: [at(4), at(5), at(6)] }
    };
    let bells: Vec<Bell> = golden.floats("event_mix/bells").chunks(7).map(bell).collect();
    let mask = transform::event_mask(&bells, [2, 14, 18], 0.3);
    let expected: Vec<bool> = golden.bytes("event_mix/mask").iter().map(|&m| m == 1).collect();
    assert_eq!(mask, expected);
    let (mut x, other) = (golden.floats("x"), golden.floats("event_mix/other"));
    let weight = transform::event_mix(&mut x, &other, &mask, 14 * 18);
    assert_eq!(x, golden.floats("event_mix/mixed"));
    close(&[weight], &golden.floats("event_mix/weight"), "weight");
    let mut rng = snn_data::random::stream(1, "bells", 0, 0);
    for share in [0.0, 0.25, 1.0] {
        let bells = transform::bells(&mut rng, [10, 48, 48]);
        let n = transform::event_mask(&bells, [10, 48, 48], share).iter().filter(|&&m| m).count();
        assert!((n as f64 / 23040.0 - share).abs() < 0.01, "{share}: {n}");
    }
    let mut none = vec![0.0; 4];
    assert_eq!(transform::event_mix(&mut none, &[0.0; 4], &[true, false], 2), 0.5);
}
