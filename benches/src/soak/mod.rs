//! `soak`: mixed load over both doors for a given time, and what it does to the server's memory,
//! handles and threads.
//!
//! Read first: [`run`], then `judge.rs` (what counts as growth) and `load.rs` (what the load is).

mod door;
mod feeds;
mod judge;
mod lives;
mod load;
mod process;
mod questions;
mod worker;

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::failure::Outcome;
use crate::ground::Ground;
use crate::output;
use crate::server::Server;
use crate::times::as_f64;
use load::{Load, Pace};
use process::Sample;

/// Between two looks at the process.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Between two lines of figures.
const LINE_INTERVAL: Duration = Duration::from_mins(1);
/// The warm-up is this part of the whole, within these bounds.
const WARM_UP_PART: u32 = 6;
const WARM_UP_LEAST: Duration = Duration::from_secs(15);
const WARM_UP_MOST: Duration = Duration::from_mins(2);
/// How long handles and threads may take to fall back once the load has ended. Threads that the
/// runtime has no more work for end after ten seconds.
const REST_PATIENCE: Duration = Duration::from_mins(1);

/// Runs the load for so long and tells whether the server stayed as it was.
pub(crate) async fn run(ground: &Ground, time: Duration) -> Outcome<bool> {
    let folder = ground.fresh_folder("soak")?;
    let server = Server::start(ground.programs(), &folder).await?;
    load::prepare(&server).await?;
    let pid = server.pid()?;
    let idle = Sample::take(pid)?;
    output::say(format!("at rest: {idle}"));
    let warm_up = (time / WARM_UP_PART).clamp(WARM_UP_LEAST, WARM_UP_MOST);
    let load = Load::start(&server, Pace::AsFastAsItGoes).await?;
    watch("warming up", load, pid, warm_up).await?;
    rest(pid, &idle).await?;
    let load = Load::start(&server, Pace::Steady).await?;
    let samples = watch("soaking", load, pid, time).await?;
    let rested = rest(pid, &idle).await?;
    server.stop().await?;
    let verdict = judge::judge(&idle, &samples, &rested);
    for line in &verdict.lines {
        output::line(line)?;
    }
    Ok(verdict.steady)
}

/// Samples the process under load for so long, then ends the load.
async fn watch(what: &str, mut load: Load, pid: u32, time: Duration) -> Outcome<Vec<Sample>> {
    let bar = bar(what, time);
    let mut ticks = interval(SAMPLE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (started, mut next_line) = (Instant::now(), LINE_INTERVAL);
    let mut samples = Vec::new();
    let done = loop {
        tokio::select! {
            failure = load.failed() => break Err(failure),
            _ = ticks.tick() => {}
        }
        let sample = Sample::take(pid)?;
        let so_far = started.elapsed();
        let rates = load.rates(so_far);
        bar.set_position(so_far.as_secs());
        bar.set_message(format!("{what}: {sample}; {rates}"));
        if so_far >= next_line || so_far >= time {
            next_line += LINE_INTERVAL;
            let seconds = so_far.as_secs();
            bar.suspend(|| output::say(format!("{what}, {seconds} s: {sample}; {rates}")));
        }
        samples.push(sample);
        if so_far >= time {
            break Ok(samples);
        }
    };
    bar.finish_and_clear();
    load.stop().await;
    done
}

/// Waits until handles and threads are as they were, as long as is allowed; returns the last look.
async fn rest(pid: u32, idle: &Sample) -> Outcome<Sample> {
    let (started, mut ticks) = (Instant::now(), interval(SAMPLE_INTERVAL));
    loop {
        ticks.tick().await;
        let sample = Sample::take(pid)?;
        let took = started.elapsed();
        let rested = judge::is_at_rest(&sample, idle);
        if rested || took > REST_PATIENCE {
            let what = if rested { "at rest again" } else { "not at rest" };
            output::say(format!("{what} after {:.0} s: {sample}", took.as_secs_f64()));
            return Ok(sample);
        }
    }
}

fn bar(what: &str, time: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} s {msg}");
    let style = style.expect("the template is fixed text");
    ProgressBar::new(time.as_secs()).with_style(style).with_message(what.to_owned())
}

/// Returns how many there were a second.
fn rate(count: u64, time: Duration) -> f64 {
    as_f64(count) / time.as_secs_f64().max(f64::MIN_POSITIVE)
}
