//! Sets of recordings: read, framed and resized, all of them at the opening or each when it is asked for.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::choice::chosen_items;
use super::config::DataConfig;
use super::files::Item;
use super::held::event_set;
use super::listed::Listed;
use super::on_demand::Prepare;
use super::opening::Opening;
use crate::format::read_file;
use crate::preprocess::{Preprocess, Recordings};
use crate::split::{Split, name_of};
use crate::{
    Dataset, Error, Event, EventStream, FormatFault, Limits, Representation, Result, Splits,
};

/// How a data set's recordings are read.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// The name of the decoding, for the cache: it changes when `recordings` decodes other events than before.
    pub(super) name: &'static str,
    /// What is done with a recording where the configuration says nothing else.
    pub(super) recordings: Recordings,
    /// Whether all samples are held in memory: for sets of small recordings.
    pub(super) in_memory: bool,
}

/// What is done with a recording, by the configuration's framing and size.
pub(super) fn configured(config: &DataConfig, recordings: Recordings) -> Recordings {
    Recordings {
        frames_by: config.frames_by,
        representation: config.representation,
        t_steps: config.t_steps,
        height: config.size.unwrap_or(recordings.height),
        width: config.size.unwrap_or(recordings.width),
        ..recordings
    }
}

/// Both sides of a set of recordings, by one of `known` splits or a part of the first.
pub(super) fn splits(
    opening: &Opening<'_>,
    root: &Path,
    known: &[Split],
    class_names: &[String],
    reader: Reader,
    (train, test): (Vec<Item>, Vec<Item>),
) -> Result<Splits> {
    let config = opening.config;
    let split = &name_of(known, (train.len(), test.len()), config);
    let recordings = configured(config, reader.recordings.clone());
    let set = Recorded { opening, root, split, class_names, reader, recordings };
    Ok(Splits {
        train: set.dataset("training", &train, config.limit_train)?,
        test: set.dataset("test", &test, config.limit_test)?,
    })
}

/// What both sides share.
struct Recorded<'a, 'w> {
    opening: &'a Opening<'w>,
    root: &'a Path,
    split: &'a str,
    class_names: &'a [String],
    reader: Reader,
    recordings: Recordings,
}

impl Recorded<'_, '_> {
    /// The data set of the items that `limit` leaves.
    fn dataset(&self, side: &str, items: &[Item], limit: Option<usize>) -> Result<Dataset> {
        let (config, recordings) = (self.opening.config, &self.recordings);
        if self.reader.in_memory {
            let items = chosen_items(items, limit);
            let labels: Vec<u32> = items.iter().map(|item| item.label).collect();
            let names: Vec<String> = items.iter().map(|item| item.name(self.root)).collect();
            let none = || Err(Error::config("index", "there is no such sample"));
            let read =
                |index: usize| items.get(index).map_or_else(none, |item| decode(recordings, item));
            let places: Vec<usize> = (0..items.len()).collect();
            let (classes, framing) = (self.class_names.to_vec(), recordings.clone());
            let set = event_set(self.opening, self.split, classes, labels, &places, framing, read)?;
            return Ok(set.with_members(names.iter(), &[]));
        }
        let listed = Listed {
            opening: self.opening,
            root: self.root,
            split: self.split,
            class_names: self.class_names,
            preprocess: &Preprocess::Recordings(recordings.clone()),
            about: &about(config, &self.reader, recordings),
            cache: config.cache.as_ref(),
            whole: None,
            of_folders: None,
        };
        let recordings = Arc::new(recordings.clone());
        let prepare: Prepare = Box::new(move |bytes, path| {
            let recording = recordings.decode(bytes, &Limits::default(), path)?;
            let recordings = Arc::clone(&recordings);
            Ok(Box::new(move |item| {
                let part = part_of(&recording, item)?;
                recordings.check_frames(&part, &item.path)?;
                recordings.frames(&part)
            }))
        });
        listed.dataset(side, items, limit, prepare)
    }
}

/// Everything but a file's content that decides its sample.
fn about(config: &DataConfig, reader: &Reader, recordings: &Recordings) -> String {
    let Recordings { t_steps, frames_by, representation, height, width, .. } = recordings;
    let (name, decoding) = (&config.name, reader.name);
    // Counts are not named, so that what was kept before there were others is found.
    let of = match representation {
        Representation::Counts => String::new(),
        other => format!(" as {other}"),
    };
    format!("{name}: {decoding}{of}, T = {t_steps} by {frames_by:?}, {height} x {width}")
}

fn decode(recordings: &Recordings, item: &Item) -> Result<EventStream> {
    let limits = Limits::default();
    let recording = recordings.decode(&read_file(&item.path, &limits)?, &limits, &item.path)?;
    let part = part_of(&recording, item)?.into_owned();
    recordings.check_frames(&part, &item.path)?;
    Ok(part)
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
    let fault = match &item.window {
        _ if !part.events.is_empty() => return Ok(part),
        Some(window) if !recording.events.is_empty() => {
            FormatFault::NoEventsBetween { from_us: window.start, to_us: window.end }
        }
        Some(_) | None => FormatFault::NoEvents,
    };
    Err(Error::format(&item.path, 0, fault))
}
