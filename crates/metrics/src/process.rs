//! What the operating system says of this process. Only Linux is asked.

use procfs::process::{LimitValue, Process as Entry};
use procfs::{ProcResult, ticks_per_second};

use crate::metrics::Measure;
use crate::page::Page;
use crate::table;

/// This process.
#[derive(Debug)]
pub(crate) struct Process;

impl Measure for Process {
    fn measure(&self, page: &mut Page) {
        // A system without these files, or that hides them, has no such metrics.
        let (Ok(()) | Err(_)) = measure(page);
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn measure(page: &mut Page) -> ProcResult<()> {
    let entry = Entry::myself()?;
    let stat = entry.stat()?;
    let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
    page.sum(table::CPU, &[], seconds(stat.utime + stat.stime));
    page.number(table::MEMORY, &[], stat.rss.saturating_mul(procfs::page_size()));
    page.number(table::VIRTUAL, &[], stat.vsize);
    page.number(table::THREADS, &[], u64::try_from(stat.num_threads).unwrap_or_default());
    let booted_at = procfs::boot_time_secs()?;
    page.gauge(table::STARTED, &[], booted_at as f64 + seconds(stat.starttime));
    page.number(table::DESCRIPTORS, &[], u64::try_from(entry.fd_count()?).unwrap_or(u64::MAX));
    if let LimitValue::Value(max) = entry.limits()?.max_open_files.soft_limit {
        page.number(table::DESCRIPTORS_MAX, &[], max);
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_a_start() {
        let mut page = Page::default();
        Process.measure(&mut page);
        let text = page.text();
        for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "start_time_seconds"]
        {
            let line = text.lines().find(|line| line.starts_with(&format!("process_{name} ")));
            let value: f64 =
                line.and_then(|line| line.split(' ').next_back()?.parse().ok()).unwrap();
            assert!(value >= 0.0, "{name} {value}");
        }
    }
}
