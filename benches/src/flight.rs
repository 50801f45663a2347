//! A fixed number of things in flight at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::failure::Outcome;

/// Does `work` for every number of `numbers`, `in_flight` at a time, and returns how long all took.
/// Each task begins the next as soon as its last has ended.
pub(crate) async fn fly<Work, Done>(
    numbers: std::ops::Range<u64>,
    in_flight: usize,
    work: Work,
) -> Outcome<Duration>
where
    Work: Fn(u64) -> Done + Send + Sync + 'static,
    Done: Future<Output = Outcome<()>> + Send,
{
    let (next, work) = (Arc::new(AtomicU64::new(numbers.start)), Arc::new(work));
    let end = numbers.end;
    let started = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (next, work) = (Arc::clone(&next), Arc::clone(&work));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return Outcome::Ok(());
                    }
                    work(number).await?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_number_has_its_turn_once() {
        let sum = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&sum);
        let work = move |number| {
            seen.fetch_add(number, Ordering::Relaxed);
            std::future::ready(Ok(()))
        };
        fly(5..105, 7, work).await.unwrap();
        assert_eq!(sum.load(Ordering::Relaxed), (5..105).sum::<u64>());
    }
}
