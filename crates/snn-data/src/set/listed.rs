//! Data sets whose samples are made of listed files when they are asked for: photographs, clouds, long recordings.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::choice::chosen_items;
use super::files::Item;
use super::on_demand::{OnDemand, Prepare};
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
}

impl Listed<'_, '_> {
    /// The data set of the items that `limit` leaves.
    pub(super) fn dataset(
        &self,
        items: &[Item],
        limit: Option<usize>,
        prepare: Prepare,
    ) -> Result<Dataset> {
        let name = &self.opening.config.name;
        let shape = self.preprocess.shape();
        let n = product("sample size", &shape, Limits::default().sample_values)?;
        let items = chosen_items(items, limit);
        let labels = items.iter().map(|item| item.label).collect();
        let names: Vec<String> = items.iter().map(|item| item.name(self.root)).collect();
        let hash = self.hash(&items, &names)?;
        let source = OnDemand::new(items, prepare, n, self.cache, self.about.to_owned());
        let samples = Samples::OnDemand(Arc::new(source));
        let (classes, preprocess) = (self.class_names.to_vec(), self.preprocess.clone());
        let set = Dataset::new(name, self.split, classes, labels, shape, samples, preprocess)?;
        Ok(set.with_members(names.iter()).with_hash(hash))
    }

    /// A hash of the items' names, labels and lengths, and of what else decides the samples. Files that are not there,
    /// or that are empty as an interrupted copy leaves them, are refused.
    fn hash(&self, items: &[Item], names: &[String]) -> Result<String> {
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
