//! Which of the two keys says T: `model.t_steps` of still samples, `data.t_steps` of recordings.

use snn_data::DatasetName;

use crate::{DataRecipe, Error, ModelRecipe, Result};

/// Moves T to where it belongs: `data.t_steps` of a set of still samples is taken as `model.t_steps`, with a notice.
///
/// # Errors
/// [`Error::Setting`] when the key is missing, contradicted, or of the other
/// kind of samples.
pub(crate) fn settle(data: &mut DataRecipe, model: &mut ModelRecipe) -> Result<()> {
    // An unknown data set is refused when it is opened.
    let Ok(name) = data.name.parse::<DatasetName>() else { return Ok(()) };
    let refuse = |field: &str, got: Option<usize>, allowed: String| {
        let got = got.map_or_else(|| "absent".into(), |n| n.to_string());
        Err(Error::Setting { field: field.into(), got, allowed })
    };
    if !is_still(name) {
        let name = &data.name;
        return match (data.t_steps, model.t_steps) {
            (Some(_), None) => Ok(()),
            (None, None) => refuse(
                "data.t_steps",
                None,
                format!("the frames to cut a recording of {name} into"),
            ),
            (_, Some(n)) => {
                let allowed = format!(
                    "data.t_steps alone: {name} holds recordings, whose frames are the steps"
                );
                refuse("model.t_steps", Some(n), allowed)
            }
        };
    }
    let name = &data.name;
    match (data.t_steps.take(), model.t_steps) {
        (None, Some(_)) => Ok(()),
        (None, None) => {
            refuse("model.t_steps", None, format!("the steps to show a sample of {name} for"))
        }
        (Some(shown), Some(steps)) if shown != steps => {
            let allowed = format!("model.t_steps alone: the samples of {name} are still");
            refuse("data.t_steps", Some(shown), allowed)
        }
        (Some(shown), _) => {
            tracing::warn!(
                "data.t_steps is taken as model.t_steps: the samples of {name} are still"
            );
            model.t_steps = Some(shown);
            Ok(())
        }
    }
}

/// Whether the samples of a data set have no time: pictures, windows of a signal, clouds of points.
fn is_still(name: DatasetName) -> bool {
    use DatasetName as Name;
    !matches!(
        name,
        Name::DvsCifar10
            | Name::NCaltech101
            | Name::DvsGesture
            | Name::NCars
            | Name::Shd
            | Name::NMnist
            | Name::PokerDvs
            | Name::FashionMnistDvs
            | Name::SyntheticEvents
    )
}
