//! Figure 5: the last layer of neurons' spikes averaged over time, laid out in the plane by t-SNE.

use std::path::Path;

use anyhow::{Context, ensure};
use snn_report::{Charts, Dot, Part, Table, scatter};

use super::measure::Measure;
use super::panel::Panel;
use super::{Drawn, npy, tsne};
use crate::files;

const COLUMNS: [&str; 9] =
    ["dataset", "architecture", "method", "seed", "sample", "label", "label_name", "x", "y"];

pub(super) fn draw(
    panels: &[Panel],
    data: &Path,
    samples: usize,
    measure: &Measure<'_>,
) -> anyhow::Result<Drawn> {
    let (mut parts, mut rows) = (Vec::new(), Vec::new());
    for panel in panels.iter().filter(|panel| panel.needs.is_none()) {
        let (mut charts, mut names) = (Vec::new(), Vec::new());
        let mut table = Table::new().text("method").number("samples").number("values of a sample");
        table = table.number("nearest sample of the same class, %");
        for curve in &panel.curves {
            let run =
                curve.runs().first().with_context(|| format!("{}: no seed", panel.title()))?;
            let files = [("--features", "npy"), ("--predictions", "csv")];
            let (_, kept) = measure.eval(run, &data.join(&panel.folder), &[], &files)?;
            let features = npy::read(&kept.with_extension("npy"))?;
            let labels = labels(&files::read(&kept.with_extension("csv"))?)?;
            ensure!(
                labels.len() == features.rows(),
                "{}: {} labels for {} samples",
                kept.display(),
                labels.len(),
                features.rows()
            );
            let drawn = spaced(labels.len(), samples);
            let some = features.select(&drawn);
            let neighbours = tsne::neighbours(&some, tsne::PERPLEXITY)?;
            let place = tsne::embed(&neighbours)?;
            let alike = neighbours.iter().enumerate().filter(|(at, near)| {
                near.first().is_some_and(|near| labels[drawn[near.index]].0 == labels[drawn[*at]].0)
            });
            let alike = 100.0 * alike.count() as f64 / drawn.len().max(1) as f64;
            table.row([
                curve.method.clone(),
                drawn.len().to_string(),
                some.width.to_string(),
                format!("{alike:.2}"),
            ]);
            let dots: Vec<Dot> = drawn
                .iter()
                .zip(&place)
                .map(|(&at, &(x, y))| Dot { x: x.into(), y: y.into(), series: labels[at].0 })
                .collect();
            charts.push(scatter(&curve.method, &dots));
            for (&at, dot) in drawn.iter().zip(&dots) {
                let (label, name) = &labels[at];
                if names.len() <= *label {
                    names.resize(label + 1, String::new());
                }
                names[*label].clone_from(name);
                rows.push([
                    panel.dataset.clone(),
                    panel.architecture.clone(),
                    curve.method.clone(),
                    run.seed.to_string(),
                    at.to_string(),
                    label.to_string(),
                    name.clone(),
                    format!("{:.4}", dot.x),
                    format!("{:.4}", dot.y),
                ]);
            }
        }
        parts.extend([
            Part::Heading(panel.title()),
            Part::Charts(Charts { charts, legend: names }),
            Part::Table(table),
        ]);
    }
    Ok(Drawn { parts, csv: snn_report::csv::lines(&COLUMNS, rows) })
}

/// At most `most` of `n` places, at equal distances.
fn spaced(n: usize, most: usize) -> Vec<usize> {
    let kept = n.min(most);
    (0..kept).map(|i| i * n / kept.max(1)).collect()
}

/// Label and its name of each line of a table of predictions. Names may hold commas inside quotes.
fn labels(text: &str) -> anyhow::Result<Vec<(usize, String)>> {
    let head = text.lines().next().unwrap_or("");
    ensure!(head.starts_with("sample,label,label_name,"), "the predictions' columns are {head}");
    let label = |line: &str| -> Option<(usize, String)> {
        let (_, rest) = line.split_once(',')?;
        let (label, rest) = rest.split_once(',')?;
        let name = match rest.strip_prefix('"') {
            // A quotation mark inside is doubled, so that the name ends before `",`.
            Some(quoted) => quoted.split_once("\",")?.0.replace("\"\"", "\""),
            None => rest.split_once(',')?.0.to_owned(),
        };
        Some((label.parse().ok()?, name))
    };
    let lines = text.lines().skip(1);
    lines.map(|line| label(line).with_context(|| format!("no label in `{line}`"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spaced_and_labels_have_their_names() {
        assert_eq!(spaced(3, 10), [0, 1, 2]);
        assert_eq!(spaced(10, 4), [0, 2, 5, 7]);
        assert!(spaced(0, 4).is_empty());
        let head = "sample,label,label_name,predicted,predicted_name,correct,probability\n";
        let text = format!("{head}0,1,\"dog, big\",1,\"dog, big\",1,0.5\n1,0,cat,,,0,0.75\n");
        assert_eq!(labels(&text).unwrap(), [(1, "dog, big".into()), (0, "cat".into())]);
        assert!(labels("a,b\n").is_err() && labels(&format!("{head}0,x,y,z\n")).is_err());
    }
}
