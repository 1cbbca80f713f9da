//! Starting other programs: each is printed before it runs, and a failure names it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Prints a line of result on standard output; a reader that went away is not an error.
///
/// # Errors
/// When it cannot be written, such as to a full disk.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output; free some space or write elsewhere")
        }
        _ => Ok(()),
    }
}

/// Prints a line of progress on standard error, where the test runner can keep it.
#[expect(clippy::print_stderr, reason = "this is where progress goes")]
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// The top folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A program that runs in the top folder.
pub fn command(program: impl AsRef<Path>, args: &[&str]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(args).current_dir(root());
    command
}

/// A command as it would be typed; words that a shell would split are quoted.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quote = |word: std::borrow::Cow<str>| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    words.map(|word| quote(word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

/// Prints a command, runs it and wants success.
///
/// # Errors
/// When it cannot be started or ends with a failure.
pub fn run(mut command: Command) -> anyhow::Result<()> {
    say(&format!("$ {}", shown(&command)));
    let status = command.status().with_context(|| format!("starting {}", shown(&command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(&command));
    }
    Ok(())
}

/// Runs a command silently and returns its standard output.
///
/// # Errors
/// When it cannot be started, ends with a failure, or prints something that is not UTF-8.
pub fn output(mut command: Command) -> anyhow::Result<String> {
    command.stderr(Stdio::inherit());
    let out = command.output().with_context(|| format!("starting {}", shown(&command)))?;
    text(&command, out)
}

/// Runs a command as [`output`] does, but stops it after `limit` and returns `None`. Its output has to fit a pipe.
///
/// # Errors
/// As [`output`].
pub fn output_within(mut command: Command, limit: Duration) -> anyhow::Result<Option<String>> {
    command.stderr(Stdio::inherit()).stdout(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("starting {}", shown(&command)))?;
    while child.try_wait()?.is_none() {
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    text(&command, child.wait_with_output()?).map(Some)
}

/// What a command that succeeded printed.
fn text(command: &Command, out: Output) -> anyhow::Result<String> {
    if !out.status.success() {
        bail!("`{}` ended with {}", shown(command), out.status);
    }
    String::from_utf8(out.stdout).with_context(|| format!("reading {}", shown(command)))
}

/// `cargo` with arguments.
pub fn cargo(args: &[&str]) -> Command {
    command("cargo", args)
}

/// The commit of the source tree, with `-dirty` where it was changed. An unpacked archive has none.
pub fn commit() -> Option<String> {
    let done = command("git", &["describe", "--always", "--dirty"]).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    (done.status.success() && !text.trim().is_empty()).then(|| text.trim().to_string())
}

/// The command that builds `snn`. It writes the commit into every run, so a new commit builds that one crate again.
pub fn snn_build(args: &[&str]) -> Command {
    let mut cargo = cargo(&[&["build", "--locked", "-p", "snn-cli"], args].concat());
    if let Some(commit) = commit() {
        cargo.env("SNN_COMMIT", commit);
    }
    cargo
}

/// Builds `snn` and returns where it is.
///
/// # Errors
/// When it does not compile.
pub fn build_snn() -> anyhow::Result<PathBuf> {
    build_snn_with(&[])
}

/// Builds `snn` with further arguments of `cargo build`, such as features, and returns where it is.
///
/// # Errors
/// When it does not compile.
pub fn build_snn_with(args: &[&str]) -> anyhow::Result<PathBuf> {
    run(snn_build(&[&["--release"], args].concat()))?;
    Ok(target_folder()?.join("release").join(format!("snn{}", std::env::consts::EXE_SUFFIX)))
}

/// The folder in which cargo builds.
///
/// # Errors
/// When cargo cannot say.
pub fn target_folder() -> anyhow::Result<PathBuf> {
    let about = metadata(&["--no-deps"])?;
    let target = about["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(target.into())
}

/// What cargo knows of the workspace.
///
/// # Errors
/// When cargo cannot say.
pub fn metadata(args: &[&str]) -> anyhow::Result<serde_json::Value> {
    let fixed = ["metadata", "--locked", "--format-version", "1"];
    Ok(serde_json::from_str(&output(cargo(&[&fixed[..], args].concat()))?)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shown_commands_can_be_pasted() {
        let command = super::command("snn", &["train", "a b.toml", "--set", "x='1'", ""]);
        assert_eq!(super::shown(&command), r"snn train 'a b.toml' --set 'x='\''1'\''' ''");
    }

    #[test]
    #[cfg(unix)]
    fn a_command_past_its_limit_is_stopped() {
        let within = |script: &str, seconds| {
            let command = super::command("sh", &["-c", script]);
            super::output_within(command, std::time::Duration::from_secs(seconds))
        };
        assert_eq!(within("exec sleep 600", 0).unwrap(), None);
        assert_eq!(within("echo done", 600).unwrap().as_deref(), Some("done\n"));
        assert!(within("exit 3", 600).is_err());
    }
}
