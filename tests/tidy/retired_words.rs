//! The glossary of `crates/README.md` lists words that the code no longer uses. None of them comes
//! back as the name of a type, a function or a module.

use crate::repository::{Offense, TextFile, expect_none, offense, read, text_files_with};
use crate::rust_source::{Kind, RustSource};

const MAP: &str = "crates/README.md";
/// The table of retired words starts after this line and ends at the next empty line.
const TABLE: &str = "| Retired | Use instead |";

#[test]
fn no_retired_word_names_a_type_function_or_module() {
    let words = retired_words(&read(MAP).expect("there is a map"));
    assert!(!words.is_empty(), "{MAP} has no rows below: {TABLE}");
    let files = text_files_with("rs");
    let retired: Vec<_> = words.iter().collect();
    let offenses: Vec<_> = files.iter().flat_map(|file| uses(file, &retired)).collect();
    expect_none("Retired words, see the glossary in crates/README.md:", &offenses);
}

/// A name that is not to be given again, and what to call the thing.
#[derive(Debug, PartialEq, Eq)]
struct RetiredWord {
    name: String,
    instead: String,
}

fn retired_words(map: &str) -> Vec<RetiredWord> {
    let rows = map.lines().skip_while(|line| *line != TABLE).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let name = cells.next()?.trim_matches('`').to_owned();
        Some(RetiredWord { name, instead: cells.next()?.to_owned() })
    })
    .collect()
}

/// Returns every definition in a file whose name is one of the words.
fn uses(file: &TextFile, words: &[&RetiredWord]) -> Vec<Offense> {
    let mut offenses = Vec::new();
    for (index, line) in RustSource::parse(&file.text).lines(&[Kind::Code]).iter().enumerate() {
        for (keyword, name) in definitions(line) {
            let found = words.iter().find(|word| word.is_defined_by(keyword, name));
            offenses.extend(found.map(|word| {
                offense(&file.path, index + 1, format!("{keyword} {name}: use {}", word.instead))
            }));
        }
    }
    offenses
}

impl RetiredWord {
    /// A module is named after the type in it, in lower case.
    fn is_defined_by(&self, keyword: &str, name: &str) -> bool {
        self.name == name || keyword == "mod" && snake_case(&self.name) == name
    }
}

/// Returns the types, functions and modules that a line of code defines: keyword and name.
fn definitions(line: &str) -> Vec<(&str, &str)> {
    const KEYWORDS: [&str; 7] = ["struct", "enum", "union", "trait", "type", "fn", "mod"];
    let is_separator = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let words: Vec<_> = line.split(is_separator).filter(|word| !word.is_empty()).collect();
    let pairs = words.iter().copied().zip(words.iter().copied().skip(1));
    pairs.filter(|(keyword, _)| KEYWORDS.contains(keyword)).collect()
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[test]
fn the_table_ends_at_the_first_line_that_is_no_row() {
    let map = format!("text\n\n{TABLE}\n|---|---|\n| `Desk` | app state |\n\n| a | b |\n");
    let expected = RetiredWord { name: "Desk".to_owned(), instead: "app state".to_owned() };
    assert_eq!(retired_words(&map), [expected]);
}

#[test]
fn a_retired_word_is_found_as_a_type_a_function_or_a_module_of_that_name_only() {
    let word = |name: &str| RetiredWord { name: name.to_owned(), instead: "x".to_owned() };
    let words = [word("OldDesk"), word("goes_astray")];
    let lines_of = |text: &str| -> Vec<usize> {
        let file = TextFile { path: "a.rs".to_owned(), text: text.to_owned() };
        let found = uses(&file, &words.each_ref());
        found.iter().map(|offense| offense.line).collect()
    };
    let source = "mod old_desk;\npub(crate) struct OldDesk<T>(T);\nenum OldDesk {}\n\
                  type OldDesk = u8;\npub async fn goes_astray() {}\n";
    assert_eq!(lines_of(source), [1, 2, 3, 4, 5]);
    let others = "struct OldDesks;\nfn old_desk() {}\nlet goes_astray = 1;\n\
                  // struct OldDesk\nlet a = \"enum OldDesk\";\n";
    assert!(lines_of(others).is_empty());
}
