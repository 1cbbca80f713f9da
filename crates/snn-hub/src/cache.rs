//! The cache that Python's client shares: `models--USER--NAME/{blobs/ETAG, refs/REVISION, snapshots/COMMIT/NAME}`.
//!
//! A snapshot's files are links to blobs, which are called by their hash; a ref is a file that holds a commit.

use std::fs;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::address::is_commit;
use crate::hash::Oid;
use crate::{Address, Error, Result, Settings};

/// One repository's part of the cache.
pub(crate) struct Cache {
    root: PathBuf,
    repository: PathBuf,
}

/// A file to be kept.
pub(crate) struct Blob {
    /// Its name in the repository.
    pub(crate) name: &'static str,
    /// What the Hub calls its content.
    pub(crate) etag: String,
    /// Where it lies now.
    pub(crate) path: PathBuf,
}

impl Cache {
    pub(crate) fn of(settings: &Settings, address: &Address) -> Self {
        let folder = format!("models--{}--{}", address.user(), address.name());
        Self { root: settings.cache.clone(), repository: settings.cache.join(folder) }
    }

    /// The folder of a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repository.join("snapshots").join(commit)
    }

    /// The commit that a revision was when it was last fetched.
    pub(crate) fn commit(&self, revision: &str) -> Result<Option<String>> {
        if is_commit(revision) {
            return Ok(Some(revision.to_owned()));
        }
        let path = self.repository.join("refs").join(revision);
        match fs::read_to_string(&path) {
            Ok(text) if is_commit(text.trim()) => Ok(Some(text.trim().to_owned())),
            Ok(_) => Err(Error::checkpoint(&path, "holds no commit; delete it")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path)(error)),
        }
    }

    /// A folder for files on their way, on the file system of the cache; it goes when the value does.
    pub(crate) fn place(&self) -> Result<TempDir> {
        fs::create_dir_all(&self.root).map_err(Error::io(&self.root))?;
        tempfile::Builder::new()
            .prefix(".pull-")
            .tempdir_in(&self.root)
            .map_err(Error::io(&self.root))
    }

    /// Copies content of a known hash and length into an empty file, where the cache has it undamaged.
    pub(crate) fn has(&self, oid: &Oid, bytes: u64, to: &mut fs::File) -> Result<bool> {
        let path = self.blob(oid.hex());
        let from = match fs::File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            from => from.map_err(Error::io(&path))?,
        };
        if from.metadata().map_err(Error::io(&path))?.len() != bytes {
            return Ok(false);
        }
        let mut hash = oid.of(bytes);
        let mut from = from.take(bytes);
        let mut block = vec![0; 1 << 16];
        loop {
            match from.read(&mut block).map_err(Error::io(&path))? {
                0 => break,
                n => {
                    hash.update(&block[..n]);
                    to.write_all(&block[..n]).map_err(Error::io(&self.root))?;
                }
            }
        }
        let is_whole = hash.hex() == oid.hex();
        if !is_whole {
            to.set_len(0).and_then(|()| to.rewind()).map_err(Error::io(&self.root))?;
        }
        Ok(is_whole)
    }

    /// Moves verified files from where they were made into their places: blobs, then the links to them, then the ref that
    /// makes them found.
    pub(crate) fn keep(
        &self,
        place: &Path,
        blobs: &[Blob],
        commit: &str,
        revision: &str,
    ) -> Result<()> {
        let (all, snapshot) = (self.repository.join("blobs"), self.snapshot(commit));
        for dir in [&all, &snapshot] {
            fs::create_dir_all(dir).map_err(Error::io(dir))?;
        }
        for Blob { name, etag, path } in blobs {
            let blob = self.blob(etag);
            fs::rename(path, &blob).map_err(Error::io(&blob))?;
            let link = snapshot.join(name);
            match fs::remove_file(&link) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io(&link)(error));
                }
                _ => refer(&blob, &link, etag).map_err(Error::io(&link))?,
            }
        }
        if is_commit(revision) {
            return Ok(());
        }
        let path = self.repository.join("refs").join(revision);
        let dir = path.parent().unwrap_or(&self.repository);
        fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let made = place.join("ref");
        let written = fs::File::create_new(&made).and_then(|mut file| {
            file.write_all(commit.as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&made, &path)).map_err(Error::io(&path))
    }

    fn blob(&self, etag: &str) -> PathBuf {
        self.repository.join("blobs").join(etag)
    }
}

/// Makes a snapshot's file of a blob: a link with a path of its own, so that the cache may be moved.
#[cfg(unix)]
fn refer(_blob: &Path, link: &Path, etag: &str) -> std::io::Result<()> {
    std::os::unix::fs::symlink(Path::new("../../blobs").join(etag), link)
}

/// Links need rights elsewhere; Python's client copies too.
#[cfg(not(unix))]
fn refer(blob: &Path, link: &Path, _etag: &str) -> std::io::Result<()> {
    fs::copy(blob, link).map(drop)
}
