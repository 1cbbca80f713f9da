//! README.md of an exported checkpoint: a function of its metrics.json and config.json. Every number in its tables and in
//! its front matter stands in metrics.json.

mod front;
mod tables;

use std::fmt::Write;

use snn_models::ModelConfig;
use snn_records::{DataFigures, Figures, Training};

/// The model card.
pub fn card(figures: &Figures, config: &ModelConfig) -> String {
    let network = config.architecture.name();
    let mut text = front::matter(figures, config);
    let _ = write!(
        text,
        "\n# {network} on {}\n\nA spiking neural network that answers after each of {} time steps, trained and measured by \
         `snn`. What stands here was\nmeasured; each number is one of metrics.json, rounded here and whole there.\n\n\
         ```sh\nsnn predict . FILE    # in this folder\nsnn eval .            # gives the figures below on their engine\n```\n",
        figures.data.name, config.t_steps
    );
    if !config.labels.is_empty() {
        let _ = write!(text, "\nClasses: {}.\n", config.labels.join(", "));
    }
    match &figures.test {
        Some(test) => tables::accuracy(&mut text, figures, test),
        None => {
            text += "\n## Accuracy\nNot measured: the run has not evaluated this state, and its data was not there.\n"
        }
    }
    if let Some(measured) = &figures.measured {
        tables::early_exit(&mut text, measured);
        tables::work(&mut text, measured);
    }
    tables::latency(&mut text, figures);
    about(&mut text, figures, config);
    limits(&mut text, figures);
    text
}

fn about(text: &mut String, figures: &Figures, config: &ModelConfig) {
    let Figures { network, data, training, .. } = figures;
    let _ = write!(
        text,
        "\n## Network\n{}, {} trained numbers, width {}, T = {}; computed in {}, stored in {}, {} bytes. config.json says the rest, \
         how a file\nbecomes its input included.\n",
        config.architecture.name(),
        network.parameters,
        config.width,
        config.t_steps,
        config.precision.name(),
        network.stored,
        network.bytes
    );
    let DataFigures { name, what, source, terms, data_hash, .. } = data;
    let _ = write!(
        text,
        "\n## Data\n`{name}`: {what}. Source: {source}.\nTerms: {terms}.\nHash of the samples: `{data_hash}`.\n"
    );
    let Training { seed, loss, epochs, steps, engine, instructions, version, .. } = training;
    let _ = write!(
        text,
        "\n## Training\nLoss {loss}, seed {seed}, {epochs} epochs, {steps} steps{}; snn {version}, {}, engine {engine} on {instructions}. Hash \
         of the recipe:\n`{}`. `snn train recipe.toml` with this as recipe.toml trains it again:\n\n```toml\n{}\n```\n",
        if training.is_best { ", the best epoch of the run" } else { "" },
        commit(training.commit.as_deref()),
        training.recipe_hash,
        training.recipe.trim()
    );
}

fn commit(commit: Option<&str>) -> String {
    commit.map_or_else(|| "commit not known".into(), |commit| format!("commit {commit}"))
}

fn limits(text: &mut String, figures: &Figures) {
    text.push_str("\n## Limits\n");
    let mut line = |what: &str| {
        let _ = writeln!(text, "- {what}");
    };
    match &figures.measured {
        Some(measured) => line(&format!(
            "Measured by snn {}, {}, with engine {} on {}. Other engines and instruction sets round differently; none was tested.",
            measured.version,
            commit(measured.commit.as_deref()),
            measured.engine,
            measured.instructions
        )),
        None => line(
            "The test data was not there at export: the figures are those of the run. Early exit, work, energy and latency \
             were not measured, nor were the files as they are stored.",
        ),
    }
    if figures.training.is_best {
        line(
            "The epoch was chosen by its accuracy on these test samples, so that accuracy is an optimistic one.",
        );
    }
    if !figures.training.extended_from.is_empty() {
        line(
            "The run was extended after it had ended: its learning rate is not that of a run which was never shorter.",
        );
    }
    if figures.network.stored == "bf16" && figures.measured.is_some() {
        line(
            "Kernels and matrices are rounded to bf16; all figures but those of other seeds are of the rounded network.",
        );
    }
    line(
        "Tested on the test side of this split alone: on no other data, noise or shift, and for no use but this comparison of classes.",
    );
    line(
        "The terms of the data are a summary, not advice; whether they bind a network that was trained on it is the owner's to judge.",
    );
}
