//! The choice of a loss, as a value that a recipe can name.

use crate::{Ramp, Result, label_smoothing, tet, tks};

/// A loss with the constants it has over a whole training.
///
/// With the feature `serde` it is a table with the key `kind`, the [name](Loss::name), and the constants of that kind;
/// constants that are left out have their defaults, and a constant of another kind is an error that says whose it is.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "kebab-case")
)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Loss {
    /// Cross entropy of the mean logits: [`cross_entropy`](crate::cross_entropy()).
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "ce"))]
    CrossEntropy,
    /// Cross entropy against a softened label: [`label_smoothing`](crate::label_smoothing()).
    #[cfg_attr(feature = "serde", serde(rename = "ls"))]
    LabelSmoothing {
        /// Weight of the uniform distribution. 0.1 is usual; the TKS paper does not say.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.1)))]
        epsilon: f64,
    },
    /// Temporal efficient training: [`tet`](crate::tet()).
    Tet {
        /// Weight of the pull towards `mean`. That it is 0 in the TKS paper's comparison is inferred.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.0)))]
        lambda: f64,
        /// Where the logits are pulled to. 1 in TET's own code.
        #[cfg_attr(feature = "schemars", schemars(extend("default" = 1.0)))]
        mean: f64,
    },
    /// Temporal knowledge sharing as released: [`tks`](crate::tks()).
    Tks {
        /// Weight of the shared knowledge at the ramp's end. 0.7 for images, 0.3 for events in the paper.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.7)))]
        alpha: f64,
        /// Softens the teacher. 3 for CIFAR, 5 for events, 1 for ImageNet in the paper.
        #[cfg_attr(feature = "schemars", schemars(extend("exclusiveMinimum" = 0.0, "default" = 3.0)))]
        temperature: f64,
        /// How `alpha` grows over the epochs.
        #[cfg_attr(feature = "schemars", schemars(extend("default" = "released")))]
        ramp: Ramp,
    },
    /// Temporal knowledge sharing as printed: [`tks_paper`](crate::tks_paper()).
    TksPaper {
        /// Weight of the shared knowledge at the ramp's end.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.7)))]
        alpha: f64,
        /// Softens teacher and student.
        #[cfg_attr(feature = "schemars", schemars(extend("exclusiveMinimum" = 0.0, "default" = 3.0)))]
        temperature: f64,
        /// How `alpha` grows over the epochs.
        #[cfg_attr(feature = "schemars", schemars(extend("default" = "paper")))]
        ramp: Ramp,
    },
}

impl Loss {
    /// Refuses constants that are out of their range.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) naming the constant and its range.
    pub fn check(&self) -> Result<()> {
        match *self {
            Loss::CrossEntropy => Ok(()),
            Loss::LabelSmoothing { epsilon } => label_smoothing::check(epsilon),
            Loss::Tet { lambda, mean } => tet::check(lambda, mean),
            Loss::Tks { alpha, temperature, .. } | Loss::TksPaper { alpha, temperature, .. } => {
                tks::check(alpha, temperature)
            }
        }
    }

    /// The name that recipes, tables and results use: `ce`, `ls`, `tet`, `tks` or `tks-paper`.
    pub fn name(&self) -> &'static str {
        match self {
            Loss::CrossEntropy => "ce",
            Loss::LabelSmoothing { .. } => "ls",
            Loss::Tet { .. } => "tet",
            Loss::Tks { .. } => "tks",
            Loss::TksPaper { .. } => "tks-paper",
        }
    }
}
