//! `snn models`: the architectures and what each costs.

use snn_models::{Architecture, Model, ModelConfig};

use crate::output;

/// Lists the architectures: parameters, MACs per step, LIF layers
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Factor of every layer's channels
    #[arg(long, default_value_t = 1.0)]
    width: f64,
    /// Classes (default: those of the paper's first table with the network)
    #[arg(long)]
    num_classes: Option<usize>,
    /// Time steps of each stage, such as 8,6,4,2: lists the networks of so many stages, with the average steps (T_avg) and
    /// the work as a share of that of the same network with T_avg steps throughout
    #[arg(long, value_delimiter = ',', value_name = "T,T,..")]
    stage_t: Vec<usize>,
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for architecture in Architecture::ALL {
        let mut config = ModelConfig::of_source(architecture);
        config.width = args.width;
        config.num_classes = args.num_classes.unwrap_or(config.num_classes);
        if let Some((&first, rest)) = args.stage_t.split_first() {
            let stages = config.names()?.boundaries;
            if stages.len() != args.stage_t.len() {
                continue;
            }
            config.t_steps = first;
            config.steps = stages.into_iter().zip(rest.iter().copied()).collect();
        }
        rows.push((Model::size(&config)?, config));
    }
    anyhow::ensure!(!rows.is_empty(), "--stage-t: no network has {} stages", args.stage_t.len());
    if args.json {
        let models: Vec<_> = rows
            .iter()
            .map(|(size, c)| {
                serde_json::json!({
                    "architecture": c.architecture.name(), "width": c.width,
                    "num_classes": c.num_classes, "in_channels": c.in_channels,
                    "input": [c.input.height, c.input.width], "t_steps": c.t_steps,
                    "parameters": size.parameters, "macs_per_step": size.macs_per_step,
                    "lif_layers": size.lif_layers, "neurons": size.neurons,
                    "t_avg": size.t_avg(), "macs": size.macs, "cost_ratio": size.cost_ratio(),
                })
            })
            .collect();
        output::print(&serde_json::json!({ "models": models }).to_string());
        return Ok(());
    }
    output::print(
        "architecture     input      classes   parameters   MACs/step  LIF layers     neurons   T_avg        MACs   cost",
    );
    for (size, c) in rows {
        let input = format!("{}x{}x{}", c.in_channels, c.input.height, c.input.width);
        output::print(&format!(
            "{:<14}  {input:<10} {:>7}  {:>11}  {:>8.3} G  {:>10}  {:>10}  {:>6.2}  {:>8.3} G  {:>5.3}",
            c.architecture.name(),
            c.num_classes,
            size.parameters,
            size.macs_per_step as f64 / 1e9,
            size.lif_layers,
            size.neurons,
            size.t_avg(),
            size.macs as f64 / 1e9,
            size.cost_ratio()
        ));
    }
    Ok(())
}
