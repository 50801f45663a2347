//! The lines of the journal that are still counting.
//!
//! Requests of one kind, source and purpose share a line for a minute. A source has few lines of
//! its own purposes for each kind, and a kind few lines; what exceeds that is counted in a line
//! that leaves out what differs. So neither memory nor rows grow with the number of requests or
//! with what they name, and every request is counted exactly once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ledger_contract::journal::{JournalEntry, Without};
use ledger_contract::time;
use ledger_domain::Micros;

use super::attempt::{Attempt, Detail, Source};

/// How long a line counts.
pub(super) const WINDOW: Duration = Duration::from_mins(1);
/// Lines of one kind and source with a purpose of their own.
pub(super) const LINES_PER_SOURCE: usize = 8;
/// Lines of one kind, besides the one for all sources.
pub(super) const LINES_PER_KIND: usize = 256;

/// What the requests of a line have in common. `None` is what differs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LineKey {
    kind: &'static str,
    source: Option<Source>,
    detail: Option<Detail>,
}

/// A line that counts.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) first: Micros,
    pub(super) last: Micros,
    pub(super) count: u64,
    /// Its row, once it has one.
    pub(super) row: Option<StoredRow>,
    /// Whether it is among the changed ones.
    is_changed: bool,
}

/// The row of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredRow {
    pub(super) number: u64,
    pub(super) bytes: u64,
}

/// All lines.
#[derive(Debug, Default)]
pub(super) struct Folds {
    lines: HashMap<LineKey, Line>,
    /// Lines to be stored, in the order in which they changed.
    changed: VecDeque<LineKey>,
    of_kind: HashMap<&'static str, usize>,
    of_source: HashMap<(&'static str, Source), usize>,
}

impl Folds {
    /// Counts a request.
    pub(super) fn count(&mut self, kind: &'static str, attempt: &Attempt, now: Micros) {
        let key = self.line_of(kind, attempt);
        let line = match self.lines.get_mut(&key) {
            Some(line) => line,
            None => self.begin(key.clone(), now),
        };
        line.count += 1;
        line.last = line.last.max(now);
        if !std::mem::replace(&mut line.is_changed, true) {
            self.changed.push_back(key);
        }
    }

    /// Returns the most exact line that has room for a request.
    fn line_of(&self, kind: &'static str, attempt: &Attempt) -> LineKey {
        let source = Some(attempt.source.clone());
        let exact = LineKey { kind, source, detail: Some(attempt.detail.clone()) };
        let of_kind = self.of_kind.get(kind).copied().unwrap_or_default();
        let has_room = of_kind < LINES_PER_KIND;
        if self.lines.contains_key(&exact) {
            return exact;
        }
        let of_source = (kind, attempt.source.clone());
        let of_source = self.of_source.get(&of_source).copied().unwrap_or_default();
        if has_room && of_source < LINES_PER_SOURCE {
            return exact;
        }
        let of_source = LineKey { detail: None, ..exact };
        if has_room || self.lines.contains_key(&of_source) {
            return of_source;
        }
        LineKey { source: None, ..of_source }
    }

    fn begin(&mut self, key: LineKey, now: Micros) -> &mut Line {
        if let Some(source) = &key.source {
            *self.of_kind.entry(key.kind).or_default() += 1;
            if key.detail.is_some() {
                *self.of_source.entry((key.kind, source.clone())).or_default() += 1;
            }
        }
        let line = Line { first: now, last: now, count: 0, row: None, is_changed: false };
        self.lines.entry(key).or_insert(line)
    }

    /// Takes up to `most` lines that are to be stored.
    pub(super) fn take_changed(&mut self, most: usize) -> Vec<(LineKey, Line)> {
        let taken = self.changed.len().min(most);
        let keys: Vec<_> = self.changed.drain(..taken).collect();
        let take = |key: LineKey| {
            let line = self.lines.get_mut(&key)?;
            line.is_changed = false;
            let line = line.clone();
            Some((key, line))
        };
        keys.into_iter().filter_map(take).collect()
    }

    /// Notes where a line is stored.
    pub(super) fn stored(&mut self, key: &LineKey, row: StoredRow) {
        if let Some(line) = self.lines.get_mut(key) {
            line.row = Some(row);
        }
    }

    /// Ends the lines that have counted for long enough and are stored.
    pub(super) fn end_old(&mut self, now: Micros) {
        let window = u64::try_from(WINDOW.as_micros()).unwrap_or(u64::MAX);
        let is_over = |line: &Line| now.get().abs_diff(line.first.get()) >= window;
        let Self { lines, of_kind, of_source, .. } = self;
        lines.retain(|key, line| {
            let is_ended = !line.is_changed && is_over(line);
            if is_ended && let Some(source) = &key.source {
                decrease(of_kind, &key.kind);
                if key.detail.is_some() {
                    decrease(of_source, &(key.kind, source.clone()));
                }
            }
            !is_ended
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

fn decrease<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Returns a line as it is stored under a number.
pub(super) fn entry(number: u64, key: &LineKey, line: &Line) -> JournalEntry {
    let LineKey { kind, source, detail } = key;
    let source_of = source.as_ref();
    let detail_of = detail.as_ref();
    JournalEntry {
        entry: number,
        kind: (*kind).to_owned(),
        count: line.count,
        first_at: time::format(line.first),
        last_at: time::format(line.last),
        via: source_of.map(|source| source.via.as_str().to_owned()),
        actor: source_of.and_then(|source| Some(source.actor.as_ref()?.as_str().to_owned())),
        key: source_of.and_then(|source| source.key.as_deref().map(str::to_owned)),
        address: source_of.and_then(|source| source.address),
        operation: detail_of
            .map(|detail| detail.operation.to_owned())
            .filter(|operation| !operation.is_empty()),
        workspace: detail_of
            .and_then(|detail| Some(detail.workspace.as_ref()?.as_str().to_owned())),
        connection: detail_of.and_then(|detail| detail.connection.as_deref().map(str::to_owned)),
        without: match (source, detail) {
            (None, _) => Some(Without::Sources),
            (Some(_), None) => Some(Without::Details),
            (Some(_), Some(_)) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::Via;
    use ledger_domain::{CheckedText as _, WorkspaceName};

    use super::*;

    const KIND: &str = "forbidden";
    const MINUTE: i64 = 60_000_000;

    fn attempt(address: u32, workspace: usize) -> Attempt {
        let name = WorkspaceName::stored(format!("w-{workspace}").into());
        let address = std::net::Ipv4Addr::from(address).into();
        Attempt::new(Via::Http, "list").from_address(Some(address)).in_workspace(Some(name))
    }

    fn counted(folds: &mut Folds) -> Vec<JournalEntry> {
        let changed = folds.take_changed(usize::MAX);
        changed.iter().map(|(key, line)| entry(0, key, line)).collect()
    }

    fn sum(entries: &[JournalEntry]) -> u64 {
        entries.iter().map(|entry| entry.count).sum()
    }

    #[test]
    fn what_is_alike_shares_a_line_with_its_count_and_times() {
        let mut folds = Folds::default();
        for second in 0..10_000 {
            folds.count(KIND, &attempt(1, 1), Micros::new(second));
        }
        let entries = counted(&mut folds);
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].count, entries[0].without), (10_000, None));
        assert_eq!(entries[0].first_at, time::format(Micros::new(0)));
        assert_eq!(entries[0].last_at, time::format(Micros::new(9_999)));
        assert_eq!(entries[0].workspace.as_deref(), Some("w-1"));
        folds.count(KIND, &attempt(1, 1), Micros::new(20_000));
        assert_eq!(counted(&mut folds)[0].count, 10_001, "it goes on counting");
    }

    #[test]
    fn one_source_with_many_purposes_has_few_lines_and_all_are_counted() {
        let mut folds = Folds::default();
        for number in 0..50_000 {
            folds.count(KIND, &attempt(1, number), Micros::new(0));
        }
        folds.count(KIND, &attempt(2, 7), Micros::new(0));
        let entries = counted(&mut folds);
        assert_eq!((entries.len(), sum(&entries)), (LINES_PER_SOURCE + 2, 50_001));
        let rest = entries.iter().find(|entry| entry.without == Some(Without::Details)).unwrap();
        assert_eq!(rest.count, 49_992);
        assert!(rest.address.is_some() && rest.operation.is_none() && rest.workspace.is_none());
        let other = entries.iter().find(|entry| entry.workspace.as_deref() == Some("w-7"));
        assert!(other.is_some(), "another source has lines of its own");
    }

    #[test]
    fn many_sources_have_few_lines_and_crowd_out_no_other_kind() {
        let mut folds = Folds::default();
        for address in 0..50_000 {
            folds.count("credential_invalid", &attempt(address, 1), Micros::new(0));
        }
        folds.count(KIND, &attempt(7, 1), Micros::new(0));
        let entries = counted(&mut folds);
        assert_eq!((entries.len(), sum(&entries)), (LINES_PER_KIND + 2, 50_001));
        let rest = entries.iter().find(|entry| entry.without == Some(Without::Sources)).unwrap();
        assert_eq!((rest.count, rest.via.as_ref()), (49_744, None));
        assert!(entries.iter().any(|entry| entry.kind == KIND && entry.without.is_none()));
    }

    #[test]
    fn a_line_ends_after_a_minute_once_it_is_stored() {
        let mut folds = Folds::default();
        folds.count(KIND, &attempt(1, 1), Micros::new(0));
        folds.end_old(Micros::new(MINUTE));
        assert_eq!(folds.len(), 1, "not before it is stored");
        let before = counted(&mut folds);
        folds.end_old(Micros::new(MINUTE - 1));
        assert_eq!(folds.len(), 1, "not before its time");
        folds.end_old(Micros::new(MINUTE));
        assert_eq!(folds.len(), 0);
        assert!(folds.of_kind.is_empty() && folds.of_source.is_empty());
        folds.count(KIND, &attempt(1, 1), Micros::new(MINUTE));
        let after = counted(&mut folds);
        assert_eq!((before[0].count, after[0].count), (1, 1), "another line counts anew");
        assert_ne!(before[0].first_at, after[0].first_at);
    }

    #[test]
    fn lines_are_stored_in_the_order_in_which_they_changed() {
        let mut folds = Folds::default();
        for address in 0..10 {
            folds.count(KIND, &attempt(address, 1), Micros::new(address.into()));
        }
        let first: Vec<_> =
            folds.take_changed(4).iter().map(|(_, line)| line.first.get()).collect();
        assert_eq!(first, [0, 1, 2, 3]);
        folds.count(KIND, &attempt(0, 1), Micros::new(11));
        let rest: Vec<_> =
            folds.take_changed(99).iter().map(|(_, line)| line.first.get()).collect();
        assert_eq!(rest, [4, 5, 6, 7, 8, 9, 0], "nothing waits forever");
    }
}
