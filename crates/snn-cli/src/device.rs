//! `--device`: where networks are computed.

use candle_core::Device;

/// The device of a name. A device that this build or this machine lacks is an error; it is never replaced by another.
pub(crate) fn parse(name: &str) -> Result<Device, String> {
    if name == "cpu" {
        return Ok(Device::Cpu);
    }
    let number = name.strip_prefix("cuda:").and_then(|n| n.parse().ok());
    let number = number.ok_or("use cpu, or cuda:N such as cuda:0")?;
    if cfg!(not(feature = "cuda")) {
        let build = "cargo build --release -p snn-cli --features cuda";
        return Err(format!("this build has no GPU kernels; build with `{build}`, or use cpu"));
    }
    Device::new_cuda(number).map_err(|error| format!("cannot be used ({error}); use cpu"))
}
