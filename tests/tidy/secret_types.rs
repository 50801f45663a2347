//! No type that has a secret gets a form by which it is printed or written: buffers that are wiped
//! print what is in them, so a type that has one says itself what it shows.

use crate::repository::{Offense, TextFile, expect_none, offense, text_files_with};
use crate::rust_source::{Kind, RustSource};

/// Types whose own forms show what is in them.
const SECRETS: [&str; 4] = ["Zeroizing<", "KeyMaterial", "MasterKeyBytes", "XChaCha20Poly1305"];
/// What is not to be derived for a type that has one of them.
const FORMS: [&str; 2] = ["Debug", "Serialize"];
/// Types that are written because they are sent, sealed or over TLS, to the ledger.
const SENT: [(&str, &str); 1] = [("ShareRequest", "Serialize")];

#[test]
fn no_type_with_a_secret_derives_a_form_that_shows_it() {
    let files = text_files_with("rs");
    let ours = files.iter().filter(|file| file.path.starts_with("crates/"));
    let offenses: Vec<_> = ours.flat_map(shown).collect();
    expect_none("Types with secrets, which derive what would show them:", &offenses);
}

/// Returns every type of a file that derives a form and has a secret.
fn shown(file: &TextFile) -> Vec<Offense> {
    let lines = RustSource::parse(&file.text).lines(&[Kind::Code]);
    let mut offenses = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some((_, derived)) = line.split_once("#[derive(") else { continue };
        let item = item(&lines, index);
        let name = name(&item).unwrap_or_default();
        let is_sent = |form: &str| SENT.contains(&(name, form));
        let form = FORMS.iter().find(|form| derived.contains(**form) && !is_sent(form));
        let secret = SECRETS.iter().find(|secret| item.contains(**secret));
        if let (Some(form), Some(secret)) = (form, secret) {
            let what = format!("{name} has {secret} and derives {form}");
            offenses.push(offense(&file.path, index + 1, what));
        }
    }
    offenses
}

/// Returns the text of the type whose attributes begin in a line.
fn item(lines: &[String], first: usize) -> String {
    let mut text = String::new();
    let (mut depth, mut has_begun, mut is_attribute) = (0_i32, false, false);
    for line in lines.iter().skip(first) {
        text.push_str(line);
        text.push('\n');
        is_attribute |= line.trim_start().starts_with("#[");
        for letter in line.chars().filter(|_| !is_attribute) {
            match letter {
                '{' | '(' => (depth, has_begun) = (depth + 1, true),
                '}' | ')' => depth -= 1,
                ';' if depth == 0 => return text,
                _ => {}
            }
        }
        // One with a long text ends on a later line.
        is_attribute &= !line.trim_end().ends_with(']');
        if has_begun && depth == 0 && line.contains('}') {
            return text;
        }
    }
    text
}

fn name(item: &str) -> Option<&str> {
    let rest = ["struct ", "enum "].iter().find_map(|keyword| item.split_once(keyword))?.1;
    rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

#[test]
fn a_derived_form_of_a_secret_is_seen_and_others_are_not() {
    let of = |text: &str| {
        let file = TextFile { path: "crates/a.rs".to_owned(), text: text.to_owned() };
        shown(&file).iter().map(|one| one.what.clone()).collect::<Vec<_>>()
    };
    let plain =
        "#[derive(Clone, Debug)]\nstruct A {\n    name: String,\n}\nfn f() -> Zeroizing<u8> {}";
    assert!(of(plain).is_empty());
    let field = "#[derive(Clone, Debug)]\n#[serde(a = \"}\")]\nstruct A {\n    b: Option<Zeroizing<u8>>,\n}";
    assert_eq!(of(field), ["A has Zeroizing< and derives Debug"]);
    assert_eq!(of("#[derive(Serialize)]\npub struct B(KeyMaterial);").len(), 1);
    assert_eq!(of("#[derive(Debug)]\nenum C {\n    D(MasterKeyBytes),\n}").len(), 1);
    assert!(of("#[derive(Clone)]\nstruct E(KeyMaterial);\n#[derive(Debug)]\nstruct F;").is_empty());
    assert!(of("#[derive(Serialize)]\nstruct ShareRequest {\n    a: Zeroizing<u8>,\n}").is_empty());
    assert_eq!(of("#[derive(Debug)]\nstruct ShareRequest {\n    a: Zeroizing<u8>,\n}").len(), 1);
}
