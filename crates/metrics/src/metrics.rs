//! The counters and the parts of one server, and its pages.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::counters::Counters;
use crate::page::Page;
use crate::process::Process;

/// For how long a page is given again, so that whoever asks all the time costs little.
const PAGE_AGE: Duration = Duration::from_millis(500);

/// A part of a server that has something to measure.
pub trait Measure: Send + Sync {
    /// Writes what it measures now. May read from the disk, and must not wait for anything else.
    fn measure(&self, page: &mut Page);
}

/// What a server counts and measures.
#[derive(Default)]
pub struct Metrics {
    /// What is counted where it happens.
    pub counters: Counters,
    /// The parts do not live on for their metrics.
    parts: Mutex<Vec<Weak<dyn Measure>>>,
    latest: Mutex<Option<(Instant, Arc<str>)>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({} parts)", self.parts.lock().len())
    }
}

impl Metrics {
    /// Has a part write to all further pages, as long as it lives.
    pub fn add(&self, part: Weak<dyn Measure>) {
        self.parts.lock().push(part);
    }

    /// Returns the page as it is now, or was half a second ago, with what `own` measures. Blocks;
    /// whoever asks meanwhile waits for the same page.
    pub fn page(&self, own: &dyn Measure) -> Arc<str> {
        let mut latest = self.latest.lock();
        if let Some((made_at, page)) = &*latest
            && made_at.elapsed() < PAGE_AGE
        {
            return Arc::clone(page);
        }
        let mut page = Page::default();
        self.counters.write(&mut page);
        own.measure(&mut page);
        Process.measure(&mut page);
        let parts: Vec<_> = {
            let mut parts = self.parts.lock();
            parts.retain(|part| part.strong_count() > 0);
            parts.iter().filter_map(Weak::upgrade).collect()
        };
        for part in parts {
            part.measure(&mut page);
        }
        let page: Arc<str> = page.text().into();
        *latest = Some((Instant::now(), Arc::clone(&page)));
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    struct Part;

    impl Measure for Part {
        fn measure(&self, page: &mut Page) {
            page.number(table::QUEUED, &[], 7);
        }
    }

    struct Nothing;

    impl Measure for Nothing {
        fn measure(&self, _: &mut Page) {}
    }

    #[test]
    fn a_part_is_asked_as_long_as_it_lives() {
        let metrics = Metrics::default();
        let own = Nothing;
        let part: Arc<dyn Measure> = Arc::new(Part);
        metrics.add(Arc::downgrade(&part));
        assert!(metrics.page(&own).contains("connledger_queued_commands 7\n"));
        drop(part);
        *metrics.latest.lock() = None;
        assert!(!metrics.page(&own).contains("connledger_queued_commands"));
    }
}
