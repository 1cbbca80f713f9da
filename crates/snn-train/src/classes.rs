//! The classes that a classifier's rows stand for, by their names.

use snn_models::Model;
use snn_ops::buffer;

use crate::Result;

/// How a model's classes stand to those of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// They are the same, or one of the two does not name them.
    Same,
    /// They were the same in another order; the classifier's rows follow the data set's now.
    Moved,
    /// They have other names. Nothing was changed.
    Other,
}

/// Puts the rows of a model's classifier into the order in which `names` has its classes.
///
/// # Errors
/// [`Error::Ops`](crate::Error::Ops) when the classifier cannot be read, which is a bug.
pub fn follow_classes(model: &mut Model, names: &[String]) -> Result<Classes> {
    let labels = &model.config().labels;
    if labels == names || labels.is_empty() || names.is_empty() {
        return Ok(Classes::Same);
    }
    let row = |name: &String| labels.iter().position(|label| label == name);
    let rows: Option<Vec<usize>> = names.iter().map(row).collect();
    let each_once = |rows: &Vec<usize>| (0..labels.len()).all(|row| rows.contains(&row));
    let Some(rows) = rows.filter(each_once) else { return Ok(Classes::Other) };
    for part in ["weight", "bias"] {
        let name = format!("{}.{part}", model.classifier());
        if let Some(tensor) = model.params_mut().get_mut(&name) {
            let n = tensor.elem_count() / rows.len();
            let values = buffer::with_f32("classifier", tensor, |values| {
                Ok(rows
                    .iter()
                    .flat_map(|row| values.iter().skip(row * n).take(n).copied())
                    .collect())
            })?;
            *tensor = buffer::tensor(values, tensor.shape().clone())?;
        }
    }
    model.config_mut().labels = names.to_vec();
    Ok(Classes::Moved)
}

#[cfg(test)]
mod tests {
    use snn_models::{Architecture, InputConfig, ModelConfig};

    use super::*;

    #[test]
    fn rows_follow_the_names_of_their_classes() {
        let names = |names: &str| names.split(' ').map(str::to_string).collect::<Vec<_>>();
        let mut config = ModelConfig::new(Architecture::SewResnet19, 3);
        (config.width, config.input) = (0.02, InputConfig { height: 8, width: 8 });
        config.labels = names("a b c");
        let old = Model::new(&config, 1).unwrap();
        let rows = |model: &Model| -> Vec<Vec<f32>> {
            let all = ["weight", "bias"]
                .map(|part| &model.params()[&format!("{}.{part}", model.classifier())]);
            let rows = |k: usize| {
                all.map(|t| t.get(k).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap())
            };
            (0..3).map(|k| rows(k).concat()).collect()
        };
        let mut new = old.clone();
        assert_eq!(follow_classes(&mut new, &names("a b c")).unwrap(), Classes::Same);
        assert_eq!(follow_classes(&mut new, &names("a b z")).unwrap(), Classes::Other);
        assert_eq!(follow_classes(&mut new, &names("a b a")).unwrap(), Classes::Other);
        assert_eq!(follow_classes(&mut new, &names("c a b")).unwrap(), Classes::Moved);
        let (was, is) = (rows(&old), rows(&new));
        assert_eq!(is, [was[2].clone(), was[0].clone(), was[1].clone()]);
        assert_eq!(new.config().labels, names("c a b"));
        assert_eq!(follow_classes(&mut new, &[]).unwrap(), Classes::Same);
    }
}
