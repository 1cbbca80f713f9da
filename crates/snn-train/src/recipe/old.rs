//! What older versions wrote in recipes, said as this version says it.

use toml::Table;

/// The constants of all losses. Format 1 wrote every one of them out, whatever the loss.
const CONSTANTS: [&str; 5] = ["epsilon", "lambda", "mean", "alpha", "temperature"];

/// Rewrites a recipe's table before it is read.
pub(crate) fn modernize(recipe: &mut Table) {
    let mut table = |name: &str, change: fn(&mut Table)| {
        if let Some(table) = recipe.get_mut(name).and_then(|value| value.as_table_mut()) {
            change(table);
        }
    };
    table("loss", own_constants);
    table("train", recompute);
}

/// Leaves a loss its own constants where those of all losses are there: nobody but format 1 writes that.
fn own_constants(loss: &mut Table) {
    if !CONSTANTS.iter().all(|key| loss.contains_key(*key)) {
        return;
    }
    let own: &[&str] = match loss.get("kind").and_then(|kind| kind.as_str()) {
        None | Some("ce") => &[],
        Some("ls") => &["epsilon"],
        Some("tet") => &["lambda", "mean"],
        Some("tks" | "tks-paper") => &["alpha", "temperature"],
        // The reader refuses it by its name.
        Some(_) => return,
    };
    loss.retain(|key, _| own.contains(&key) || !CONSTANTS.contains(&key));
}

fn recompute(train: &mut Table) {
    if let Some(value) = train.remove("checkpoint") {
        tracing::warn!("train.checkpoint is called train.recompute now; rename it");
        train.entry("recompute").or_insert(value);
    }
}
