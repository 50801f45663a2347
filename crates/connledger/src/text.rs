//! Text from files and from standard input.

use std::io::{self, Read as _};
use std::path::Path;

/// The mark that some editors write at the beginning of UTF-8 text. It belongs to the encoding.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a file as text, without a byte order mark.
pub(crate) fn read_file(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path).map(without_mark)
}

/// Reads standard input as text, without a byte order mark.
pub(crate) fn read_stdin() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(without_mark(text))
}

/// Drops a byte order mark from the beginning of a text.
pub(crate) fn without_mark(mut text: String) -> String {
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_order_mark_at_the_beginning_is_dropped() {
        let read = |text: &str| without_mark(text.to_owned());
        assert_eq!(read("\u{feff}key"), "key");
        assert_eq!(read("key\u{feff}"), "key\u{feff}");
        assert_eq!(read("\u{feff}\u{feff}key"), "\u{feff}key");
        assert_eq!(read(""), "");
    }
}
