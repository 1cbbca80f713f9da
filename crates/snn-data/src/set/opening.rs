//! A data set that is being opened.

use std::cell::RefCell;

use super::config::DataConfig;
use crate::{Error, Result};

/// How far the opening of a data set is: samples of the training or the test side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Samples that are ready.
    pub done: usize,
    /// Samples of this side.
    pub total: usize,
}

/// A request to open a data set, as the readers of single sets get it.
pub(super) struct Opening<'a> {
    pub(super) config: &'a DataConfig,
    watch: RefCell<&'a mut dyn FnMut(Opened) -> bool>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(config: &'a DataConfig, watch: &'a mut dyn FnMut(Opened) -> bool) -> Self {
        Self { config, watch: RefCell::new(watch) }
    }

    /// Tells the caller, who may stop the opening.
    pub(super) fn report(&self, done: usize, total: usize) -> Result<()> {
        let mut watch = self.watch.borrow_mut();
        if watch(Opened { done, total }) { Ok(()) } else { Err(Error::Stopped) }
    }
}
