//! What a network answered to a batch, and what it should have answered.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// What a network answered to a batch of N samples.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// The scores of every step, `[T, N, K]` f32 or f64, differentiable.
    pub logits: &'a Tensor,
    /// Scores of auxiliary heads by name, `[T, N, K]` each, for [`Terms`](crate::Terms).
    pub heads: &'a BTreeMap<String, Tensor>,
    /// Scores of further views of the samples by name, `[T, N, K]` each, for [`Terms`](crate::Terms).
    pub views: &'a BTreeMap<String, Tensor>,
}

impl<'a> Answers<'a> {
    pub(crate) fn view(&self, name: &'static str) -> Result<&'a Tensor> {
        self.views.get(name).ok_or(Error::Answer { name })
    }
}

static NOTHING: BTreeMap<String, Tensor> = BTreeMap::new();

impl<'a> From<&'a Tensor> for Answers<'a> {
    /// The answers of a network that gives logits alone.
    fn from(logits: &'a Tensor) -> Self {
        Self { logits, heads: &NOTHING, views: &NOTHING }
    }
}

/// What the answers to N samples should have been.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The classes, `[N]` u32.
    pub labels: &'a Tensor,
    /// The other half of mixed samples (mixup, CutMix).
    pub mixed: Option<Mixed<'a>>,
}

/// The other half of mixed samples.
#[derive(Clone, Copy, Debug)]
pub struct Mixed<'a> {
    /// The classes of what was mixed into the samples, `[N]` u32.
    pub labels: &'a Tensor,
    /// The weight of each sample's own label, N numbers of 0 to 1; the other label has the rest.
    pub weights: &'a [f64],
}

impl<'a> From<&'a Tensor> for Targets<'a> {
    /// Labels of samples that are not mixed.
    fn from(labels: &'a Tensor) -> Self {
        Self { labels, mixed: None }
    }
}
