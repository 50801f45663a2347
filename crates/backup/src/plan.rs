//! Which segments of an earlier backup the next one takes over.
//!
//! Each backup adds a segment, so without more there would be as many segments as backups. A small
//! segment at the end is therefore written anew together with what follows it, while it has fewer
//! than twice as many events. What is left has at least twice as many events as what follows, up to
//! full segments, which are never written again: their number grows with the logarithm of the
//! events that are not in full segments, and so does the number of times that an event is written.

use crate::manifest::Segment;

/// Returns how many of the first segments are taken over when the log has grown to `head`.
pub(crate) fn taken_over(segments: &[Segment], head: u64, full_bytes: u64) -> usize {
    let end = segments.last().map_or(0, |segment| segment.last);
    let mut fresh = head.saturating_sub(end);
    let mut kept = segments.len();
    if fresh == 0 {
        return kept;
    }
    for segment in segments.iter().rev() {
        if segment.bytes >= full_bytes || segment.events() >= fresh.saturating_mul(2) {
            break;
        }
        fresh = fresh.saturating_add(segment.events());
        kept -= 1;
    }
    kept
}

#[cfg(test)]
mod tests {
    use ledger_domain::Micros;

    use super::*;
    use crate::id::BackupId;

    const FULL: u64 = 1_000;

    fn segment(first: u64, last: u64) -> Segment {
        Segment {
            first,
            last,
            bytes: last - first + 1,
            digest: String::new(),
            writer: BackupId::after(Micros::new(1), None, &mut rand::rng()),
            recorded_at: String::new(),
        }
    }

    /// Writes the log up to `head` in segments of at most `FULL` events. Returns what was written.
    fn back_up(segments: &mut Vec<Segment>, head: u64) -> u64 {
        segments.truncate(taken_over(segments, head, FULL));
        let start = segments.last().map_or(0, |segment| segment.last);
        let mut at = start;
        while at < head {
            let last = head.min(at + FULL);
            segments.push(segment(at + 1, last));
            at = last;
        }
        head - start
    }

    #[test]
    fn many_small_backups_have_few_segments_and_write_each_event_a_few_times() {
        let (mut segments, mut written) = (Vec::new(), 0);
        for head in 1..=20_000 {
            written += back_up(&mut segments, head);
            let full = segments.iter().filter(|segment| segment.bytes >= FULL).count();
            assert!(segments.len() - full <= 11, "{head}: {} segments", segments.len());
            assert_eq!(segments.last().unwrap().last, head);
        }
        assert!(written <= 20_000 * 12, "{written} events were written");
    }

    #[test]
    fn a_backup_of_nothing_new_takes_over_everything() {
        let segments = [segment(1, 10), segment(11, 12)];
        assert_eq!(taken_over(&segments, 12, FULL), 2);
        assert_eq!(taken_over(&[], 0, FULL), 0);
    }

    #[test]
    fn a_full_segment_is_never_written_again() {
        let segments = [segment(1, 1_000), segment(1_001, 1_010)];
        assert_eq!(taken_over(&segments, 900_000, FULL), 1);
    }

    #[test]
    fn a_large_segment_is_not_written_again_for_a_small_change() {
        let segments = [segment(1, 900), segment(901, 902)];
        assert_eq!(taken_over(&segments, 910, FULL), 1);
    }
}
