//! `snn doctor`: what this machine offers and what is used.

use snn_ops::Engine;

use crate::output;

/// Says which kernels are used here and why not others
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let engines: Vec<(&str, Option<String>)> = [Engine::Amx, Engine::Avx512, Engine::Portable]
        .into_iter()
        .map(|e| (e.name(), e.available().err().map(|why| why.to_string())))
        .collect();
    let used = snn_ops::engine().name();
    let (version, threads) = (env!("CARGO_PKG_VERSION"), snn_ops::threads());
    let os = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    if args.json {
        let engines: Vec<_> = engines
            .iter()
            .map(|(name, why)| serde_json::json!({"name": name, "available": why.is_none(), "why_not": why}))
            .collect();
        output::print(
            &serde_json::json!({"version": version, "platform": os, "threads": threads, "engine": used, "engines": engines})
                .to_string(),
        );
        return Ok(());
    }
    output::print(&format!("snn {version} on {os}, {threads} threads"));
    for (name, why) in engines {
        let state = match why {
            None if name == used => "in use".into(),
            None => "available (--engine or SNN_ENGINE chooses it)".into(),
            Some(why) => why,
        };
        output::print(&format!("engine {name:<9} {state}"));
    }
    output::print("cuda               not built yet");
    Ok(())
}
