//! The settings of the report's rows: one line for each network, from the recipe and from what the run says of itself.

use std::fmt::Write;

use toml::{Table, Value};

use super::escape::escape;
use super::preset::{Plan, Planned};
use super::table::Ours;

/// Column heads, and where in a recipe the value stands.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("width", "model", "width"),
    ("epochs", "schedule", "epochs"),
    ("batch", "train", "batch"),
    ("learning rate", "optimizer", "lr"),
];

/// Every network that ran, in the table's order; the methods differ in their loss only.
pub(super) fn draw(planned: &[Planned], ours: &[Ours]) -> String {
    let mut html = String::from(
        "<table><thead><tr><th class=\"left\">network</th><th class=\"left\">data set and split</th>",
    );
    html += "<th>T</th>";
    for (head, ..) in SETTINGS {
        let _ = write!(html, "<th>{head}</th>");
    }
    html += "<th class=\"left\">computed by</th></tr></thead><tbody>";
    let mut before = String::new();
    for (row, ours) in planned.iter().zip(ours) {
        let (Plan::Run(job), Ours::Ran { outcomes, .. }) = (&row.plan, ours) else { continue };
        let (Some(run), Some(outcome)) = (job.runs.first(), outcomes.first()) else { continue };
        let mut line = format!(
            "<tr><td class=\"left\">{}</td><td class=\"left\">{}</td>",
            escape(row.paper.network()),
            escape(&outcome.result.split)
        );
        let _ = write!(line, "<td>{}</td>", outcome.result.t_steps);
        for (_, table, key) in SETTINGS {
            let _ = write!(line, "<td>{}</td>", escape(&setting(&run.recipe, table, key)));
        }
        let by = format!("{}, {}", outcome.result.engine, outcome.result.precision);
        let _ = write!(line, "<td class=\"left\">{}</td></tr>", escape(&by));
        if line != before {
            html += &line;
            before = line;
        }
    }
    html + "</tbody></table>"
}

/// A recipe that leaves a value out takes the trainer's default, which only the run's own recipe names.
fn setting(recipe: &Table, table: &str, key: &str) -> String {
    let value = recipe.get(table).and_then(Value::as_table).and_then(|t| t.get(key));
    value.map_or_else(|| "default".into(), Value::to_string)
}
