//! Reading a loss from a table of a file.

use serde::de::{Deserialize, Deserializer, Error};

use crate::{Loss, Ramp};

/// Every constant of every loss, so that one that is in the wrong table can be named.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Constants {
    #[serde(default)]
    kind: Kind,
    epsilon: Option<f64>,
    lambda: Option<f64>,
    mean: Option<f64>,
    alpha: Option<f64>,
    temperature: Option<f64>,
    ramp: Option<Ramp>,
}

#[derive(Clone, Copy, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Ce,
    Ls,
    Tet,
    Tks,
    TksPaper,
}

impl Constants {
    /// The first constant that is there and that `kind` does not have, and the kinds that have it.
    fn foreign(&self) -> Option<(&'static str, &'static str)> {
        let sharing = matches!(self.kind, Kind::Tks | Kind::TksPaper);
        let table = [
            ("epsilon", self.epsilon.is_some(), self.kind == Kind::Ls, "`ls`"),
            ("lambda", self.lambda.is_some(), self.kind == Kind::Tet, "`tet`"),
            ("mean", self.mean.is_some(), self.kind == Kind::Tet, "`tet`"),
            ("alpha", self.alpha.is_some(), sharing, "`tks` and `tks-paper`"),
            ("temperature", self.temperature.is_some(), sharing, "`tks` and `tks-paper`"),
            ("ramp", self.ramp.is_some(), sharing, "`tks` and `tks-paper`"),
        ];
        let wrong = table.into_iter().find(|(_, is_there, is_own, _)| *is_there && !is_own);
        wrong.map(|(key, _, _, whose)| (key, whose))
    }

    fn loss(&self) -> Loss {
        let (alpha, temperature) = (self.alpha.unwrap_or(0.7), self.temperature.unwrap_or(3.0));
        let ramp = |own| self.ramp.unwrap_or(own);
        match self.kind {
            Kind::Ce => Loss::CrossEntropy,
            Kind::Ls => Loss::LabelSmoothing { epsilon: self.epsilon.unwrap_or(0.1) },
            Kind::Tet => {
                Loss::Tet { lambda: self.lambda.unwrap_or(0.0), mean: self.mean.unwrap_or(1.0) }
            }
            Kind::Tks => Loss::Tks { alpha, temperature, ramp: ramp(Ramp::Released) },
            Kind::TksPaper => Loss::TksPaper { alpha, temperature, ramp: ramp(Ramp::Paper) },
        }
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let constants = Constants::deserialize(from)?;
        let loss = constants.loss();
        match constants.foreign() {
            None => Ok(loss),
            Some((key, whose)) => Err(D::Error::custom(format!(
                "`{key}` belongs to {whose}, and this loss is `{}`: remove the key, or change `kind`",
                loss.name()
            ))),
        }
    }
}
