//! The report of a study: what it asks, and for each data set figures, tests over a quantity, learning curves, steps, layers.

use snn_report::{Charts, Line, LineChart, Page, Part, Point, Scale, Series, deviation, mean};

use super::plan::Study;
use super::summary::{self, Done};

/// The whole page, as far as runs have ended.
pub(super) fn page(study: &Study, done: &[Done]) -> Page {
    let mut page = Page::new(&study.title);
    page.extend([Part::Text(study.note.trim().replace('\n', " "))]);
    for (s, set) in study.sets.iter().enumerate() {
        page.extend([Part::Heading(set.name.clone())]);
        let all = series(study, s, done);
        if all.iter().all(|series| series.runs.is_empty()) {
            page.extend([Part::Text("No run has ended yet.".into())]);
            continue;
        }
        page.extend([Part::Table(summary::table(study, s, done))]);
        page.extend(over_tests(study, s, done));
        page.extend([Part::Subheading("Learning curves".into()), snn_report::curves(&all)]);
        page.extend(snn_report::steps(&all));
        page.extend(snn_report::classes(&all));
        page.extend(snn_report::layers(&all));
    }
    page.extend([Part::Note(
        "Top-1 in percent, AURC by the largest softmax times 1000: mean and sample standard deviation over the runs. The \
         difference is that of runs with the same samples, with its standard error; McNemar's exact test counts the samples \
         that one of the two alone answers rightly; s are the seconds of a run."
            .into(),
    )]);
    page
}

/// The runs of each method that ended.
fn series<'a>(study: &'a Study, s: usize, done: &'a [Done]) -> Vec<Series<'a>> {
    let of = |r: usize| done.iter().filter(move |one| (one.at.0, one.at.1) == (s, r));
    let rows = study.sets[s].rows.iter().enumerate();
    rows.map(|(r, row)| Series {
        name: &row.method,
        runs: of(r).map(|one| one.outcome.curve.as_slice()).collect(),
        found: of(r).filter_map(|one| one.outcome.evaluation.as_ref()).collect(),
    })
    .collect()
}

/// Tests whose names are a number and a unit, such as `-6 dB`, as a line over that number.
fn over_tests(study: &Study, s: usize, done: &[Done]) -> Option<Part> {
    let set = &study.sets[s];
    let quantity = |name: &'_ str| -> Option<(f64, String)> {
        let (number, unit) = name.split_once(' ')?;
        Some((number.parse().ok()?, unit.to_owned()))
    };
    let mut tests: Vec<(f64, String, &str)> = summary::heads(study, &set.name)
        .into_iter()
        .filter_map(|name| quantity(name).map(|(number, unit)| (number, unit, name)))
        .collect();
    tests.sort_by(|a, b| a.0.total_cmp(&b.0));
    let unit = tests.first()?.1.clone();
    tests.retain(|test| test.1 == unit);
    if tests.len() < 2 {
        return None;
    }
    let line = |(r, row): (usize, &super::Row)| {
        let own: Vec<&Done> = done.iter().filter(|one| (one.at.0, one.at.1) == (s, r)).collect();
        let point = |(x, _, name): &(f64, String, &str)| {
            let values = summary::top1(&own, name);
            let (y, spread) = (mean(&values), deviation(&values));
            (!values.is_empty()).then_some(Point { x: *x, y, spread })
        };
        Line { label: row.method.clone(), points: tests.iter().filter_map(point).collect() }
    };
    let lines: Vec<Line> = set.rows.iter().enumerate().map(line).collect();
    let title = "top-1 of the tests, %";
    let svg = LineChart { title, across: &unit, lines: &lines, scale: Scale::Linear }.svg();
    let legend = set.rows.iter().map(|row| row.method.clone()).collect();
    (!svg.is_empty()).then(|| Part::Charts(Charts { charts: vec![svg], legend }))
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{done, study};
    use super::*;

    #[test]
    fn tests_over_a_quantity_are_a_line() {
        let study = study();
        let all = [done((0, 0, 0), &[true, true], "1"), done((0, 1, 0), &[true, false], "1")];
        let Some(Part::Charts(charts)) = over_tests(&study, 0, &all) else { panic!() };
        // Two tests of a and two of b; c has no run. `T = 1` is no quantity.
        assert_eq!(charts.charts[0].matches("<circle").count(), 4);
        assert!(charts.charts[0].contains(">-6</text>") && charts.charts[0].contains(">dB</text>"));
        assert_eq!(charts.legend, ["a", "b", "c"]);
        let html = page(&study, &all).html();
        assert!(html.contains("Learning curves") && html.contains("minus a"), "{html}");
        assert!(over_tests(&study, 0, &[]).is_none());
        assert!(page(&study, &[]).markdown().contains("No run has ended yet"));
    }
}
