//! A secret that must never be seen, and looking for it.

use std::fs;
use std::path::Path;

/// The value of every secret in these tests begins with this.
pub(crate) const CANARY: &str = "cnry-7f3a91e04bd2-tweet";

/// Returns a secret of its own.
pub(crate) fn secret(number: usize) -> String {
    format!("{CANARY}-{number}-xy")
}

/// Tells whether the bytes hold the canary, also in the forms that logs and JSON give bytes.
pub(crate) fn sings(bytes: &[u8]) -> bool {
    let hex: Vec<_> = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    // Base64 of the middle of the canary, at each of the three ways it can fall on a group.
    let base64 = ["eS03ZjNhOTFlMDRi", "N2YzYTkxZTA0YmQy", "LTdmM2E5MWUwNGJk"];
    let decimal: Vec<_> = CANARY.bytes().map(|byte| byte.to_string()).collect();
    let forms = [CANARY.to_owned(), hex.concat(), decimal.join(", "), decimal.join(",")];
    let mut forms = forms.iter().map(String::as_bytes).chain(base64.map(str::as_bytes));
    forms.any(|form| holds(bytes, form))
}

/// Fails when the canary is in any file below a folder. Returns how many bytes were searched.
#[track_caller]
pub(crate) fn expect_silence_in(folder: &Path) -> usize {
    let mut searched = 0;
    each_file(folder, |path, bytes| {
        assert!(!sings(bytes), "the canary is in {}", path.display());
        searched += bytes.len();
    });
    searched
}

/// Fails when another text is in any file below a folder.
#[track_caller]
pub(crate) fn expect_none_of(text: &[u8], folder: &Path) {
    each_file(folder, |path, bytes| {
        assert!(!holds(bytes, text), "what must not be stored is in {}", path.display());
    });
}

#[track_caller]
fn each_file(folder: &Path, mut look: impl FnMut(&Path, &[u8])) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("its entries too").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            look(&path, &fs::read(&path).expect("a file can be read"));
        }
    }
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    let first = text[0];
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| *byte == first) {
        left = &left[at..];
        if left.starts_with(text) {
            return true;
        }
        left = &left[1..];
    }
    false
}

#[test]
fn the_canary_is_heard_in_every_form() {
    assert!(sings(format!("..{CANARY}..").as_bytes()));
    assert!(sings(
        b"[99,110,114,121,45,55,102,51,97,57,49,101,48,52,98,100,50,45,116,119,101,101,116]"
    ));
    assert!(!sings(b"nothing of the kind"));
}
