//! The margin at which a sample stops early, as the command line says it.

/// A number from 0 to 1.
pub(crate) fn parse(text: &str) -> Result<f64, String> {
    let margin: f64 = text.trim().parse().map_err(|_| "use a number from 0 to 1".to_owned())?;
    match (0.0..=1.0).contains(&margin) {
        true => Ok(margin),
        false => Err("use a number from 0 to 1".into()),
    }
}
