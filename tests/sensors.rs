//! Recordings, signals and clouds of which the repository holds no copy, tiny, in the layout and the formats in which their
//! publishers give them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::matlab::{array, element, mat, numbers};

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    Ok(fs::write(path, bytes)?)
}

/// DVS128 Gesture: AEDAT 3.1, a table of the gestures' times beside each recording, and the lists of trials.
pub(crate) fn dvs_gesture(root: &Path) -> Result<()> {
    const EVENTS: u32 = 600;
    for user in ["user01_led", "user02_led", "user24_led"] {
        let mut bytes = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n".to_vec();
        bytes.extend([1i16, 0].iter().flat_map(|x| x.to_le_bytes()));
        let head = [8, 4, 0, EVENTS, EVENTS, EVENTS];
        bytes.extend(head.iter().flat_map(|x| x.to_le_bytes()));
        for i in 0..EVENTS {
            let (x, y, on) = ((i * 7) % 128, (i * 5) % 128, i % 2);
            bytes.extend((x << 17 | y << 2 | on << 1 | 1).to_le_bytes());
            bytes.extend((20 * i).to_le_bytes());
        }
        write(&root.join(format!("{user}.aedat")), bytes)?;
        let gestures = "class,startTime_usec,endTime_usec\n1,0,4000\n2,4000,8000\n11,8000,12000\n";
        write(&root.join(format!("{user}_labels.csv")), gestures)?;
    }
    write(&root.join("trials_to_train.txt"), "user01_led.aedat\nuser02_led.aedat\n")?;
    write(&root.join("trials_to_test.txt"), "user24_led.aedat\n")
}

/// A tone with its own pitch and some overtones.
fn tone(pitch: usize, n: usize) -> Vec<f64> {
    let at =
        |i: usize| (i as f64 * (0.05 + 0.01 * pitch as f64)).sin() + ((i * i) % 7) as f64 / 7.0;
    (0..n).map(at).collect()
}

/// MFPT: MATLAB 5, a struct `bearing` with the signal `gs` and its rate `sr`.
pub(crate) fn mfpt(root: &Path) -> Result<()> {
    let outer = (1..=7).map(|load| format!("OuterRaceFault_vload_{load}"));
    let inner = (1..=7).map(|load| format!("InnerRaceFault_vload_{load}"));
    let names = ["baseline_1".to_owned()].into_iter().chain(outer).chain(inner);
    for (at, name) in names.enumerate() {
        let fields = element(1, b"gs\0\0\0sr\0\0\0");
        let values = [numbers("", &tone(at, 2_560)), numbers("", &[48_828.0])].concat();
        let head = [5, 0, 4, 0, 5, 0, 0, 0].to_vec();
        let bearing = array(2, 1, "bearing", &[head, fields, values].concat());
        write(&root.join(format!("{name}.mat")), mat(&[bearing]))?;
    }
    Ok(())
}

/// JNU: twelve columns of numbers, four states at three speeds.
pub(crate) fn jnu(root: &Path) -> Result<()> {
    for (state, (name, end)) in
        [("n", "_3_2"), ("ib", "_2"), ("ob", "_2"), ("tb", "_2")].into_iter().enumerate()
    {
        for (speed, rpm) in [600, 800, 1000].into_iter().enumerate() {
            let signal = tone(3 * state + speed, 2_560);
            let lines: String = signal.iter().map(|x| format!("{x:.6}\r\n")).collect();
            write(&root.join(format!("{name}{rpm}{end}.csv")), lines)?;
        }
    }
    Ok(())
}

/// ModelNet40: meshes of two triangles, in two of its classes.
pub(crate) fn modelnet40(root: &Path) -> Result<()> {
    for (class, height) in [("airplane", 1), ("bathtub", 3)] {
        for (side, numbers) in [("train", 1..=4), ("test", 5..=6)] {
            for number in numbers {
                let mesh = format!(
                    "OFF\n4 2 0\n0 0 0\n{number} 0 0\n0 1 0\n0 0 {height}\n3 0 1 2\n3 0 1 3\n"
                );
                write(&root.join(format!("{class}/{side}/{class}_{number:04}.off")), mesh)?;
            }
        }
    }
    Ok(())
}
