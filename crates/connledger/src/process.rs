//! What the process withholds from others on the machine, whichever command it runs.

use nix::sys::stat::{Mode, umask};

/// Makes every file that this process and its children create their owner's alone, and keeps other
/// processes of the same user out of its memory, which never becomes a core file.
pub(crate) fn harden() {
    umask(Mode::from_bits_truncate(0o077));
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).ok();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn files_and_memory_of_the_process_are_its_users_alone() {
        harden();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        assert_eq!(umask(Mode::from_bits_truncate(0o077)), Mode::from_bits_truncate(0o077));
    }
}
