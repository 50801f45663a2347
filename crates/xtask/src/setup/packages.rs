//! Installing system packages if this process has the rights.

use std::process::{Command, Stdio};

use crate::cargo::output_of;
use crate::environment;
use crate::failure::Failure;
use crate::talk;

/// A prerequisite that a system package provides, and the ways to install it by hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemPackage {
    pub(super) what: &'static str,
    pub(super) debian: &'static [&'static str],
    pub(super) fedora: &'static str,
    pub(super) macos: &'static str,
}

impl SystemPackage {
    /// Installs the package with apt-get, or fails with a hint at what to install by hand.
    pub(super) fn install(&self) -> Result<(), Failure> {
        let Some(prefix) = privileged_apt() else {
            return Err(self.by_hand());
        };
        talk::installing(self.what, &format!("apt-get install {}", self.debian.join(" ")));
        let install = || apt(prefix, &["install", "-y", "--no-install-recommends"], self.debian);
        // The package lists of a fresh image are empty, and those of an old one are out of date.
        install().or_else(|_| apt(prefix, &["update"], &[]).and_then(|()| install())).map_err(
            |failure| {
                Failure::new(format!("cannot install {}: {failure}", self.what)).hint(self.ways())
            },
        )
    }

    /// Returns the failure for a machine on which xtask may not install anything.
    pub(super) fn by_hand(&self) -> Failure {
        Failure::new(format!("this machine has no {}", self.what)).hint(self.ways())
    }

    /// Returns the ways to install it by hand.
    pub(super) fn ways(&self) -> String {
        format!(
            "Debian, Ubuntu: apt-get install {}; Fedora: dnf install {}; macOS: {}",
            self.debian.join(" "),
            self.fedora,
            self.macos
        )
    }
}

/// Returns the command prefix that runs `apt-get` as root, if there is one.
fn privileged_apt() -> Option<&'static [&'static str]> {
    environment::executable("apt-get")?;
    if is_root() {
        return Some(&[]);
    }
    environment::executable("sudo")?;
    let allowed = output_of(Command::new("sudo").args(["-n", "true"])).is_ok();
    allowed.then_some(&["sudo", "-n"])
}

/// Returns whether this process may do anything.
pub(super) fn is_root() -> bool {
    output_of(Command::new("id").arg("-u")).is_ok_and(|user| user.trim() == "0")
}

fn apt(prefix: &[&str], verb: &[&str], packages: &[&str]) -> Result<(), Failure> {
    // `env` sets the variable because sudo would drop it.
    let words =
        [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"], verb, packages];
    let words = words.concat();
    let Some((program, args)) = words.split_first() else {
        return Err(Failure::new("there is no command to run"));
    };
    output_of(Command::new(program).args(args).stdin(Stdio::null())).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_names_the_package_for_every_system() {
        let package = SystemPackage {
            what: "C++ compiler",
            debian: &["g++"],
            fedora: "gcc-c++",
            macos: "xcode-select --install",
        };
        let refusal = package.by_hand();
        assert_eq!(refusal.to_string(), "this machine has no C++ compiler");
        let hint = refusal.hint_text().expect("a way to go on");
        for way in ["apt-get install g++", "dnf install gcc-c++", "xcode-select --install"] {
            assert!(hint.contains(way), "{hint}");
        }
    }
}
