//! Progress and rates, as people read them.

use std::fmt::Write;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use ledger_contract::operations::Progress;

use crate::output::Output;

/// Creates a progress bar on standard error, which is hidden unless people read that at a terminal.
pub(crate) fn progress_bar(total: Option<u64>, out: Output) -> ProgressBar {
    if out.is_json() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{wide_bar} {human_pos}/{human_len} {rate} {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} {rate}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        let write_rate = |state: &ProgressState, to: &mut dyn Write| {
            // A bar that cannot be drawn is no reason to stop.
            to.write_str(&format!("{}/s", rate(state.per_sec()))).ok();
        };
        bar.set_style(style.with_key("rate", write_rate));
    }
    bar
}

/// Shows how far it is.
pub(crate) fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

/// Returns a number per second: whole ones with commas, and one decimal of a small one.
pub(crate) fn rate(per_second: f64) -> String {
    const SMALL: f64 = 9.95;
    if per_second < SMALL {
        return format!("{per_second:.1}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let whole = per_second.round() as u64;
    HumanCount(whole).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_no_more_digits_than_people_read() {
        assert_eq!(rate(3_321.101_2), "3,321");
        assert_eq!(rate(0.46), "0.5");
        assert_eq!(rate(9.96), "10");
        assert_eq!(rate(1_234_567.8), "1,234,568");
    }
}
