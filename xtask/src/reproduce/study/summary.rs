//! The table of a study: every row's mean and spread, and its difference to the baseline on the same samples.

use std::fmt::Write;

use snn_records::Paired;

use super::plan::Study;

/// What came of one run.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// The places of its set and row, and its repeat.
    pub(super) at: (usize, usize, usize),
    /// Name, top-1 and AURC; the first is the last epoch.
    pub(super) tests: Vec<(String, f64, f64)>,
    /// Whether each test sample was answered rightly.
    pub(super) correct: Vec<bool>,
    /// Which samples these are.
    pub(super) members: String,
    /// Seconds that it trained.
    pub(super) seconds: f64,
}

/// The study's table in Markdown.
pub(super) fn markdown(study: &Study, done: &[Done]) -> String {
    let mut text = format!("# {}\n\n{}\n", study.title, study.note);
    for (s, set) in study.sets.iter().enumerate() {
        let _ = write!(
            text,
            "\n## {}\n\n| method | runs | top-1 | AURC | minus {} | McNemar | s |{}\n|---|---|---|---|---|---|---|{}\n",
            set.name,
            set.rows.first().map_or("", |row| &row.method),
            heads(study, &set.name).iter().map(|name| format!(" {name} |")).collect::<String>(),
            "---|".repeat(heads(study, &set.name).len()),
        );
        for (r, row) in set.rows.iter().enumerate() {
            let own: Vec<&Done> =
                done.iter().filter(|one| (one.at.0, one.at.1) == (s, r)).collect();
            let base: Vec<&Done> =
                done.iter().filter(|one| (one.at.0, one.at.1) == (s, 0)).collect();
            let _ = writeln!(
                text,
                "| {} | {} |",
                row.method,
                cells(study, &set.name, r, &own, &base).join(" | ")
            );
        }
    }
    text
}

/// The tests that are made on a set.
pub(super) fn heads<'a>(study: &'a Study, set: &str) -> Vec<&'a str> {
    let on = |sets: &[String]| sets.is_empty() || sets.iter().any(|name| name == set);
    study.tests.iter().filter(|test| on(&test.sets)).map(|test| test.name.as_str()).collect()
}

fn cells(study: &Study, set: &str, row: usize, own: &[&Done], base: &[&Done]) -> Vec<String> {
    let of = |name: Option<&str>, aurc: bool| -> Vec<f64> {
        let figure = |one: &&Done| {
            let test = match name {
                None => one.tests.first(),
                Some(name) => one.tests.iter().skip(1).find(|test| test.0 == name),
            }?;
            Some(if aurc { test.2 } else { test.1 })
        };
        own.iter().filter_map(figure).collect()
    };
    let mut cells = vec![own.len().to_string(), spread(&of(None, false)), spread(&of(None, true))];
    let pairs: Vec<(&Done, &Done)> = own
        .iter()
        .filter_map(|one| Some((*one, *base.iter().find(|base| base.at.2 == one.at.2)?)))
        .collect();
    let (mut difference, mut p) = (String::from("–"), String::from("–"));
    if row > 0 && !pairs.is_empty() {
        difference = self::difference(&pairs);
        p = mcnemar(&pairs);
    }
    cells.extend([difference, p]);
    let seconds: Vec<f64> = own.iter().map(|one| one.seconds).collect();
    cells.push(if seconds.is_empty() { "–".into() } else { format!("{:.0}", mean(&seconds)) });
    cells.extend(heads(study, set).into_iter().map(|name| spread(&of(Some(name), false))));
    cells
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The sample standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len().max(2) - 1) as f64).sqrt()
}

/// Mean, and the spread where there are several.
fn spread(values: &[f64]) -> String {
    match values {
        [] => "–".into(),
        [one] => format!("{one:.2}"),
        _ => format!("{:.2} ± {:.2}", mean(values), deviation(values)),
    }
}

/// The mean difference of pairs with its standard error over the repeats, or over the samples where there is one repeat.
fn difference(pairs: &[(&Done, &Done)]) -> String {
    let top1 = |one: &Done| one.tests.first().map_or(0.0, |test| test.1);
    let all: Vec<f64> = pairs.iter().map(|(own, base)| top1(own) - top1(base)).collect();
    match pairs {
        [(own, base)] => {
            let paired = paired(own, base);
            format!("{:+.2} (se {:.2} over samples)", paired.difference, paired.standard_error)
        }
        _ => format!("{:+.2} (se {:.2})", mean(&all), deviation(&all) / (all.len() as f64).sqrt()),
    }
}

fn paired(own: &Done, base: &Done) -> Paired {
    Paired::of(own.correct.iter().copied().zip(base.correct.iter().copied()))
}

/// McNemar's exact test: of all samples together where every repeat tests others, else of each repeat.
fn mcnemar(pairs: &[(&Done, &Done)]) -> String {
    let first = pairs.first().map(|pair| &pair.0.members);
    let is_folds =
        pairs.len() > 1 && pairs.iter().skip(1).all(|pair| Some(&pair.0.members) != first);
    if is_folds {
        let all = pairs
            .iter()
            .flat_map(|(own, base)| own.correct.iter().copied().zip(base.correct.iter().copied()));
        let paired = Paired::of(all);
        return format!("p = {:.3} ({} : {})", paired.p_value, paired.only_a, paired.only_b);
    }
    let each: Vec<String> =
        pairs.iter().map(|(own, base)| format!("{:.3}", paired(own, base).p_value)).collect();
    format!("p = {}", each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(at: (usize, usize, usize), correct: &[bool], members: &str) -> Done {
        let top1 = 100.0 * correct.iter().filter(|&&c| c).count() as f64 / correct.len() as f64;
        let tests = vec![("last epoch".into(), top1, 10.0), ("T = 1".into(), top1 / 2.0, 20.0)];
        Done { at, tests, correct: correct.to_vec(), members: members.into(), seconds: 7.0 }
    }

    #[test]
    fn rows_stand_beside_their_baseline() {
        let study = Study::parse(
            "s",
            "title = \"t\"\nnote = \"n\"\nrow = [{ name = \"a\" }, { name = \"b\" }, { name = \"c\" }]\n\
             test = [{ name = \"T = 1\", args = [] }]\n[[set]]\nname = \"x\"\nfolder = \"x\"\nrepeat = [{}, {}]",
        )
        .unwrap();
        let all = [
            done((0, 0, 0), &[true, false, false, false], "1"),
            done((0, 0, 1), &[true, true, false, false], "2"),
            done((0, 1, 0), &[true, true, true, false], "1"),
            done((0, 1, 1), &[true, true, true, false], "2"),
        ];
        let text = markdown(&study, &all);
        assert!(
            text.contains("| a | 2 | 37.50 ± 17.68 | 10.00 ± 0.00 | – | – | 7 | 18.75 ± 8.84 |"),
            "{text}"
        );
        // Three samples are right in b alone, none in a alone: 2 / 2^3.
        assert!(
            text.contains(
                "| b | 2 | 75.00 ± 0.00 | 10.00 ± 0.00 | +37.50 (se 12.50) | p = 0.250 (3 : 0) |"
            ),
            "{text}"
        );
        assert!(text.contains("| c | 0 | – | – | – | – | – | – |"), "{text}");
        let same = all.map(|one| Done { members: "1".into(), ..one });
        assert!(markdown(&study, &same).contains("p = 0.500, 1.000"));
        let one = [same[0].clone(), same[2].clone()];
        assert!(
            markdown(&study, &one).contains("+50.00 (se 28.87 over samples)"),
            "{}",
            markdown(&study, &one)
        );
    }
}
