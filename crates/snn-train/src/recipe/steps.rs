//! Which of the two keys says T: `model.t_steps` of still samples, `data.t_steps` of recordings.

use snn_data::{DatasetName, FrameBy, Representation, Time};
use snn_models::Encoding;

use super::tables::Recipe;
use crate::{Error, Result};

/// Moves T to where it belongs, in the recipe and in its phases: `data.t_steps` of a set of still samples is taken as
/// `model.t_steps`, with a notice.
///
/// # Errors
/// [`Error::Setting`] when the key is missing, contradicted, or of the other kind of samples.
pub(crate) fn settle(recipe: &mut Recipe) -> Result<()> {
    settings_of_kind(recipe)?;
    let (data, model) = (&mut recipe.data, &mut recipe.model);
    // An unknown data set is refused when it is opened.
    let Ok(name) = data.name.parse::<DatasetName>() else { return Ok(()) };
    move_steps(name, &mut data.t_steps, &mut model.t_steps)?;
    let (field, steps, what) = match is_still(name) {
        true => ("model.t_steps", model.t_steps, "the steps to show a sample for"),
        false => ("data.t_steps", data.t_steps, "the frames to cut a recording into"),
    };
    if steps.is_none() {
        let allowed = format!("{what}: {name} needs it", name = data.name);
        return Err(Error::Setting { field: field.into(), got: "absent".into(), allowed });
    }
    for (at, phase) in recipe.phase.iter_mut().enumerate() {
        move_steps(name, &mut phase.data.t_steps, &mut phase.model.t_steps)
            .map_err(|error| error.in_phase(at))?;
    }
    Ok(())
}

/// Refuses what would change nothing: settings of recordings for still samples, and of still samples for recordings.
fn settings_of_kind(recipe: &Recipe) -> Result<()> {
    let Ok(name) = recipe.data.name.parse::<DatasetName>() else { return Ok(()) };
    let (data, set) = (&recipe.data, &recipe.data.name);
    let refuse = |field: &str, got: String, what: &str| {
        let allowed = format!("it for {what}: the samples of {set} are not");
        Err(Error::Setting { field: field.into(), got, allowed })
    };
    if !is_still(name) {
        return match recipe.model.encoding {
            Encoding::Latency => refuse("model.encoding", "latency".into(), "still samples"),
            Encoding::Direct => Ok(()),
        };
    }
    if data.frames_by != FrameBy::default() {
        return refuse("data.frames_by", data.frames_by.to_string(), "recordings");
    }
    if data.representation != Representation::default() {
        return refuse("data.representation", data.representation.to_string(), "recordings");
    }
    Ok(())
}

fn move_steps(
    name: DatasetName,
    data: &mut Option<usize>,
    model: &mut Option<usize>,
) -> Result<()> {
    let refuse = |field: &str, got: usize, allowed: String| {
        Err(Error::Setting { field: field.into(), got: got.to_string(), allowed })
    };
    let set = name.as_str();
    if !is_still(name) {
        let Some(steps) = *model else { return Ok(()) };
        let allowed = format!("data.t_steps alone: the frames of {set}'s recordings are the steps");
        return refuse("model.t_steps", steps, allowed);
    }
    match (data.take(), *model) {
        (None, _) => Ok(()),
        (Some(shown), Some(steps)) if shown != steps => {
            let allowed = format!("model.t_steps alone: the samples of {set} are still");
            refuse("data.t_steps", shown, allowed)
        }
        (Some(shown), _) => {
            tracing::warn!(
                "data.t_steps is taken as model.t_steps: the samples of {set} are still"
            );
            *model = Some(shown);
            Ok(())
        }
    }
}

/// Whether the samples of a data set have no time: pictures, windows of a signal, clouds of points.
fn is_still(name: DatasetName) -> bool {
    name.kind().time() == Time::Still
}
