//! README.md of an exported checkpoint: a function of its metrics.json and config.json. Every number in its tables and in
//! its front matter stands in metrics.json.

mod front;

use std::fmt::Write;

use snn_models::ModelConfig;
use snn_records::{DataFigures, Figures, Measured, Metrics, Training};

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
        Some(test) => accuracy(&mut text, figures, test),
        None => {
            text += "\n## Accuracy\nNot measured: the run has not evaluated this state, and its data was not there.\n"
        }
    }
    if let Some(measured) = &figures.measured {
        early_exit(&mut text, measured);
        work(&mut text, measured);
    }
    latency(&mut text, figures);
    about(&mut text, figures, config);
    limits(&mut text, figures);
    text
}

/// A table with these columns.
fn table(text: &mut String, columns: &[&str]) {
    let rule: Vec<&str> = columns.iter().map(|_| "---").collect();
    let _ = write!(text, "\n| {} |\n| {} |\n", columns.join(" | "), rule.join(" | "));
}

fn accuracy(text: &mut String, figures: &Figures, test: &Metrics) {
    let DataFigures { split, split_hash, .. } = &figures.data;
    let _ = write!(text, "\n## Accuracy\nSplit `{split}`, members `{split_hash}`.\n");
    table(text, &["figure", "value"]);
    let rows = [
        ("top-1, %", test.top1),
        ("top-5, %", test.top5),
        ("AURC by the largest softmax, thousandths", test.aurc_softmax),
        ("AURC by the largest logit, thousandths", test.aurc_logit),
    ];
    let _ = writeln!(text, "| test samples | {} |", test.n);
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value:.2} |");
    }
    match &figures.seeds {
        None => {
            text.push_str("\nOne seed: how far other seeds lie from this one was not measured.\n")
        }
        Some(seeds) => {
            text.push_str(
                "\nRuns of the same recipe with other seeds, each after its last epoch:\n",
            );
            table(text, &["seed", "top-1, %", "AURC (softmax)", "AURC (logit)", "engine"]);
            for run in &seeds.runs {
                let (top1, softmax, logit) = (run.top1, run.aurc_softmax, run.aurc_logit);
                let _ = writeln!(
                    text,
                    "| {} | {top1:.2} | {softmax:.2} | {logit:.2} | {} |",
                    run.seed, run.engine
                );
            }
            let _ = writeln!(text, "| mean | {:.2} | | | |", seeds.top1_mean);
            let _ = writeln!(text, "| standard deviation | {:.2} | | | |", seeds.top1_std);
        }
    }
    text.push_str(
        "\nTop-1 in % by time step, of the step alone and of the mean of all steps up to it:\n",
    );
    table(text, &["step", "alone", "up to it"]);
    for (t, (alone, together)) in test.per_step_top1.iter().zip(&test.cumulative_top1).enumerate() {
        let _ = writeln!(text, "| {} | {alone:.2} | {together:.2} |", t + 1);
    }
    if !test.firing_rates.is_empty() {
        text.push_str("\n## Activity\nSpikes per neuron and step over the test samples, by layer of neurons:\n");
        table(text, &["layer", "firing rate"]);
        for (name, rate) in &test.firing_rates {
            let _ = writeln!(text, "| {name} | {rate:.4} |");
        }
    }
}

fn early_exit(text: &mut String, measured: &Measured) {
    if measured.early_exit.is_empty() {
        text.push_str("\n## Early exit\nNone: this network looks at all steps of a sample.\n");
        return;
    }
    text.push_str(
        "\n## Early exit\nA sample stops at the first step after which the two largest softmax probabilities of the mean logits \
         differ by the margin:\n`snn predict . FILE --exit-margin M`.\n",
    );
    table(text, &["margin", "mean steps", "top-1, %"]);
    for exit in &measured.early_exit {
        let _ = writeln!(text, "| {} | {:.3} | {:.2} |", exit.margin, exit.mean_steps, exit.top1);
    }
}

fn work(text: &mut String, measured: &Measured) {
    let (work, energy) = (&measured.work, &measured.energy);
    text.push_str("\n## Work and energy\nOf a sample, all steps together, in the mean over the test samples:\n");
    table(text, &["figure", "value"]);
    let _ = writeln!(
        text,
        "| synaptic operations: additions that spikes ask for | {:.0} |",
        work.synaptic_operations
    );
    let _ =
        writeln!(text, "| multiply-accumulates of layers that values enter | {:.0} |", work.macs);
    let _ = writeln!(text, "| energy, estimate, pJ | {:.0} |", work.energy_pj);
    let _ = writeln!(
        text,
        "| the same layers without spikes, one step, estimate, pJ | {:.0} |",
        work.dense_energy_pj
    );
    let _ = write!(
        text,
        "\nBoth estimates are arithmetic alone at {} nm: {} pJ a multiply-accumulate, {} pJ an addition (Horowitz, ISSCC \
         2014). Memory, neurons and norms\ncost more than that on real hardware; no energy was measured.\n",
        energy.nanometers, energy.mac_pj, energy.ac_pj
    );
    table(
        text,
        &[
            "layer",
            "multiply-accumulates if all counted",
            "share of its input that is not 0",
            "synaptic operations",
        ],
    );
    for layer in &work.layers {
        let operations = match layer.takes_spikes {
            true => format!("{:.0}", layer.synaptic_operations),
            false => "values enter".into(),
        };
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.4} | {operations} |",
            layer.name, layer.macs, layer.input_rate
        );
    }
}

fn latency(text: &mut String, figures: &Figures) {
    let Some(latency) = &figures.latency else { return };
    let processor = latency.processor.as_deref().unwrap_or("of unknown name");
    text.push_str("\n## Latency\nA forward pass of one sample, all steps, without its preparation. A clock measured it: another time it is another number.\n");
    table(text, &["figure", "value"]);
    let _ = writeln!(text, "| median, ms | {:.2} |", latency.median_ms);
    let _ = writeln!(text, "| passes | {} |", latency.passes);
    let _ = writeln!(text, "| threads | {} |", latency.threads);
    let _ = writeln!(text, "| engine | {} |", latency.engine);
    let _ = writeln!(text, "| processor | {processor} |");
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
