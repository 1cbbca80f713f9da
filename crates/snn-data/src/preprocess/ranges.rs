//! What is refused in every kind of preprocessing.

use crate::{Error, MAX_SIZE, Result};

/// Refuses a side that is 0 or too long.
pub(super) fn sides(fields: &[(&'static str, usize)]) -> Result<()> {
    for &(field, got) in fields {
        if !(1..=MAX_SIZE).contains(&got) {
            let why = format!("{got} is out of range; give 1 to {MAX_SIZE}");
            return Err(Error::config(field, why));
        }
    }
    Ok(())
}

/// Refuses means and deviations that are not one a channel.
pub(crate) fn moments(channels: usize, mean: &[f32], std: &[f32]) -> Result<()> {
    let are_finite = mean.iter().chain(std).all(|x| x.is_finite());
    if mean.len() == channels && std.len() == channels && are_finite && std.iter().all(|&s| s > 0.0)
    {
        return Ok(());
    }
    let why = format!("{channels} means and positive deviations are needed, one a channel");
    Err(Error::config("mean, std", why))
}
