//! A running part of the bus: its stop signal, and the report that it has ended unexpectedly.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::lease::Ownership;
use crate::stop::is_stopped;

/// A task and the signal that stops it.
#[derive(Debug)]
pub(crate) struct Part {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Part {
    /// Starts a task that runs until its signal.
    pub(crate) fn start<Running: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        ownership: &Arc<Ownership>,
        begin: impl FnOnce(watch::Receiver<bool>) -> Running,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let watchdog = Watchdog::new(name, ownership.clone(), stopped.clone());
        let running = begin(stopped);
        let task = tokio::spawn(async move {
            let _watchdog = watchdog;
            running.await;
        });
        Self { stop, task }
    }

    /// Gives the signal, and waits for the end until `deadline`.
    pub(crate) async fn stop(mut self, deadline: Instant) {
        self.stop.send_replace(true);
        if timeout_at(deadline, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Is dropped where a part ends, also by a panic, and reports an end without the stop signal.
#[derive(Debug)]
pub(crate) struct Watchdog {
    name: &'static str,
    ownership: Arc<Ownership>,
    stop: watch::Receiver<bool>,
}

impl Watchdog {
    pub(crate) fn new(
        name: &'static str,
        ownership: Arc<Ownership>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { name, ownership, stop }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if !is_stopped(&self.stop) {
            self.ownership.ended(self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::subjects::Subjects;
    use ledger_domain::{Incarnation, LedgerId};
    use ledger_engine::{Fence as _, Identity};

    use super::*;
    use crate::lease::FencedBy;
    use crate::stop::stopped;

    fn ownership() -> Arc<Ownership> {
        let ledger = LedgerId::from_bytes([1; 16]);
        let incarnation = Incarnation::from_bytes([2; 16]);
        let identity = Identity { ledger, incarnation, epoch: 1 };
        let (subjects, us) = (Subjects::default(), "us".to_owned());
        Arc::new(Ownership::new(&subjects, us, identity, FencedBy::DataDir))
    }

    #[tokio::test]
    async fn a_part_that_panics_ends_the_right_to_write() {
        let ownership = ownership();
        assert_eq!(ownership.refusal(), None);
        let part = Part::start("keeper", &ownership, |_| async { panic!("a defect") });
        assert_eq!(ownership.until_part_ended().await, "keeper");
        let refusal = ownership.refusal().unwrap_or_default();
        assert!(refusal.contains("its keeper has ended unexpectedly"), "{refusal}");
        part.stop(Instant::now()).await;
    }

    #[tokio::test]
    async fn a_part_that_was_stopped_is_not_reported() {
        let ownership = ownership();
        let part = Part::start("keeper", &ownership, |mut stop| async move {
            stopped(&mut stop).await;
        });
        let Part { stop, task } = part;
        stop.send_replace(true);
        task.await.expect("no panic");
        assert_eq!(ownership.refusal(), None);
        let (_, dropped) = watch::channel(false);
        drop(Watchdog::new("relay", ownership.clone(), dropped));
        assert_eq!(ownership.refusal(), None, "the bus was dropped");
    }
}
