//! The table of a study: every row's mean and spread, and its difference to the baseline on the same samples.

use snn_records::Paired;
use snn_report::{Table, deviation, mean, spread};

use super::plan::Study;
use crate::reproduce::outcome::Outcome;

/// What came of one run.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// The places of its set and row, and its repeat.
    pub(super) at: (usize, usize, usize),
    /// Name, top-1 and AURC; the first is the last epoch.
    pub(super) tests: Vec<(String, f64, f64)>,
    /// Whether each test sample was answered rightly.
    pub(super) correct: Vec<bool>,
    /// What it left.
    pub(super) outcome: Outcome,
}

/// The figures of a set: a row for each method.
pub(super) fn table(study: &Study, s: usize, done: &[Done]) -> Table {
    let set = &study.sets[s];
    let baseline = set.rows.first().map_or("", |row| &row.method);
    let mut table = Table::new().text("method").number("runs").number("top-1").number("AURC");
    table = table.number(format!("minus {baseline}")).text("McNemar").number("s");
    for name in heads(study, &set.name) {
        table = table.number(name);
    }
    for (r, row) in set.rows.iter().enumerate() {
        let of = |row| done.iter().filter(|one| (one.at.0, one.at.1) == (s, row)).collect();
        let (own, base): (Vec<&Done>, Vec<&Done>) = (of(r), of(0));
        let cells = cells(study, &set.name, r, &own, &base);
        table.row([row.method.clone()].into_iter().chain(cells));
    }
    table
}

/// The tests that are made on a set.
pub(super) fn heads<'a>(study: &'a Study, set: &str) -> Vec<&'a str> {
    let on = |sets: &[String]| sets.is_empty() || sets.iter().any(|name| name == set);
    study.tests.iter().filter(|test| on(&test.sets)).map(|test| test.name.as_str()).collect()
}

fn cells(study: &Study, set: &str, row: usize, own: &[&Done], base: &[&Done]) -> Vec<String> {
    let last = |figure: fn(&(String, f64, f64)) -> f64| -> Vec<f64> {
        own.iter().filter_map(|one| one.tests.first().map(figure)).collect()
    };
    let mut cells =
        vec![own.len().to_string(), spread(&last(|test| test.1)), spread(&last(|test| test.2))];
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
    let seconds: Vec<f64> = own.iter().map(|one| one.outcome.result.seconds).collect();
    cells.push(if seconds.is_empty() { "–".into() } else { format!("{:.0}", mean(&seconds)) });
    cells.extend(heads(study, set).into_iter().map(|name| spread(&top1(own, name))));
    cells
}

/// Top-1 of that test, of each run that it was made on.
pub(super) fn top1(own: &[&Done], test: &str) -> Vec<f64> {
    let figure = |one: &&Done| one.tests.iter().skip(1).find(|t| t.0 == test).map(|t| t.1);
    own.iter().filter_map(figure).collect()
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

/// Which samples a run tests.
fn members(done: &Done) -> &str {
    &done.outcome.result.split_hash
}

/// McNemar's exact test: of all samples together where every repeat tests others, else of each repeat.
fn mcnemar(pairs: &[(&Done, &Done)]) -> String {
    let first = pairs.first().map(|pair| members(pair.0));
    let is_folds =
        pairs.len() > 1 && pairs.iter().skip(1).all(|pair| Some(members(pair.0)) != first);
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
pub(super) mod tests {
    use snn_records::{EpochReport, RunResult};

    use super::*;

    /// A study of one set, with a test on a sensor's noise.
    pub(crate) fn study() -> Study {
        let test = |name| format!("{{ name = \"{name}\", args = [] }}");
        Study::parse(
            "s",
            &format!(
                "title = \"t\"\nnote = \"n\"\nrow = [{{ name = \"a\" }}, {{ name = \"b\" }}, {{ name = \"c\" }}]\n\
                 test = [{}, {}, {}]\n[[set]]\nname = \"x\"\nfolder = \"x\"\nrepeat = [{{}}, {{}}]",
                test("T = 1"),
                test("10 dB"),
                test("-6 dB")
            ),
        )
        .unwrap()
    }

    pub(crate) fn done(at: (usize, usize, usize), correct: &[bool], members: &str) -> Done {
        let top1 = 100.0 * correct.iter().filter(|&&c| c).count() as f64 / correct.len() as f64;
        let test = |name: &str, share: f64| (name.to_string(), top1 * share, 20.0);
        let mut tests = vec![("last epoch".into(), top1, 10.0)];
        tests.extend([test("T = 1", 0.5), test("10 dB", 0.8), test("-6 dB", 0.4)]);
        let curve = vec![EpochReport { train_loss: 1.0, ..EpochReport::default() }];
        let (split_hash, seconds) = (members.into(), 7.0);
        let result = RunResult { split_hash, seconds, ..RunResult::default() };
        let outcome = Outcome { result, curve, evaluation: None };
        Done { at, tests, correct: correct.to_vec(), outcome }
    }

    #[test]
    fn rows_stand_beside_their_baseline() {
        let study = study();
        let all = [
            done((0, 0, 0), &[true, false, false, false], "1"),
            done((0, 0, 1), &[true, true, false, false], "2"),
            done((0, 1, 0), &[true, true, true, false], "1"),
            done((0, 1, 1), &[true, true, true, false], "2"),
        ];
        let lines = |done: &[Done]| -> Vec<Vec<String>> {
            let text = table(&study, 0, done).markdown();
            let cells = |line: &str| line.split('|').map(|cell| cell.trim().into()).collect();
            text.lines().skip(2).map(cells).collect()
        };
        let text = lines(&all);
        let a = ["a", "2", "37.50 ± 17.68", "10.00 ± 0.00", "–", "–", "7", "18.75 ± 8.84"];
        assert_eq!(text[0][1..9], a);
        // Three samples are right in b alone, none in a alone: 2 / 2^3.
        let b =
            ["b", "2", "75.00 ± 0.00", "10.00 ± 0.00", "+37.50 (se 12.50)", "p = 0.250 (3 : 0)"];
        assert_eq!(text[1][1..7], b);
        assert_eq!(text[2][1..9], ["c", "0", "–", "–", "–", "–", "–", "–"]);
        let same = all.map(|mut one| {
            one.outcome.result.split_hash = "1".into();
            one
        });
        assert_eq!(lines(&same)[1][6], "p = 0.500, 1.000");
        let one = [same[0].clone(), same[2].clone()];
        assert_eq!(lines(&one)[1][5], "+50.00 (se 28.87 over samples)");
    }
}
