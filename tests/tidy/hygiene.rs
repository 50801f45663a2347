//! Plain rules about files: white space, sizes, widths, unfinished work, silenced lints.

use crate::repository::{
    Offense, TextFile, expect_none, members, offense, read, text_files, text_files_with,
};
use crate::rust_source::{Kind, RustSource};

const RUST_LINES_MAX: usize = 600;
const RUST_COLUMNS_MAX: usize = 100;

/// Words that mark unfinished or forgotten work in code.
const BANNED_IN_CODE: [(&str, &str); 6] = [
    ("todo!", "unfinished work"),
    ("unimplemented!", "unfinished work"),
    ("dbg!", "left from debugging"),
    ("#[ignore", "a test that does not run"),
    ("#[allow(", "use #[expect(.., reason = ..)]"),
    ("#![allow(", "use #![expect(.., reason = ..)]"),
];

/// Words that mark unfinished work in comments as well.
const BANNED_OUTSIDE_QUOTES: [&str; 2] = ["FIXME", "XXX"];

#[test]
fn text_has_no_tabs_and_no_trailing_white_space() {
    let kinds = ["rs", "toml", "md"];
    let files = text_files().into_iter().filter(|file| kinds.contains(&file.extension()));
    let offenses: Vec<_> = files.flat_map(|file| white_space(&file)).collect();
    expect_none("White space that does not belong:", &offenses);
}

#[test]
fn no_rust_file_outgrows_its_reader() {
    let long = text_files_with("rs").into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > RUST_LINES_MAX).then(|| offense(&file.path, lines, "split it by meaning"))
    });
    let rule = format!("Rust files have at most {RUST_LINES_MAX} lines:");
    expect_none(&rule, &long.collect::<Vec<_>>());
}

#[test]
fn rust_lines_fit_the_page() {
    let offenses: Vec<_> = text_files_with("rs").iter().flat_map(wide_lines).collect();
    expect_none(
        &format!("Rust lines have at most {RUST_COLUMNS_MAX} columns, strings and URLs aside:"),
        &offenses,
    );
}

#[test]
fn nothing_unfinished_ignored_or_silenced_lands() {
    let offenses: Vec<_> = text_files_with("rs").iter().flat_map(banned_words).collect();
    expect_none("Words that do not land:", &offenses);
}

#[test]
fn every_crate_opens_with_what_it_is() {
    let silent = members().into_iter().filter_map(|member| {
        let candidates = ["src/lib.rs", "src/main.rs", "lib.rs", "main.rs"];
        let paths = candidates.map(|file| format!("{}/{file}", member.folder));
        let (path, text) = paths.into_iter().find_map(|path| Some((path.clone(), read(&path)?)))?;
        (!text.starts_with("//!")).then(|| offense(&path, 1, "starts without a //! sentence"))
    });
    expect_none("A crate does not say what it is:", &silent.collect::<Vec<_>>());
}

fn white_space(file: &TextFile) -> Vec<Offense> {
    let mut offenses = Vec::new();
    for (number, line) in file.text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        if line.contains('\t') {
            offenses.push(offense(&file.path, number, "tab"));
        }
        if line.ends_with(char::is_whitespace) {
            offenses.push(offense(&file.path, number, "trailing white space"));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        let last = file.text.lines().count();
        offenses.push(offense(&file.path, last, "a file ends with exactly one newline"));
    }
    offenses
}

/// The formatter breaks code but neither strings, which do not count, nor addresses.
fn wide_lines(file: &TextFile) -> Vec<Offense> {
    let widths = RustSource::parse(&file.text).unquoted_widths();
    let lines = file.text.lines().zip(widths).enumerate();
    let wide =
        lines.filter(|(_, (line, width))| *width > RUST_COLUMNS_MAX && !line.contains("://"));
    wide.map(|(index, (_, width))| offense(&file.path, index + 1, format!("{width} columns")))
        .collect()
}

fn banned_words(file: &TextFile) -> Vec<Offense> {
    let source = RustSource::parse(&file.text);
    let mut offenses = Vec::new();
    for (index, line) in source.lines(&[Kind::Code]).iter().enumerate() {
        let found = BANNED_IN_CODE.iter().filter(|(word, _)| line.contains(word));
        offenses.extend(
            found.map(|(word, why)| offense(&file.path, index + 1, format!("{word}: {why}"))),
        );
    }
    for (index, line) in source.lines(&[Kind::Code, Kind::Comment]).iter().enumerate() {
        let found = BANNED_OUTSIDE_QUOTES.iter().filter(|word| line.contains(**word));
        offenses.extend(found.map(|word| offense(&file.path, index + 1, *word)));
    }
    offenses
}

#[cfg(test)]
fn file(text: &str) -> TextFile {
    TextFile { path: "a.rs".to_owned(), text: text.to_owned() }
}

#[cfg(test)]
fn lines_of(offenses: &[Offense]) -> Vec<usize> {
    offenses.iter().map(|offense| offense.line).collect()
}

#[test]
fn white_space_offenses_carry_their_lines() {
    assert_eq!(lines_of(&white_space(&file("a\n\tb\nc \nd"))), [2, 3, 4]);
    assert_eq!(lines_of(&white_space(&file("a\n\n"))), [2]);
    assert!(white_space(&file("a\n")).is_empty());
}

#[test]
fn a_wide_line_is_excused_only_by_a_string_or_an_address() {
    let long = "x".repeat(120);
    assert_eq!(lines_of(&wide_lines(&file(&format!("a\n// {long}\n")))), [2]);
    assert!(wide_lines(&file(&format!("let a = \"{long}\";\n"))).is_empty());
    assert!(wide_lines(&file(&format!("// https://{long}\n"))).is_empty());
}

#[test]
fn banned_words_count_in_code_and_not_in_quotes() {
    assert_eq!(lines_of(&banned_words(&file("fn a() {\n    todo!()\n}\n"))), [2]);
    assert!(banned_words(&file("let a = \"todo! FIXME\";\n")).is_empty());
    assert_eq!(lines_of(&banned_words(&file(&format!("// {}\n", "FIXME")))), [1]);
}
