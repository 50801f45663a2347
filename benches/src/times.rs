//! Percentiles of how long things took.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longer times are taken for this long.
const LONGEST_NANOSECONDS: u64 = 60_000_000_000;

/// Times to the nanosecond, kept to three digits.
#[derive(Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        let bounds = Histogram::new_with_bounds(1, LONGEST_NANOSECONDS, 3);
        Self(bounds.expect("three digits are allowed"))
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanoseconds);
    }

    /// Takes in the times of another.
    pub(crate) fn join(&mut self, other: &Self) {
        // Its numbers are within the same bounds.
        self.0 += &other.0;
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the longest in milliseconds.
    pub(crate) fn most_ms(&self) -> f64 {
        self.percentile_ms(100.0)
    }

    /// Returns the median in milliseconds.
    pub(crate) fn p50_ms(&self) -> f64 {
        self.percentile_ms(50.0)
    }

    /// Returns what 99 of 100 took at most, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        self.percentile_ms(99.0)
    }

    fn percentile_ms(&self, percentile: f64) -> f64 {
        let time = Duration::from_nanos(self.0.value_at_percentile(percentile));
        time.as_secs_f64() * 1_000.0
    }
}

/// Returns the middle one of some figures; 0 of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

/// Returns a rate.
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    as_f64(count) / time.as_secs_f64()
}

/// Counts here stay far below what a `f64` holds exactly.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_times_count_for_both() {
        let (mut one, mut other) = (Times::new(), Times::new());
        one.add(Duration::from_millis(1));
        other.add(Duration::from_millis(9));
        one.join(&other);
        assert!((one.p50_ms() - 1.0).abs() < 0.1);
        assert!((one.most_ms() - 9.0).abs() < 0.1);
    }

    #[test]
    fn percentiles_are_in_milliseconds() {
        let mut times = Times::new();
        for milliseconds in 1..=100 {
            times.add(Duration::from_millis(milliseconds));
        }
        assert!((times.p50_ms() - 50.0).abs() < 0.1);
        assert!((times.p99_ms() - 99.0).abs() < 0.1);
        assert!((times.most_ms() - 100.0).abs() < 0.1);
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
