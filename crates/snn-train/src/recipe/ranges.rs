//! The ranges of a recipe's values: those that its types state, and what no range can say.

use serde_json::Value as Schema;
use snn_models::{Encoding, NeuronConfig};
use toml::Value;

use super::{keys, phases::of_phase, tables::Recipe};
use crate::{Error, Result};

/// Refuses a value out of its range, and settings that contradict one another.
pub(crate) fn check(recipe: &Recipe) -> Result<()> {
    if recipe.seed >= 1 << 63 {
        return refuse("seed", recipe.seed, "0 to 2^63 - 1, TOML's largest integer");
    }
    if recipe.data.name.is_empty() {
        return refuse("data.name", "empty", "the name of a data set");
    }
    let fault = |e: toml::ser::Error| Error::Recipe { origin: "recipe".into(), why: e.to_string() };
    walk("", &keys::schema(), &Value::try_from(recipe).map_err(fault)?)?;
    if let (Some(head), None) = (recipe.model.init_head, &recipe.model.init) {
        return refuse("model.init_head", format!("{head:?}").to_lowercase(), "it with model.init");
    }
    let length = recipe.schedule.epochs;
    if recipe.phase.is_empty() {
        if length.is_none() {
            return refuse("schedule.epochs", "absent", "the epochs of the run, or [[phase]]s");
        }
        return others(recipe);
    }
    if let Some(epochs) = length {
        return refuse(
            "schedule.epochs",
            epochs,
            "it without [[phase]]s, which have epochs or steps of their own",
        );
    }
    for (at, phase) in recipe.phase.iter().enumerate() {
        let own = match (phase.epochs, phase.steps) {
            (Some(_), None) | (None, Some(_)) => others(&of_phase(recipe, phase)),
            (Some(_), Some(steps)) => refuse("steps", steps, "it without epochs: one of the two"),
            (None, None) => refuse("epochs", "absent", "epochs or steps"),
        };
        own.map_err(|error| error.in_phase(at))?;
    }
    Ok(())
}

/// Refuses a method that does not suit the network or a number of time steps, once it is known which they are.
pub(crate) fn check_method(recipe: &Recipe) -> Result<()> {
    let Some(method) = &recipe.method else { return Ok(()) };
    let architecture = recipe.model.architecture;
    if recipe.phase.is_empty() {
        return method.check(architecture, recipe.t_steps());
    }
    recipe.phase.iter().enumerate().try_for_each(|(at, phase)| {
        let t_steps = of_phase(recipe, phase).t_steps();
        method.check(architecture, t_steps).map_err(|error| error.in_phase(at))
    })
}

/// What other crates know of their own settings.
fn others(recipe: &Recipe) -> Result<()> {
    recipe.data.augment.check()?;
    recipe.neuron.neuron()?;
    unread(recipe)?;
    if recipe.model.encoding == Encoding::Latency && recipe.model.t_steps == Some(1) {
        let allowed = "2 or more: with latency encoding every number is one spike in the one step";
        return refuse("model.t_steps", 1, allowed);
    }
    recipe.loss.check().map_err(of_loss)
}

/// Refuses constants of neurons that would change nothing, unless single layers may have the kind that reads them.
fn unread(recipe: &Recipe) -> Result<()> {
    let all = [&recipe.neuron.kind].into_iter();
    let kinds: Vec<&String> =
        all.chain(recipe.neurons.values().filter_map(|own| own.kind.as_ref())).collect();
    let is_unread = |key: &&str| {
        kinds.iter().all(|kind| {
            let of_kind = NeuronConfig { kind: (*kind).clone(), ..recipe.neuron.clone() };
            of_kind.unread().contains(key)
        })
    };
    let Some(key) = recipe.neuron.unread().into_iter().find(is_unread) else { return Ok(()) };
    let why = match (key, recipe.neuron.reset.as_str()) {
        ("v_reset", "soft") => "it with neuron.reset = \"hard\"".to_owned(),
        _ => format!("it with another neuron.kind: {} does not read it", recipe.neuron.kind),
    };
    refuse(&format!("neuron.{key}"), "set", &why)
}

/// A loss knows its own constants, not where a recipe has them.
fn of_loss(error: snn_losses::Error) -> Error {
    match error {
        snn_losses::Error::Config { field, got, allowed } => Error::Setting {
            field: format!("loss.{field}"),
            got: shown(got),
            allowed: allowed.into(),
        },
        other => Error::Loss(other),
    }
}

/// Compares every number of `value` with the range that its schema states.
fn walk(path: &str, schema: &Schema, value: &Value) -> Result<()> {
    let schema = keys::without_null(schema);
    match value {
        // The constants of one change of the samples: `Augment::check` names them.
        Value::Table(_) if path.starts_with("data.augment.") => Ok(()),
        Value::Table(table) => table.iter().try_for_each(|(key, value)| {
            let schema = keys::of_kind(schema, table);
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            walk(&path, &schema["properties"][key], value)
        }),
        // Phases are named by their place.
        Value::Array(values) if values.iter().any(Value::is_table) => {
            values.iter().enumerate().try_for_each(|(at, value)| {
                walk("", &schema["items"], value).map_err(|error| error.in_phase(at))
            })
        }
        Value::Array(values) => {
            values.iter().try_for_each(|value| number(path, &schema["items"], value))
        }
        Value::Integer(_) | Value::Float(_) => number(path, schema, value),
        Value::String(_) | Value::Boolean(_) | Value::Datetime(_) => Ok(()),
    }
}

fn number(path: &str, schema: &Schema, value: &Value) -> Result<()> {
    let got = match *value {
        Value::Integer(got) => got as f64,
        Value::Float(got) => got,
        Value::String(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_) => {
            return Ok(());
        }
    };
    let holds = |name: &str, holds: fn(f64, f64) -> bool| {
        schema[name].as_f64().is_none_or(|bound| holds(got, bound))
    };
    let fits = holds("minimum", |got, bound| got >= bound)
        && holds("maximum", |got, bound| got <= bound)
        && holds("exclusiveMinimum", |got, bound| got > bound)
        && holds("exclusiveMaximum", |got, bound| got < bound);
    if !got.is_finite() || !fits {
        return match keys::range(schema) {
            range if range.is_empty() => refuse(path, shown(got), "a finite number"),
            range => refuse(path, shown(got), &range),
        };
    }
    // What is nothing or infinite in f32 would end as a divergence.
    if got != 0.0 && !(got as f32).is_normal() {
        return refuse(path, shown(got), "0 or a number that f32 holds, 1.2e-38 to 3.4e38");
    }
    Ok(())
}

/// A number as people write it: with an exponent where it would have many zeros.
fn shown(value: f64) -> String {
    let size = value.abs();
    match value.is_finite() && size != 0.0 && !(1e-5..1e16).contains(&size) {
        true => format!("{value:e}"),
        false => value.to_string(),
    }
}

fn refuse(field: &str, got: impl std::fmt::Display, allowed: &str) -> Result<()> {
    Err(Error::Setting { field: field.into(), got: got.to_string(), allowed: allowed.into() })
}
