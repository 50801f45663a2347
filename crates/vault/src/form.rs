//! The form of a secret: what is certainly none, and what is written on one line.

use crate::plaintext::Plaintext;

/// Characters that masks consist of.
const MASK_CHARS: [char; 4] = ['*', '•', '●', '∗'];
/// Fewest of them in a row that make a mask.
const MASKED_CHARS_MIN: usize = 3;
/// Most characters that a mask shows before and after them.
const SHOWN_BEFORE_MAX: usize = 8;
const SHOWN_AFTER_MAX: usize = 4;

/// The byte order mark, which some programs put at the start of a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

impl Plaintext {
    /// Returns whether the text has the form of a mask, in which the ledger and the products show
    /// secrets: at least three stars or dots, with at most a few characters around them.
    pub fn is_mask(&self) -> bool {
        let Ok(text) = std::str::from_utf8(self.bytes()) else { return false };
        let text = text.trim();
        let Some(start) = text.find(MASK_CHARS) else { return false };
        let (before, rest) = text.split_at(start);
        let after = rest.trim_start_matches(MASK_CHARS);
        let masked = rest.chars().count() - after.chars().count();
        masked >= MASKED_CHARS_MIN
            && before.chars().count() <= SHOWN_BEFORE_MAX
            && after.chars().count() <= SHOWN_AFTER_MAX
    }

    /// Returns whether a value on one line begins or ends in white space, a line end or a byte
    /// order mark, which is a trace of a file or a form. PEM blocks, JSON objects and lists, and
    /// all other texts of several lines are taken as they are.
    pub fn has_loose_ends(&self) -> bool {
        let Ok(text) = std::str::from_utf8(self.bytes()) else { return false };
        let loose = |letter: char| {
            letter.is_whitespace() || letter.is_control() || letter == BYTE_ORDER_MARK
        };
        let value = text.trim_matches(loose);
        let is_whole = value.starts_with(['{', '[']) || value.starts_with("-----BEGIN");
        value.len() < text.len() && !is_whole && !value.contains(['\n', '\r'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_masks_of_the_ledger_and_of_the_products_are_recognized() {
        for mask in [
            "********",
            "***",
            "sk-***",
            "key-***",
            "sk-*******gh",
            "ke*******ef",
            "****1234",
            "••••••••",
            "sk-proj-***abcd",
            " ******** ",
        ] {
            assert!(Plaintext::new(mask).is_mask(), "{mask}");
        }
        for secret in [
            "",
            "**",
            "a**b",
            "hunter2",
            "sk-proj-0123",
            "correct-horse-***-battery-staple",
            "***and-a-long-tail",
        ] {
            assert!(!Plaintext::new(secret).is_mask(), "{secret}");
        }
        assert!(!Plaintext::new(vec![0xff, b'*', b'*', b'*']).is_mask());
    }

    #[test]
    fn only_values_on_one_line_have_loose_ends() {
        for value in
            ["sk-1\n", "sk-1\r\n", " sk-1", "sk-1\t", "\u{feff}sk-1", "\u{a0}x", "  ", "\n"]
        {
            assert!(Plaintext::new(value).has_loose_ends(), "{value:?}");
        }
        for value in [
            "sk-1",
            "two words",
            "",
            "{\"type\": \"service_account\"}\n",
            "[1]\n",
            "-----BEGIN KEY-----\nMIIE\n-----END KEY-----\n",
            "MIIE\nMIIE\n",
        ] {
            assert!(!Plaintext::new(value).has_loose_ends(), "{value:?}");
        }
        assert!(!Plaintext::new(vec![b' ', 0xff]).has_loose_ends());
    }
}
