//! What an HDF5 file says about itself: the sensor's size, and in an error what is in it.

use hdf5_pure::{AttrValue, File};

/// Attributes of the file that hold the sensor's size: two numbers (E2VID's converters), or a text (Metavision).
const SIZES: [&str; 2] = ["sensor_resolution", "geometry"];

/// The sensor's size as two numbers that may stand either way, first those of E2VID: rows, columns.
pub(super) fn sensor(file: &File) -> Option<[u16; 2]> {
    let attributes = file.root().attrs().ok()?;
    SIZES.iter().find_map(|name| pair(attributes.get(*name)?))
}

fn pair(value: &AttrValue) -> Option<[u16; 2]> {
    if let Some(text) = value.as_str() {
        // Metavision's text is columns x rows.
        let (columns, rows) = text.split_once('x')?;
        return Some([rows.trim().parse().ok()?, columns.trim().parse().ok()?]);
    }
    // E2VID's converters also write a third number, the channels.
    let whole = || Some(value.to_u64s()?.into_iter().map(|side| side as f64).collect());
    let sides: Vec<f64> = value.to_f64s().or_else(whole)?;
    let (&[rows, columns], _) = sides.split_first_chunk::<2>()?;
    let side = |value: f64| {
        let whole = value.fract() == 0.0 && (1.0..65_536.0).contains(&value);
        #[allow(clippy::cast_possible_truncation)] // Whole and in range.
        whole.then_some(value as u16)
    };
    Some([side(rows)?, side(columns)?])
}

/// Names that an error lists.
const LISTED: usize = 12;

/// The data sets of a file in its groups, two levels deep.
pub(super) fn contents(file: &File) -> String {
    let root = file.root();
    let mut names = root.datasets().unwrap_or_default();
    for group in root.groups().unwrap_or_default() {
        let Ok(inner) = root.group(&group) else { continue };
        let sets = inner.datasets().unwrap_or_default();
        let groups = inner.groups().unwrap_or_default();
        names.extend(sets.iter().map(|name| format!("{group}/{name}")));
        names.extend(groups.iter().map(|name| format!("{group}/{name}/")));
        if names.len() > LISTED {
            break;
        }
    }
    names.sort();
    let more = if names.len() > LISTED { ", ..." } else { "" };
    names.truncate(LISTED);
    if names.is_empty() {
        "no data sets".into()
    } else {
        format!("the data sets {}{more}", names.join(", "))
    }
}
