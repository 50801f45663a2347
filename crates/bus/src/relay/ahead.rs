//! Reads a backlog on a thread of its own, while the relay sends what has been read.

use std::panic::resume_unwind;
use std::thread::JoinHandle;

use ledger_contract::errors::{Code, Problem};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tracing::error;

use super::message::Message;

/// Batches that wait for the relay. Each has a few MiB at most, so that all of them have a bound.
const BATCHES_MAX: usize = 4;

/// Messages in the order of the log, or why they cannot be read.
pub(super) type Batch = Result<Vec<Message>, Problem>;

/// A thread that reads ahead. It ends with its task, or when this is dropped, and waits while
/// nobody takes what it has read. What it has read is never used after the drop, so a relay that
/// has to continue elsewhere begins anew.
#[derive(Debug)]
pub(super) struct ReadAhead {
    batches: mpsc::Receiver<Batch>,
    /// The next batch, if it has been waited for.
    next: Option<Batch>,
    thread: Option<JoinHandle<()>>,
}

/// The next of what was read ahead.
#[derive(Debug)]
pub(super) enum Next {
    /// These messages.
    Messages(Vec<Message>),
    /// It is not read yet.
    Pending,
    /// Nothing: everything has been taken.
    End,
}

impl ReadAhead {
    /// Starts the thread, which calls `read` until that returns nothing.
    pub(super) fn start(
        mut read: impl FnMut() -> Option<Batch> + Send + 'static,
    ) -> Result<Self, Problem> {
        let (sender, batches) = mpsc::channel(BATCHES_MAX);
        let work = move || {
            while let Some(batch) = read() {
                // Nobody takes it if the relay has ended or continues elsewhere.
                if sender.blocking_send(batch).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("ledger-ahead".to_owned()).spawn(work);
        let thread = thread.map_err(|error| {
            Problem::because(Code::Internal, format!("the log cannot be read ahead: {error}"))
        })?;
        Ok(Self { batches, next: None, thread: Some(thread) })
    }

    /// Takes the next batch without waiting. A panic of the thread goes on here.
    ///
    /// Errors: those of reading.
    pub(super) fn take(&mut self) -> Result<Next, Problem> {
        let next = match self.next.take() {
            Some(batch) => Ok(batch),
            None => self.batches.try_recv(),
        };
        match next {
            Ok(batch) => batch.map(Next::Messages),
            Err(TryRecvError::Empty) => Ok(Next::Pending),
            Err(TryRecvError::Disconnected) => {
                if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                    resume_unwind(panic);
                }
                Ok(Next::End)
            }
        }
    }

    /// Waits until [`Self::take`] returns anything but [`Next::Pending`]. Cancel-safe.
    pub(super) async fn ready(&mut self) {
        if self.next.is_none() {
            self.next = self.batches.recv().await;
        }
    }
}

impl Drop for ReadAhead {
    /// Waits until the thread has ended, which is in the middle of one batch at most.
    fn drop(&mut self) {
        self.batches.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread that reads ahead for the relay panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Poll;

    use async_nats::HeaderMap;
    use ledger_domain::Position;

    use super::*;
    use tracing::Span;

    fn batch(position: u64) -> Vec<Message> {
        let position = Position::new(position);
        let (subject, headers) = ("ledger.events.x".to_owned(), HeaderMap::new());
        vec![Message { position, subject, headers, payload: Vec::new().into(), span: Span::none() }]
    }

    /// Waits for the next batch and returns the positions in it, or nothing at the end.
    async fn next(ahead: &mut ReadAhead) -> Option<Vec<u64>> {
        ahead.ready().await;
        match ahead.take().expect("read") {
            Next::Messages(messages) => {
                Some(messages.iter().map(|message| message.position.get()).collect())
            }
            Next::Pending => panic!("it was waited for"),
            Next::End => None,
        }
    }

    #[tokio::test]
    async fn everything_arrives_once_and_in_order_before_the_end() {
        let mut positions = 1..=50;
        let mut ahead =
            ReadAhead::start(move || positions.next().map(batch).map(Ok)).expect("a thread");
        for position in 1..=50 {
            // A wait that is given up loses nothing.
            let (Poll::Ready(()) | Poll::Pending) = futures::poll!(pin!(ahead.ready()));
            assert_eq!(next(&mut ahead).await, Some(vec![position]));
        }
        assert_eq!(next(&mut ahead).await, None);
    }

    #[tokio::test]
    async fn a_thread_of_which_nobody_takes_anything_reads_little_and_ends_when_dropped() {
        let reads = Arc::new(AtomicU64::new(0));
        let count = reads.clone();
        let mut ahead = ReadAhead::start(move || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            Some(Ok(batch(number)))
        })
        .expect("a thread");
        assert_eq!(next(&mut ahead).await, Some(vec![1]));
        while ahead.batches.len() < BATCHES_MAX {
            tokio::task::yield_now().await;
        }
        // Returns only when the thread has ended, which waits for a taker.
        drop(ahead);
        let most = u64::try_from(BATCHES_MAX).expect("small") + 2;
        assert!(reads.load(Ordering::SeqCst) <= most, "{reads:?} of at most {most}");
        assert_eq!(Arc::strong_count(&reads), 1, "the thread has dropped its task");
    }

    #[tokio::test]
    async fn an_error_of_reading_arrives_after_what_was_read() {
        let mut results = vec![Err(Problem::new(Code::RecordCorrupt)), Ok(batch(1))];
        let mut ahead = ReadAhead::start(move || results.pop()).expect("a thread");
        assert_eq!(next(&mut ahead).await, Some(vec![1]));
        ahead.ready().await;
        assert_eq!(ahead.take().expect_err("unreadable").code, Code::RecordCorrupt);
    }

    #[tokio::test]
    async fn a_panic_of_the_thread_is_a_panic_of_the_relay() {
        let mut ahead = ReadAhead::start(|| panic!("a defect")).expect("a thread");
        ahead.ready().await;
        let taken = catch_unwind(AssertUnwindSafe(|| ahead.take()));
        assert_eq!(taken.expect_err("a panic").downcast_ref(), Some(&"a defect"));
    }
}
