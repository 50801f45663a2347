//! The C++ compiler for RocksDB and its compression libraries.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::output_of;
use crate::environment;
use crate::failure::Failure;
use crate::setup::packages::SystemPackage;
use crate::talk;

const COMPILER: SystemPackage = SystemPackage {
    what: "C++ compiler",
    debian: &["g++"],
    fedora: "gcc-c++",
    macos: "xcode-select --install",
};

/// Ensures that there is a C++ compiler.
pub(super) fn ensure() -> Result<(), Failure> {
    if find().is_none() {
        COMPILER.install()?;
    }
    let path = find().ok_or_else(|| COMPILER.by_hand())?;
    talk::ok("compiler", &format!("found at {}", path.display()));
    Ok(())
}

/// Returns the compiler that the `cc` crate would choose.
pub(super) fn find() -> Option<PathBuf> {
    let named = environment::text("CXX").and_then(|name| environment::executable(&name));
    named.or_else(|| ["c++", "g++", "clang++"].into_iter().find_map(environment::executable))
}

/// Returns the compiler's release, which matters because its standard library is linked.
pub(super) fn release() -> Option<String> {
    let release = output_of(Command::new(find()?).arg("-dumpversion")).ok()?;
    Some(release.trim().to_owned())
}

/// Returns the folder of the compiler's own headers, such as `stddef.h`.
pub(super) fn builtin_headers() -> Option<PathBuf> {
    let compiler = ["cc", "gcc", "clang"].into_iter().find_map(environment::executable)?;
    let folder = output_of(Command::new(compiler).arg("-print-file-name=include")).ok()?;
    let folder = PathBuf::from(folder.trim());
    folder.join("stddef.h").exists().then_some(folder)
}
