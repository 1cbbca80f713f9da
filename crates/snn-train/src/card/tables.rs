//! The card's figures, a table each.

use std::fmt::Write;

use snn_records::{DataFigures, Figures, Measured, Metrics};

/// A table with these columns.
fn table(text: &mut String, columns: &[&str]) {
    let rule: Vec<&str> = columns.iter().map(|_| "---").collect();
    let _ = write!(text, "\n| {} |\n| {} |\n", columns.join(" | "), rule.join(" | "));
}

pub(super) fn accuracy(text: &mut String, figures: &Figures, test: &Metrics) {
    let DataFigures { split, split_hash, .. } = &figures.data;
    let _ = write!(text, "\n## Accuracy\nSplit `{split}`, members `{split_hash}`.\n");
    table(text, &["figure", "value"]);
    let rows = [
        ("top-1, %", test.top1),
        ("top-5, %", test.top5),
        ("AURC x 10^3 by the largest softmax", test.aurc_softmax),
        ("AURC x 10^3 by the largest logit", test.aurc_logit),
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
            table(
                text,
                &["seed", "top-1, %", "AURC x 10^3 (softmax)", "AURC x 10^3 (logit)", "engine"],
            );
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

pub(super) fn early_exit(text: &mut String, measured: &Measured) {
    if measured.early_exit.is_empty() {
        text.push_str("\n## Early exit\nNone: this network looks at all steps of a sample.\n");
        return;
    }
    text.push_str(
        "\n## Early exit\nA sample stops at the first step after which the two largest softmax probabilities of the mean logits \
         differ by at least the margin:\n`snn predict . FILE --exit-margin M`.\n",
    );
    table(text, &["margin", "mean steps", "top-1, %"]);
    for exit in &measured.early_exit {
        let _ = writeln!(text, "| {} | {:.3} | {:.2} |", exit.margin, exit.mean_steps, exit.top1);
    }
}

pub(super) fn work(text: &mut String, measured: &Measured) {
    let (work, energy) = (&measured.sample_work, &measured.energy);
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

pub(super) fn latency(text: &mut String, figures: &Figures) {
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
