//! The generated and simulated sets: pinned, plausible, and with classes that can be told apart.

use std::time::Instant;

use snn_data::random::stream;
use snn_data::{Augment, Camera, DataConfig, Dataset, Splits, open, simulate};

use crate::util::{opened, repository_data};

/// Share of test samples whose nearest class mean, of frames summed over time, is their class's.
fn nearest_centroid(splits: &Splits) -> f64 {
    let (train, test) = (&splits.train, &splits.test);
    let features = |set: &Dataset, index: usize| -> Vec<f32> {
        let sample = set.sample(index, &Augment::default(), None).unwrap();
        let steps = if set.is_events() { sample.shape[0] } else { 1 };
        let n = sample.x.len() / steps;
        let mut sum = vec![0.0; n];
        for frame in sample.x.chunks(n) {
            sum.iter_mut().zip(frame).for_each(|(sum, x)| *sum += x);
        }
        sum
    };
    let mut centroids = vec![(0.0f32, Vec::new()); train.num_classes()];
    for (index, &label) in train.labels().iter().enumerate() {
        let x = features(train, index);
        let (n, sum) = &mut centroids[label as usize];
        sum.resize(x.len(), 0.0);
        sum.iter_mut().zip(&x).for_each(|(sum, x): (&mut f32, _)| *sum += x);
        *n += 1.0;
    }
    let distance = |x: &[f32], (n, sum): &(f32, Vec<f32>)| -> f32 {
        x.iter().zip(sum).map(|(x, sum)| (x - sum / n).powi(2)).sum()
    };
    let right = test.labels().iter().enumerate().filter(|&(index, &label)| {
        let x = features(test, index);
        let all = centroids.iter().map(|centroid| distance(&x, centroid)).enumerate();
        all.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0 == label as usize
    });
    right.count() as f64 / test.len() as f64
}

#[test]
fn synthetic_classes_are_apart_at_any_size() {
    for (name, size) in [("synthetic", 8), ("synthetic", 32), ("synthetic_events", 16)] {
        let config = DataConfig { size: Some(size), t_steps: 4, ..DataConfig::new(name, None) };
        let right = nearest_centroid(&open(&config).unwrap());
        assert!(right > 0.95, "{name} {size}: {right}");
    }
}

#[test]
fn synthetic_sets_depend_on_the_seed_only() {
    let hash = |seed| {
        let config = DataConfig { seed, size: Some(8), ..DataConfig::new("synthetic", None) };
        open(&config).unwrap().train.hash().to_owned()
    };
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn simulated_recordings_are_plausible_and_pinned() {
    let started = Instant::now();
    let splits = opened("fashion_mnist_dvs", Some(repository_data()), Some(1000));
    println!("2000 recordings simulated and framed in {:.2?}", started.elapsed());
    assert_eq!(splits.train.sample_shape(), [10, 2, 32, 32]);
    let (mut total, mut on) = (0.0, 0.0);
    let mut per_frame = [0.0f64; 10];
    for index in 0..splits.train.len() {
        let x = splits.train.sample(index, &Augment::default(), None).unwrap().x;
        for (t, frame) in x.chunks(2048).enumerate() {
            let sum = |plane: &[f32]| plane.iter().map(|&v| f64::from(v)).sum::<f64>();
            per_frame[t] += sum(frame);
            on += sum(&frame[1024..]);
            total += sum(frame);
        }
    }
    let n = splits.train.len() as f64;
    println!("{:.0} events a recording, {:.3} of them ON", total / n, on / total);
    println!("events of each frame: {:.0?}", per_frame.map(|sum| sum / n));
    assert!((1000.0..8000.0).contains(&(total / n)), "{}", total / n);
    assert!((0.4..0.6).contains(&(on / total)));
    assert!(per_frame.iter().all(|&sum| sum > 0.02 * total));
    let right = nearest_centroid(&splits);
    println!("nearest centroid on summed frames: {right}");
    assert!(right > 0.6, "{right}");
    assert_eq!(
        splits.train.hash(),
        "316df52b86fa995e321e1f4a780045375f6192c405c9a25eedc1088959b7df5e"
    );
}

#[test]
fn camera_sees_an_edge_where_it_is() {
    // A bright square: nothing happens in its middle, and it is seen as it moves right and down at first.
    let image: Vec<u8> = (0..400)
        .map(|i| if (5..15).contains(&(i % 20)) && (5..15).contains(&(i / 20)) { 255 } else { 0 })
        .collect();
    let camera = Camera { noise_hz: 0.0, ..Camera::default() };
    let record =
        |index| simulate(&image, (20, 20), &camera, &mut stream(3, "square", 0, index)).unwrap();
    let stream_a = record(0);
    assert_eq!(stream_a, record(0));
    assert_ne!(stream_a, record(1));
    assert!(stream_a.events.is_sorted_by_key(|e| e.t_us));
    assert!(stream_a.events.iter().all(|e| e.t_us <= 300_000 && e.x < 32 && e.y < 32));
    assert!(!stream_a.events.iter().any(|e| (14..18).contains(&e.x) && (14..18).contains(&e.y)));
    let first = stream_a.events.iter().filter(|e| e.t_us < 100_000 && (14..18).contains(&e.x));
    let (mut below, mut above) = (0, 0);
    for event in first.filter(|e| e.polarity) {
        if event.y > 16 { below += 1 } else { above += 1 }
    }
    assert!(below > 4 * above.max(1), "{below} {above}");
    // The path is closed, so that every pixel's ups and downs cancel but for its reference's phase.
    let mut balance = [0i32; 1024];
    for event in &stream_a.events {
        balance[usize::from(event.y) * 32 + usize::from(event.x)] +=
            if event.polarity { 1 } else { -1 };
    }
    assert!(balance.iter().all(|sum| sum.abs() <= 1));
}

#[test]
fn camera_settings_are_checked() {
    let mut rng = stream(1, "camera", 0, 0);
    let wrong = [
        Camera { threshold: 0.0, ..Camera::default() },
        Camera { threshold: f32::NAN, ..Camera::default() },
        Camera { views: 0, ..Camera::default() },
        Camera { dark: 0.0, ..Camera::default() },
        Camera { width: 3, ..Camera::default() },
    ];
    for camera in wrong {
        assert!(simulate(&[0; 16], (4, 4), &camera, &mut rng).is_err(), "{camera:?}");
    }
    assert!(simulate(&[], (0, 0), &Camera::default(), &mut rng).is_err());
    let silent = Camera { noise_hz: 0.0, ..Camera::default() };
    assert!(simulate(&[0; 16], (4, 4), &silent, &mut rng).unwrap().events.is_empty());
    let blind = Camera { refractory_us: 1 << 40, noise_hz: 0.0, ..Camera::default() };
    let events = simulate(&[255; 16], (4, 4), &blind, &mut rng).unwrap().events;
    let mut pixels: Vec<(u16, u16)> = events.iter().map(|e| (e.x, e.y)).collect();
    pixels.sort_unstable();
    pixels.dedup();
    assert_eq!(pixels.len(), events.len());
}
