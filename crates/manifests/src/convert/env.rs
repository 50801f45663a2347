//! Files of variables, `NAME=VALUE` on each line, as `dotenv` reads them. Nothing is expanded.

use super::grouped::{Variable, connections};
use super::{FileContent, Options};
use crate::place::{Complaint, Place};

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let variables = variables(file, text)?;
    if variables.is_empty() {
        return Err(Complaint::new(Place::file(file), "has no variables"));
    }
    let (drafts, others) = connections(variables, options.catalogue);
    let mut notes = Vec::new();
    if !others.is_empty() {
        let names = others.join(", ");
        notes.push(format!("{file}: no credentials, and left out: {names}"));
    }
    Ok(FileContent { drafts, refused: Vec::new(), notes })
}

/// Reads the variables of a text. The last of a name counts.
fn variables(file: &str, text: &str) -> Result<Vec<Variable>, Complaint> {
    let mut variables: Vec<Variable> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let place = Place::line(file, index + 1);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let wrong = |message: &str| Complaint::new(place.clone(), message);
        let (name, rest) = line.split_once('=').ok_or_else(|| wrong("must be NAME=VALUE"))?;
        let name = name.trim_end();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(wrong("must be NAME=VALUE, with a name of letters, digits and `_`"));
        }
        let mut rest = rest.trim_start().to_owned();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        if let Some(quote) = quote {
            // A text in quotes may go over several lines.
            while end(&rest, quote).is_none() {
                let (_, next) = lines.next().ok_or_else(|| wrong("has a quote without an end"))?;
                rest.push('\n');
                rest.push_str(next);
            }
        }
        let value = value(&rest, quote).map_err(wrong)?;
        variables.retain(|known| known.name != name);
        variables.push(Variable { place, name: name.to_owned(), value });
    }
    Ok(variables)
}

/// Returns where the quote ends with which a text begins.
fn end(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().skip(1).find_map(|(at, letter)| {
        let ends = letter == quote && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped && quote == '"';
        ends.then_some(at)
    })
}

/// Returns the value that is written behind the name.
fn value(text: &str, quote: Option<char>) -> Result<String, &'static str> {
    let Some(quote) = quote else {
        let plain = text.split_once(" #").map_or(text, |(before, _)| before).trim();
        return expanded(plain);
    };
    let end = end(text, quote).ok_or("has a quote without an end")?;
    let (inner, rest) = (text.get(1..end).unwrap_or_default(), text.get(end + 1..));
    let rest = rest.unwrap_or_default().trim_start();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err("has more behind the end of a quote");
    }
    if quote == '\'' { Ok(inner.to_owned()) } else { expanded(&unescaped(inner)) }
}

/// Refuses a value that is to be made of others.
fn expanded(text: &str) -> Result<String, &'static str> {
    if text.contains("${") {
        return Err(
            "is made of another variable; write its value, in single quotes if it is meant",
        );
    }
    Ok(text.to_owned())
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, if letter == '\\' { letters.next() } else { None }) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('r')) => plain.push('\r'),
            ('\\', Some('t')) => plain.push('\t'),
            ('\\', Some(escaped)) => plain.push(escaped),
            (letter, _) => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let read = variables(".env", text).unwrap();
        read.into_iter().map(|one| (one.name, one.value)).collect()
    }

    #[test]
    fn variables_are_read_as_dotenv_reads_them() {
        let text =
            "# keys\nexport A=one # note\nB='t$w\"o'\nC=\"th\\nree\"\nD=\nE = \"a\nb\" # x\nA=1\n";
        let expected = [("B", "t$w\"o"), ("C", "th\nree"), ("D", ""), ("E", "a\nb"), ("A", "1")];
        assert_eq!(read(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (text, line) in
            [("A=1\ncanary\n", 2), ("A='canary\n", 1), ("A=\"${CANARY}\"\n", 1), ("A='x' y\n", 1)]
        {
            let complaint = variables(".env", text).map(drop).unwrap_err();
            assert_eq!(complaint.place.line, line, "{complaint}");
            assert!(!complaint.to_string().contains("canary"), "{complaint}");
        }
    }
}
