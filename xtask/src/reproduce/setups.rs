//! The settings of the report's rows: one line for each network, from the recipe and from what the run says of itself.

use snn_report::Table as Text;
use toml::{Table, Value};

use super::outcome::Ours;
use super::preset::{Plan, Planned};

/// Column heads, and where in a recipe the value stands.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("width", "model", "width"),
    ("epochs", "schedule", "epochs"),
    ("batch", "train", "batch"),
    ("learning rate", "optimizer", "lr"),
];

/// Every network that ran, in the table's order; the methods differ in their loss only.
pub(super) fn table(planned: &[Planned], ours: &[Ours]) -> Text {
    let mut text = Text::new().text("network").text("data set and split").number("T");
    for (head, ..) in SETTINGS {
        text = text.number(head);
    }
    text = text.text("computed by");
    let mut before = Vec::new();
    for (row, ours) in planned.iter().zip(ours) {
        let (Plan::Run(job), Ours::Ran { outcomes, .. }) = (&row.plan, ours) else { continue };
        let (Some(run), Some(outcome)) = (job.runs.first(), outcomes.first()) else { continue };
        let result = &outcome.result;
        let mut line =
            vec![row.paper.network().to_string(), result.split.clone(), result.t_steps.to_string()];
        line.extend(SETTINGS.map(|(_, table, key)| setting(&run.recipe, table, key)));
        line.push(format!("{}, {}", result.engine, result.precision));
        if line != before {
            text.row(line.clone());
            before = line;
        }
    }
    text
}

/// A recipe that leaves a value out takes the trainer's default, which only the run's own recipe names.
fn setting(recipe: &Table, table: &str, key: &str) -> String {
    let value = recipe.get(table).and_then(Value::as_table).and_then(|t| t.get(key));
    value.map_or_else(|| "default".into(), Value::to_string)
}
