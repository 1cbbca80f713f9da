//! `snn publish` and `snn pull`: checkpoint directories to and from the Hugging Face Hub, in builds with the feature
//! `hub`.

#[cfg(feature = "hub")]
mod transfer;

use std::path::PathBuf;

#[cfg(feature = "hub")]
pub(crate) use transfer::{publish, pull};

/// Publishes a checkpoint directory on the Hugging Face Hub, in one commit; says what it would send unless --yes is given
///
/// README.md, config.json, model.safetensors, metrics.json and SHA256SUMS are sent, and nothing else that lies there.
/// HF_TOKEN or HF_TOKEN_PATH say who publishes. Needs a build with the feature hub.
#[derive(clap::Args)]
pub(crate) struct PublishArgs {
    /// Checkpoint directory
    checkpoint: PathBuf,
    /// Where to; a repository that is not there is made
    #[arg(long, value_name = "USER/NAME")]
    repo: String,
    /// Branch
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    revision: String,
    /// Send it
    #[arg(long)]
    yes: bool,
}

/// Fetches a checkpoint directory from the Hugging Face Hub, every file verified
///
/// Obeys HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE, and shares the cache of Python's
/// client. Needs a build with the feature hub.
#[derive(clap::Args)]
pub(crate) struct PullArgs {
    /// Repository, with a branch, a tag or a commit where it is not main
    #[arg(value_name = "USER/NAME[@REVISION]")]
    repo: String,
    /// Folder to write, new or empty [default: where it lies in the cache]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[cfg(not(feature = "hub"))]
fn absent(what: &str) -> anyhow::Error {
    let build = "cargo build --release -p snn-cli --features hub";
    anyhow::anyhow!("snn {what} needs a build with the feature hub: `{build}`")
}

#[cfg(not(feature = "hub"))]
pub(crate) fn publish(args: &PublishArgs) -> anyhow::Result<()> {
    let PublishArgs { checkpoint: _, repo: _, revision: _, yes: _ } = args;
    Err(absent("publish"))
}

#[cfg(not(feature = "hub"))]
pub(crate) fn pull(args: &PullArgs) -> anyhow::Result<()> {
    let PullArgs { repo: _, out: _ } = args;
    Err(absent("pull"))
}

#[cfg(all(test, not(feature = "hub")))]
mod tests {
    #[test]
    fn builds_without_the_feature_name_it() {
        let error = super::absent("pull").to_string();
        assert_eq!(
            error,
            "snn pull needs a build with the feature hub: `cargo build --release -p snn-cli --features hub`"
        );
    }
}
