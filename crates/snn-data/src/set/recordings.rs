//! Sets of recordings: read, framed and resized, all of them at the opening or each when it is asked for.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::Opening;
use super::files::{Item, chosen_items};
use super::listed::Listed;
use super::on_demand::Prepare;
use super::part::{event_set, prepared};
use crate::dataset::Kind;
use crate::format::read_file;
use crate::{DataConfig, Dataset, Error, Event, EventStream, FormatFault, Limits, Result};

/// Planes, their rows and columns, the rows and columns wanted.
pub(super) type Resize = fn(&[f32], (usize, usize), (usize, usize)) -> Vec<f32>;

/// How a data set's recordings are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// The name of the decoding, for the cache: it changes when `read` gives other events than before.
    pub(super) name: &'static str,
    pub(super) read: fn(&[u8], &Limits, &Path) -> Result<EventStream>,
    /// Brings frames of one size to another.
    pub(super) resize: Resize,
    /// Rows and columns of a sample when the configuration names none.
    pub(super) side: (usize, usize),
    /// Whether all samples are held in memory: for sets of small recordings.
    pub(super) in_memory: bool,
}

/// What the sets of recordings share.
pub(super) struct Recorded<'a, 'w> {
    pub(super) opening: &'a Opening<'w>,
    pub(super) root: &'a Path,
    pub(super) split: &'a str,
    pub(super) class_names: &'a [String],
    pub(super) reader: Reader,
}

impl Recorded<'_, '_> {
    /// The data set of the items that `limit` leaves.
    pub(super) fn dataset(&self, items: &[Item], limit: Option<usize>) -> Result<Dataset> {
        let (config, reader) = (self.opening.config, self.reader);
        let side = config.size.map_or(reader.side, |size| (size, size));
        if reader.in_memory {
            let items = chosen_items(items, limit);
            let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
            let names: Vec<String> = items.iter().map(|item| item.name(self.root)).collect();
            let read =
                |index: usize| items.get(index).map_or_else(none, |item| reader.decode(item));
            let places: Vec<usize> = (0..items.len()).collect();
            let classes = self.class_names.to_vec();
            let set = event_set(self.opening, self.split, classes, labels, &places, side, read)?;
            return Ok(set.with_members(names.iter()));
        }
        let listed = Listed {
            opening: self.opening,
            root: self.root,
            split: self.split,
            class_names: self.class_names,
            shape: &[config.t_steps, 2, side.0, side.1],
            kind: Kind::Events,
            about: &about(config, reader, side),
            cache: config.cache.as_ref(),
        };
        let framing = Arc::new(config.clone());
        let prepare: Prepare = Box::new(move |bytes, path| {
            let recording = (reader.read)(bytes, &Limits::default(), path)?;
            let framing = Arc::clone(&framing);
            Ok(Box::new(move |item| {
                let part = part_of(&recording, item)?;
                prepared(&part, &framing, side, reader.resize)
            }))
        });
        listed.dataset(items, limit, prepare)
    }
}

fn none<T>() -> Result<T> {
    Err(Error::config("index", "there is no such sample"))
}

/// Everything but a file's content that decides its sample.
fn about(config: &DataConfig, reader: Reader, side: (usize, usize)) -> String {
    let (t_steps, by) = (config.t_steps, config.frames_by);
    format!("{}: {}, T = {t_steps} by {by:?}, {} x {}", config.name, reader.name, side.0, side.1)
}

impl Reader {
    fn decode(&self, item: &Item) -> Result<EventStream> {
        let limits = Limits::default();
        let recording = (self.read)(&read_file(&item.path, &limits)?, &limits, &item.path)?;
        Ok(part_of(&recording, item)?.into_owned())
    }
}

/// The events of the item; none are an error, because there is nothing to learn from.
fn part_of<'a>(recording: &'a EventStream, item: &Item) -> Result<Cow<'a, EventStream>> {
    let part = match &item.window {
        None => Cow::Borrowed(recording),
        Some(window) => {
            let inside = |event: &&Event| window.contains(&event.t_us);
            let events = recording.events.iter().filter(inside).copied().collect();
            Cow::Owned(EventStream { events, ..*recording })
        }
    };
    match part.events.is_empty() {
        true => Err(Error::format(&item.path, 0, FormatFault::NoEvents)),
        false => Ok(part),
    }
}
