//! The priority of a thread for the operating system.

use std::io;

/// How much the nice value of scans exceeds that of all other threads. Where both want the same
/// processor, a scan gets about a tenth of it: enough to end, and to release what it holds.
#[cfg(target_os = "linux")]
pub(super) const NICER_BY: i32 = 10;

/// Lowers the priority of the calling thread for good, so that commands go before what it does. On
/// Linux, a nice value belongs to a thread; elsewhere it belongs to the process, so nothing changes
/// there.
pub fn lower_priority() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        let this = Some(rustix::thread::gettid());
        setpriority_process(this, getpriority_process(this)? + NICER_BY)?;
    }
    Ok(())
}
