//! Batches: a pure function of (data, augmentation, seed, epoch, step), read ahead by threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rand_chacha::ChaCha8Rng;

use crate::random::{below, permutation, stream};
use crate::transform::event_mix_batch;
use crate::{Augment, Dataset, Error, Result, Time};

/// Samples side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Normalized values, of the form `shape`.
    pub x: Vec<f32>,
    /// `[N, C, H, W]` of still samples, `[N, T, C, H, W]` of frames.
    pub shape: Vec<usize>,
    /// Which of the two it is.
    pub time: Time,
    /// The classes, `[N]`.
    pub labels: Vec<u32>,
    /// The samples' places in the data set, `[N]`.
    pub indices: Vec<u32>,
    /// What was mixed into the samples, when [`Augment::mixup`], [`Augment::cutmix`] or [`Augment::event_mix`] is on.
    pub mixed: Option<Mixed>,
    /// These samples, changed alike, in the loader's [further framings](Loader::with_framings).
    pub framings: Vec<Framing>,
}

/// The samples of a batch in another framing.
#[derive(Clone, Debug, PartialEq)]
pub struct Framing {
    /// Values, of the form `shape`.
    pub x: Vec<f32>,
    /// `[N, T, C, H, W]`.
    pub shape: Vec<usize>,
}

/// The other half of a batch of mixed samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// The other samples' classes, `[N]`.
    pub labels: Vec<u32>,
    /// The weights of [`Batch::labels`], `[N]`; the other labels have the rest.
    pub weights: Vec<f32>,
}

/// Which samples an epoch visits, in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All, as they are stored.
    #[default]
    Stored,
    /// All, in an order of the epoch's own.
    Shuffled,
    /// As many draws with replacement as there are samples, every class equally likely.
    ClassBalanced,
}

/// How batches are made.
#[derive(Clone, Debug, PartialEq)]
pub struct LoaderConfig {
    /// Samples of a batch, at least 1.
    pub batch: usize,
    /// Which samples an epoch visits, in which order.
    pub order: Order,
    /// Leave a last, smaller batch out, as training does; evaluation keeps it.
    pub drop_last: bool,
    /// Threads that read ahead, each at most two batches; 0 makes each batch when it is asked for.
    /// Never changes what a batch holds.
    pub workers: usize,
    /// Seed of the order and of the augmentation.
    pub seed: u64,
    /// Random changes of the samples.
    pub augment: Augment,
}

impl LoaderConfig {
    /// All samples as they are stored, none left out and none changed, made on the calling thread: what evaluation reads.
    pub fn stored(batch: usize) -> Self {
        Self {
            batch,
            order: Order::Stored,
            drop_last: false,
            workers: 0,
            seed: 0,
            augment: Augment::default(),
        }
    }
}

/// Makes the batches of a data set.
#[derive(Clone, Debug)]
pub struct Loader {
    data: Arc<Dataset>,
    framings: Vec<Arc<Dataset>>,
    config: LoaderConfig,
}

impl Loader {
    /// A loader of `data`.
    ///
    /// # Errors
    /// [`Error::Config`] when `batch` is 0, a field of `augment` is out of range or does not suit the data, or the data
    /// set has more than 2^32 samples.
    pub fn new(data: Arc<Dataset>, config: LoaderConfig) -> Result<Self> {
        if config.batch == 0 {
            return Err(Error::config("batch", "0 is out of range; give at least 1"));
        }
        config.augment.check_for(&data)?;
        if u32::try_from(data.len()).is_err() {
            return Err(Error::config("data", "more than 2^32 samples; split the data set"));
        }
        Ok(Self { data, framings: Vec::new(), config })
    }

    /// The loader of the same recordings in further framings, such as other numbers of frames. A sample's random changes
    /// are drawn once, and are those of all its framings.
    ///
    /// # Errors
    /// [`Error::Config`] when a framing is not of the same samples, or is not of event frames of the same size, or the samples are
    /// mixed in time ([`Augment::event_mix`]).
    pub fn with_framings(self, framings: Vec<Arc<Dataset>>) -> Result<Self> {
        let frame = |data: &Dataset| data.sample_shape().split_off(1);
        for other in &framings {
            let same = other.members() == self.data.members()
                && other.labels() == self.data.labels()
                && other.is_events()
                && self.data.is_events()
                && frame(other) == frame(&self.data);
            if !same {
                let why = format!(
                    "a framing of {} is not of the same recordings and size; open both alike",
                    self.data.name()
                );
                return Err(Error::config("framings", why));
            }
        }
        if self.config.augment.event_mix > 0.0 && !framings.is_empty() {
            let why = "cuts recordings in space and time, which other framings have not alike; leave it out";
            return Err(Error::config("event_mix", why));
        }
        Ok(Self { framings, ..self })
    }

    /// The further framings.
    pub fn framings(&self) -> &[Arc<Dataset>] {
        &self.framings
    }

    /// The data set.
    pub fn data(&self) -> &Arc<Dataset> {
        &self.data
    }

    /// Batches of an epoch.
    pub fn steps(&self) -> usize {
        let (n, batch) = (self.data.len(), self.config.batch);
        if self.config.drop_last { n / batch } else { n.div_ceil(batch) }
    }

    /// Batch `step` of `epoch`.
    ///
    /// # Errors
    /// [`Error::Config`] when `step` is not below [`Loader::steps`].
    ///
    /// # Determinism
    /// A function of (data, augmentation, seed, epoch, step): equal for any number of workers and any order of
    /// calls. The order of an epoch is drawn by stream (seed, "order", epoch, 0); sample `i`, or the `i`-th draw where
    /// samples are drawn with replacement, is changed by stream (seed, "augment", epoch, `i`); a batch is mixed by stream
    /// (seed, "mix", epoch, step).
    pub fn batch(&self, epoch: u64, step: usize) -> Result<Batch> {
        self.make(&self.order(epoch), epoch, step)
    }

    /// The batches of `epoch` from `first_step` on, read ahead by the configured threads, which end with the iterator.
    pub fn epoch(&self, epoch: u64, first_step: usize) -> Epoch {
        let steps = self.steps();
        let left = steps.saturating_sub(first_step);
        let order = Arc::new(self.order(epoch));
        let mut ahead = Vec::new();
        for worker in 0..self.config.workers.min(left) {
            // One batch waits in the channel while the next one is made: at most two a worker.
            let (sender, batches) = sync_channel(1);
            let (loader, order) = (self.clone(), Arc::clone(&order));
            let stride = self.config.workers.min(left);
            let run = move || {
                for step in (first_step + worker..steps).step_by(stride) {
                    if sender.send(loader.make(&order, epoch, step)).is_err() {
                        return;
                    }
                }
            };
            match std::thread::Builder::new().name(format!("loader-{worker}")).spawn(run) {
                Ok(thread) => ahead.push(Ahead { batches, thread }),
                Err(_) => {
                    // A system that has no thread left still gets its batches, made on demand.
                    ahead.clear();
                    break;
                }
            }
        }
        Epoch {
            loader: self.clone(),
            order,
            epoch,
            first: first_step,
            next: first_step,
            steps,
            ahead,
        }
    }

    fn order(&self, epoch: u64) -> Vec<usize> {
        let (n, mut rng) = (self.data.len(), stream(self.config.seed, "order", epoch, 0));
        match self.config.order {
            Order::Stored => (0..n).collect(),
            Order::Shuffled => permutation(&mut rng, n),
            Order::ClassBalanced => balanced(&mut rng, self.data.labels()),
        }
    }

    fn make(&self, order: &[usize], epoch: u64, step: usize) -> Result<Batch> {
        let members = order.chunks(self.config.batch).take(self.steps()).nth(step);
        let Some(members) = members else {
            let why = format!("{step} is out of range for {} steps an epoch", self.steps());
            return Err(Error::config("step", why));
        };
        let Framing { mut x, shape } = self.samples(&self.data, members, epoch, step)?;
        let framings = self.framings.iter().map(|data| self.samples(data, members, epoch, step));
        let mut framings = framings.collect::<Result<Vec<_>>>()?;
        let labels: Vec<u32> =
            members.iter().filter_map(|&index| self.data.labels().get(index)).copied().collect();
        let weights = self.mixed(&mut x, &shape, &mut framings, (epoch, step));
        let mixed = weights
            .map(|weights| Mixed { labels: labels.iter().rev().copied().collect(), weights });
        // `new` refused data sets whose places do not fit.
        let indices = members.iter().map(|&index| index as u32).collect();
        let time = self.data.kind().time();
        Ok(Batch { x, shape, time, labels, indices, mixed, framings })
    }

    /// Mixes the samples of a batch, where that is asked for, in all framings alike, and gives the weights of their labels.
    fn mixed(
        &self,
        x: &mut [f32],
        shape: &[usize],
        framings: &mut [Framing],
        (epoch, step): (u64, usize),
    ) -> Option<Vec<f32>> {
        let augment = &self.config.augment;
        let mut rng = stream(self.config.seed, "mix", epoch, step as u64);
        if let (true, &[_, t_steps, _, height, width]) = (augment.event_mix > 0.0, shape) {
            let shape = [t_steps, height, width];
            return Some(event_mix_batch(&mut rng, x, shape, augment.event_mix));
        }
        let size = match *shape {
            [.., height, width] => (height, width),
            _ => (1, 1),
        };
        let mix = augment.mix(&mut rng, size)?;
        mix.apply(x, self.data.sample_len(), size);
        for (framing, data) in framings.iter_mut().zip(&self.framings) {
            mix.apply(&mut framing.x, data.sample_len(), size);
        }
        let n = shape.first().copied().unwrap_or(0);
        Some(vec![mix.weight(size); n])
    }

    /// The members of a batch, changed as they are in all framings.
    fn samples(
        &self,
        data: &Dataset,
        members: &[usize],
        epoch: u64,
        step: usize,
    ) -> Result<Framing> {
        let n = data.sample_len();
        let mut x = vec![0.0; members.len() * n];
        for (i, (out, &index)) in x.chunks_exact_mut(n.max(1)).zip(members).enumerate() {
            // A sample that is drawn twice is changed in two ways.
            let draw = match self.config.order {
                Order::ClassBalanced => step * self.config.batch + i,
                Order::Stored | Order::Shuffled => index,
            };
            let mut rng = stream(self.config.seed, "augment", epoch, draw as u64);
            data.fill(index, &self.config.augment, Some(&mut rng), out)?;
        }
        let mut shape = vec![members.len()];
        shape.extend(data.sample_shape());
        Ok(Framing { x, shape })
    }
}

/// As many places as there are labels: each of a class that is drawn evenly, drawn evenly from that class.
fn balanced(rng: &mut ChaCha8Rng, labels: &[u32]) -> Vec<usize> {
    let mut classes = BTreeMap::<u32, Vec<usize>>::new();
    for (index, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(index);
    }
    let classes: Vec<Vec<usize>> = classes.into_values().collect();
    let mut draw = || {
        let class = classes.get(below(rng, classes.len() as u64) as usize)?;
        class.get(below(rng, class.len() as u64) as usize).copied()
    };
    labels.iter().filter_map(|_| draw()).collect()
}

/// The rest of an epoch's batches, in order.
#[derive(Debug)]
pub struct Epoch {
    loader: Loader,
    order: Arc<Vec<usize>>,
    epoch: u64,
    first: usize,
    next: usize,
    steps: usize,
    /// The worker of step `first + i` is number `i` modulo their count.
    ahead: Vec<Ahead>,
}

#[derive(Debug)]
struct Ahead {
    batches: Receiver<Result<Batch>>,
    thread: JoinHandle<()>,
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.steps {
            return None;
        }
        let step = self.next;
        self.next += 1;
        let worker = (step - self.first).checked_rem(self.ahead.len());
        Some(match worker.and_then(|worker| self.ahead.get(worker)) {
            Some(ahead) => ahead.batches.recv().unwrap_or(Err(Error::Worker { step })),
            None => self.loader.make(&self.order, self.epoch, step),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.steps.saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Epoch {}

impl Drop for Epoch {
    fn drop(&mut self) {
        for Ahead { batches, thread } in self.ahead.drain(..) {
            // A worker that waits to send is let go by the closed channel.
            drop(batches);
            // A panic was already reported as Error::Worker.
            let _ = thread.join();
        }
    }
}
