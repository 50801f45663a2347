//! What counts as growth.
//!
//! Memory of the program's own heap: the medians of the third and the last quarter of the time
//! are compared, so that a buffer that fills and empties does not matter. Twice their difference is
//! what the later half grew by. The database's caches and write buffers fill for as long as it
//! takes, up to a limit that they have, so that all other memory is compared with a limit.
//! Handles: no more sockets than the load has connections, at any time of the later half; once the
//! load has ended, as many as before it. Files are the database's own matter, up to a limit.

use super::load::SOCKETS_MAX;
use super::process::Sample;
use crate::times::median;

/// By how much the program's own heap may grow in the later half, in MiB.
const GROWTH_MIB: f64 = 32.0;
/// What the rest may come to, in MiB: 192 of block cache and as much of write buffers, what their
/// allocator cannot give back, and the program's code.
const REST_MIB_MAX: f64 = 512.0;
/// The database keeps 512 files open at most; its log, locks and the program's own are beside.
const FILES_MAX: u64 = 640;
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
    let own = |part: &[Sample]| median(part.iter().map(|sample| sample.own_mib).collect());
    let growth = 2.0 * (own(last) - own(third));
    let rest = median(last.iter().map(|sample| sample.rest_mib).collect());
    let most = |figure: fn(&Sample) -> u64| later.iter().map(figure).max().unwrap_or(0);
    let (sockets, files) = (most(|sample| sample.sockets), most(|sample| sample.files));
    let threads = most(|sample| sample.threads);
    let sockets_max = idle.sockets + SOCKETS_MAX;
    let threads_max = idle.threads + THREADS_MAX;
    let mut lines = vec![
        format!(
            "memory: {:.0} MiB of the program's own in the end, {growth:+.1} MiB over the later \
             half (up to {GROWTH_MIB:+} allowed); {rest:.0} MiB of the database and all else (up \
             to {REST_MIB_MAX} allowed)",
            own(last)
        ),
        format!("later half at most: {sockets} sockets, {files} files, {threads} threads"),
        format!("at rest before: {idle}"),
        format!("at rest after:  {rested}"),
    ];
    let complaints = [
        (growth > GROWTH_MIB, "memory of the program's own grows".to_owned()),
        (rest > REST_MIB_MAX, "more memory than the database's caches can need".to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(own_mib: f64, sockets: u64) -> Sample {
        Sample { own_mib, rest_mib: 100.0, sockets, files: 20, others: 8, threads: 12 }
    }

    /// Samples of a run whose memory and sockets are functions of the second.
    fn run(memory: fn(f64) -> f64, sockets: fn(u64) -> u64, rested: &Sample) -> Verdict {
        let samples = (0_u32..600)
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
        let verdict = run(|second| 300.0 + second / 5.0, |_| 20, &sample(420.0, 5));
        assert!(!verdict.steady, "{:?}", verdict.lines);
    }

    #[test]
    fn caches_fill_and_stay_below_their_limit() {
        let judged = |most: f64| {
            let samples = (0..600).map(|second| Sample {
                rest_mib: most * f64::from(second) / 600.0,
                ..sample(100.0, 20)
            });
            judge(&sample(100.0, 5), &samples.collect::<Vec<_>>(), &sample(100.0, 5))
        };
        assert!(judged(450.0).steady);
        assert!(!judged(1_000.0).steady);
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
