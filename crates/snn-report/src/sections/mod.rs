//! The sections of a report of runs.

mod classes;
mod layers;
mod overview;
mod steps;

pub use classes::classes;
pub use layers::layers;
pub use overview::{csv_of, overview, row};
pub use steps::steps;

use snn_records::EvaluationRecord;

use crate::{Curve, Group, Page, Part, curves};

/// The whole report of runs: what they are, how they learned, and what was measured of them.
pub fn report(groups: &[Group]) -> Page {
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let title = match names.as_slice() {
        [one] => (*one).into(),
        _ => {
            format!("{} runs compared", groups.iter().map(|group| group.runs.len()).sum::<usize>())
        }
    };
    let mut page = Page::new(title);
    page.extend(overview(groups));
    let all: Vec<Curve<'_>> = groups
        .iter()
        .map(|group| Curve {
            label: &group.name,
            runs: group.runs.iter().map(|run| run.epochs.as_slice()).collect(),
        })
        .collect();
    page.extend([Part::Heading("Learning curves".into()), curves(&all)]);
    page.extend(steps(groups));
    page.extend(missing(groups));
    page.extend(classes(groups));
    page.extend(layers(groups));
    page
}

/// Which runs have no evaluation, and why.
fn missing(groups: &[Group]) -> Option<Part> {
    let runs = groups.iter().flat_map(|group| &group.runs);
    let words: Vec<String> = runs
        .filter_map(|run| Some(format!("{}: {}", run.name(), run.evaluation.as_ref().err()?)))
        .collect();
    let what = "Confusion matrix, accuracy by class and synaptic operations are not here for";
    (!words.is_empty()).then(|| Part::Text(format!("{what} {}.", words.join("; "))))
}

/// A group's evaluations.
fn found(group: &Group) -> Vec<&EvaluationRecord> {
    group.runs.iter().filter_map(|run| run.evaluation.as_ref().ok()).collect()
}

/// Groups whose rows are the same, with those rows and a value for each group.
fn alike<'a, K: PartialEq, T>(
    groups: &'a [Group],
    rows: impl Fn(&'a Group) -> Option<(Vec<K>, T)>,
) -> Vec<Alike<'a, K, T>> {
    let mut all: Vec<Alike<'a, K, T>> = Vec::new();
    for group in groups {
        let Some((rows, value)) = rows(group) else { continue };
        match all.iter_mut().find(|(other, _)| *other == rows) {
            Some((_, members)) => members.push((group, value)),
            None => all.push((rows, vec![(group, value)])),
        }
    }
    all
}

type Alike<'a, K, T> = (Vec<K>, Vec<(&'a Group, T)>);
