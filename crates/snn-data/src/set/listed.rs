//! Data sets whose samples are made of listed files when they are asked for: photographs, clouds, long recordings.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::choice::chosen_items;
use super::contents::{self, Whole};
use super::files::Item;
use super::known::Known;
use super::on_demand::{OnDemand, Prepare, files_of, part};
use super::opening::Opening;
use crate::cache::CacheConfig;
use crate::hash::hex;
use crate::limits::product;
use crate::preprocess::Preprocess;
use crate::samples::Samples;
use crate::{Dataset, DatasetName, Error, Limits, Result};

/// Files looked at between two reports.
const BLOCK: usize = 4096;

/// What the sides of such a set share.
pub(super) struct Listed<'a, 'w> {
    pub(super) opening: &'a Opening<'w>,
    pub(super) root: &'a Path,
    pub(super) split: &'a str,
    pub(super) class_names: &'a [String],
    /// What is done with a file, as `prepare` does it.
    pub(super) preprocess: &'a Preprocess,
    /// Everything but the files' contents that decides the samples.
    pub(super) about: &'a str,
    /// Where they are kept; `None` for samples that are never twice the same.
    pub(super) cache: Option<&'a CacheConfig>,
    /// Finds out that a file is not whole, before anything is trained.
    pub(super) whole: Option<Whole>,
    /// Where the classes are a person's folders: what else lies in them, in words.
    pub(super) of_folders: Option<&'a [String]>,
}

impl Listed<'_, '_> {
    /// The data set of the items that `limit` leaves of a side, `training` or `test`.
    ///
    /// Where the classes are folders, one without a sample is said, and is part of the members: a network has an answer
    /// for it.
    pub(super) fn dataset(
        &self,
        side: &str,
        items: &[Item],
        limit: Option<usize>,
        prepare: Prepare,
    ) -> Result<Dataset> {
        let name = &self.opening.config.name;
        let shape = self.preprocess.shape();
        let n = product("sample size", &shape, Limits::default().sample_values)?;
        let mut notices = self.of_folders.unwrap_or_default().to_vec();
        let mut is_empty = vec![self.of_folders.is_some(); self.class_names.len()];
        for item in items {
            is_empty.iter_mut().skip(item.label as usize).take(1).for_each(|empty| *empty = false);
        }
        let mut empty = Vec::new();
        for ((label, class), _) in (0..).zip(self.class_names).zip(is_empty).filter(|(_, e)| *e) {
            let root = self.root.display();
            notices.push(format!("{root}: the class {class:?} has no {side} samples"));
            empty.push((format!("no sample of {class}"), label));
        }
        let items = chosen_items(items, limit);
        let labels = items.iter().map(|item| item.label).collect();
        let names: Vec<String> = items.iter().map(|item| item.name(self.root)).collect();
        let former = self.of_lengths(&items, &names)?;
        let paths: Vec<&Path> = files_of(&items).into_keys().collect();
        let known = contents::known(self.opening, self.root, &paths, self.whole)?;
        let hash = self.hash(&items, &known);
        let source = OnDemand::new(items, known, prepare, n, self.cache, self.about.to_owned());
        let samples = Samples::OnDemand(Arc::new(source));
        let (classes, preprocess) = (self.class_names.to_vec(), self.preprocess.clone());
        let set = Dataset::new(name, self.split, classes, labels, shape, samples, preprocess)?;
        Ok(set.with_members(names.iter(), &empty).with_hashes(hash, former).with_notices(&notices))
    }

    /// A hash of the items' labels and contents, and of what else decides the samples.
    fn hash(&self, items: &[Item], known: &[Known]) -> String {
        let mut contents = vec![[0; 32]; items.len()];
        for (of_file, known) in files_of(items).into_values().zip(known) {
            for index in of_file {
                contents.iter_mut().skip(index).take(1).for_each(|to| *to = known.content);
            }
        }
        let mut hash = Sha256::new();
        hash.update(format!("snn-data-files-v2\n{}\n", self.about));
        for (item, content) in items.iter().zip(&contents) {
            hash.update(format!("{} {}{}\n", item.label, hex(content), part(item)));
        }
        hex(&hash.finalize())
    }

    /// A hash of the items' names, labels and lengths, and of what else decides the samples: all that results of older
    /// versions know of their data. Files that are not there,
    /// or that are empty as an interrupted copy leaves them, are refused.
    fn of_lengths(&self, items: &[Item], names: &[String]) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("snn-data-files-v1\n{}\n", self.about));
        let mut missing: Vec<&Item> = Vec::new();
        for (done, (item, name)) in items.iter().zip(names).enumerate() {
            if done.is_multiple_of(BLOCK) {
                self.opening.report(done, items.len())?;
            }
            match fs::metadata(&item.path) {
                Ok(about) if about.len() > 0 => {
                    hash.update(format!("{} {} {name}\n", item.label, about.len()));
                }
                Ok(_) => missing.push(item),
                Err(error) if error.kind() == ErrorKind::NotFound => missing.push(item),
                Err(error) => return Err(Error::io(&item.path)(error)),
            }
        }
        let Some(first) = missing.first() else { return Ok(hex(&hash.finalize())) };
        let (n, all) = (missing.len(), items.len());
        let what =
            format!("{n} of {all} listed files, the first of them this, or what should be in them");
        let listing = self.opening.config.name.parse::<DatasetName>().ok();
        let source = listing.and_then(DatasetName::listing).map_or("", |listing| listing.source);
        let remedy = format!("copy them again from {source}");
        Err(Error::Missing { path: first.path.clone(), what, remedy })
    }
}
