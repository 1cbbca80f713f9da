//! How the windows of a recorded signal are divided into training and test windows.

use crate::random;
use crate::split::Split;
use crate::{DataConfig, Error, Result};

/// Which windows of every recording train; the others test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Division {
    /// The share that trains.
    percent: usize,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The first ones.
    First,
    /// The first ones, and one window after them is in neither part.
    FirstWithGap,
    /// Drawn once from a fixed seed. Neighbours of a test window train, so that this measures memory of the recording too.
    Random,
}

/// Windows by where they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Divided {
    pub(super) train: Vec<usize>,
    pub(super) test: Vec<usize>,
}

impl Division {
    /// What the split's rule begins with: `first-60-percent`, `first-60-percent-gap`, `random-80-percent`.
    pub(super) fn of(split: &Split) -> Self {
        let words: Vec<&str> = split.rule().split('-').collect();
        let percent = words.get(1).and_then(|n| n.parse().ok()).unwrap_or(60);
        let order = match (words.first(), words.get(3)) {
            (Some(&"random"), _) => Order::Random,
            (_, Some(&"gap")) => Order::FirstWithGap,
            _ => Order::First,
        };
        Self { percent, order }
    }

    /// The beginnings of the windows of recording number `file`, which has `samples` samples; none where a part is too short.
    ///
    /// # Errors
    /// [`Error::Config`] when windows that a random division shuffles would overlap.
    pub(super) fn divide(
        self,
        samples: usize,
        file: usize,
        config: &DataConfig,
        window: usize,
    ) -> Result<Divided> {
        let stride = config.stride.unwrap_or(window);
        let starts = |from: usize, to: usize, step: usize| -> Vec<usize> {
            (from..).step_by(step).take_while(|start| start + window <= to).collect()
        };
        let cut = samples * self.percent / 100;
        Ok(match self.order {
            Order::First => {
                Divided { train: starts(0, cut, stride), test: starts(cut, samples, window) }
            }
            Order::FirstWithGap => Divided {
                train: starts(0, cut, stride),
                test: starts(cut + window, samples, window),
            },
            Order::Random => {
                if stride < window {
                    let why = "makes training windows overlap test windows of a random split; leave it out";
                    return Err(Error::config("stride", why));
                }
                let all = starts(0, samples, window);
                let order =
                    random::permutation(&mut random::stream(0, "split", 0, file as u64), all.len());
                let (train, test) = order.split_at(all.len() * self.percent / 100);
                let sorted = |part: &[usize]| {
                    let mut part: Vec<usize> =
                        part.iter().filter_map(|&i| all.get(i).copied()).collect();
                    part.sort_unstable();
                    part
                };
                Divided { train: sorted(train), test: sorted(test) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split;

    fn divided(rule: &str, stride: Option<usize>) -> Result<Divided> {
        let config =
            DataConfig { stride, split: Some(rule.into()), ..DataConfig::new("cwru", None) };
        Division::of(split::chosen(split::CWRU, &config)?).divide(105, 3, &config, 10)
    }

    #[test]
    fn a_gap_is_one_window_and_a_random_division_has_every_window_once() {
        let first = divided("first-60-percent", Some(7)).unwrap();
        assert_eq!(first.train, [0, 7, 14, 21, 28, 35, 42, 49]);
        assert_eq!(first.test, [63, 73, 83, 93]);
        let gap = divided("first-60-percent-gap-faults", Some(7)).unwrap();
        assert_eq!((gap.train, gap.test), (first.train, vec![73, 83, 93]));
        let random = divided("random-60-percent-faults", None).unwrap();
        assert_eq!((random.train.len(), random.test.len()), (6, 4));
        assert!(random.train.is_sorted() && random.test.is_sorted());
        let mut all = [random.train.clone(), random.test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).step_by(10).collect::<Vec<_>>());
        assert_ne!(random.train, [0, 10, 20, 30, 40, 50]);
        assert_eq!(divided("random-60-percent-faults", None).unwrap(), random);
        let error = divided("random-60-percent-faults", Some(5)).unwrap_err().to_string();
        assert!(error.contains("stride"), "{error}");
    }
}
