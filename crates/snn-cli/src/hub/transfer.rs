//! What is done where the feature is there.

use anyhow::Context;
use snn_hub::{Address, Checkpoint, Settings};

use super::{PublishArgs, PullArgs};
use crate::{checkpoint, output};

#[expect(clippy::disallowed_methods, reason = "the binary is where the environment is read")]
fn settings() -> anyhow::Result<Settings> {
    Ok(Settings::from_env(|name| std::env::var(name).ok())?)
}

pub(crate) fn publish(args: &PublishArgs) -> anyhow::Result<()> {
    let repository: Address = args.repo.parse().context("--repo")?;
    anyhow::ensure!(
        !args.repo.contains('@'),
        "--repo {}: name the branch with --revision",
        args.repo
    );
    let to = repository.at(&args.revision).context("--revision")?;
    // What nobody could load is not published.
    checkpoint::load(&args.checkpoint)?;
    let checkpoint = Checkpoint::read(&args.checkpoint)?;
    for file in &checkpoint.files {
        output::print(&format!("{:>12}  {}", file.bytes, file.name));
    }
    output::print(&format!("{:>12}  bytes for {to}", checkpoint.bytes()));
    if !checkpoint.left_out.is_empty() {
        output::print(&format!("stays here: {}", checkpoint.left_out.join(", ")));
    }
    if !args.yes {
        output::print("nothing was sent; --yes sends it");
        return Ok(());
    }
    let done = snn_hub::publish(&checkpoint, &to, &settings()?)?;
    output::print(&match done.was_there {
        true => format!("{to}: commit {} holds these files already", done.commit),
        false => format!("{to}: commit {}", done.commit),
    });
    Ok(())
}

pub(crate) fn pull(args: &PullArgs) -> anyhow::Result<()> {
    let from: Address = args.repo.parse()?;
    let pulled = snn_hub::pull(&from, args.out.as_deref(), &settings()?)?;
    if !pulled.has_sums {
        tracing::warn!("{from}: has no SHA256SUMS, so nothing but the Hub vouches for its files");
    }
    let bytes: u64 = pulled.files.iter().map(|(_, bytes)| bytes).sum();
    let (files, commit) = (pulled.files.len(), &pulled.commit);
    output::print(&format!(
        "{}: {files} files, {bytes} bytes, commit {commit}",
        pulled.dir.display()
    ));
    Ok(())
}
