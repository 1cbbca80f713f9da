//! The `snn` command: trains, evaluates and measures spiking networks.

mod bench;
mod cache;
mod checkpoint;
mod classes;
mod compare;
mod conformance;
mod convert_ann;
mod data;
mod device;
mod doctor;
mod eval;
mod exit;
mod exit_margin;
mod export;
mod forward;
mod hub;
mod import;
mod models;
mod output;
mod predict;
mod preprocess;
mod profile;
mod recipe;
mod report;
mod samples;
mod speak;
mod storage;
mod train;
mod unsafe_malloc;

use std::borrow::Cow;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Trains, evaluates and measures spiking neural networks.
///
/// Exit codes: 0 done, 1 usage or recipe, 2 data or checkpoint unusable, 3 diverged,
/// 4 run directory in use, 5 storage failed, 129, 130 or 143 interrupted with a checkpoint written.
#[derive(Parser)]
#[command(name = "snn", version, max_term_width = 100)]
struct Cli {
    /// Threads of the compute (default: all cores); results do not depend on it
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// Kernels: amx, avx512 or portable (default: SNN_ENGINE, else the fastest this processor has)
    #[arg(long, global = true, value_name = "NAME")]
    engine: Option<String>,
    /// More on standard error; twice for every step (RUST_LOG overrides)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Only warnings and errors on standard error
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(train::Args),
    Recipe(recipe::Args),
    Eval(eval::Args),
    Compare(compare::Args),
    Report(report::Args),
    Export(export::Args),
    Publish(hub::PublishArgs),
    Pull(hub::PullArgs),
    Predict(predict::Args),
    Forward(forward::Args),
    Import(import::Args),
    Conformance(conformance::Args),
    ConvertAnn(convert_ann::Args),
    Models(models::Args),
    Data(data::Args),
    Bench(bench::Args),
    Doctor(doctor::Args),
}

fn main() -> ExitCode {
    unsafe_malloc::keep_pages();
    storage::outlive_limits();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are not errors; clap's own 2 for usage is our 1.
            let code = if error.use_stderr() { exit::USAGE } else { 0 };
            let text = error.render().to_string();
            match output::plain(&text) {
                // Colored, where the terminal is.
                Cow::Borrowed(_) => drop(error.print()),
                Cow::Owned(plain) => output::complain(&plain),
            }
            return ExitCode::from(code);
        }
    };
    let is_profiled = matches!(&cli.command, Command::Bench(args) if args.profile);
    tracing_subscriber::registry()
        .with(log_to_stderr(cli.verbose, cli.quiet))
        .with(is_profiled.then(profile::layer))
        .init();
    let quiet = cli.quiet;
    let flags = match &cli.command {
        Command::Data(_) => exit::Flags::Files,
        Command::Predict(_) => exit::Flags::Set,
        _ => exit::Flags::DataSet,
    };
    match start(cli).and_then(|command| snn_ops::on_pool(|| run(command, quiet))?) {
        Ok(code) => match output::unprinted() {
            Some(error) => {
                output::complain(&format!(
                    "standard output: {error}; free some space or write elsewhere"
                ));
                ExitCode::from(exit::STORAGE)
            }
            None => ExitCode::from(code),
        },
        Err(error) => {
            exit::complain(&error, flags);
            ExitCode::from(exit::code(&error))
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<Command> {
    #[expect(clippy::disallowed_methods, reason = "the binary is where the environment is read")]
    let engine = cli.engine.or_else(|| std::env::var("SNN_ENGINE").ok());
    if let Some(engine) = engine {
        snn_ops::set_engine(&engine)?;
    }
    if let Some(threads) = cli.threads {
        snn_ops::set_threads(threads)?;
    }
    Ok(cli.command)
}

fn run(command: Command, quiet: bool) -> anyhow::Result<u8> {
    match command {
        Command::Train(args) => train::run(args, quiet),
        Command::Recipe(args) => {
            recipe::run(&args);
            Ok(0)
        }
        Command::Eval(args) => eval::run(&args).map(|()| 0),
        Command::Compare(args) => compare::run(&args).map(|()| 0),
        Command::Report(args) => report::run(&args).map(|()| 0),
        Command::Export(args) => export::run(&args).map(|()| 0),
        Command::Publish(args) => hub::publish(&args).map(|()| 0),
        Command::Pull(args) => hub::pull(&args).map(|()| 0),
        Command::Predict(args) => predict::run(&args),
        Command::Forward(args) => forward::run(&args).map(|()| 0),
        Command::Import(args) => import::run(&args).map(|()| 0),
        Command::Conformance(args) => Ok(if conformance::run(&args)? { 0 } else { exit::UNUSABLE }),
        Command::ConvertAnn(args) => convert_ann::run(&args).map(|()| 0),
        Command::Models(args) => models::run(&args).map(|()| 0),
        Command::Data(args) => data::run(args).map(|()| 0),
        Command::Bench(args) => bench::run(&args).map(|()| 0),
        Command::Doctor(args) => doctor::run(&args).map(|()| 0),
    }
}

fn log_to_stderr<S>(verbose: u8, quiet: bool) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    // Epochs are printed by `snn train` itself.
    let default = match (quiet, verbose) {
        (true, _) => "warn",
        (_, 0) => "info,snn_train=warn",
        (_, 1) => "debug,snn_train::epoch=off,snn_train::step=off",
        _ => "trace,snn_train::epoch=off",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // The HTTP client's traces hold requests byte for byte, and with them the Hub's token.
    let filter = filter.and(filter_fn(|event| !event.target().starts_with("ureq")));
    tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .with_filter(filter)
}
