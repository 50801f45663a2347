//! What others said, in our own messages.

/// Longest quotation, in characters.
const CHARS_MAX: usize = 300;
/// From this length on, letters and digits without a space may be a key or a token.
const SUSPECT_CHARS: usize = 32;
const LEFT_OUT: &str = "[left out]";

/// Returns what a program or a service said, on one line: without what is among `hidden`, or looks
/// like a key or a token.
pub(crate) fn quote(said: &[u8], hidden: &[&str]) -> String {
    let mut text = String::from_utf8_lossy(said).into_owned();
    for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, LEFT_OUT);
    }
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).map(without_secrets).collect();
    let text = words.join(" ");
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Returns a word, but for what looks like a key or a token.
fn without_secrets(word: &str) -> String {
    let belongs = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let mut text = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !belongs(c)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(run);
        text.push_str(if is_suspect(part) { LEFT_OUT } else { part });
        let other = after.find(belongs).unwrap_or(after.len());
        let (between, after) = after.split_at(other);
        text.push_str(between);
        rest = after;
    }
    text
}

fn is_suspect(part: &str) -> bool {
    let has = |kind: fn(&char) -> bool| part.chars().any(|c| kind(&c));
    let is_mixed = has(char::is_ascii_digit) && has(char::is_ascii_alphabetic);
    // Few random texts are without a digit. Names and paths without one have separators.
    let is_one_word = has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && !part.contains(['/', '-', '_']);
    part.len() >= SUSPECT_CHARS && (is_mixed || is_one_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_one_short_line_without_secrets() {
        assert_eq!(quote(b"permission\n  denied\x1b[2J", &[]), "permission denied [2J");
        assert_eq!(quote(b"token root is bad", &["root", ""]), "token [left out] is bad");
        let key = "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng=";
        let line = format!("read connledger-master-key-v1:0a1b2c3d:{key}, and {key}");
        let expected = "read connledger-master-key-v1:0a1b2c3d:[left out], and [left out]";
        assert_eq!(quote(line.as_bytes(), &[]), expected);
        assert_eq!(quote(&[0xff, b'a'], &[]), "\u{fffd}a");
        assert_eq!(quote("é".repeat(400).as_bytes(), &[]).chars().count(), CHARS_MAX + 3);
        let without_digit = "qvEjRWeJASNFZkBIVniQEjRWeJASNFZkBIVng";
        assert_eq!(quote(without_digit.as_bytes(), &[]), "[left out]");
        let path = "/usr/local/lib/connledger/bin/fetch-the-master-key: not found";
        assert_eq!(quote(path.as_bytes(), &[]), path);
    }
}
