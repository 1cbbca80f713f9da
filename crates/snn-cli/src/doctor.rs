//! `snn doctor`: what this build and this machine have, and what of it is used.

mod gpu;
mod machine;

use serde_json::{Value, json};
use snn_ops::Engine;

use crate::{cache, output};
use gpu::Gpus;

/// Says what this build and this machine have: kernels, processor, memory, cache, GPU
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One JSON object on one line
    #[arg(long)]
    json: bool,
}

/// What `snn` is built with, as Cargo.toml says: formats of data, GPU kernels, and the Hub.
fn features() -> Vec<&'static str> {
    let cuda = cfg!(feature = "cuda").then_some("cuda");
    let hub = cfg!(feature = "hub").then_some("hub");
    ["aedat4", "hdf5", "parquet"].into_iter().chain(cuda).chain(hub).collect()
}

/// The processor's name, where the operating system says it.
pub(crate) fn processor() -> Option<String> {
    machine::processor().0
}

/// Who decided on the kernels.
fn chosen() -> &'static str {
    let variable = std::env::var_os("SNN_ENGINE").is_some();
    let is_flag = |word: std::ffi::OsString| word.to_string_lossy().starts_with("--engine");
    if std::env::args_os().any(is_flag) {
        "chosen by --engine"
    } else if variable {
        "chosen by SNN_ENGINE"
    } else {
        "the fastest that this processor has"
    }
}

fn allocator() -> &'static str {
    match cfg!(all(target_os = "linux", target_env = "gnu")) {
        true => "glibc, one heap that keeps its pages",
        false => "the system's, with its own settings",
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let engines = [Engine::Amx, Engine::Avx512, Engine::Portable];
    let engines = engines.map(|engine| {
        let why = engine.available().err().map(|why| why.to_string());
        let prefix = format!("engine {}: ", engine.name());
        (engine.name(), why.map(|why| why.trim_start_matches(&prefix).to_owned()))
    });
    let used = snn_ops::engine().name();
    let threads = snn_ops::threads();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let (processor, instructions) = machine::processor();
    let ((memory, available), group) = (machine::memory(), machine::group_limit());
    let folder = cache::folder()?;
    let gpus = Gpus::look();
    let os = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let (version, commit) = (env!("CARGO_PKG_VERSION"), option_env!("SNN_COMMIT"));
    if args.json {
        let engines: Vec<Value> = engines
            .iter()
            .map(|(name, why)| json!({"name": name, "available": why.is_none(), "why_not": why}))
            .collect();
        let cache = folder
            .map(|(dir, most, state)| json!({"folder": dir, "most_bytes": most, "state": state}));
        let object = json!({
            "version": version, "commit": commit, "platform": os, "features": features(),
            "engine": used, "engine_chosen": chosen(), "engines": engines,
            "processor": processor, "instructions": instructions,
            "threads": threads, "processors": processors,
            "memory": memory, "memory_available": available, "memory_group_limit": group,
            "cache": cache, "allocator": allocator(), "cuda": gpus.json(),
        });
        output::print(&object.to_string());
        return Ok(());
    }
    let line = |name: &str, text: &str| output::print(&format!("{name:<12} {text}"));
    let commit = commit.map_or(String::new(), |commit| format!(", commit {commit}"));
    output::print(&format!("snn {version} on {os}{commit}"));
    line("features", &features().join(", "));
    for (name, why) in engines {
        let state = match why {
            None if name == used => format!("in use: {}", chosen()),
            None => "available (--engine or SNN_ENGINE chooses it)".into(),
            Some(why) => why,
        };
        line("engine", &format!("{name:<9} {state}"));
    }
    let has = if instructions.is_empty() { "none known".into() } else { instructions.join(" ") };
    line("processor", &format!("{}: {has}", processor.as_deref().unwrap_or("unknown")));
    line("threads", &format!("{threads} of {processors} processors"));
    let bytes = |of: Option<u64>| of.map_or_else(|| "unknown".into(), gib);
    let limit = group.map_or("no limit of a control group".into(), |b| {
        format!("a control group allows {}", gib(b))
    });
    line("memory", &format!("{}, {} available, {limit}", bytes(memory), bytes(available)));
    match folder {
        None => line("cache", "no folder: set SNN_CACHE to one"),
        Some((dir, most, state)) => {
            line("cache", &format!("{}, at most {}: {state}", dir.display(), gib(most)))
        }
    }
    line("allocator", allocator());
    match &gpus {
        Gpus::None(why) => line("cuda", why),
        Gpus::Found(found) => {
            for (n, gpu) in found.iter().enumerate() {
                let (free, all) = gpu.memory;
                let text = format!(
                    "cuda:{n} {}, {} of {} free",
                    gpu.name,
                    gib(free as u64),
                    gib(all as u64)
                );
                line("cuda", &text);
            }
        }
    }
    if let Some(driver) = gpu::driver() {
        line("driver", &driver);
    }
    Ok(())
}
