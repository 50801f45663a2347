//! The width of text at a terminal, and text that keeps to its line.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Returns how many columns of a terminal a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Fills a text up to a width with spaces. A wider one stays as it is.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// Cuts a text to a width; an ellipsis stands for what is missing.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut room = columns.saturating_sub(1);
    let fits = |character: &char| {
        let taken = character.width().unwrap_or_default();
        let fits = taken <= room;
        room = room.saturating_sub(taken);
        fits
    };
    Cow::Owned(text.chars().take_while(fits).chain(['…']).collect())
}

/// Returns a text on one line: white space that ends lines or jumps is one space, and other
/// characters that steer a terminal are shown by their numbers.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if !steers(character) {
            line.push(character);
        } else if !character.is_whitespace() {
            line.extend(character.escape_default());
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    Cow::Owned(line)
}

/// Returns whether a character moves the cursor, ends the line, or turns the direction of text.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice_and_joined_ones_not_at_all() {
        assert_eq!(width("openai"), 6);
        assert_eq!(width("請求書"), 6);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(pad("請求", 6), "請求  ");
        assert_eq!(pad("openai", 3), "openai");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("openai-prod", 11), "openai-prod");
        assert_eq!(cut("openai-prod", 7), "openai…");
        assert_eq!(cut("請求書", 4), "請…");
        assert_eq!(cut("請求書", 5), "請求…");
    }

    #[test]
    fn what_steers_a_terminal_is_shown_and_does_not_steer() {
        assert_eq!(one_line("budget\r\n\tused up\n"), "budget used up ");
        assert_eq!(one_line("two  spaces"), "two  spaces");
        assert_eq!(one_line("\u{1b}[2Jgone\u{9b}"), "\\u{1b}[2Jgone\\u{9b}");
        assert_eq!(one_line("a\u{202e}b\u{2028}c"), "a\\u{202e}b c");
    }
}
