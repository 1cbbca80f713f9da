//! Which fields two recipes disagree on, by their dotted keys.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Each field that differs as `key was A, is B`, in the order of the keys. Empty where either text is no TOML.
pub(crate) fn changes(was: &str, is: &str) -> Vec<String> {
    let (Some(was), Some(is)) = (fields(was), fields(is)) else { return Vec::new() };
    let shown = |value: Option<&Value>| value.map_or("absent".into(), Value::to_string);
    let keys: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    keys.into_iter()
        .filter(|key| was.get(*key) != is.get(*key))
        .map(|key| format!("{key} was {}, is {}", shown(was.get(key)), shown(is.get(key))))
        .collect()
}

fn fields(text: &str) -> Option<BTreeMap<String, Value>> {
    let mut flat = BTreeMap::new();
    flatten("", toml::from_str::<Table>(text).ok()?, &mut flat);
    Some(flat)
}

fn flatten(prefix: &str, table: Table, flat: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => flatten(&format!("{key}."), inner, flat),
            value => {
                flat.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn only_what_differs_is_told() {
        let was = "seed = 1\n[train]\nbatch = 8\nkeep = 2";
        let is = "seed = 1\n[train]\nbatch = 16\nkeep = 2\n[data]\nname = \"x\"";
        assert_eq!(
            changes(was, is),
            ["data.name was absent, is \"x\"", "train.batch was 8, is 16"]
        );
        assert!(changes(was, was).is_empty() && changes("", was).len() == 3);
        assert!(changes("no toml", was).is_empty());
    }
}
