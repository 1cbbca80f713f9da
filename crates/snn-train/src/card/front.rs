//! The card's front matter, which the Hub reads: YAML, with every figure in `model-index`.

use std::fmt::Write;

use serde_json::Value;
use snn_models::ModelConfig;
use snn_records::Figures;

/// The front matter between its two rules.
pub(super) fn matter(figures: &Figures, config: &ModelConfig) -> String {
    let architecture = config.architecture.name();
    let data = &figures.data;
    let mut text = String::from("---\nlibrary_name: snn\n");
    // The Hub knows no task for signals and clouds.
    let is_seen = matches!(data.kind.as_str(), "images" | "events");
    if is_seen {
        text += "pipeline_tag: image-classification\n";
    }
    match &data.license {
        Some(license) => {
            let _ = writeln!(text, "license: {license}");
        }
        None => text += "# license: the owner's to add\n",
    }
    text += "tags:\n- snn\n- spiking-neural-network\n- neuromorphic\n";
    let _ = writeln!(text, "- {}\n- {}", quoted(architecture), quoted(&data.kind));
    let task = if is_seen { "image-classification" } else { "classification" };
    let name = quoted(&data.name);
    let _ = write!(
        text,
        "model-index:\n- name: {}\n  results:\n  - task:\n      type: {task}\n    dataset:\n      type: {name}\n      name: {name}\n      \
         split: {}\n    metrics:\n",
        quoted(&format!("{}-{architecture}", data.name)),
        quoted(&data.split)
    );
    // JSON of a type of ours cannot fail; were it to, the card would list no figure.
    let all = serde_json::to_value(figures).unwrap_or_default();
    for (kind, name, at) in list(figures) {
        if let Some(value) = all.pointer(&at).filter(|value| value.is_number()) {
            let (name, at) = (quoted(&name), quoted(&at));
            let _ = writeln!(
                text,
                "    - {{type: {kind}, name: {name}, value: {value}, args: {{\"metrics.json\": {at}}}}}"
            );
        }
    }
    text + "---\n"
}

/// A string as YAML takes it: JSON's are.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Every figure: its type, its name, and its place in metrics.json as a JSON pointer.
fn list(figures: &Figures) -> Vec<(&'static str, String, String)> {
    let mut list = Vec::new();
    let mut add = |kind, name: &str, at: String| list.push((kind, name.to_owned(), at));
    if let Some(test) = &figures.test {
        add("accuracy", "top-1, %", "/test/top1".into());
        add("accuracy", "top-5, %", "/test/top5".into());
        add("aurc", "AURC x 10^3 by softmax", "/test/aurc_softmax".into());
        add("aurc", "AURC x 10^3 by logit", "/test/aurc_logit".into());
        add("samples", "test samples", "/test/n".into());
        for t in 0..test.per_step_top1.len() {
            add(
                "accuracy",
                &format!("top-1 of step {} alone, %", t + 1),
                format!("/test/per_step_top1/{t}"),
            );
            add(
                "accuracy",
                &format!("top-1 up to step {}, %", t + 1),
                format!("/test/cumulative_top1/{t}"),
            );
        }
        for layer in test.firing_rates.keys() {
            add(
                "firing-rate",
                &format!("firing rate of {layer}"),
                format!("/test/firing_rates/{layer}"),
            );
        }
    }
    if let Some(seeds) = &figures.seeds {
        add("accuracy", "top-1 over the seeds, mean, %", "/seeds/top1_mean".into());
        add("accuracy", "top-1 over the seeds, standard deviation, %", "/seeds/top1_std".into());
        for (at, run) in seeds.runs.iter().enumerate() {
            add(
                "accuracy",
                &format!("top-1 of seed {}, %", run.seed),
                format!("/seeds/runs/{at}/top1"),
            );
        }
    }
    if let Some(measured) = &figures.measured {
        for (at, exit) in measured.early_exit.iter().enumerate() {
            let of = format!("early exit at margin {}", exit.margin);
            let place = format!("/measured/early_exit/{at}");
            add("steps", &format!("{of}: mean steps"), format!("{place}/mean_steps"));
            add("accuracy", &format!("{of}: top-1, %"), format!("{place}/top1"));
        }
        let work = "/measured/sample_work";
        add(
            "synaptic-operations",
            "synaptic operations a sample",
            format!("{work}/synaptic_operations"),
        );
        add("macs", "multiply-accumulates a sample", format!("{work}/macs"));
        add(
            "energy",
            "energy a sample, 45 nm arithmetic, estimate, pJ",
            format!("{work}/energy_pj"),
        );
        add(
            "energy",
            "the same without spikes, one step, estimate, pJ",
            format!("{work}/dense_energy_pj"),
        );
    }
    if figures.latency.is_some() {
        add("latency", "median of a forward pass of one sample, ms", "/latency/median_ms".into());
    }
    list
}
