//! `snn data get`: files from their publishers, fetched by `curl` and kept when their hash is the known one.
//!
//! A part that arrived is kept for the next attempt. For sets that a person has to ask for, and where the network
//! fails, the command prints what to fetch by hand.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};
use snn_data::DatasetName;

use crate::output;

/// Files of one publisher.
struct Source {
    set: &'static str,
    /// What the files' names are put behind.
    url: &'static str,
    /// Name, bytes and SHA-256; an archive is unpacked where it lies.
    files: &'static [(&'static str, u64, &'static str)],
}

const SOURCES: &[Source] = &[
    Source {
        set: "mnist",
        url: "https://ossci-datasets.s3.amazonaws.com/mnist/",
        files: &[
            (
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ],
    },
    Source {
        set: "fashion_mnist",
        url: "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        files: &[
            (
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ],
    },
    Source {
        set: "cifar10",
        url: "https://www.cs.toronto.edu/~kriz/",
        files: &[(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        )],
    },
    Source {
        set: "cifar100",
        url: "https://www.cs.toronto.edu/~kriz/",
        files: &[(
            "cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        )],
    },
];

pub(crate) fn run(name: &str, dir: &Path) -> anyhow::Result<()> {
    let id: DatasetName = name.parse()?;
    let listing = id.listing().context("the data set has no entry")?;
    let by_hand = format!("fetch it by hand into {}: {}", dir.display(), listing.source);
    let set = match id {
        DatasetName::Synthetic | DatasetName::SyntheticEvents => {
            output::print(&format!("{name}: nothing to fetch, it is {}", listing.source));
            return Ok(());
        }
        // The events are simulated from the pictures.
        DatasetName::FashionMnistDvs => DatasetName::FashionMnist.as_str(),
        _ => name,
    };
    let Some(source) = SOURCES.iter().find(|source| source.set == set) else {
        let why = format!(
            "its publisher asks for consent, or no hash of its files is known here; {by_hand}"
        );
        return Err(crate::exit::unusable(Path::new(name), why));
    };
    let was_there = dir.exists();
    fs::create_dir_all(dir).map_err(storage(dir))?;
    let fetched = fetch_all(source, name, dir, &by_hand);
    if fetched.is_err() && !was_there {
        // Only an empty one goes: a part that arrived is kept for the next attempt.
        let _ = fs::remove_dir(dir);
    }
    fetched?;
    output::print(&format!("{}: fetched; `snn data check {name} --data {0}`", dir.display()));
    Ok(())
}

/// All files of a set into its folder, which is locked meanwhile.
fn fetch_all(source: &Source, name: &str, dir: &Path, by_hand: &str) -> anyhow::Result<()> {
    let mut lock = None;
    for &(file, bytes, sha256) in source.files {
        let (url, path) = (format!("{}{file}", source.url), dir.join(file));
        if hash(&path)?.as_deref() == Some(sha256) {
            tracing::info!("{}: there already", path.display());
        } else {
            if lock.is_none() {
                lock = Some(locked(dir)?);
            }
            fetch(&url, "=https", &path, bytes, sha256).map_err(|error| {
                if crate::exit::code(&error) == crate::exit::STORAGE {
                    return error;
                }
                crate::exit::unusable(Path::new(name), format!("{error:#}; {by_hand}"))
            })?;
        }
        if file.ends_with(".tar.gz") {
            unpack(&path, dir)?;
        }
    }
    Ok(())
}

/// Fetches a file of known length and content, going on with a part that is there.
fn fetch(url: &str, protocols: &str, path: &Path, bytes: u64, sha256: &str) -> anyhow::Result<()> {
    let part = path
        .with_file_name(format!("{}.part", path.file_name().unwrap_or_default().to_string_lossy()));
    tracing::info!("{url}: {bytes} bytes");
    let have = match snn_data::open_regular(&part) {
        Ok((_, have)) => have,
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(crate::exit::unusable(&part, error)),
    };
    if have > bytes {
        // No server can go on with it.
        fs::remove_file(&part).map_err(storage(&part))?;
    }
    if have != bytes {
        let most = bytes.to_string();
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--progress-bar", "--proto", protocols]);
        curl.args(["--retry", "3", "--continue-at", "-", "--max-filesize", &most, "--output"]);
        let status = curl.arg(&part).arg(url).status().map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow::anyhow!("the program curl is not installed"),
            _ => error.into(),
        })?;
        // curl's code for a file that it cannot write.
        if status.code() == Some(23) {
            return Err(storage(&part)(std::io::Error::other("curl could not write to it")));
        }
        ensure!(status.success(), "{url} could not be fetched: curl ended with {status}");
    }
    let got = hash(&part)?.unwrap_or_default();
    if got != sha256 {
        fs::remove_file(&part).map_err(storage(&part))?;
        bail!("{url}: sha256 is {got}, not {sha256}; what came was deleted");
    }
    fs::rename(&part, path).map_err(storage(path))
}

/// Locks the folder while files are fetched: two processes that append to one part would spoil it. The lock is the
/// folder's own, so that nothing is left of it however the process ends.
fn locked(path: &Path) -> anyhow::Result<File> {
    let lock = File::open(path).map_err(storage(path))?;
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {
        let why = "another process fetches into this folder; wait for it";
        return Err(crate::exit::unusable(path, why));
    }
    Ok(lock)
}

/// What should be kept could not be written.
fn storage(path: &Path) -> impl FnOnce(std::io::Error) -> anyhow::Error {
    |cause| snn_train::Error::Io { path: path.into(), cause }.into()
}

/// The hash of a file, where there is one.
fn hash(path: &Path) -> anyhow::Result<Option<String>> {
    let mut file = match snn_data::open_regular(path) {
        Ok((file, _)) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(crate::exit::unusable(path, error)),
    };
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Unpacks an archive whose content is known by its hash.
fn unpack(archive: &Path, dir: &Path) -> anyhow::Result<()> {
    let done = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(dir).status();
    let done = done.is_ok_and(|status| status.success());
    ensure!(done, "{}: tar could not unpack it; do so by hand", archive.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn sources_name_known_sets_and_hashes() {
        for source in SOURCES {
            assert!(source.set.parse::<DatasetName>().is_ok(), "{}", source.set);
            assert!(source.url.starts_with("https://") && source.url.ends_with('/'));
            for (_, bytes, sha256) in source.files {
                assert!(*bytes > 0 && sha256.len() == 64, "{sha256}");
            }
        }
    }

    #[test]
    fn failed_attempt_leaves_nothing_and_two_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        // No such host, and no curl either where there is none.
        let source =
            Source { set: "mnist", url: "https://nothing.invalid/", files: &[("file", 3, SHA256)] };
        assert!(fetch_all(&source, "mnist", dir.path(), "by hand").is_err());
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let _first = locked(dir.path()).unwrap();
        let second = locked(dir.path()).unwrap_err().to_string();
        assert!(second.contains("another process"), "{second}");
    }

    #[test]
    fn parts_are_continued_and_wrong_content_is_not_kept() {
        if Command::new("curl").arg("--version").output().is_err() {
            snn_needs::skipped(snn_needs::Need::Curl);
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let part = dir.path().join("to.part");
        let write = |path: &Path, bytes: &[u8]| snn_train::write_atomic(path, bytes).unwrap();
        let url = format!("file://{}", from.display());
        let fetch = |sha256| fetch(&url, "=file", &to, 3, sha256);
        write(&from, b"abc");
        fetch(SHA256).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"abc");
        // Bytes that are there are not fetched again.
        write(&from, b"..c");
        write(&part, b"ab");
        fetch(SHA256).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"abc");
        write(&part, b"abd");
        let error = fetch(SHA256).unwrap_err().to_string();
        assert!(error.contains("sha256") && !part.exists(), "{error}");
        fs::remove_file(&from).unwrap();
        assert!(fetch(SHA256).unwrap_err().to_string().contains("could not be fetched"));
        // A pipe in a file's place is not waited for.
        let made = Command::new("mkfifo").arg(&part).status().unwrap();
        assert!(made.success());
        assert!(fetch(SHA256).unwrap_err().to_string().contains("no regular file"));
        assert!(hash(&part).unwrap_err().to_string().contains("to.part"));
        // Nothing but https comes in.
        assert!(super::fetch(&url, "=https", &to, 3, SHA256).is_err());
    }
}
