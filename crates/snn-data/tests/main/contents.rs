//! Data and files are told apart by what is in them.

use std::path::Path;

use snn_data::{Augment, CacheConfig, DataConfig, Error, Splits, cache_entries, clear_cache, open};

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Sets the time of modification back, as a copy that keeps times does.
fn age(path: &Path) {
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

fn clouds(root: &Path) {
    for (i, name) in
        ["train/a/1", "train/a/2", "train/b/1", "test/a/1", "test/b/1"].iter().enumerate()
    {
        let path = root.join(format!("{name}.xyz"));
        write(&path, format!("{i} 0 0\n0 {i} 1\n").as_bytes());
        age(&path);
    }
}

fn opened(root: &Path, cache: Option<&Path>) -> snn_data::Result<Splits> {
    let cache = cache.map(|dir| CacheConfig { dir: dir.into(), max_bytes: 1 << 20 });
    let config = DataConfig::new("point_folder", Some(root.into()));
    open(&DataConfig { size: Some(2), cache, ..config })
}

#[test]
fn overwritten_files_of_the_same_length_are_other_data() {
    let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    clouds(data.path());
    for cache in [None, Some(cache.path())] {
        let before = opened(data.path(), cache).unwrap();
        let again = opened(data.path(), cache).unwrap();
        assert_eq!(again.train.hash(), before.train.hash());
        let path = data.path().join("train/a/2.xyz");
        let whole = std::fs::read(&path).unwrap();
        write(&path, b"9 0 0\n0 9 1\n");
        age(&path);
        let after = opened(data.path(), cache).unwrap();
        assert_ne!(after.train.hash(), before.train.hash());
        assert_eq!(after.test.hash(), before.test.hash());
        assert_eq!(after.members(), before.members());
        // What older versions knew of it: names and lengths.
        assert_eq!(after.train.former_hash(), before.train.former_hash());
        // Who has the set open hears of it, and of nothing once the file is back.
        let sample = |index| before.train.sample(index, &Augment::default(), None);
        let error = sample(1).unwrap_err();
        assert!(matches!(&error, Error::Changed { path } if path.ends_with("a/2.xyz")), "{error}");
        sample(0).unwrap();
        write(&path, &whole);
        sample(1).unwrap();
        age(&path);
    }
}

#[test]
fn names_are_no_part_of_the_data() {
    let data = tempfile::tempdir().unwrap();
    clouds(data.path());
    let before = opened(data.path(), None).unwrap();
    let file = |name: &str| data.path().join("train/a").join(name);
    std::fs::rename(file("2.xyz"), file("3.xyz")).unwrap();
    let after = opened(data.path(), None).unwrap();
    assert_eq!(after.train.hash(), before.train.hash());
    assert_ne!(after.members(), before.members());
}

#[test]
fn what_is_known_of_files_is_kept_beside_the_cache_and_cleared_with_it() {
    let (data, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    clouds(data.path());
    let hash = |cache| opened(data.path(), cache).unwrap().train.hash().to_owned();
    let plain = hash(None);
    assert_eq!(hash(Some(cache.path())), plain);
    let kept = || {
        let all = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
        let is_kept = |path: &std::path::PathBuf| {
            path.file_name().unwrap().to_string_lossy().starts_with("contents-")
        };
        all.filter(is_kept).collect::<Vec<_>>()
    };
    assert_eq!(kept().len(), 1);
    // A damaged one is made anew.
    let mut bytes = std::fs::read(&kept()[0]).unwrap();
    bytes[20] ^= 1;
    write(&kept()[0], &bytes);
    assert_eq!(hash(Some(cache.path())), plain);
    assert_ne!(std::fs::read(&kept()[0]).unwrap(), bytes);
    assert_eq!(cache_entries(cache.path()).unwrap().len(), 1, "it is no prepared sample");
    clear_cache(cache.path()).unwrap();
    assert_eq!(kept().len(), 0);
}

#[test]
fn pictures_that_are_cut_off_are_found_at_the_opening() {
    let data = tempfile::tempdir().unwrap();
    let jpeg = b"\xff\xd8\xff\xda pixels \xff\xd9";
    for name in ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/b/1.jpg"] {
        write(&data.path().join(name), jpeg);
    }
    let opened = || open(&DataConfig::new("image_folder", Some(data.path().into())));
    opened().unwrap();
    let path = data.path().join("test/b/1.jpg");
    write(&path, &jpeg[..8]);
    let error = opened().unwrap_err().to_string();
    assert!(error.contains("test/b/1.jpg") && error.contains("the end is missing"), "{error}");
    write(&path, b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0");
    let error = opened().unwrap_err().to_string();
    assert!(error.contains("test/b/1.jpg") && error.contains("PNG chunk"), "{error}");
    write(&path, jpeg);
    opened().unwrap();
}
