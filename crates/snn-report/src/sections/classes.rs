//! Which classes are taken for which, and the accuracy of each.

use crate::chart::confusion;
use crate::statistics::spread;
use crate::{Charts, Part, Series, Table};

/// Classes that a matrix is drawn for at most; of more, what is confused most often is listed.
const MOST_DRAWN: usize = 100;
/// Confusions that are listed.
const LISTED: usize = 20;

/// Confusion matrices and a table of classes, for the series that were measured.
pub fn classes(all: &[Series<'_>]) -> Vec<Part> {
    let counted = super::alike(all, |series| {
        let names = series.found.first()?.classes.clone();
        let same: Vec<_> = series.found.iter().filter(|one| one.classes == names).collect();
        Some((names, same))
    });
    let mut parts = Vec::new();
    for (names, members) in counted {
        if parts.is_empty() {
            parts.push(Part::Subheading("Classes".into()));
        }
        let mut table = Table::new().text("class").number("samples");
        let mut charts = Vec::new();
        let mut listed = Table::new().text("runs").text("label").text("answer").number("samples");
        for (name, found) in &members {
            table = table.number(format!("{name}, %"));
            let counts = sum(found.iter().map(|one| one.confusion.as_slice()), names.len());
            if names.len() <= MOST_DRAWN {
                charts.push(confusion(name, &names, &counts));
            } else {
                for (n, label, answer) in most(&counts) {
                    listed.row([name, &*names[label], &names[answer], &n.to_string()]);
                }
            }
        }
        for (at, name) in names.iter().enumerate() {
            let first = members.first().and_then(|(_, found)| found.first());
            let samples = first.and_then(|one| one.samples.get(at)).copied().unwrap_or(0);
            let figures = members.iter().map(|(_, found)| {
                spread(&found.iter().map(|one| one.class_top1(at)).collect::<Vec<_>>())
            });
            table.row([name.clone(), samples.to_string()].into_iter().chain(figures));
        }
        if !charts.is_empty() {
            parts.push(Part::Charts(Charts { charts, legend: Vec::new() }));
            parts.push(Part::Note(
                "Rows are labels, columns answers by the label's number. The darker, the larger the share of the label's \
                 samples; right answers are blue, wrong ones red. Runs of several seeds are added up."
                    .into(),
            ));
        }
        if !listed.is_empty() {
            parts.push(Part::Text("What is confused most often.".into()));
            parts.push(Part::Table(listed));
        }
        parts.push(Part::Table(table));
    }
    parts
}

/// Counts added up, as rows of K.
fn sum<'a>(all: impl Iterator<Item = &'a [Vec<usize>]>, classes: usize) -> Vec<Vec<usize>> {
    let mut sum = vec![vec![0; classes]; classes];
    for counts in all {
        for (into, row) in sum.iter_mut().zip(counts) {
            into.iter_mut().zip(row).for_each(|(into, n)| *into += n);
        }
    }
    sum
}

/// The most frequent wrong answers: how often, label, answer.
fn most(counts: &[Vec<usize>]) -> Vec<(usize, usize, usize)> {
    let mut all = Vec::new();
    for (label, row) in counts.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(answer, n)| *answer != label && **n > 0);
        all.extend(wrong.map(|(answer, n)| (*n, label, answer)));
    }
    all.sort_by_key(|&(n, label, answer)| (std::cmp::Reverse(n), label, answer));
    all.truncate(LISTED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_the_most_frequent_errors_come_first() {
        let (a, b) = ([vec![2, 1], vec![3, 4]], [vec![1, 0], vec![1, 0]]);
        let both = sum([&a[..], &b[..]].into_iter(), 2);
        assert_eq!(both, [vec![3, 1], vec![4, 4]]);
        assert_eq!(most(&both), [(4, 1, 0), (1, 0, 1)]);
    }
}
