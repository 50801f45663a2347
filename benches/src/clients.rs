//! A fixed number of HTTP connections that stay open, each asking again as soon as it has its
//! answer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Outcome;
use crate::output;
use crate::times::Times;
use crate::wire::Asker;

/// How long all requests took together, and each.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) took: Duration,
    pub(crate) each: Times,
}

/// Sends the request that `write` makes of every number, over so many connections.
pub(crate) async fn clients<Write>(
    what: &str,
    asker: &Asker,
    connections: usize,
    numbers: Range<u64>,
    write: Write,
) -> Outcome<Clients>
where
    Write: Fn(&Asker, u64) -> Vec<u8> + Send + Sync + 'static,
{
    let bar = output::bar(what, numbers.end - numbers.start);
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(asker.connect().await?);
    }
    let (next, write) = (Arc::new(AtomicU64::new(numbers.start)), Arc::new(write));
    let started = Instant::now();
    let tasks = wires.into_iter().map(|mut wire| {
        let (next, write) = (Arc::clone(&next), Arc::clone(&write));
        let (asker, bar) = (asker.clone(), bar.clone());
        tokio::spawn(async move {
            let mut times = Times::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return Outcome::Ok(times);
                }
                let request = write(&asker, number);
                let sent = Instant::now();
                wire.ask(&request).await?;
                times.add(sent.elapsed());
                bar.inc(1);
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut each = Times::new();
    for task in tasks {
        each.join(&task.await??);
    }
    let took = started.elapsed();
    bar.finish_and_clear();
    Ok(Clients { took, each })
}
