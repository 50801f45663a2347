//! The repository stands on its own: it names no path or page outside itself.

use crate::repository::{Offense, TextFile, expect_none, offense, text_files};

#[test]
fn no_file_names_a_page_or_path_outside_the_repository() {
    let needles = needles();
    let offenses: Vec<_> =
        text_files().iter().flat_map(|file| private_words(file, &needles)).collect();
    expect_none("Words that mean nothing to a reader of this repository:", &offenses);
}

/// The words are put together here so that this file does not contain them.
fn needles() -> [String; 4] {
    [["../", "shared"], ["/wo", "rk/"], ["helper", " session"], ["fa", "rm-"]]
        .map(|parts| parts.concat())
}

fn private_words(file: &TextFile, needles: &[String]) -> Vec<Offense> {
    let mut offenses = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let found = needles.iter().filter(|needle| line.contains(needle.as_str()));
        offenses.extend(found.map(|needle| offense(&file.path, index + 1, needle.clone())));
    }
    offenses
}

#[test]
fn a_private_word_is_found_with_its_line() {
    let needles = needles();
    let text = format!("a\nsee {} for more\n", needles.concat());
    let file = TextFile { path: "a.md".to_owned(), text };
    assert_eq!(private_words(&file, &needles).iter().map(|found| found.line).max(), Some(2));
    assert_eq!(private_words(&file, &needles).len(), needles.len());
}
