//! The report: the table and the learning curves in one HTML file that needs no other.

use std::fmt::Write;

use snn_report::{Page, Part, escape};

use super::curves;
use super::outcome::Ours;
use super::paper::PaperTable;
use super::preset::{Planned, Preset};
use super::setups;
use super::table::{self, Summary};
use crate::sh;

/// What the page says of how it came about.
pub(super) struct Facts {
    table: PaperTable,
    seeds: usize,
    commit: String,
}

impl Facts {
    pub(super) fn now(table: PaperTable, seeds: usize) -> Self {
        Self { table, seeds, commit: sh::commit().unwrap_or_default() }
    }
}

/// The whole page.
pub(super) fn page(preset: &Preset, planned: &[Planned], ours: &[Ours], facts: &Facts) -> String {
    let ran = ours.iter().filter(|row| matches!(row, Ours::Ran { .. })).count();
    let commit = match facts.commit.as_str() {
        "" => String::new(),
        commit => format!(", source {}", escape(commit)),
    };
    let seeds = match facts.seeds {
        1 => "one seed".into(),
        seeds => format!("{seeds} seeds"),
    };
    let flag = if facts.seeds == 1 { String::new() } else { format!(" --seeds {}", facts.seeds) };
    let (name, table) = (escape(&preset.name), escape(facts.table.name));
    let made = format!(
        "<p class=\"dim\">Preset {name}: {ran} of {all} rows ran, {seeds} each{commit}. \
         Made by <code>cargo xtask reproduce {table} --preset {name}{flag}</code>.</p>",
        all = planned.len(),
    );
    let mut page = Page::new(facts.table.title);
    page.extend([
        Part::Html(made + &statement(planned, ours, facts.seeds)),
        Part::Heading("The paper's figures beside ours".into()),
        Part::Html(format!("<div class=\"table\">{}</div>", rows(planned, ours)) + &notes(planned)),
        Part::Heading("What was trained".into()),
        Part::Table(setups::table(planned, ours)),
        Part::Text(
            "Of each network follow its methods' learning curves, accuracy over steps and firing rates. Each method's training \
             loss is its own: the shapes can be compared, the heights cannot."
                .into(),
        ),
        Part::Note(
            "`snn report RUN... --out DIR` measures confusion, accuracy by class and synaptic operations of the runs; this page, \
             made again, then has them too."
                .into(),
        ),
    ]);
    page.extend(curves::draw(planned, ours));
    page.html()
}

const NOTES: &str = "<p class=\"dim\">Top-1 and top-5 in percent. AURC, the area under the risk-coverage curve, times 1000: \
    lower is better; the paper does not say which confidence it ranks by, so ours is given for the largest softmax and for \
    the largest logit. Our figures are those of the last epoch; those of the <b>best epoch</b>, which has the highest top-1 of all, are chosen \
    on the test data, which is how the authors' released trainer picks its figure. <b>s</b> is the mean time of one run in seconds.</p>";

/// How the columns are read, and what of the methods no source states.
fn notes(planned: &[Planned]) -> String {
    let remarks = table::remarks(planned)
        .iter()
        .map(|text| format!(" {}.", escape(text)))
        .collect::<String>();
    format!(
        "{NOTES}<p class=\"dim\">Of the losses, <b>tks</b> is TKS as the authors' released trainer computes it, \
             <b>tks-paper</b> as the paper prints it. A star is the paper's, for its augmentation.{remarks}</p>"
    )
}

/// What the columns may and may not be compared with.
fn statement(planned: &[Planned], ours: &[Ours], seeds: usize) -> String {
    let pairs = planned.iter().zip(ours).filter_map(|(row, ours)| match ours {
        Ours::Ran { outcomes, .. } => {
            Some((row.paper.dataset.as_str(), outcomes.first()?.result.dataset.as_str()))
        }
        _ => None,
    });
    let mut others: Vec<(&str, &str)> =
        pairs.filter(|(paper, ours)| !same_data(paper, ours)).collect();
    others.dedup();
    let mut text = String::from("<p>");
    if others.is_empty() {
        text += "Every row that ran was trained on the paper's own data set, so ours and the paper's figures stand for the \
                 same task.";
    } else {
        let list: Vec<String> = others
            .iter()
            .map(|(paper, ours)| format!("<b>{}</b> for {}", escape(ours), escape(paper)))
            .collect();
        let _ = write!(
            text,
            "Ours was trained on other data than the paper's: {}. So a figure of ours must not be read against the paper's \
             beside it; what can be compared is how the methods of one network stand to one another, in the paper's columns \
             and in ours.",
            list.join(", ")
        );
    }
    if seeds == 1 {
        text += " With one seed, small differences between methods are chance; <code>--seeds 3</code> shows how large that is.";
    }
    text + "</p>"
}

/// `CIFAR10` and `cifar10`, `ImageNet-1K` and `imagenet`, `CUB-200-2011` and `cub200`.
fn same_data(paper: &str, ours: &str) -> bool {
    let plain = |s: &str| {
        s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    plain(paper).trim_end_matches("1k").trim_end_matches("2011") == plain(ours)
}

fn rows(planned: &[Planned], ours: &[Ours]) -> String {
    let mut html = String::from(
        "<table><thead><tr class=\"over\"><th colspan=\"4\"></th><th colspan=\"3\">paper</th>\
         <th class=\"ours\" colspan=\"6\">ours</th><th class=\"ours\" colspan=\"4\">ours, best epoch</th>\
         <th class=\"ours\" colspan=\"2\"></th></tr><tr><th class=\"left\">data set</th><th class=\"left\">network</th>\
         <th class=\"left\">method</th><th>T</th><th>top-1</th><th>top-5</th><th>AURC</th>\
         <th class=\"ours left\">trained on</th><th class=\"ours left\">loss</th><th class=\"ours\">top-1</th>\
         <th class=\"ours\">top-5</th><th class=\"ours\">AURC<br>softmax</th><th class=\"ours\">AURC<br>logit</th>\
         <th class=\"ours\">top-1</th><th class=\"ours\">top-5</th><th class=\"ours\">AURC<br>softmax</th>\
         <th class=\"ours\">AURC<br>logit</th>\
         <th class=\"ours\">seeds</th><th class=\"ours\">s</th></tr></thead><tbody>",
    );
    let mut before = None;
    for (row, ours) in planned.iter().zip(ours) {
        let p = &row.paper;
        let group = Some((&p.dataset, &p.architecture));
        let mut class = if before == group { String::new() } else { "first ".into() };
        before = group;
        let mut cells = String::new();
        if let Some(instead) = ours.instead() {
            class += "needs";
            cells = format!("<td class=\"ours\" colspan=\"12\">{}</td>", escape(&instead));
        } else if let Ours::Ran { outcomes, .. } = ours
            && let Some(s) = Summary::of(outcomes)
        {
            cells = ran(&s, outcomes.len(), &p.t_steps);
        }
        let _ = write!(html, "<tr class=\"{}\">", class.trim());
        for cell in [&p.dataset, p.network(), &p.starred()] {
            let _ = write!(html, "<td class=\"left\">{}</td>", escape(cell));
        }
        for cell in [&p.t_steps, &p.top1, &p.top5, &p.aurc] {
            let _ = write!(
                html,
                "<td>{}</td>",
                if cell.is_empty() { "–".into() } else { escape(cell) }
            );
        }
        html += &cells;
        html += "</tr>";
    }
    html + "</tbody></table>"
}

fn ran(s: &Summary<'_>, seeds: usize, t_steps: &str) -> String {
    let mut html = format!(
        "<td class=\"ours left\" title=\"{}\">{}</td><td class=\"ours left\">{}</td><td class=\"ours main\">{}</td>",
        escape(&s.first.split),
        escape(&table::name(s, t_steps)),
        escape(&s.first.loss),
        s.top1_text()
    );
    for value in [s.top5, s.aurc_softmax, s.aurc_logit].into_iter().chain(s.best.figures()) {
        let _ = write!(html, "<td class=\"ours\">{value:.2}</td>");
    }
    let _ = write!(html, "<td class=\"ours\">{seeds}</td><td class=\"ours\">{:.0}</td>", s.seconds);
    html
}

#[cfg(test)]
mod tests {
    #[test]
    fn data_sets_are_told_apart() {
        assert!(
            super::same_data("DVS-CIFAR10", "dvs_cifar10")
                && super::same_data("ImageNet-1K", "imagenet")
                && super::same_data("CUB-200-2011", "cub200")
        );
        assert!(
            !super::same_data("CIFAR10", "fashion_mnist")
                && !super::same_data("CIFAR100", "cifar10")
        );
    }
}
