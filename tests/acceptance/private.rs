//! Files with secrets, as an operator would keep them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes a file that only its owner can read, also if it was there before.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("writable");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is this test's");
}
