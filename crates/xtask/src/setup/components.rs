//! The toolchain's formatter and linter, which a minimal rustup profile lacks.

use std::path::Path;
use std::process::Command;

use crate::cargo::output_of;
use crate::environment;
use crate::failure::Failure;
use crate::talk;

/// Each component with the executable that proves its presence.
const COMPONENTS: [(&str, &str); 2] = [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")];

/// Ensures that `cargo fmt` and `cargo clippy` work.
pub(super) fn ensure() -> Result<(), Failure> {
    for (component, executable) in COMPONENTS {
        if !is_present(executable) {
            install(component)?;
        }
        talk::ok(component, "part of the toolchain");
    }
    Ok(())
}

/// Rustup puts proxies for all components into `PATH`, even for missing ones, so the folder of the
/// running cargo is checked. A distribution's toolchain has no proxies.
fn is_present(executable: &str) -> bool {
    let running = environment::path("CARGO");
    let beside = running.as_deref().and_then(Path::parent).map(|folder| folder.join(executable));
    beside.is_some_and(|path| path.exists())
        || (environment::executable("rustup").is_none()
            && environment::executable(executable).is_some())
}

fn install(component: &str) -> Result<(), Failure> {
    if environment::executable("rustup").is_none() {
        return Err(Failure::new(format!("this toolchain has no {component}"))
            .hint(format!("install {component} the way the toolchain was installed")));
    }
    talk::installing(component, &format!("rustup component add {component}"));
    output_of(Command::new("rustup").args(["component", "add", component])).map(drop)
}
