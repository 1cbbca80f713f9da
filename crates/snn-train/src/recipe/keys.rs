//! What a recipe may say: every key with its type, default, range and meaning, read from the types of the tables.

use std::fmt::Write;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::tables::Recipe;

/// A key of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The dotted key, such as `train.batch`.
    pub name: String,
    /// What its value is, such as `whole number`, or the values it may have.
    pub kind: String,
    /// What holds where the key is left out; `required`, or empty where nothing does.
    pub default: String,
    /// Which numbers it may be; empty where the kind says it.
    pub range: String,
    /// What it means, in one sentence.
    pub meaning: String,
}

/// The schema of recipes, with no references inside.
pub(crate) fn schema() -> Value {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Recipe>().to_value()
}

/// Every key of a recipe, table by table in the order of the alphabet.
pub fn recipe_keys() -> Vec<Key> {
    let mut keys = Vec::new();
    table("", &schema(), "", &mut keys);
    // A file begins with what is in no table.
    keys.sort_by_key(|key: &Key| key.name.contains('.'));
    keys
}

/// [`recipe_keys`] as a page of Markdown, one table of the recipe after another.
pub fn recipe_reference() -> String {
    let mut text = String::from(
        "# Recipes\n\nEvery key of a recipe, as `snn recipe` prints it. `--set KEY=VALUE` changes one for a run. A key of \
         `[[phase]]` replaces the recipe's\nfor one part of the run; `data.augment` and `loss` are replaced whole. \
         Files named `tables-*.toml` are presets of `cargo xtask reproduce`, and\n`race.toml` is one of `cargo xtask race`: \
         they hold parts of recipes.\n",
    );
    let mut before = None;
    for key in recipe_keys() {
        let Key { name, kind, default, range, meaning } = key;
        let group = name.split_once('.').map_or("", |(table, _)| table);
        if before.as_deref() != Some(group) {
            let title = match group {
                "" => "Top level".into(),
                "phase" => "`[[phase]]`".into(),
                table => format!("`[{table}]`"),
            };
            let _ = write!(
                text,
                "\n## {title}\n\n| key | type | default | range | meaning |\n|---|---|---|---|---|\n"
            );
            before = Some(group.to_string());
        }
        let cells = [format!("`{name}`"), kind, default, range, meaning]
            .map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The keys of an object; `of` names the kind of loss that they belong to.
fn table(prefix: &str, schema: &Value, of: &str, keys: &mut Vec<Key>) {
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|n| n == name));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let inner = without_null(property);
        let is_table = inner["properties"].is_object() || tagged(inner).is_some();
        let in_phase =
            path == "phase.loss" || path.starts_with("phase.") && path.matches('.').count() > 1;
        if is_table && in_phase {
            // Its keys are those of the recipe's own table.
            let (kind, meaning) = ("table".into(), sentence(property));
            keys.push(Key {
                name: path,
                kind,
                default: String::new(),
                range: String::new(),
                meaning,
            });
        } else if inner["properties"].is_object() {
            table(&format!("{path}."), inner, of, keys);
        } else if inner["items"]["properties"].is_object() {
            table(&format!("{path}."), &inner["items"], of, keys);
        } else if let Some(variants) = tagged(inner) {
            kinds(&path, property, variants, keys);
        } else {
            let default = match default(property) {
                default if default.is_empty() && required(name) => "required".into(),
                default => default,
            };
            let meaning = format!("{of}{}", sentence(property));
            keys.push(Key { name: path, kind: kind(inner), default, range: range(inner), meaning });
        }
    }
}

/// The keys of a table that has a `kind`, whose other keys depend on it.
fn kinds(path: &str, property: &Value, variants: &[Value], keys: &mut Vec<Key>) {
    let name =
        |variant: &Value| variant["properties"]["kind"]["const"].as_str().unwrap_or("").to_string();
    let names: Vec<String> =
        variants.iter().map(|variant| format!("`{}`", name(variant))).collect();
    let default = match property["default"]["kind"].as_str() {
        Some(kind) => format!("`{kind}`"),
        None => String::new(),
    };
    let (kind, meaning) = (names.join(", "), sentence(property));
    keys.push(Key { name: format!("{path}.kind"), kind, default, range: String::new(), meaning });
    for variant in variants {
        let mut own = Vec::new();
        table(&format!("{path}."), variant, &format!("`{}`: ", name(variant)), &mut own);
        keys.extend(own.into_iter().filter(|key| key.name != format!("{path}.kind")));
    }
}

/// The schema of a table that is of a `kind`, where that decides its other keys.
pub(crate) fn of_kind<'a>(schema: &'a Value, table: &toml::Table) -> &'a Value {
    let kind = table.get("kind").and_then(toml::Value::as_str);
    let variants = tagged(schema).into_iter().flatten();
    let mut own = variants.filter(|one| one["properties"]["kind"]["const"].as_str() == kind);
    own.next().unwrap_or(schema)
}

fn tagged(schema: &Value) -> Option<&[Value]> {
    let variants = schema["oneOf"].as_array()?;
    variants.iter().all(|v| v["properties"]["kind"].is_object()).then_some(variants)
}

/// The schema of the value that an optional key has when it is there.
pub(crate) fn without_null(schema: &Value) -> &Value {
    let all = schema["anyOf"].as_array().into_iter().flatten();
    let mut there = all.filter(|one| one["type"] != "null");
    there.next().unwrap_or(schema)
}

fn kind(schema: &Value) -> String {
    let quoted = |values: Vec<&str>| {
        let quoted: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        quoted.join(", ")
    };
    if let Some(values) = schema["enum"].as_array() {
        return quoted(values.iter().filter_map(Value::as_str).collect());
    }
    if let Some(variants) = schema["oneOf"].as_array() {
        return quoted(variants.iter().flat_map(constants).collect());
    }
    match type_of(schema) {
        "integer" => "whole number".into(),
        "number" => "number".into(),
        "boolean" => "true or false".into(),
        "array" => match schema["maxItems"].as_u64() {
            Some(n) => format!("{n} numbers"),
            None => "list".into(),
        },
        "object" => match type_of(&schema["additionalProperties"]) {
            "boolean" => "true or false by name".into(),
            _ => "tables by name".into(),
        },
        _ => "text".into(),
    }
}

fn constants(variant: &Value) -> Vec<&str> {
    match variant["const"].as_str() {
        Some(one) => vec![one],
        None => {
            variant["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        }
    }
}

/// The JSON type, of an optional key that of its value.
pub(crate) fn type_of(schema: &Value) -> &str {
    let several = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let own = schema["type"].as_str().or_else(|| several.into_iter().find(|name| *name != "null"));
    own.unwrap_or("")
}

fn default(property: &Value) -> String {
    match &property["default"] {
        Value::Null => String::new(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(number).collect();
            format!("`[{}]`", values.join(", "))
        }
        other => format!("`{}`", number(other)),
    }
}

fn number(value: &Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()) {
        // What an f32 holds is not what was written.
        Some(number) => (number as f32).to_string(),
        None => value.to_string(),
    }
}

/// The bounds of a schema's numbers, in words.
pub(crate) fn range(schema: &Value) -> String {
    let of = if type_of(schema) == "array" { &schema["items"] } else { schema };
    let bound = |name: &str| of[name].as_f64();
    let (low, high) = (bound("minimum"), bound("maximum"));
    match (bound("exclusiveMinimum"), low, bound("exclusiveMaximum"), high) {
        (Some(low), _, None, None) => format!("above {low}"),
        (Some(low), _, _, Some(high)) => format!("above {low}, at most {high}"),
        (Some(low), _, Some(high), None) => format!("above {low} and below {high}"),
        (None, Some(low), Some(high), _) => format!("{low} or more and below {high}"),
        (None, Some(low), None, Some(high)) => format!("{low} to {high}"),
        (None, Some(low), None, None) => format!("{low} or more"),
        (None, None, Some(high), _) => format!("below {high}"),
        (None, None, None, Some(high)) => format!("at most {high}"),
        (None, None, None, None) => String::new(),
    }
}

/// The description up to its first full stop.
fn sentence(property: &Value) -> String {
    let own = property["description"].as_str().unwrap_or("");
    let text = own.replace('\n', " ");
    let end = text.find(". ").unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_type_default_range_and_meaning() {
        let keys = recipe_keys();
        let key = |name: &str| keys.iter().find(|key| key.name == name).unwrap().clone();
        let batch = key("train.batch");
        assert_eq!((batch.kind.as_str(), batch.default.as_str()), ("whole number", "`128`"));
        assert_eq!(batch.range, "1 to 16777216");
        assert_eq!(key("data.name").default, "required");
        assert_eq!(key("loss.kind").kind, "`ce`, `ls`, `tet`, `tks`, `tks-paper`");
        assert!(key("loss.epsilon").meaning.starts_with("`ls`: "));
        assert_eq!(key("optimizer.lr").range, "above 0");
        assert_eq!(key("optimizer.betas").range, "0 or more and below 1");
        assert_eq!(key("schedule.kind").kind, "`cosine`, `constant`");
        assert!(key("model.architecture").kind.contains("`vgg_snn`"));
        for name in [
            "phase.steps",
            "phase.data.size",
            "phase.loss",
            "phase.data.augment",
            "data.augment.nda.roll",
            "neuron.tau",
        ] {
            assert!(!key(name).meaning.is_empty(), "{name}");
        }
        assert!(keys.iter().all(|key| !key.kind.is_empty()), "{keys:?}");
    }
}
