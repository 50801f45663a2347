//! Moments of the past: a form with a date and a time, and a slider for whoever has the script.

use ledger_contract::time;
use ledger_domain::Micros;
use maud::{Markup, html};

use super::pager;
use super::parts::TextField;
use super::times::exact;

/// The parameter that names the moment.
pub(crate) const AS_OF: &str = "as_of";
/// How long ago the links beside the form lead.
const SPANS: [(&str, &str); 4] =
    [("1h", "1 hour ago"), ("1d", "1 day ago"), ("7d", "7 days ago"), ("30d", "30 days ago")];
/// Lengths of what a field for a date and a time sends, without and with seconds.
const LOCAL: [usize; 2] = [16, 19];
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Returns a moment as the ledger reads it. What a field for a date and a time sends has no zone
/// and is UTC here; everything else stays as it is.
pub(crate) fn in_utc(text: &str) -> String {
    let text = text.trim();
    let is_local = LOCAL.contains(&text.len()) && text.get(10..11) == Some("T");
    let rest = if text.len() == LOCAL[0] { ":00Z" } else { "Z" };
    let whole = format!("{text}{rest}");
    if is_local && time::parse(AS_OF, &whole).is_ok() { whole } else { text.to_owned() }
}

/// Returns a time as a field for a date and a time has it.
pub(crate) fn local(at: Micros) -> String {
    time::format(at).get(..LOCAL[1]).unwrap_or_default().to_owned()
}

/// Returns what a field for a date and a time shows of a text; nothing if it is none.
pub(crate) fn local_of(text: &str) -> String {
    time::parse(AS_OF, &in_utc(text)).map(local).unwrap_or_default()
}

/// A stop of the slider, such as a version.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// The value of the parameter.
    pub(crate) value: String,
    /// What it is called.
    pub(crate) text: String,
}

/// A form that leads to a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MomentForm<'a> {
    /// The path of the page.
    pub(crate) action: &'a str,
    /// The query string, of which everything else stays.
    pub(crate) query: &'a [(String, String)],
    /// The time that is shown; none for the present.
    pub(crate) shown: Option<Micros>,
    /// Where the slider begins.
    pub(crate) first: Micros,
    pub(crate) now: Micros,
    /// Where the slider stops, from the earliest on; anywhere if there is none.
    pub(crate) stops: &'a [Stop],
    /// The stop that is shown.
    pub(crate) stop: usize,
}

impl MomentForm<'_> {
    /// Returns the form.
    pub(crate) fn render(self) -> Markup {
        let left_out = [AS_OF, "cursor", "page", "sort", "descending"];
        let others = self
            .query
            .iter()
            .filter(|(name, text)| !left_out.contains(&&**name) && !text.is_empty());
        let value = self.shown.map(local).unwrap_or_default();
        html! {
            form.moment.card method="get" action=(self.action) aria-label="Moment" data-sparse data-moment {
                @for (name, text) in others { input type="hidden" name=(name) value=(text); }
                div.row {
                    (TextField {
                        name: AS_OF, label: "As of (UTC)", value: &value, time: true,
                        ..TextField::default()
                    }.render())
                    button.primary type="submit" { "Show" }
                    @if self.shown.is_some() {
                        a.button href=(self.to(None)) { "Back to the present" }
                    }
                    ul.spans aria-label="How long ago" {
                        @for (span, text) in SPANS {
                            li { a href=(self.to(Some(span))) { (text) } }
                        }
                    }
                }
                (self.slider())
            }
        }
    }

    fn to(&self, moment: Option<&str>) -> String {
        // The past is in the order of creation.
        let others = ["cursor", "page", "sort", "descending"].map(|name| (name, None));
        let changes = [&[(AS_OF, moment)], &others[..]].concat();
        format!("{}{}", self.action, pager::with(self.query, &changes))
    }

    /// Returns the slider, which the script shows.
    fn slider(&self) -> Markup {
        let seconds = |at: Micros| at.get().div_euclid(MICROS_PER_SECOND);
        let (first, last) = match self.stops.len() {
            0 => (seconds(self.first).min(seconds(self.now)), seconds(self.now)),
            count => (0, i64::try_from(count).unwrap_or(i64::MAX) - 1),
        };
        let present = match self.stops.len() {
            0 => seconds(self.shown.unwrap_or(self.now)).clamp(first, last),
            _ => i64::try_from(self.stop).unwrap_or(last),
        };
        html! {
            div.slide data-slider hidden {
                label for="moment-slider" { "Move through time" }
                input #moment-slider type="range" min=(first) max=(last) value=(present) step="1";
                output for="moment-slider" {
                    @match (self.stops.get(self.stop), self.shown) {
                        (Some(stop), _) => { (stop.text) },
                        (None, Some(at)) => { (exact(&time::format(at))) },
                        (None, None) => { "Now" },
                    }
                }
                @for stop in self.stops {
                    data data-stop value=(self.to(Some(&stop.value))) hidden { (stop.text) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_and_a_time_without_a_zone_are_utc() {
        assert_eq!(in_utc("2026-11-30T23:44"), "2026-11-30T23:44:00Z");
        assert_eq!(in_utc(" 2026-11-30T23:44:01 "), "2026-11-30T23:44:01Z");
        for other in ["36h", "1042", "v3", "2026-11-30T23:44:01+01:00", "2026-13-30T23:44", "xT"] {
            assert_eq!(in_utc(other), other);
        }
        assert_eq!(local_of("2026-11-30T23:44:01.5+01:00"), "2026-11-30T22:44:01");
        assert_eq!(local_of("36h"), "");
    }

    #[test]
    fn a_form_keeps_what_else_is_set_and_begins_at_the_first_page() {
        let query = [("text", "a"), ("as_of", "1h"), ("cursor", "c")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let form = MomentForm {
            action: "/connections",
            query: &query,
            shown: Some(Micros::new(60 * MICROS_PER_SECOND)),
            first: Micros::new(0),
            now: Micros::new(90 * MICROS_PER_SECOND),
            stops: &[],
            stop: 0,
        };
        let html = form.render().into_string();
        assert!(html.contains("name=\"text\" value=\"a\"") && !html.contains("cursor"), "{html}");
        assert!(html.contains("href=\"/connections?text=a\""), "{html}");
        assert!(html.contains("href=\"/connections?text=a&amp;as_of=7d\""), "{html}");
        assert!(html.contains("min=\"0\" max=\"90\" value=\"60\""), "{html}");
        assert!(html.contains("value=\"1970-01-01T00:01:00\""), "{html}");
    }
}
