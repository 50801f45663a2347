//! Notices when events may have left the event stream before they were received.
//!
//! A consumer that is behind the window goes on at its begin, without a word. Of all workspaces,
//! every position is received, so that a missing one is seen. Of one workspace, positions are
//! missing anyway. There, events can leave unseen only while they wait on the server: because more
//! of them wait than were requested, or because the watcher did not ask for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::reader::BATCH;

/// Waiting messages from which on some may not have been requested yet.
const CROWD: u64 = BATCH as u64 / 2;
/// How long a watcher may not ask before messages may wait for it.
const ABSENCE_MAX: Duration = Duration::from_secs(10);

/// Follows whether the watcher keeps up.
#[derive(Debug)]
pub(super) struct Window {
    /// When the watcher last asked or was given something.
    asked: Instant,
    was_absent: bool,
    doubt: Option<Doubt>,
}

/// What is not certain.
#[derive(Debug)]
struct Doubt {
    /// Everything up to here was received.
    since: u64,
    /// Number of events received after that.
    events: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { asked: Instant::now(), was_absent: false, doubt: None }
    }

    /// Takes note that the watcher asks for the next item.
    pub(super) fn asks(&mut self) {
        self.was_absent |= self.asked.elapsed() > ABSENCE_MAX;
    }

    /// Takes note that the watcher is given an item.
    pub(super) fn given(&mut self) {
        self.asked = Instant::now();
    }

    /// Takes note of an event that follows the position `before`, while so many wait. Returns the
    /// position after which everything has to be in the stream, if it is time to look.
    pub(super) fn received(&mut self, before: u64, waiting: u64) -> Option<u64> {
        let is_crowded = waiting >= CROWD;
        let is_late = is_crowded || std::mem::take(&mut self.was_absent);
        if !is_late && self.doubt.is_none() {
            return None;
        }
        let doubt = self.doubt.get_or_insert(Doubt { since: before, events: 0 });
        doubt.events += 1;
        (!is_crowded || doubt.events >= BATCH).then_some(doubt.since)
    }

    /// Takes note that nothing was missing.
    pub(super) fn is_whole(&mut self) {
        self.doubt = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_up_has_no_doubts() {
        let mut window = Window::new();
        window.asks();
        for position in 1..1_000 {
            assert_eq!(window.received(position, CROWD - 1), None);
        }
    }

    #[test]
    fn a_crowd_is_looked_at_once_a_batch_and_when_it_is_over() {
        let mut window = Window::new();
        let looks = |window: &mut Window, positions: std::ops::Range<u64>, waiting| {
            let mut looks = Vec::new();
            for before in positions {
                if let Some(since) = window.received(before, waiting) {
                    window.is_whole();
                    looks.push((before, since));
                }
            }
            looks
        };
        assert_eq!(looks(&mut window, 0..1_200, CROWD), [(499, 0), (999, 500)]);
        assert_eq!(looks(&mut window, 1_200..1_300, 0), [(1_200, 1_000)]);
    }

    #[test]
    fn after_an_absence_the_first_event_is_looked_at() {
        let long_ago = Instant::now().checked_sub(ABSENCE_MAX * 2).unwrap();
        let mut window = Window::new();
        window.asked = long_ago;
        window.asks();
        assert_eq!(window.received(7, 0), Some(7));
        // Until it is certain, the doubt goes back to the first one.
        assert_eq!(window.received(8, 0), Some(7));
        window.is_whole();
        assert_eq!(window.received(9, 0), None);
        // Waiting for an event is no absence.
        window.given();
        window.asks();
        window.asked = long_ago;
        assert_eq!(window.received(10, 0), None);
    }
}
