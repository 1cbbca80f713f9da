//! Recordings at the shell: what is read, what is left out and said, and what is written.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::util::{self, TINY, run};

/// ATIS records (x, y, polarity, t).
fn atis(events: &[(u8, u8, u8, u16)]) -> Vec<u8> {
    let record = |&(x, y, p, t): &(u8, u8, u8, u16)| {
        let [high, low] = t.to_be_bytes();
        [x, y, p << 7, high, low]
    };
    events.iter().flat_map(record).collect()
}

/// Runs `snn data` and wants success; standard output and standard error.
fn data(args: &[&str]) -> Result<(String, String)> {
    let ended = run(&[&["data"], args].concat())?;
    ensure!(ended.code == Some(0), "{args:?}: {ended:?}");
    Ok((ended.out, ended.err))
}

fn refused(args: &[&str], code: i32, parts: &[&str]) -> Result<()> {
    let ended = run(args)?;
    ensure!(ended.code == Some(code), "{args:?}: {ended:?}");
    for part in parts {
        ensure!(ended.err.contains(part), "no {part:?} in {}", ended.err);
    }
    Ok(())
}

#[test]
fn frames_are_written_as_the_name_says() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("a.bin"), atis(&[(1, 2, 1, 0), (3, 4, 0, 50), (5, 6, 1, 99)]))?;
    let input = path("a.bin");
    for (name, magic) in
        [("x.npy", &b"\x93NUMPY"[..]), ("x.npz", b"PK\x03\x04"), ("x.safetensors", b"")]
    {
        let (out, _) =
            data(&["frames", &input, &path(name), "--t-steps", "2", "--by", "time-whole"])?;
        ensure!(out.contains("3 events") && out.trim_end().ends_with("2 frames"), "{out}");
        ensure!(fs::read(path(name))?.starts_with(magic), "{name}");
    }
    let npy = fs::read(path("x.npy"))?;
    ensure!(String::from_utf8_lossy(&npy[..128]).contains("'shape': (2, 2, 34, 34,)"));
    let ones = npy[128..].chunks(4).enumerate().filter(|(_, v)| *v == 1f32.to_le_bytes());
    let at: Vec<usize> = ones.map(|(at, _)| at).collect();
    let plane = 34 * 34;
    ensure!(at == [plane + 2 * 34 + 1, 2 * plane + 4 * 34 + 3, 3 * plane + 6 * 34 + 5], "{at:?}");
    let by_time = data(&["frames", &input, &path("y.npy"), "--t-steps", "2"])?.0;
    ensure!(by_time.contains("2 frames; 1 after the last frame are in none"), "{by_time}");
    for name in ["x.bin", "x"] {
        refused(
            &["data", "frames", &input, &path(name)],
            1,
            &[name, ".npy, .npz or .safetensors"],
        )?;
        ensure!(!Path::new(&path(name)).exists());
    }
    Ok(())
}

#[test]
fn windows_and_spans_are_asked_for() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let events: Vec<_> = (0..10).map(|i| (i, 0, 1, 100 + 10 * u16::from(i))).collect();
    fs::write(path("a.bin"), atis(&events))?;
    let frames = |more: &[&str]| {
        let out = path("x.npy");
        Ok::<_, anyhow::Error>(data(&[&["frames", &path("a.bin"), &out], more].concat())?.0)
    };
    let all = frames(&["--window-us", "20"])?;
    ensure!(all.contains("10 events") && all.contains("4 frames; 2 after"), "{all}");
    let part = frames(&["--window-us", "20", "--from-us", "15", "--to-us", "75"])?;
    ensure!(part.contains("6 events") && part.trim_end().ends_with("3 frames"), "{part}");
    let (out, _) =
        data(&["convert", &path("a.bin"), &path("b.bin"), "--from-us", "30", "--to-us", "50"])?;
    ensure!(out.contains("2 events") && fs::read(path("b.bin"))?.len() == 10, "{out}");
    let none = ["data", "convert", &path("a.bin"), &path("c.bin"), "--from-us", "500"];
    refused(&none, 1, &["no events from 500 us after the first on", "lasts 90 us"])?;
    let both =
        ["data", "frames", &path("a.bin"), &path("x.npy"), "--window-us", "9", "--t-steps", "2"];
    refused(&both, 1, &["--window-us", "--t-steps"])?;
    // As many frames as microseconds: the event at the end would vanish with all others.
    fs::write(path("d.txt"), "0 1 1 1\n9 2 2 0\n")?;
    let short = ["data", "frames", &path("d.txt"), &path("x.npy")];
    refused(&short, 1, &["10 frames by time", "fewer microseconds", "time-whole"])
}

#[test]
fn what_is_outside_and_what_is_unknown_is_said() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("a.bin"), atis(&[(1, 2, 1, 0), (40, 4, 0, 50)]))?;
    let convert = ["data", "convert", &path("a.bin"), &path("b.npy")];
    refused(&convert, 2, &["event 1 at (40, 4)", "--sensor WxH, --drop-outside"])?;
    let (out, err) = data(&[&convert[1..], &["--drop-outside"]].concat())?;
    ensure!(out.contains("1 events on 34 x 34") && err.contains("1 events outside"), "{out} {err}");
    let (_, err) = data(&["convert", &path("b.npy"), &path("c.es")])?;
    ensure!(
        err.contains("no sensor size is known: 2 x 3 pixels") && err.contains("--sensor WxH"),
        "{err}"
    );
    let (_, err) = data(&["convert", &path("b.npy"), &path("c.es"), "--sensor", "34x34"])?;
    ensure!(err.is_empty(), "{err}");
    // N-Caltech101's marks of an overflow.
    fs::write(path("image.bin"), atis(&[(1, 2, 1, 100), (0, 240, 0, 0), (3, 4, 1, 50)]))?;
    let marked = ["data", "convert", &path("image.bin"), &path("d.npy")];
    refused(&marked, 2, &["y = 240", "--format atis-overflow"])?;
    let (out, _) = data(&[&marked[1..], &["--format", "atis-overflow"]].concat())?;
    ensure!(out.contains("2 events") && out.contains("8.142 ms"), "{out}");
    // Own text, and a file that is nothing known.
    fs::write(path("v2e.txt"), "# made by a simulator\n0.000 1 2 1\n0.005 3 4 0\n")?;
    let (out, _) = data(&["convert", &path("v2e.txt"), &path("e.npy")])?;
    ensure!(out.contains("2 events on 4 x 5 pixels, 5.000 ms"), "{out}");
    fs::write(path("own.raw2"), "?")?;
    let own = ["data", "convert", &path("own.raw2"), &path("f.npy")];
    refused(&own, 2, &["save the events as text, a line `t x y p` each"])
}

#[test]
fn terminals_obey_no_names() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let name = dir.path().join("a\u{1b}[31m\u{7}.npy").display().to_string();
    for args in [
        &["data", "convert", &name, "b.npy"][..],
        &["data", "list", &name],
        &["\u{1b}[2J"],
        &["data", "stats", "\u{1b}[2J"],
    ] {
        let ended = run(args)?;
        let text = format!("{}{}", ended.out, ended.err);
        // What refuses an argument drops its escapes, what speaks of a file writes them out.
        ensure!(ended.code != Some(0) && !text.contains(['\u{1b}', '\u{7}']), "{ended:?}");
    }
    // On standard output too.
    fs::write(&name, [])?;
    fs::remove_file(&name)?;
    fs::write(dir.path().join("a.txt"), "1 2 3 1\n")?;
    let input = dir.path().join("a.txt").display().to_string();
    let (out, _) = data(&["convert", &input, &name])?;
    ensure!(out.contains("a\\u{1b}[31m\\u{7}.npy: 1 events"), "{out:?}");
    Ok(())
}

/// A safetensors file of one tensor.
fn tensor(kind: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let end = bytes.len();
    let header = format!(
        "{{\"x\":{{\"dtype\":\"{kind}\",\"shape\":{shape:?},\"data_offsets\":[0,{end}]}}}}"
    );
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), bytes].concat()
}

#[test]
fn forward_takes_every_type_or_names_it() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let checkpoint = util::train(dir.path(), "run", TINY, &[])?.join("checkpoint");
    let checkpoint = checkpoint.display().to_string();
    let (shape, n) = ([1, 3, 16, 16], 3 * 16 * 16);
    let values: Vec<u8> = (0..n).map(|i| u8::try_from(i % 3).unwrap_or(0)).collect();
    let wide =
        |number: fn(u8) -> Vec<u8>| values.iter().flat_map(|&v| number(v)).collect::<Vec<u8>>();
    let (input, output) = (path("x.safetensors"), path("y.safetensors"));
    let forward = ["forward", &checkpoint, "--input", &input, "--output", &output];
    let mut answers = Vec::new();
    for (kind, bytes) in [
        ("F32", wide(|v| f32::from(v).to_le_bytes().into())),
        ("F64", wide(|v| f64::from(v).to_le_bytes().into())),
        // 0, 1 and 2 in halves and in the upper half of 32 bits.
        ("F16", wide(|v| [0u16, 0x3c00, 0x4000][usize::from(v)].to_le_bytes().into())),
        ("BF16", wide(|v| f32::from(v).to_le_bytes()[2..].into())),
        ("I64", wide(|v| i64::from(v).to_le_bytes().into())),
        ("U32", wide(|v| u32::from(v).to_le_bytes().into())),
    ] {
        fs::write(&input, tensor(kind, &shape, &bytes))?;
        let ended = run(&forward)?;
        ensure!(ended.code == Some(0), "{kind}: {ended:?}");
        answers.push(fs::read(&output)?);
    }
    ensure!(answers.iter().all(|answer| answer == answers.first().unwrap_or(answer)));
    for (kind, size) in [
        ("F8_E4M3", 1),
        ("F8_E5M2", 1),
        ("I8", 1),
        ("I16", 2),
        ("U16", 2),
        ("BOOL", 1),
        ("I32", 4),
        ("U64", 8),
    ] {
        fs::write(&input, tensor(kind, &shape, &vec![0; n * size]))?;
        refused(&forward, 2, &["x.safetensors", "`x` is of the type", kind])?;
    }
    let large = (0..n).flat_map(|_| 1e300f64.to_le_bytes()).collect::<Vec<u8>>();
    fs::write(&input, tensor("F64", &shape, &large))?;
    refused(&forward, 2, &["x.safetensors", "32 bits do not hold"]).context("too large for f32")
}
