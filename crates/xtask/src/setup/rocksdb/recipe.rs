//! The recipe of a RocksDB archive, and the folder name derived from it.

use std::fmt::Write;
use std::process::Command;

use crate::cargo::output_of;
use crate::environment;
use crate::failure::Failure;
use crate::setup::cache::fingerprint;
use crate::setup::compiler;
use crate::workspace::Workspace;

/// Everything that affects the archive: equal recipes give interchangeable archives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// Version of `librocksdb-sys`, which includes RocksDB's own release.
    pub(super) version: String,
    triple: String,
    features: Vec<String>,
    compiler_release: String,
    flags: Vec<String>,
}

impl Recipe {
    /// Reads the recipe from the checkout, the toolchain and the environment.
    pub(super) fn of(workspace: &Workspace) -> Result<Self, Failure> {
        let triple = host_triple()?;
        let mut flags = cpu_flags(&rust_flags(workspace, &triple)?);
        let personal = ["CXXFLAGS", "ROCKSDB_CXX_STD"].into_iter();
        flags.extend(
            personal.filter_map(|name| Some(format!("{name}={}", environment::text(name)?))),
        );
        Ok(Self {
            version: workspace.locked_version("librocksdb-sys")?,
            features: workspace.dependency_features("rocksdb")?,
            compiler_release: compiler::release().unwrap_or_default(),
            triple,
            flags,
        })
    }

    /// Returns a readable folder name that differs if any part of the recipe differs.
    pub(super) fn folder_name(&self) -> String {
        format!("{}-{}-{:016x}", self.version, self.triple, fingerprint(&self.text()))
    }

    /// Returns the recipe as text, which is stored beside the archive for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let lines = [
            ("librocksdb-sys", &self.version),
            ("target", &self.triple),
            ("features", &self.features.join(" ")),
            ("C++ compiler release", &self.compiler_release),
            ("flags", &self.flags.join(" ")),
        ];
        for (name, value) in lines {
            // Writing into a String cannot fail.
            writeln!(text, "{name}: {value}").expect("a String takes all text");
        }
        text
    }
}

fn host_triple() -> Result<String, Failure> {
    let rustc = environment::text("RUSTC").unwrap_or_else(|| "rustc".to_owned());
    let printed = output_of(Command::new(rustc).arg("-vV"))?;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc -vV names no host"))
}

/// Returns the compiler flags in use, by cargo's order of precedence.
fn rust_flags(workspace: &Workspace, triple: &str) -> Result<Vec<String>, Failure> {
    if let Some(encoded) = environment::text("CARGO_ENCODED_RUSTFLAGS") {
        return Ok(encoded.split('\u{1f}').map(str::to_owned).collect());
    }
    let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if let Some(line) = environment::text("RUSTFLAGS") {
        return Ok(words(line));
    }
    let name = format!("CARGO_TARGET_{}_RUSTFLAGS", triple.replace('-', "_").to_uppercase());
    let mut flags = workspace.target_rustflags(triple)?;
    flags.extend(environment::text(&name).map(words).unwrap_or_default());
    Ok(flags)
}

/// Returns the flags that affect the C++ compiler: those that choose a processor.
///
/// Both spellings, `-Ctarget-cpu=x` and `-C target-cpu=x`, give the same entry.
fn cpu_flags(flags: &[String]) -> Vec<String> {
    let joined = flags.join(" ").replace("-C ", "-C").replace("--codegen ", "-C");
    let wanted =
        |flag: &&str| flag.starts_with("-Ctarget-cpu=") || flag.starts_with("-Ctarget-feature=");
    joined.split_whitespace().filter(wanted).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            version: "0.19.0+11.8.1".to_owned(),
            triple: "x86_64-unknown-linux-gnu".to_owned(),
            features: vec!["lz4".to_owned(), "zstd".to_owned()],
            compiler_release: "12".to_owned(),
            flags: vec!["-Ctarget-feature=+sse4.2,+pclmulqdq".to_owned()],
        }
    }

    #[test]
    fn the_folder_name_starts_with_the_version() {
        let name = recipe().folder_name();
        assert!(name.starts_with("0.19.0+11.8.1-x86_64-unknown-linux-gnu-"), "{name}");
        assert_eq!(name, recipe().folder_name());
    }

    #[test]
    fn every_part_of_the_recipe_changes_the_folder_name() {
        let others = [
            Recipe { version: "0.20.0+11.9.0".to_owned(), ..recipe() },
            Recipe { triple: "aarch64-apple-darwin".to_owned(), ..recipe() },
            Recipe { features: vec!["lz4".to_owned()], ..recipe() },
            Recipe { compiler_release: "13".to_owned(), ..recipe() },
            Recipe { flags: vec![], ..recipe() },
        ];
        for other in others {
            assert_ne!(other.folder_name(), recipe().folder_name(), "{other:?}");
        }
    }

    #[test]
    fn only_flags_that_choose_a_processor_count() {
        let flags =
            ["-Dwarnings", "-C", "target-cpu=native", "-Ctarget-feature=+avx2", "-Copt-level=1"];
        let flags: Vec<_> = flags.into_iter().map(str::to_owned).collect();
        assert_eq!(cpu_flags(&flags), ["-Ctarget-cpu=native", "-Ctarget-feature=+avx2"]);
    }
}
