//! A batch is a function of (data, augmentation, seed, epoch, step) and of nothing else.

use std::sync::Arc;

use snn_data::transform::{AutoAugment, Nda, RandAugment};
use snn_data::{
    Augment, Batch, DataConfig, Dataset, Error, Loader, LoaderConfig, Mixed, Order, open,
};

fn data(name: &str) -> Arc<Dataset> {
    let config = DataConfig::new(name, None);
    let config = DataConfig { size: Some(8), t_steps: 3, limit_train: Some(103), ..config };
    Arc::new(open(&config).unwrap().train)
}

fn config(workers: usize) -> LoaderConfig {
    let augment = Augment {
        crop_padding: 2,
        flip: true,
        rotate_degrees: 15.0,
        cutout: 2,
        ..Augment::default()
    };
    LoaderConfig { batch: 10, order: Order::Shuffled, drop_last: true, workers, seed: 7, augment }
}

#[test]
fn loader_is_pure() {
    let images = Augment {
        rand_augment: Some(RandAugment::default()),
        random_erasing: 0.5,
        ..config(0).augment
    };
    let events = Augment {
        roll: 2,
        nda: Some(Nda::default()),
        time_reversal: 0.5,
        polarity_flip: 0.5,
        ..config(0).augment
    };
    for (name, augment) in [("synthetic", images), ("synthetic_events", events)] {
        let data = data(name);
        let loader = |workers| {
            Loader::new(Arc::clone(&data), LoaderConfig { augment, ..config(workers) }).unwrap()
        };
        let plain = loader(0);
        let expected: Vec<Vec<Batch>> = (0..3)
            .map(|epoch| (0..10).map(|step| plain.batch(epoch, step).unwrap()).collect())
            .collect();
        for workers in [0, 1, 2, 4, 33] {
            let loader = loader(workers);
            for epoch in [2, 0, 1] {
                let got: Vec<Batch> = loader.epoch(epoch, 0).map(Result::unwrap).collect();
                assert!(got == expected[epoch as usize], "{name} {workers} workers epoch {epoch}");
            }
            let tail: Vec<Batch> = loader.epoch(1, 6).map(Result::unwrap).collect();
            assert!(tail == expected[1][6..]);
            for step in [9, 3, 3, 0] {
                assert!(loader.batch(2, step).unwrap() == expected[2][step]);
            }
        }
        assert_ne!(expected[0][0].indices, expected[1][0].indices);
        let mut seen: Vec<u32> = expected[0].iter().flat_map(|b| b.indices.clone()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
    }
}

#[test]
fn augmentation_follows_the_sample_and_the_epoch() {
    let data = data("synthetic");
    let augment = config(0).augment;
    let once = data.sample(5, &augment, Some((7, 1))).unwrap();
    assert_eq!(once, data.sample(5, &augment, Some((7, 1))).unwrap());
    assert_ne!(once, data.sample(5, &augment, Some((7, 2))).unwrap());
    assert_ne!(once, data.sample(5, &augment, None).unwrap());
    let loader = Loader::new(Arc::clone(&data), config(0)).unwrap();
    let batch = (0..10).map(|step| loader.batch(1, step).unwrap());
    let x = batch.into_iter().find_map(|batch| {
        let at = batch.indices.iter().position(|&index| index == 5)?;
        Some(batch.x[at * once.x.len()..(at + 1) * once.x.len()].to_vec())
    });
    assert!(x.is_none_or(|x| x == once.x));
}

#[test]
fn last_batch_is_short_or_left_out() {
    let data = data("synthetic_events");
    let whole = LoaderConfig { drop_last: false, order: Order::Stored, ..config(2) };
    let loader = Loader::new(Arc::clone(&data), whole).unwrap();
    assert_eq!(loader.steps(), 11);
    let batches: Vec<Batch> = loader.epoch(0, 0).map(Result::unwrap).collect();
    assert_eq!(batches[10].shape, [3, 3, 2, 8, 8]);
    assert_eq!(batches[10].indices, [100, 101, 102]);
    assert_eq!(batches[10].x.len(), 3 * 3 * 2 * 64);
    assert_eq!(batches[0].labels, data.labels()[..10]);
    let loader = Loader::new(Arc::clone(&data), config(0)).unwrap();
    assert_eq!((loader.steps(), loader.epoch(0, 4).len(), loader.epoch(0, 99).len()), (10, 6, 0));
    assert!(matches!(loader.batch(0, 10), Err(Error::Config { field: "step", .. })));
}

#[test]
fn balanced_draws_give_every_class_its_share() {
    let (names, labels) = (
        vec!["a".into(), "b".into(), "c".into()],
        [vec![0; 900], vec![1; 90], vec![2; 10]].concat(),
    );
    let set = Dataset::from_images(
        "x",
        "x/all",
        names,
        labels,
        [1, 1, 1],
        vec![7; 1000],
        (&[0.5], &[0.5]),
    );
    let config = LoaderConfig { order: Order::ClassBalanced, batch: 1000, ..config(0) };
    let loader = Loader::new(Arc::new(set.unwrap()), config).unwrap();
    let batch = loader.batch(3, 0).unwrap();
    let shares = crate::util::per_class(&batch.labels, 3);
    assert!(shares.iter().all(|n| (290..=380).contains(n)), "{shares:?}");
    assert_eq!(shares.iter().sum::<usize>(), 1000);
    // With replacement: ten samples make a third of the draws, and all of them come.
    let mut of_c: Vec<u32> = batch.indices.iter().copied().filter(|&i| i >= 990).collect();
    of_c.sort_unstable();
    of_c.dedup();
    assert_eq!(of_c.len(), 10);
    assert_eq!(batch, loader.batch(3, 0).unwrap());
    assert_ne!(batch.indices, loader.batch(4, 0).unwrap().indices);
}

#[test]
fn sample_that_is_drawn_twice_is_changed_in_two_ways() {
    // One sample in a class of its own makes half of the draws.
    let labels = [vec![0; 63], vec![1]].concat();
    let pixels: Vec<u8> = (0..64 * 64).map(|i| (i % 64) as u8).collect();
    let (names, moments) = (vec!["a".into(), "b".into()], (&[0.5f32][..], &[0.5f32][..]));
    let set = Dataset::from_images("x", "x/all", names, labels, [1, 8, 8], pixels, moments);
    let augment = Augment { crop_padding: 2, flip: true, ..Augment::default() };
    let config = LoaderConfig { order: Order::ClassBalanced, batch: 16, augment, ..config(0) };
    let loader = Loader::new(Arc::new(set.unwrap()), config).unwrap();
    let mut ways = std::collections::BTreeSet::new();
    let mut draws = 0;
    for step in 0..4 {
        let batch = loader.batch(0, step).unwrap();
        for (x, _) in batch.x.chunks(64).zip(&batch.labels).filter(|(_, label)| **label == 1) {
            draws += 1;
            ways.insert(x.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        }
        assert_eq!(batch, loader.batch(0, step).unwrap());
    }
    // 25 crops and their mirror images.
    assert!(draws > 20 && ways.len() > 12, "{draws} draws in {} ways", ways.len());
}

#[test]
fn iterator_may_be_dropped_early() {
    let loader = Loader::new(data("synthetic"), config(3)).unwrap();
    let mut epoch = loader.epoch(0, 0);
    assert!(epoch.next().unwrap().is_ok());
    drop(epoch);
    assert!(loader.epoch(0, 0).all(|batch| batch.is_ok()));
}

#[test]
fn wrong_settings_are_refused() {
    let zero = LoaderConfig { batch: 0, ..config(0) };
    assert!(Loader::new(data("synthetic"), zero).is_err());
    for rotate_degrees in [-1.0, 181.0, f32::NAN] {
        let augment = Augment { rotate_degrees, ..Augment::default() };
        assert!(Loader::new(data("synthetic"), LoaderConfig { augment, ..config(0) }).is_err());
    }
    assert!(data("synthetic").sample(103, &Augment::default(), None).is_err());
}

#[test]
fn changes_for_the_other_kind_of_data_are_refused_by_name() {
    let none = Augment::default();
    let images = [
        ("random_resized_crop", Augment { random_resized_crop: Some(Default::default()), ..none }),
        ("rand_augment", Augment { rand_augment: Some(RandAugment::default()), ..none }),
        ("auto_augment", Augment { auto_augment: Some(AutoAugment::Cifar10), ..none }),
        ("color_jitter", Augment { color_jitter: 0.4, ..none }),
        ("random_erasing", Augment { random_erasing: 0.25, ..none }),
    ];
    let events = [
        ("roll", Augment { roll: 5, ..none }),
        ("nda", Augment { nda: Some(Nda::default()), ..none }),
        ("time_reversal", Augment { time_reversal: 0.5, ..none }),
        ("polarity_flip", Augment { polarity_flip: 0.5, ..none }),
    ];
    let open = |name, augment| Loader::new(data(name), LoaderConfig { augment, ..config(0) });
    for (field, augment) in images {
        assert!(open("synthetic", augment).is_ok());
        let error = open("synthetic_events", augment).unwrap_err();
        assert!(matches!(error, Error::Config { field: f, .. } if f == field), "{error}");
    }
    for (field, augment) in events {
        assert!(open("synthetic_events", augment).is_ok());
        let error = open("synthetic", augment).unwrap_err();
        assert!(matches!(error, Error::Config { field: f, .. } if f == field), "{error}");
    }
    let far = Augment { crop_padding: usize::MAX, ..none };
    assert!(matches!(open("synthetic", far), Err(Error::Config { field: "crop_padding", .. })));
}

#[test]
fn mixed_batches_hold_both_samples_by_their_weights() {
    for name in ["synthetic", "synthetic_events"] {
        let data = data(name);
        let batch = |mixup, cutmix, step| {
            let augment = Augment { mixup, cutmix, ..Augment::default() };
            let config = LoaderConfig { augment, ..config(0) };
            Loader::new(Arc::clone(&data), config).unwrap().batch(3, step).unwrap()
        };
        let n = data.sample_shape().iter().product::<usize>();
        let (mut areas, mut kinds) = (Vec::new(), [0; 2]);
        for step in 0..10 {
            let plain = batch(0.0, 0.0, step);
            assert!(plain.mixed.is_none());
            let (up, cut) = (batch(1.0, 0.0, step), batch(0.0, 1.0, step));
            let others = plain.x.chunks(n).rev().flatten();
            let labels: Vec<u32> = plain.labels.iter().rev().copied().collect();
            let Mixed { labels: got, weights } = up.mixed.unwrap();
            let weight = weights[0];
            assert!(got == labels && up.labels == plain.labels && (0.0..=1.0).contains(&weight));
            assert_eq!(weights, vec![weight; plain.labels.len()]);
            for ((&x, &a), &b) in up.x.iter().zip(&plain.x).zip(others.clone()) {
                assert_eq!(x, a * weight + b * (1.0 - weight));
            }
            let mut foreign = 0;
            for ((&x, &a), &b) in cut.x.iter().zip(&plain.x).zip(others) {
                assert!(x == a || x == b);
                foreign += usize::from(x != a);
            }
            let area = 1.0 - cut.mixed.unwrap().weights[0];
            assert!(foreign as f32 / cut.x.len() as f32 <= area + 1e-6);
            areas.push(area);
            let both = batch(1.0, 1.0, step);
            let others = plain.x.chunks(n).rev().flatten();
            let is_cut =
                both.x.iter().zip(&plain.x).zip(others).all(|((x, a), b)| x == a || x == b);
            kinds[usize::from(is_cut)] += 1;
        }
        assert!(areas.iter().any(|&area| area > 0.1) && areas.iter().any(|&area| area < 0.9));
        assert!(kinds[0] > 0 && kinds[1] > 0, "{kinds:?}");
    }
}

#[test]
fn mixed_recordings_weigh_by_the_events_that_are_left() {
    let data = data("synthetic_events");
    let batch = |event_mix| {
        let config =
            LoaderConfig { augment: Augment { event_mix, ..Augment::default() }, ..config(0) };
        Loader::new(Arc::clone(&data), config).unwrap().batch(3, 0).unwrap()
    };
    let (plain, mixed, again) = (batch(0.0), batch(1.0), batch(1.0));
    assert_eq!(mixed, again);
    let n = data.sample_shape().iter().product::<usize>();
    let Mixed { labels, weights } = mixed.mixed.unwrap();
    assert_eq!(labels, plain.labels.iter().rev().copied().collect::<Vec<_>>());
    let others = plain.x.chunks(n).rev();
    let samples = mixed.x.chunks(n).zip(plain.x.chunks(n)).zip(others).zip(&weights);
    for ((x, (a, b)), weight) in samples.map(|(((x, a), b), w)| ((x, (a, b)), *w)) {
        assert!(x.iter().zip(a).zip(b).all(|((x, a), b)| x == a || x == b));
        assert!((0.0..=1.0).contains(&weight));
    }
    // A weight of each recording's own.
    assert!(weights.iter().any(|weight| *weight != weights[0]), "{weights:?}");
    let both = Augment { event_mix: 1.0, mixup: 1.0, ..Augment::default() };
    let error = Loader::new(data, LoaderConfig { augment: both, ..config(0) }).unwrap_err();
    assert!(error.to_string().contains("event_mix"), "{error}");
}

#[test]
fn all_frames_of_a_recording_change_alike() {
    let frame: Vec<f32> = (0..2 * 8 * 8u8).map(f32::from).collect();
    let names = vec!["a".to_owned()];
    let set =
        Dataset::from_frames("x", "x/all", names, vec![0], [3, 2, 8, 8], frame.repeat(3)).unwrap();
    let augment = Augment { roll: 3, nda: Some(Nda::default()), ..config(0).augment };
    let mut changed = 0;
    for epoch in 0..20 {
        let x = set.sample(0, &augment, Some((1, epoch))).unwrap().x;
        let frames: Vec<&[f32]> = x.chunks(128).collect();
        assert!(frames[0] == frames[1] && frames[0] == frames[2]);
        changed += usize::from(frames[0] != frame);
    }
    assert!(changed > 15, "{changed}");
}

#[test]
fn hand_made_data_sets_are_checked() {
    let names = || vec!["a".to_owned(), "b".to_owned()];
    let make = |labels: Vec<u32>, pixels: usize, mean: &[f32]| {
        Dataset::from_images(
            "x",
            "x/all",
            names(),
            labels,
            [1, 2, 2],
            vec![51; pixels],
            (mean, &[0.5]),
        )
    };
    let set = make(vec![0, 1], 8, &[0.1]).unwrap();
    let x = set.sample(1, &Augment::default(), None).unwrap().x;
    assert!(x.iter().all(|v| (v - 0.2).abs() < 1e-6), "{x:?}");
    assert!(make(vec![0, 2], 8, &[0.1]).is_err());
    assert!(make(vec![0, u32::MAX], 8, &[0.1]).is_err());
    assert!(make(vec![0, 1], 7, &[0.1]).is_err());
    assert!(make(vec![0, 1], 8, &[0.1, 0.2]).is_err());
    let frames = |x: f32| {
        Dataset::from_frames("x", "x/all", names(), vec![1], [1, 2, 1, 1], vec![x, 3.0]).unwrap()
    };
    for x in [2.0, 0.5, -1.0, 300.0] {
        let sample = frames(x).sample(0, &Augment::default(), None).unwrap();
        assert_eq!((sample.x, sample.shape, sample.label), (vec![x, 3.0], vec![1, 2, 1, 1], 1));
    }
    assert_ne!(frames(2.0).hash(), frames(0.5).hash());
}

#[test]
fn framings_of_a_recording_change_alike() {
    let open = |t_steps, seed| {
        let config = DataConfig {
            t_steps,
            seed,
            size: Some(8),
            limit_train: Some(12),
            limit_test: Some(1),
            ..DataConfig::new("synthetic_events", None)
        };
        Arc::new(snn_data::open(&config).unwrap().train)
    };
    let augment = Augment { roll: 3, mixup: 1.0, nda: Some(Nda::default()), ..config(0).augment };
    let loader = |framings: Vec<Arc<Dataset>>| {
        let config = LoaderConfig { augment, batch: 4, ..config(0) };
        Loader::new(open(2, 0), config).unwrap().with_framings(framings)
    };
    let (plain, framed) = (loader(Vec::new()).unwrap(), loader(vec![open(2, 0), open(5, 0)]));
    let framed = framed.unwrap();
    for step in 0..3 {
        let (alone, batch) = (plain.batch(1, step).unwrap(), framed.batch(1, step).unwrap());
        assert!(alone.x == batch.x && alone.framings.is_empty());
        let [same, longer] = batch.framings.as_slice() else { panic!() };
        // The same framing undergoes the same changes, mixing too.
        assert_eq!((&same.x, &same.shape), (&batch.x, &batch.shape));
        assert_eq!(longer.shape, [4, 5, 2, 8, 8]);
        let own = open(5, 0);
        let loader = Loader::new(own, LoaderConfig { augment, batch: 4, ..config(0) }).unwrap();
        assert_eq!(loader.batch(1, step).unwrap().x, longer.x);
    }
    let fewer = DataConfig {
        size: Some(8),
        limit_train: Some(11),
        ..DataConfig::new("synthetic_events", None)
    };
    let fewer = Arc::new(snn_data::open(&fewer).unwrap().train);
    for other in [fewer, data("synthetic")] {
        let error = loader(vec![other]).unwrap_err();
        assert!(matches!(error, Error::Config { field: "framings", .. }), "{error}");
    }
}
