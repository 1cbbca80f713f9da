//! `--set table.key=value`: changes to a recipe before it is read.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::keys;
use crate::{Error, Result};

/// Reads `text` with the changes, after `modernize` has put what older versions wrote into today's words.
///
/// An error in the text itself is reported from the text, with its line; one that only the changes bring, with its key.
pub(crate) fn read<T: DeserializeOwned>(
    text: &str,
    origin: &str,
    sets: &[String],
    modernize: fn(&mut Table),
) -> Result<T> {
    let unread: Table = toml::from_str(text)
        .map_err(|e| Error::Recipe { origin: origin.into(), why: in_line(&e, text, why(&e)) })?;
    let fault = |e: toml::de::Error| {
        // Only a table's error says which key it is of.
        let of_key = unread.clone().try_into::<T>().err().and_then(|e| out_of_kind(&e, &unread));
        let why = in_line(&e, text, of_key.unwrap_or_else(|| why(&e)));
        Error::Recipe { origin: origin.into(), why }
    };
    let mut table = unread.clone();
    for set in sets {
        apply(&mut table, set)?;
    }
    modernize(&mut table);
    table.clone().try_into().map_err(|changed: toml::de::Error| match toml::from_str::<T>(text) {
        Err(original) => fault(original),
        Ok(_) if sets.is_empty() => fault(changed),
        Ok(_) => {
            let why = match (out_of_kind(&changed, &table), key(&changed)) {
                (Some(why), _) => why,
                (None, Some(key)) => format!("{key}: {}", why(&changed)),
                (None, None) => why(&changed),
            };
            Error::Recipe { origin: format!("--set {}", sets.join(" --set ")), why }
        }
    })
}

/// The cause in one line, in the words of a recipe's author.
fn why(error: &toml::de::Error) -> String {
    let mut why = error.message().lines().collect::<Vec<_>>().join(", ");
    why = why.replace("unknown variant", "unknown value");
    for (rust, plain) in [
        ("usize", "a whole number, 0 or more"),
        ("u64", "a whole number, 0 or more"),
        ("f64", "a number"),
        ("f32", "a number"),
        ("a boolean", "true or false"),
    ] {
        why = why.replace(&format!("expected {rust}"), &format!("expected {plain}"));
    }
    why
}

/// The cause with its line, where there is one.
fn in_line(error: &toml::de::Error, text: &str, why: String) -> String {
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {why}", before.matches('\n').count() + 1),
        None => match key(error) {
            Some(key) if !why.starts_with(&key) => format!("{key}: {why}"),
            Some(_) | None => why,
        },
    }
}

/// The dotted key that a table's error is of.
fn key(error: &toml::de::Error) -> Option<String> {
    let text = error.to_string();
    let key = text.lines().find_map(|line| line.trim().strip_prefix("in "))?;
    Some(key.trim_matches('`').to_string())
}

/// What the key of a value of another kind may be, in the words of [`keys`].
fn out_of_kind(error: &toml::de::Error, table: &Table) -> Option<String> {
    const OTHER: [&str; 3] = ["invalid type", "invalid value", "wanted exactly"];
    if !OTHER.iter().any(|begin| error.message().starts_with(begin)) {
        return None;
    }
    let name = key(error)?;
    let got = name.split('.').try_fold(None, |at: Option<&Value>, key| match at {
        None => table.get(key).map(Some),
        Some(inner) => inner.get(key).map(Some),
    })??;
    let key = keys::recipe_keys().into_iter().find(|key| key.name == name)?;
    let allowed = match (key.kind.as_str(), key.range.as_str()) {
        (kind @ ("whole number" | "number" | "text"), "") => format!("a {kind}"),
        (kind, "") => kind.into(),
        (_, range) => range.into(),
    };
    Some(format!("{name} is {got}; use {allowed}"))
}

fn apply(table: &mut Table, set: &str) -> Result<()> {
    let fault = |why: &str| Error::Recipe { origin: format!("--set {set}"), why: why.into() };
    let (path, value) = set.split_once('=').ok_or_else(|| fault("use key=value"))?;
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    if keys.iter().any(|key| key.is_empty()) {
        return Err(fault("use key=value with a key such as train.batch"));
    }
    let Some(last) = keys.pop() else { return Err(fault("use key=value")) };
    let mut at = table;
    for key in keys {
        let next = at.entry(key).or_insert_with(|| Value::Table(Table::new()));
        at = next.as_table_mut().ok_or_else(|| fault("the key goes through a plain value"))?;
    }
    at.insert(last.into(), literal(value.trim()));
    Ok(())
}

/// A TOML value; text that is no TOML value, such as `tks`, is a string.
fn literal(text: &str) -> Value {
    match toml::from_str::<Table>(&format!("value = {text}")) {
        Ok(mut table) if table.len() == 1 => {
            table.remove("value").unwrap_or_else(|| Value::String(text.into()))
        }
        _ => Value::String(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_toml_or_strings() {
        assert_eq!(literal("3"), Value::Integer(3));
        assert_eq!(literal("1e-3"), Value::Float(1e-3));
        assert_eq!(literal("true"), Value::Boolean(true));
        assert_eq!(literal("\"a b\""), Value::String("a b".into()));
        assert_eq!(literal("tks-paper"), Value::String("tks-paper".into()));
        assert_eq!(literal("1\nother = 2"), Value::String("1\nother = 2".into()));
        assert_eq!(literal("[0.9, 0.95]").as_array().unwrap().len(), 2);
    }

    #[test]
    fn keys_make_tables_and_replace_values() {
        let mut table: Table = toml::from_str("seed = 1\n[a]\nb = 2").unwrap();
        for set in ["seed=7", "a.b=3", "c.d.e = x"] {
            apply(&mut table, set).unwrap();
        }
        let expected = "seed = 7\n[a]\nb = 3\n[c.d]\ne = \"x\"";
        assert_eq!(table, toml::from_str(expected).unwrap());
        for bad in ["seed", "=1", "a..b=1", "seed.x=1"] {
            assert!(matches!(apply(&mut table, bad), Err(Error::Recipe { .. })), "{bad}");
        }
    }
}
