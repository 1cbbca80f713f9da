//! What an evaluation found, for people, and its answers as CSV.

use std::fmt::Write;

use snn_models::Model;
use snn_train::{Answer, Evaluation, Metrics, Work};

use super::Opened;

pub(super) fn figures(opened: &Opened, found: &Evaluation) -> String {
    let (test, metrics) = (&opened.test, &found.metrics);
    let by = opened.steps_by.map_or(String::new(), |by| format!(" by {}", by.name()));
    format!(
        "{} ({}, members {}), {} samples, T={}{by}: top-1 {:.2} %, top-5 {:.2} %, AURC x 1000 {:.2} (softmax) {:.2} (logit)",
        test.name(),
        test.split(),
        opened.split_hash.get(..12).unwrap_or(""),
        metrics.n,
        opened.t_steps,
        metrics.top1,
        metrics.top5,
        metrics.aurc_softmax,
        metrics.aurc_logit
    )
}

/// A number of operations with the prefix that leaves one to three digits before the point.
fn scaled(n: f64) -> String {
    let prefixes = [(1e9, " G"), (1e6, " M"), (1e3, " k")];
    let prefix = prefixes.into_iter().find(|(of, _)| n >= *of);
    prefix.map_or_else(|| format!("{n:.0}"), |(of, name)| format!("{:.2}{name}", n / of))
}

pub(super) fn work(work: &Work) -> String {
    format!(
        "a sample: {} synaptic operations and {} MACs of layers that real values enter, estimated {:.3} uJ; one step without \
         spikes {:.3} uJ (45 nm arithmetic alone)",
        scaled(work.synaptic_operations),
        scaled(work.macs),
        work.energy_pj / 1e6,
        work.dense_energy_pj / 1e6
    )
}

pub(super) fn per_step(metrics: &Metrics) -> String {
    let mut text = String::from("step   alone   first steps together");
    let steps = metrics.per_step_top1.iter().zip(&metrics.cumulative_top1);
    for (t, (alone, together)) in steps.enumerate() {
        let _ = write!(text, "\n{:>4}  {alone:>5.2} %  {together:>5.2} %", t + 1);
    }
    text
}

/// A line for each margin.
pub(super) fn early_exit(found: &Evaluation, margins: &[f64]) -> String {
    let mut text = String::from("margin  mean steps    top-1");
    for exit in margins.iter().map(|margin| found.margins.at(*margin)) {
        let _ =
            write!(text, "\n{:>6}  {:>10.3}  {:>5.2} %", exit.margin, exit.mean_steps, exit.top1);
    }
    text
}

/// The samples of each class, and those of them that were answered rightly.
pub(super) fn classes(counts: &[Vec<usize>], labels: &[u32]) -> Vec<(usize, usize)> {
    let mut classes: Vec<(usize, usize)> =
        counts.iter().enumerate().map(|(class, row)| (0, row[class])).collect();
    for &label in labels {
        if let Some(class) = classes.get_mut(label as usize) {
            class.0 += 1;
        }
    }
    classes
}

pub(super) fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

pub(super) fn per_class(counts: &[Vec<usize>], labels: &[u32], names: &[String]) -> String {
    let mut text = String::from("  top-1  samples  class");
    for ((n, right), name) in classes(counts, labels).into_iter().zip(names) {
        let _ = write!(text, "\n{:>5.1} %  {n:>7}  {name}", percent(right, n));
    }
    text
}

pub(super) fn confusion(counts: &[Vec<usize>], names: &[String]) -> String {
    let most = counts.iter().flatten().max().copied().unwrap_or(0);
    let width = most.max(counts.len()).to_string().len() + 1;
    let mut text = String::from("rows: labels; columns: answers, by number\n");
    (0..counts.len()).for_each(|class| text += &format!("{class:>width$}"));
    for (class, (row, name)) in counts.iter().zip(names).enumerate() {
        text.push('\n');
        row.iter().for_each(|count| text += &format!("{count:>width$}"));
        let _ = write!(text, "  {class} {name}");
    }
    text
}

pub(super) fn layers(model: &Model, found: &Evaluation) -> String {
    let mut text = String::from("spikes per neuron and step");
    for name in model.neurons() {
        let rate = found.metrics.firing_rates.get(name).copied().unwrap_or(0.0);
        let _ = write!(text, "\n{rate:>10.4}  {name}");
    }
    text += "\n   MACs a sample  bits an input  synaptic operations";
    for layer in &found.work.layers {
        let operations = match layer.takes_spikes {
            true => scaled(layer.synaptic_operations),
            false => "MACs".into(),
        };
        let _ = write!(
            text,
            "\n{:>16}  {:>13.4}  {operations:>19}  {}",
            scaled(layer.macs),
            layer.input_rate,
            layer.name
        );
    }
    text
}

/// The columns of the answers.
pub(super) const COLUMNS: [&str; 7] =
    ["sample", "label", "label_name", "predicted", "predicted_name", "correct", "probability"];

/// A line for each sample: its place in the split, its class, the answer, whether that is right, and its probability.
pub(super) fn predictions(answers: &[Answer], names: &[String]) -> String {
    let name = |class: usize| names.get(class).cloned().unwrap_or_default();
    let line = |(sample, answer): (usize, &Answer)| {
        let class = answer.class;
        [
            sample.to_string(),
            answer.label.to_string(),
            name(answer.label),
            class.map_or(String::new(), |class| class.to_string()),
            class.map_or(String::new(), name),
            u8::from(answer.is_correct()).to_string(),
            answer.probability.to_string(),
        ]
    };
    snn_report::csv::lines(&COLUMNS, answers.iter().enumerate().map(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_lines_with_quoted_names() {
        let answer = |class| Answer { label: 1, class, probability: 0.75, logit: 2.0 };
        let names = ["cat".to_string(), "dog, big".to_string()];
        let text = predictions(&[answer(Some(0)), answer(Some(1)), answer(None)], &names);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        let rest = ["0,cat,0,0.75", "1,\"dog, big\",1,0.75", ",,0,0.75"];
        for (at, (line, rest)) in lines.iter().zip(rest).enumerate() {
            assert_eq!(*line, format!("{at},1,\"dog, big\",{rest}"));
        }
    }

    #[test]
    fn classes_have_their_share_of_right_answers() {
        let counts = [vec![2, 1], vec![0, 3]];
        assert_eq!(classes(&counts, &[0, 0, 0, 1, 1, 1, 1]), [(3, 2), (4, 3)]);
        let names = ["cat".to_string(), "dog".to_string()];
        let text = per_class(&counts, &[0, 0, 0, 1, 1, 1, 1], &names);
        assert!(text.contains(" 66.7 %        3  cat") && text.contains(" 75.0 %"), "{text}");
        let text = confusion(&counts, &names);
        assert!(text.ends_with(" 0 1\n 2 1  0 cat\n 0 3  1 dog"), "{text}");
    }
}
