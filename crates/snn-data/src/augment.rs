//! Which random changes a training sample undergoes.

use crate::transform::{AutoAugment, Nda, RandAugment, RandomResizedCrop};
use crate::{Dataset, Error, Kind, Representation, Result};

/// Random changes of training samples; `Default` is none.
///
/// What is left out is off; an empty table turns a change on with the values that its papers use. The changes are made in
/// the order of the fields, their parameters drawn once a sample and applied alike to all time steps. Some are for images
/// only and some for event frames only; signals have `roll` and `polarity_flip`, clouds `flip`, `rotate_degrees` and `point_drop`.
/// [`Loader::new`](crate::Loader::new) refuses them on other kinds. Most fields at their default are not written out, so
/// that recipes keep their hash when changes are added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Augment {
    /// Pixels of zeros on each side before a random crop to the old size.
    #[cfg_attr(feature = "schemars", schemars(range(max = crate::MAX_SIZE)))]
    pub crop_padding: usize,
    /// Images: a random part at the sample's size, such as `{ scale = [0.08, 1.0] }`; not with `crop_padding`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub random_resized_crop: Option<RandomResizedCrop>,
    /// Mirror half of the samples; of a cloud the first axis.
    pub flip: bool,
    /// Images: RandAugment, a few random changes of about one strength, such as `{ magnitude = 9 }`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub rand_augment: Option<RandAugment>,
    /// Images: AutoAugment's policy `cifar10` or `imagenet`; not with `rand_augment`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub auto_augment: Option<AutoAugment>,
    /// Images: brightness, contrast and color each by a factor of 1 +- this, in random order; not with
    /// a policy.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.0)))]
    pub color_jitter: f32,
    /// Rotate about the center by up to that many degrees either way, nearest pixel, zeros from outside; a cloud about its
    /// third axis.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 180.0)))]
    pub rotate_degrees: f32,
    /// Events and signals: move by up to that many pixels or samples each way, what leaves on one side entering on the
    /// other.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_none"))]
    #[cfg_attr(feature = "schemars", schemars(range(max = crate::MAX_SIZE), extend("default" = 0)))]
    pub roll: usize,
    /// Events: a roll, a rotation or a shear, such as `{ roll = 5 }`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub nda: Option<Nda>,
    /// Events: probability of frames in reverse order with swapped polarities.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.0)))]
    pub time_reversal: f32,
    /// Events: probability of swapped polarities; signals: of the opposite sign.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.0)))]
    pub polarity_flip: f32,
    /// Side in pixels of a square with a uniform center that is set to the mean (events: to 0).
    #[cfg_attr(feature = "schemars", schemars(range(max = crate::MAX_SIZE)))]
    pub cutout: usize,
    /// Images: probability of a rectangle of normal noise after normalization.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.0)))]
    pub random_erasing: f32,
    /// Mix every sample of a batch with another one by a weight of Beta(this, this). Losses weigh
    /// both labels. With `cutmix`, each batch draws one of the two.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 100.0), extend("default" = 0.0)))]
    pub mixup: f32,
    /// Put a rectangle of another sample into every sample of a batch, its share from Beta(this, this).
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 100.0), extend("default" = 0.0)))]
    pub cutmix: f32,
    /// Counted events: EventMix, in every recording the place of a random shape in space and time is another one's, its share
    /// from Beta(this, this). Labels weigh by the events that are left. Not with `mixup` or `cutmix`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 100.0), extend("default" = 0.0)))]
    pub event_mix: f32,
    /// Clouds: up to this share of the points, drawn for each cloud, become its first point, so that they count no more
    /// (PointNet++ has 0.875).
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0.0, max = 1.0), extend("default" = 0.0)))]
    pub point_drop: f32,
}

impl Augment {
    /// Whether samples stay as they are.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether every field suits the samples of `data`, is in its range and agrees with the others.
    pub(crate) fn check_for(&self, data: &Dataset) -> Result<()> {
        let kind = match data.kind() {
            Kind::Images => "images",
            Kind::Events => "event frames",
            Kind::Signals => {
                return self.check_only("roll and polarity_flip", data, |rest| {
                    (rest.roll, rest.polarity_flip) = (0, 0.0);
                });
            }
            Kind::Points => {
                return self.check_only("flip, rotate_degrees and point_drop", data, |rest| {
                    (rest.flip, rest.rotate_degrees, rest.point_drop) = (false, 0.0, 0.0);
                });
            }
        };
        let foreign = |field, on: bool| {
            let why = format!("is not for the {kind} of {}; leave it out", data.name());
            if on { Err(Error::config(field, why)) } else { Ok(()) }
        };
        foreign("point_drop", self.point_drop != 0.0)?;
        if data.is_events() {
            if let Some(other) = data.representation().filter(|by| *by != Representation::Counts) {
                let counted = |field, on: bool| {
                    let why = format!("is for counted events, not for {other}; leave it out");
                    if on { Err(Error::config(field, why)) } else { Ok(()) }
                };
                counted("time_reversal", self.time_reversal != 0.0)?;
                counted("polarity_flip", self.polarity_flip != 0.0)?;
                counted("event_mix", self.event_mix != 0.0)?;
            }
            foreign("random_resized_crop", self.random_resized_crop.is_some())?;
            foreign("rand_augment", self.rand_augment.is_some())?;
            foreign("auto_augment", self.auto_augment.is_some())?;
            foreign("color_jitter", self.color_jitter != 0.0)?;
            foreign("random_erasing", self.random_erasing != 0.0)?;
        } else {
            foreign("roll", self.roll > 0)?;
            foreign("nda", self.nda.is_some())?;
            foreign("time_reversal", self.time_reversal != 0.0)?;
            foreign("polarity_flip", self.polarity_flip != 0.0)?;
            foreign("event_mix", self.event_mix != 0.0)?;
        }
        self.check()
    }

    /// Whether no field is on but those that `known` turns off, and these are in their ranges.
    fn check_only(&self, fields: &str, data: &Dataset, known: fn(&mut Self)) -> Result<()> {
        let mut rest = *self;
        known(&mut rest);
        if rest.is_none() {
            return self.check();
        }
        let why = format!("samples of {} have {fields}; leave the others out", data.name());
        Err(Error::config("augment", why))
    }

    /// Whether every field is in its range and agrees with the others.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn check(&self) -> Result<()> {
        pixels("crop_padding", self.crop_padding)?;
        pixels("roll", self.roll)?;
        pixels("cutout", self.cutout)?;
        within("color_jitter", self.color_jitter, 0.0, 1.0)?;
        within("rotate_degrees", self.rotate_degrees, 0.0, 180.0)?;
        within("time_reversal", self.time_reversal, 0.0, 1.0)?;
        within("polarity_flip", self.polarity_flip, 0.0, 1.0)?;
        within("random_erasing", self.random_erasing, 0.0, 1.0)?;
        within("mixup", self.mixup, 0.0, 100.0)?;
        within("cutmix", self.cutmix, 0.0, 100.0)?;
        within("event_mix", self.event_mix, 0.0, 100.0)?;
        within("point_drop", self.point_drop, 0.0, 1.0)?;
        if self.event_mix > 0.0 {
            conflict("mixup", self.mixup > 0.0, "event_mix")?;
            conflict("cutmix", self.cutmix > 0.0, "event_mix")?;
        }
        if let Some(RandomResizedCrop { scale, ratio, .. }) = self.random_resized_crop {
            let ordered = |[low, high]: [f32; 2], most| 0.0 < low && low <= high && high <= most;
            if !ordered(scale, 1.0) || !ordered(ratio, 100.0) {
                let why = "scale needs 0 < least <= most <= 1, ratio 0 < least <= most <= 100";
                return Err(Error::config("random_resized_crop", why));
            }
            conflict("crop_padding", self.crop_padding > 0, "random_resized_crop")?;
        }
        if let Some(RandAugment { magnitude, std, layers, probability }) = self.rand_augment {
            within("rand_augment.magnitude", magnitude, 0.0, 10.0)?;
            within("rand_augment.std", std, 0.0, 10.0)?;
            within("rand_augment.layers", layers as f32, 0.0, 15.0)?;
            within("rand_augment.probability", probability, 0.0, 1.0)?;
            conflict("auto_augment", self.auto_augment.is_some(), "rand_augment")?;
            conflict("color_jitter", self.color_jitter > 0.0, "rand_augment")?;
        }
        if self.auto_augment.is_some() {
            conflict("color_jitter", self.color_jitter > 0.0, "auto_augment")?;
        }
        if let Some(Nda { roll, rotate_degrees, shear_degrees }) = self.nda {
            pixels("nda.roll", roll)?;
            within("nda.rotate_degrees", rotate_degrees, 0.0, 180.0)?;
            within("nda.shear_degrees", shear_degrees, 0.0, 80.0)?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
fn is_zero(x: &f32) -> bool {
    *x == 0.0
}

#[cfg(feature = "serde")]
fn is_none(n: &usize) -> bool {
    *n == 0
}

/// No distance in pixels may exceed this.
const MOST_PIXELS: usize = 1 << 14;

fn pixels(field: &'static str, got: usize) -> Result<()> {
    let refuse = || Error::config(field, format!("{got} is out of range; give 0 to {MOST_PIXELS}"));
    if got <= MOST_PIXELS { Ok(()) } else { Err(refuse()) }
}

fn within(field: &'static str, got: f32, low: f32, high: f32) -> Result<()> {
    let refuse = || Error::config(field, format!("{got} is out of range; give {low} to {high}"));
    if (low..=high).contains(&got) { Ok(()) } else { Err(refuse()) }
}

fn conflict(field: &'static str, on: bool, other: &str) -> Result<()> {
    let refuse =
        || Error::config(field, format!("does not go with {other}; choose one of the two"));
    if on { Err(refuse()) } else { Ok(()) }
}
