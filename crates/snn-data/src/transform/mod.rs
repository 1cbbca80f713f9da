//! Changes of images and recordings, each split into drawing its parameters and applying them, so that values can be
//! compared with other programs' on fixed parameters.
//!
//! [`Augment`](crate::Augment) says which of them a training sample undergoes.

mod affine;
mod auto_augment;
mod color_jitter;
mod drawn;
mod erase;
mod event_mix;
mod events;
mod image;
mod mix;
mod nda;
mod op;
mod planes;
mod rand_augment;
mod resize;
mod resized_crop;
mod tone;

pub use affine::{Affine, rotation};
pub use auto_augment::AutoAugment;
pub(crate) use event_mix::event_mix_batch;
pub use event_mix::{Bell, bells, event_mask, event_mix};
pub use events::drawn_places;
pub use image::Image;
pub use mix::{Mix, cut_region, cutmix, mixup};
pub use nda::Nda;
pub use op::Op;
pub use planes::{Turn, crop, flip_polarity, reverse_time, roll, sheared_by, turn, turned_by};
pub use rand_augment::RandAugment;
pub use resize::{Interpolation, Region};
pub use resized_crop::{CropInterpolation, RandomResizedCrop};

pub(crate) use color_jitter::color_jitter;
pub(crate) use erase::{Erasure, random_erasing};
pub(crate) use rand_augment::GROUND;
pub(crate) use resized_crop::Part;
