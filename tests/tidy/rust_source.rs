//! Telling code from comments and from text in quotes, so that rules about code do not trip over
//! words in a string.

/// What a character of a source file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Comment,
    Quoted,
}

/// A source file with the kind of each of its characters.
#[derive(Debug)]
pub(crate) struct RustSource {
    marked: Vec<(char, Kind)>,
}

impl RustSource {
    pub(crate) fn parse(text: &str) -> Self {
        let mut scanner = Scanner { rest: text.chars().collect(), at: 0, marked: Vec::new() };
        while scanner.at < scanner.rest.len() {
            scanner.step();
        }
        Self { marked: scanner.marked }
    }

    /// Returns the lines in which only characters of the wanted kinds are left; others are blank.
    pub(crate) fn lines(&self, wanted: &[Kind]) -> Vec<String> {
        let kept = self.marked.iter().map(|(letter, kind)| match letter {
            '\n' => '\n',
            letter if wanted.contains(kind) => *letter,
            _ => ' ',
        });
        kept.collect::<String>().lines().map(str::to_owned).collect()
    }

    /// Returns the width of each line without what is in quotes.
    pub(crate) fn unquoted_widths(&self) -> Vec<usize> {
        let lines = self.marked.split(|(letter, _)| *letter == '\n');
        lines.map(|line| line.iter().filter(|(_, kind)| *kind != Kind::Quoted).count()).collect()
    }
}

#[derive(Debug)]
struct Scanner {
    rest: Vec<char>,
    at: usize,
    marked: Vec<(char, Kind)>,
}

impl Scanner {
    fn step(&mut self) {
        if self.sees("//") {
            self.take_until(Kind::Comment, |scanner| scanner.sees("\n"));
        } else if self.sees("/*") {
            self.block_comment();
        } else if let Some(hashes) = self.raw_string_hashes() {
            let close = format!("\"{}", "#".repeat(hashes));
            let opening = self.rest.iter().skip(self.at).position(|letter| *letter == '"');
            self.take(opening.unwrap_or_default() + 1, Kind::Quoted);
            self.take_until(Kind::Quoted, |scanner| scanner.sees(&close));
            self.take(close.len(), Kind::Quoted);
        } else if self.sees("\"") {
            self.quoted('"');
        } else if self.starts_character() {
            self.quoted('\'');
        } else {
            self.take(1, Kind::Code);
        }
    }

    fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, letter)| self.peek(ahead) == Some(letter))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn take(&mut self, count: usize, kind: Kind) {
        for letter in self.rest.iter().skip(self.at).take(count) {
            self.marked.push((*letter, kind));
        }
        self.at += count;
    }

    fn take_until(&mut self, kind: Kind, ends: impl Fn(&Self) -> bool) {
        while self.at < self.rest.len() && !ends(self) {
            self.take(1, kind);
        }
    }

    /// Rust's block comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.rest.len() {
            if self.sees("/*") {
                depth += 1;
                self.take(2, Kind::Comment);
            } else if self.sees("*/") {
                depth -= 1;
                self.take(2, Kind::Comment);
            } else {
                self.take(1, Kind::Comment);
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Returns the number of `#` of a raw string that starts here.
    fn raw_string_hashes(&self) -> Option<usize> {
        let prefix = ["r", "br", "cr"].into_iter().find(|prefix| self.sees(prefix))?;
        let in_word = self.marked.last().is_some_and(|(letter, _)| letter.is_alphanumeric());
        let hashes = self.rest.iter().skip(self.at + prefix.len());
        let hashes = hashes.take_while(|letter| **letter == '#').count();
        let opens = self.peek(prefix.len() + hashes) == Some('"');
        (opens && !in_word).then_some(hashes)
    }

    /// A quote mark starts a character, or a lifetime, which has no closing mark.
    fn starts_character(&self) -> bool {
        self.sees("'") && (self.peek(1) == Some('\\') || self.peek(2) == Some('\''))
    }

    fn quoted(&mut self, close: char) {
        self.take(1, Kind::Quoted);
        while let Some(letter) = self.peek(0) {
            let count = if letter == '\\' { 2 } else { 1 };
            self.take(count, Kind::Quoted);
            if letter == close {
                return;
            }
        }
    }
}

#[cfg(test)]
fn code(text: &str) -> String {
    RustSource::parse(text).lines(&[Kind::Code]).join("\n")
}

#[test]
fn text_in_quotes_is_not_code() {
    let words = |text: &str| code(text).split_whitespace().collect::<String>();
    assert_eq!(words(r#"a("b // \" c", 'd') + e"#), "a(,)+e");
    assert_eq!(words("r#\"a \" b\"# + br\"c\" + d"), "++d");
}

#[test]
fn lifetimes_and_words_that_end_in_r_stay_code() {
    assert_eq!(code("fn a<'b>(c: &'b str) {}"), "fn a<'b>(c: &'b str) {}");
    assert_eq!(code("for x in xr { '\\'' }"), "for x in xr {      }");
}

#[test]
fn comments_nest_and_end_where_rust_ends_them() {
    assert_eq!(code("a /* b /* c */ d */ e // f\ng"), "a                   e     \ng");
}

#[test]
fn a_string_over_several_lines_stays_quoted_on_each() {
    let source = RustSource::parse("let a = \"one\n  two\";\n");
    assert_eq!(source.unquoted_widths(), [8, 1, 0]);
}
