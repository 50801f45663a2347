//! Plots as SVG that the server makes. Colours come from classes, so light and dark both fit.

use ledger_contract::queries::uptime::{StateSeconds, StepView};
use maud::{Markup, html};

use super::times::exact;

/// The size of a plot in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 48.0;

/// Returns the states of health over a time: a bar for each step, divided as the time was.
pub(crate) fn uptime(steps: &[StepView], described: &str) -> Markup {
    let width = WIDTH / as_float(steps.len().max(1));
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
            aria-label=(described) {
            @for (index, step) in steps.iter().enumerate() {
                (bar(as_float(index) * width, width, step))
            }
        }
    }
}

fn bar(x: f64, width: f64, step: &StepView) -> Markup {
    let StateSeconds { operational, degraded, failed, unknown } = step.seconds;
    let total = operational + degraded + failed + unknown;
    let parts = [("bad", failed), ("warn", degraded), ("none", unknown), ("good", operational)];
    let mut y = 0.0;
    let mut pieces = Vec::new();
    for (class, seconds) in parts.into_iter().filter(|_| total > 0.0) {
        let height = HEIGHT * seconds / total;
        if height > 0.0 {
            pieces.push((class, y, height));
        }
        y += height;
    }
    html! {
        g {
            title { (exact(&step.from)) }
            @for (class, y, height) in pieces {
                rect class=(class) x=(short(x)) y=(short(y)) width=(short((width - 1.0).max(0.5)))
                    height=(short(height)) {}
            }
        }
    }
}

/// Returns counts, a bar for each, the oldest first.
pub(crate) fn counts(days: &[(String, u64)], described: &str) -> Markup {
    let most = days.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let width = WIDTH / as_float(days.len().max(1));
    html! {
        svg.plot viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
            aria-label=(described) {
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT - 0.5) y2=(HEIGHT - 0.5) {}
            @for (index, (day, count)) in days.iter().enumerate() {
                @let height = (HEIGHT - 2.0) * count_as_float(*count) / count_as_float(most);
                g {
                    title { (day) ": " (count) }
                    rect.count x=(short(as_float(index) * width)) y=(short(HEIGHT - height))
                        width=(short((width - 2.0).max(0.5))) height=(short(height)) {}
                }
            }
        }
    }
}

/// Two decimals are less than a pixel.
fn short(number: f64) -> String {
    format!("{number:.2}")
}

#[expect(clippy::cast_precision_loss, reason = "a plot has few steps")]
fn as_float(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "a plot shows proportions")]
fn count_as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_divided_as_the_time_was() {
        let seconds = StateSeconds { operational: 30.0, failed: 10.0, ..StateSeconds::default() };
        let step = StepView { from: "2026-11-30T23:44:01Z".to_owned(), seconds };
        let svg = uptime(&[step], "Health").into_string();
        assert!(
            svg.contains("class=\"bad\" x=\"0.00\" y=\"0.00\" width=\"719.00\" height=\"12.00\"")
        );
        assert!(
            svg.contains("class=\"good\" x=\"0.00\" y=\"12.00\" width=\"719.00\" height=\"36.00\"")
        );
        assert!(!svg.contains("style="), "{svg}");
    }

    #[test]
    fn nothing_at_all_is_an_empty_plot() {
        assert!(counts(&[], "Reveals").into_string().contains("<svg"));
        let step = StepView { from: String::new(), seconds: StateSeconds::default() };
        assert!(!uptime(&[step], "Health").into_string().contains("<rect"));
    }
}
