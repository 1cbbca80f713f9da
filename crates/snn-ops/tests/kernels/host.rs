//! Compiles kernels as C++ and runs them on this machine, one thread after the other.

#![allow(dead_code, reason = "shared with the tests of snn-neuron; neither uses all of it")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use snn_needs::{Need, skipped};
use snn_ops::cuda;

/// One argument of a kernel.
#[derive(Clone)]
pub(crate) enum Arg {
    /// A buffer behind a pointer.
    Buffer(Vec<u8>),
    /// A null pointer.
    Null,
    /// A number or a structure.
    Value(Vec<u8>),
}

impl Arg {
    pub(crate) fn u32(value: u32) -> Self {
        Arg::Value(value.to_ne_bytes().to_vec())
    }

    pub(crate) fn u64(value: usize) -> Self {
        Arg::Value((value as u64).to_ne_bytes().to_vec())
    }

    pub(crate) fn f64(value: f64) -> Self {
        Arg::Value(value.to_ne_bytes().to_vec())
    }

    pub(crate) fn f32s(values: &[f32]) -> Self {
        Arg::Buffer(values.iter().flat_map(|v| v.to_ne_bytes()).collect())
    }

    pub(crate) fn f64s(values: &[f64]) -> Self {
        Arg::Buffer(values.iter().flat_map(|v| v.to_ne_bytes()).collect())
    }

    /// Values in bf16, which must hold them exactly.
    pub(crate) fn bf16s(values: &[f32]) -> Self {
        Arg::Buffer(
            values.iter().flat_map(|v| ((v.to_bits() >> 16) as u16).to_ne_bytes()).collect(),
        )
    }

    /// A buffer of `n` bytes that the kernel fills; none of them is zero before.
    pub(crate) fn room(n: usize) -> Self {
        Arg::Buffer(vec![0xff; n])
    }
}

pub(crate) fn f32s(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)).collect()
}

pub(crate) fn f64s(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|b| f64::from_ne_bytes(*b)).collect()
}

pub(crate) fn bf16s(bytes: &[u8]) -> Vec<f32> {
    let wide = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_ne_bytes(*b)) << 16);
    bytes.as_chunks::<2>().0.iter().map(wide).collect()
}

/// `x` rounded to bf16, ties to even: the test's own statement of it.
pub(crate) fn round_bf16(x: f32) -> f32 {
    let low = x.to_bits() & 0xffff;
    let down = x.to_bits() >> 16;
    let up = low > 0x8000 || (low == 0x8000 && down & 1 == 1);
    f32::from_bits((down + u32::from(up)) << 16)
}

/// A compiled kernel file.
pub(crate) struct Kernels {
    program: PathBuf,
}

impl Kernels {
    /// Compiles one kernel file; `None`, and a test noted as skipped, where there is no C++ compiler.
    #[track_caller]
    pub(crate) fn compile(name: &str, source: &str) -> Option<Self> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kernels-{name}"));
        fs::create_dir_all(&dir).unwrap();
        let names = source.lines().filter_map(|l| l.strip_prefix("KERNEL ")?.split('(').next());
        let table: String = names
            .map(|k| format!("if (!strcmp(name, \"{k}\")) return run({k}, threads);\n"))
            .collect();
        let main = format!(
            "int main(int, char** a) {{\nconst char* name = a[1];\n\
             u64 threads = strtoull(a[2], 0, 10) * strtoull(a[3], 0, 10);\n{table}return 2;\n}}\n"
        );
        let text = [cuda::PRELUDE, source, include_str!("host.cpp"), &main].join("\n");
        let (file, program) = (dir.join("main.cpp"), dir.join("main"));
        #[allow(clippy::disallowed_methods, reason = "a test file")]
        fs::write(&file, text).unwrap();
        for compiler in ["c++", "g++", "clang++"] {
            let mut command = Command::new(compiler);
            command.args(["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]);
            let Ok(done) = command.arg("-o").arg(&program).arg(&file).output() else { continue };
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            return Some(Self { program });
        }
        skipped(Need::Compiler);
        None
    }

    /// Calls `kernel` for every thread of the launch that `threads` threads get, those of the last block
    /// that are too many included, and returns what it wrote.
    pub(crate) fn run(&self, kernel: &str, threads: usize, args: &[Arg]) -> Vec<Vec<u8>> {
        let blocks = cuda::blocks(threads).unwrap().to_string();
        let mut host = Command::new(&self.program)
            .args([kernel, &blocks, &cuda::BLOCK.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = Vec::new();
        for arg in args {
            match arg {
                Arg::Buffer(bytes) => {
                    input.extend((bytes.len() as u64).to_ne_bytes());
                    input.extend(bytes);
                }
                Arg::Null => input.extend(u64::MAX.to_ne_bytes()),
                Arg::Value(bytes) => input.extend(bytes),
            }
        }
        // Everything is read before anything is written, so neither side waits for the other.
        host.stdin.take().unwrap().write_all(&input).unwrap();
        let done = host.wait_with_output().unwrap();
        assert!(done.status.success(), "{kernel}: {}", done.status);
        let (mut rest, mut buffers) = (&done.stdout[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<8>() {
            let (bytes, after) = after.split_at(u64::from_ne_bytes(*length) as usize);
            buffers.push(bytes.to_vec());
            rest = after;
        }
        buffers
    }
}
