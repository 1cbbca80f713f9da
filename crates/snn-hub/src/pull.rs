//! From the Hub: the files of one commit, all verified before any is put in its place.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::{Blob, Cache};
use crate::checkpoint::{File, NEEDED, SUMS, agrees_with_sums};
use crate::client::Client;
use crate::remote::{files_of, head};
use crate::{Address, Error, FILES, Result, Settings};

/// What was pulled.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// The commit that the revision stands for.
    pub commit: String,
    /// Where the files are: the folder that was asked for, else their place in the cache.
    pub dir: PathBuf,
    /// Names and bytes.
    pub files: Vec<(&'static str, u64)>,
    /// Whether they agree with a SHA256SUMS among them; without one they are only what the Hub says they are.
    pub has_sums: bool,
}

/// Fetches a checkpoint into the cache that Python's client shares, and copies it to `out` where that is given: a
/// folder that does not exist, or is empty.
///
/// Offline (`HF_HUB_OFFLINE`) only the cache is asked.
///
/// # Errors
/// [`Error::Hub`] for every refusal, and for files whose name, length or hash is not as announced; [`Error::Checkpoint`]
/// for an `out` that is taken; [`Error::Io`]. Nothing is written then, neither to the cache nor to `out`.
pub fn pull(from: &Address, out: Option<&Path>, settings: &Settings) -> Result<Pulled> {
    if let Some(out) = out {
        must_be_free(out)?;
    }
    let cache = Cache::of(settings, from);
    let (commit, files) = match settings.offline {
        true => cached(&cache, from)?,
        false => fetched(&cache, from, settings)?,
    };
    let dir = match out {
        None => cache.snapshot(&commit),
        Some(out) => {
            copy(&files, out)?;
            out.to_path_buf()
        }
    };
    let has_sums = files.iter().any(|file| file.name == SUMS);
    let files = files.iter().map(|file| (file.name, file.bytes)).collect();
    Ok(Pulled { commit, dir, files, has_sums })
}

/// The files of a revision as the cache has them.
fn cached(cache: &Cache, from: &Address) -> Result<(String, Vec<File>)> {
    let missing = || {
        Error::setting(from.to_string(), "is not in the cache, and HF_HUB_OFFLINE is set; unset it")
    };
    let commit = cache.commit(from.revision())?.ok_or_else(missing)?;
    let dir = cache.snapshot(&commit);
    let mut files = Vec::new();
    for (name, _) in FILES {
        let path = dir.join(name);
        if let Ok(about) = fs::metadata(&path).map(|about| about.len()) {
            files.push(File::hashed(name, &path, about)?);
        }
    }
    if NEEDED.iter().any(|name| !files.iter().any(|file| file.name == *name)) {
        return Err(missing());
    }
    agree(&files, from)?;
    Ok((commit, files))
}

/// The files of a revision as the Hub has them, put into the cache.
fn fetched(cache: &Cache, from: &Address, settings: &Settings) -> Result<(String, Vec<File>)> {
    let client = Client::new(settings)?;
    let commit = head(&client, from)?.ok_or_else(|| {
        let why = "no such repository, or a private one; check the name, and set HF_TOKEN if it is private";
        Error::hub(from.to_string(), why)
    })?;
    let there = files_of(&client, from, &commit)?;
    if let Some(name) = NEEDED.iter().find(|name| !there.iter().any(|info| info.path == **name)) {
        let why = format!("has no {name}, so it is no checkpoint of this program");
        return Err(Error::hub(from.to_string(), why));
    }
    let place = cache.place()?;
    let (mut blobs, mut files) = (Vec::new(), Vec::new());
    for (name, _) in FILES {
        let Some((info, oid)) =
            there.iter().find(|info| info.path == name).and_then(|info| Some((info, info.oid()?)))
        else {
            continue;
        };
        let path = place.path().join(name);
        let made = fs::File::options().read(true).write(true).create_new(true).open(&path);
        let mut file = made.map_err(Error::io(&path))?;
        if !cache.has(&oid, info.size, &mut file)? {
            tracing::info!("{name}: {} bytes", info.size);
            let url = format!("/{}/resolve/{commit}/{name}", from.repository());
            client.fetch(&url, name, &oid, info.size, &mut file)?;
        }
        file.sync_all().map_err(Error::io(&path))?;
        files.push(File::hashed(name, &path, info.size)?);
        blobs.push(Blob { name, etag: oid.hex().to_owned(), path });
    }
    agree(&files, from)?;
    cache.keep(place.path(), &blobs, &commit, from.revision())?;
    let dir = cache.snapshot(&commit);
    for file in &mut files {
        file.path = dir.join(file.name);
    }
    Ok((commit, files))
}

/// Refuses files that are not what their own SHA256SUMS says.
fn agree(files: &[File], from: &Address) -> Result<()> {
    agrees_with_sums(files)
        .map(drop)
        .map_err(|(name, why)| Error::hub(format!("{from}: {name}"), why))
}

fn must_be_free(out: &Path) -> Result<()> {
    match fs::read_dir(out).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Error::checkpoint(out, "is not empty; name a new folder")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(out)(error)),
    }
}

/// Copies files into a folder that is then whole: it is made beside its place.
fn copy(files: &[File], out: &Path) -> Result<()> {
    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(Error::io(parent))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pull-");
    // Like any other new folder, what the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let made = builder.tempdir_in(parent).map_err(Error::io(parent))?;
    for file in files {
        let to = made.path().join(file.name);
        fs::copy(&file.path, &to)
            .and_then(|_| fs::File::open(&to)?.sync_all())
            .map_err(Error::io(&to))?;
    }
    fs::rename(made.path(), out).map_err(Error::io(out))?;
    let _ = made.keep();
    fs::File::open(parent).and_then(|dir| dir.sync_all()).map_err(Error::io(parent))
}
