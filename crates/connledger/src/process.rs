//! What the process asks of the system before anything else, whichever command it runs.

use nix::sys::stat::{Mode, umask};

/// Makes every file that this process and its children create their owner's alone, and keeps other
/// processes of the same user out of its memory, which never becomes a core file.
pub(crate) fn harden() {
    umask(Mode::from_bits_truncate(0o077));
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).ok();
}

/// Makes memory come in small pages.
///
/// The allocator asks for huge ones. To clear one takes several milliseconds on a virtual machine
/// that must first get the memory from its host, in the middle of a command.
pub(crate) fn use_small_pages() {
    // Where this is not permitted, only the time of some commands suffers.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_thp_disable(true).ok();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn files_and_memory_of_the_process_are_its_users_alone_and_pages_are_small() {
        harden();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        use_small_pages();
        assert!(nix::sys::prctl::get_thp_disable().unwrap());
        assert_eq!(umask(Mode::from_bits_truncate(0o077)), Mode::from_bits_truncate(0o077));
    }
}
