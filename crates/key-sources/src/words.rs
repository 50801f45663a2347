//! Words of a command line, without a shell.

/// Splits a command line at its spaces. Within `'` or `"` a space is part of the word, and no other
/// character has a meaning. Returns nothing if a quotation mark has no counterpart.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut open: Option<char> = None;
    for c in line.chars() {
        match (open, c) {
            (Some(mark), c) if c == mark => open = None,
            (None, '\'' | '"') => {
                open = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    open.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_keep_spaces_and_nothing_else_has_a_meaning() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words(" a  b\tc "), ["a", "b", "c"]);
        assert_eq!(words(r#"a 'b c' "d 'e" '' x'y z'"#), ["a", "b c", "d 'e", "", "xy z"]);
        assert_eq!(
            words(r"echo $HOME `id` \n; a|b > c"),
            ["echo", "$HOME", "`id`", r"\n;", "a|b", ">", "c"]
        );
        assert!(words("").is_empty());
        assert_eq!(split("a 'b"), None);
        assert_eq!(split("\""), None);
    }
}
