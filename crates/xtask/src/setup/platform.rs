//! The supported systems.

use crate::failure::Failure;

/// An operating system on which the ledger is built and tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Linux,
    MacOs,
}

impl Platform {
    /// Returns the running system, or a failure if it is not supported.
    pub(super) fn current() -> Result<Self, Failure> {
        Self::of(std::env::consts::OS, std::env::consts::ARCH)
    }

    fn of(system: &str, architecture: &str) -> Result<Self, Failure> {
        match (system, architecture) {
            ("linux", "x86_64" | "aarch64") => Ok(Self::Linux),
            ("macos", "x86_64" | "aarch64") => Ok(Self::MacOs),
            _ => Err(Failure::new(format!("no setup is known for {system} on {architecture}"))
                .hint(
                    "build on Linux or macOS, x86-64 or ARM64; or install a C++ compiler, libclang \
                     and nats-server by hand and call plain `cargo build`",
                )),
        }
    }

    /// Returns the file name suffix of shared libraries.
    pub(super) fn library_suffix(self) -> &'static str {
        match self {
            Self::Linux => "so",
            Self::MacOs => "dylib",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_system_is_named_in_the_refusal() {
        let refusal = Platform::of("windows", "x86_64").expect_err("no setup for it");
        assert_eq!(refusal.to_string(), "no setup is known for windows on x86_64");
        assert!(refusal.hint_text().is_some());
    }

    #[test]
    fn an_unknown_architecture_is_refused_too() {
        assert!(Platform::of("linux", "riscv64").is_err());
        assert_eq!(Platform::of("linux", "aarch64"), Ok(Platform::Linux));
    }
}
