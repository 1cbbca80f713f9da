//! The sections of a report of runs.

mod classes;
mod layers;
mod overview;
mod steps;

pub use classes::classes;
pub use layers::layers;
pub use overview::{csv_of, overview, row};
pub use steps::steps;

use crate::{Group, Page, Part, Series, curves};

/// The whole report of runs: what they are, how they learned, and what was measured of them.
pub fn report(groups: &[Group]) -> Page {
    let title = match groups {
        [one] => one.name.clone(),
        _ => {
            format!("{} runs compared", groups.iter().map(|group| group.runs.len()).sum::<usize>())
        }
    };
    let all: Vec<Series<'_>> = groups.iter().map(Group::series).collect();
    let mut page = Page::new(title);
    page.extend(overview(groups));
    page.extend([
        Part::Heading("Learning and answers".into()),
        Part::Subheading("Learning curves".into()),
        curves(&all),
    ]);
    page.extend(steps(&all));
    page.extend(missing(groups));
    page.extend(classes(&all));
    page.extend(layers(&all));
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

/// Series whose rows are the same, with those rows and a value for each series.
fn alike<'a, K: PartialEq, T>(
    all: &'a [Series<'a>],
    rows: impl Fn(&'a Series<'a>) -> Option<(Vec<K>, T)>,
) -> Vec<Alike<'a, K, T>> {
    let mut found: Vec<Alike<'a, K, T>> = Vec::new();
    for series in all {
        let Some((rows, value)) = rows(series) else { continue };
        match found.iter_mut().find(|(other, _)| *other == rows) {
            Some((_, members)) => members.push((series.name, value)),
            None => found.push((rows, vec![(series.name, value)])),
        }
    }
    found
}

type Alike<'a, K, T> = (Vec<K>, Vec<(&'a str, T)>);
