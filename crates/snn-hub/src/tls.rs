//! Encryption: rustls with the roots of Mozilla compiled in, so that a static program needs no file of the system.

use ureq::tls::TlsConfig;

use crate::{Error, Result};

/// The configuration of this processor's cryptography.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) fn config() -> Result<TlsConfig> {
    if let Some(lacks) = lacking() {
        let why =
            format!("this processor has no {lacks}, which the encryption of this build needs");
        return Err(Error::setting("https", why));
    }
    let provider = std::sync::Arc::new(rustls_graviola::default_provider());
    Ok(TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build())
}

/// The configuration of ureq, whose cryptography is for every processor and needs a C compiler.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) fn config() -> Result<TlsConfig> {
    Ok(TlsConfig::default())
}

/// An instruction that the cryptography would otherwise panic without: those of processors since about 2014.
#[cfg(target_arch = "x86_64")]
fn lacking() -> Option<&'static str> {
    let has = [
        ("AES", std::arch::is_x86_feature_detected!("aes")),
        ("PCLMULQDQ", std::arch::is_x86_feature_detected!("pclmulqdq")),
        ("BMI1", std::arch::is_x86_feature_detected!("bmi1")),
        ("BMI2", std::arch::is_x86_feature_detected!("bmi2")),
        ("ADX", std::arch::is_x86_feature_detected!("adx")),
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
    ];
    has.into_iter().find_map(|(name, is_here)| (!is_here).then_some(name))
}

/// An instruction that the cryptography would otherwise panic without.
#[cfg(target_arch = "aarch64")]
fn lacking() -> Option<&'static str> {
    let has = [
        ("NEON", std::arch::is_aarch64_feature_detected!("neon")),
        ("AES", std::arch::is_aarch64_feature_detected!("aes")),
        ("PMULL", std::arch::is_aarch64_feature_detected!("pmull")),
        ("SHA-2", std::arch::is_aarch64_feature_detected!("sha2")),
    ];
    has.into_iter().find_map(|(name, is_here)| (!is_here).then_some(name))
}
