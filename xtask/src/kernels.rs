//! `cargo xtask kernels`: the GPU kernels and everything behind the feature `cuda`, compiled without a GPU.
//!
//! NVIDIA's compiler comes from PyPI into target/cuda. What the kernels compute is tested by the ordinary tests,
//! which run them on the CPU; here they only have to be CUDA, and the Rust code around them Rust.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::sh;

/// The compiler and the headers that it and cudarc want. 13.0 is the newest that drivers of the 580 branch take.
const PACKAGES: [&str; 5] = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
];
/// The text that snn-ops puts before every kernel file.
const PRELUDE: &str = "crates/snn-ops/src/cuda/kernel.h";
/// The oldest GPUs that have bf16; newer ones compile the result again.
const ARCHITECTURE: &str = "compute_80";

/// Installs the compiler where it is missing, compiles every kernel file and checks the workspace with `cuda`.
///
/// # Errors
/// What does not install or compile.
pub fn run() -> anyhow::Result<()> {
    let cuda = sh::root().join("target/cuda");
    let toolkit = toolkit(&cuda)?;
    let out = cuda.join("ptx");
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let mut files = Vec::new();
    find(&sh::root().join("crates"), &mut files)?;
    files.sort();
    if files.is_empty() {
        bail!("no kernel file (.cu) lies under crates");
    }
    for file in &files {
        compile(&toolkit, file, &out)?;
    }
    let check = ["check", "--release", "--locked", "-p", "snn-cli", "--features", "cuda"];
    let mut check = sh::cargo(&check);
    let bin = toolkit.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
    check
        .env("PATH", std::env::join_paths(paths)?)
        .env("CUDA_HOME", &toolkit)
        .env("CUDARC_CUDA_VERSION", "13000")
        // Otherwise candle asks nvidia-smi.
        .env("CUDA_COMPUTE_CAP", ARCHITECTURE.trim_start_matches("compute_"))
        .env("CARGO_TARGET_DIR", cuda.join("check"));
    sh::run(check)?;
    sh::print(&format!("{} kernel files compile, and snn with the feature cuda", files.len()))
}

/// Where nvcc's folder is, installed when it is not there.
fn toolkit(cuda: &Path) -> anyhow::Result<PathBuf> {
    let toolkit = cuda.join("nvidia/cu13");
    if !toolkit.join("bin/nvcc").is_file() {
        let target = cuda.to_string_lossy();
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", &target];
        sh::run(sh::command("python3", &[&pip[..], &PACKAGES].concat()))?;
    }
    Ok(toolkit)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "cu") {
            files.push(path);
        }
    }
    Ok(())
}

/// To PTX, as the library does at run time: without contraction to fused multiply-adds.
fn compile(toolkit: &Path, file: &Path, out: &Path) -> anyhow::Result<()> {
    let ptx = out.join(file.with_extension("ptx").file_name().context("a file has a name")?);
    let (file, ptx) = (file.to_string_lossy(), ptx.to_string_lossy());
    let arch = format!("-arch={ARCHITECTURE}");
    let args = ["--ptx", &arch, "-fmad=false", "-Werror", "all-warnings", "-include", PRELUDE];
    sh::run(sh::command(toolkit.join("bin/nvcc"), &[&args[..], &["-o", &ptx, &file]].concat()))
}
