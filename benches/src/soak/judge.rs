//! What counts as growth.
//!
//! Memory: the medians of the third and the last quarter of the time are compared, so that a
//! buffer that fills and empties does not matter. Twice their difference is what the later half
//! grew by. The database's cache and write buffers fill by design, at some rate and up to some
//! size; what they may still take is allowed on top. A short run cannot tell filling from growing,
//! so only the size counts there. Handles: no more sockets than the load has connections, at any
//! time of the later half; once the load has ended, as many as before it. Files are the database's
//! own matter, up to a limit that it has.

use super::load::SOCKETS_MAX;
use super::process::Sample;
use crate::times::median;

/// By how much the later half may grow in any case, in MiB.
const GROWTH_MIB: f64 = 32.0;
/// What a server that is at work for long has more than one that has just started, in MiB: 192 of
/// block cache, as much of write buffers, and 256 of the newest events, heads, bitmaps and
/// messages on their way.
const FULL_MIB: f64 = 640.0;
/// By how much those may fill in a second, in MiB, in a run that is long enough to tell.
const FILL_MIB: f64 = 0.5;
/// Seconds of a later half from which on the rate counts. Before that, each thread that the load
/// adds to the pool brings the allocator's pages of its own, tens of MiB at a time.
const FILL_SECONDS_LEAST: u32 = 300;
/// The database keeps 4,096 files open at most; its log, locks and the program's own are beside.
const FILES_MAX: u64 = 4_224;
/// Threads and other handles by which two quiet moments may differ: the runtime's helpers end when
/// they have had no work for a while.
const OTHERS_SLACK: u64 = 2;
const THREADS_SLACK: u64 = 4;
/// Threads that a load may need: those of the runtime's pool come as they are wanted, a quarter of
/// what it may have at most.
const THREADS_MAX: u64 = 128;

/// The judgment of a run.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) steady: bool,
    /// The figures, and each thing that is wrong.
    pub(super) lines: Vec<String>,
}

/// Tells whether the process has let go of what the load needed.
pub(super) fn is_at_rest(now: &Sample, idle: &Sample) -> bool {
    now.sockets <= idle.sockets
        && now.others <= idle.others + OTHERS_SLACK
        && now.threads <= idle.threads + THREADS_SLACK
}

pub(super) fn judge(idle: &Sample, samples: &[Sample], rested: &Sample) -> Verdict {
    let (_, later) = samples.split_at(samples.len() / 2);
    let (third, last) = later.split_at(later.len() / 2);
    let memory = |part: &[Sample]| median(part.iter().map(|sample| sample.resident_mib).collect());
    let growth = 2.0 * (memory(last) - memory(third));
    let allowed = GROWTH_MIB + fill(idle.resident_mib, memory(third), later.len());
    let most = |figure: fn(&Sample) -> u64| later.iter().map(figure).max().unwrap_or(0);
    let (sockets, files) = (most(|sample| sample.sockets), most(|sample| sample.files));
    let threads = most(|sample| sample.threads);
    let sockets_max = idle.sockets + SOCKETS_MAX;
    let threads_max = idle.threads + THREADS_MAX;
    let mut lines = vec![
        format!(
            "memory: {:.0} MiB in the end, {growth:+.1} MiB over the later half (up to \
             {allowed:+.1} allowed)",
            memory(last)
        ),
        format!("later half at most: {sockets} sockets, {files} files, {threads} threads"),
        format!("at rest before: {idle}"),
        format!("at rest after:  {rested}"),
    ];
    let complaints = [
        (growth > allowed, "memory grows".to_owned()),
        (sockets > sockets_max, format!("more sockets than the load can need: {sockets_max}")),
        (files > FILES_MAX, format!("more files than the database may open: {FILES_MAX}")),
        (threads > threads_max, format!("more threads than the load can need: {threads_max}")),
        (!is_at_rest(rested, idle), "handles or threads outlive the load".to_owned()),
        (samples.len() < 8, "too few samples to judge".to_owned()),
    ];
    let mut steady = true;
    for (_, complaint) in complaints.into_iter().filter(|(wrong, _)| *wrong) {
        steady = false;
        lines.push(format!("GROWTH: {complaint}"));
    }
    if steady {
        lines.push("steady".to_owned());
    }
    Verdict { steady, lines }
}

/// Returns by how much the database's memory may still fill in so many seconds, in MiB.
fn fill(idle_mib: f64, now_mib: f64, seconds: usize) -> f64 {
    let left = (idle_mib + FULL_MIB - now_mib).max(0.0);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    if seconds < FILL_SECONDS_LEAST { left } else { left.min(FILL_MIB * f64::from(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(resident_mib: f64, sockets: u64) -> Sample {
        Sample { resident_mib, sockets, files: 20, others: 8, threads: 12 }
    }

    /// Samples of a run whose memory and sockets are functions of the second.
    fn run(memory: fn(f64) -> f64, sockets: fn(u64) -> u64, rested: &Sample) -> Verdict {
        run_for(600, memory, sockets, rested)
    }

    fn run_for(
        seconds: u32,
        memory: fn(f64) -> f64,
        sockets: fn(u64) -> u64,
        rested: &Sample,
    ) -> Verdict {
        let samples = (0..seconds)
            .map(|second| sample(memory(f64::from(second)), sockets(u64::from(second))));
        judge(&sample(100.0, 5), &samples.collect::<Vec<_>>(), rested)
    }

    #[test]
    fn a_buffer_that_fills_and_empties_is_no_growth() {
        let verdict = run(|second| 300.0 + second % 40.0, |_| 20, &sample(320.0, 5));
        assert!(verdict.steady, "{:?}", verdict.lines);
        let warming = run(|second| 500.0 - 400.0 / (1.0 + second), |_| 20, &sample(480.0, 5));
        assert!(warming.steady, "{:?}", warming.lines);
    }

    #[test]
    fn memory_that_goes_on_growing_is_found() {
        // Faster than caches fill.
        let quick = run(|second| 300.0 + second, |_| 20, &sample(900.0, 5));
        assert!(!quick.steady, "{:?}", quick.lines);
        // More than all of them.
        let slow = run(|second| 700.0 + second / 5.0, |_| 20, &sample(820.0, 5));
        assert!(!slow.steady, "{:?}", slow.lines);
    }

    #[test]
    fn caches_that_fill_are_no_growth_until_they_are_full() {
        let filling = run(|second| 300.0 + second / 4.0, |_| 20, &sample(450.0, 5));
        assert!(filling.steady, "{:?}", filling.lines);
    }

    #[test]
    fn a_short_run_may_fill_caches_at_any_rate_but_no_further() {
        let step = |second: f64| if second < 45.0 { 430.0 } else { 540.0 };
        let filled = run_for(60, step, |_| 20, &sample(490.0, 5));
        assert!(filled.steady, "{:?}", filled.lines);
        let beyond = run_for(60, |second| 430.0 + 10.0 * second, |_| 20, &sample(900.0, 5));
        assert!(!beyond.steady, "{:?}", beyond.lines);
    }

    #[test]
    fn sockets_that_stay_are_found_under_load_and_after_it() {
        let piling_up = run(|_| 300.0, |second| 20 + second, &sample(300.0, 5));
        assert!(!piling_up.steady, "{:?}", piling_up.lines);
        let left = run(|_| 300.0, |_| 20, &sample(300.0, 6));
        assert!(!left.steady, "{:?}", left.lines);
    }

    #[test]
    fn too_short_a_run_is_not_called_steady() {
        assert!(!judge(&sample(1.0, 1), &[sample(1.0, 1)], &sample(1.0, 1)).steady);
    }
}
