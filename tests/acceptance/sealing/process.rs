//! The memory of another process.

use std::fs::{self, File};
use std::io::{BufRead as _, ErrorKind, Read as _, Seek as _, SeekFrom};

/// How much is read at once, in bytes.
const PIECE: usize = 1024 * 1024;
/// How much of a piece the next one begins with, so that nothing is cut.
const OVERLAP: usize = 256;

/// Returns the names of those texts that are in the memory of a process, each with the kind of
/// memory where it was found first, and how many bytes were looked at that are not zero.
pub(super) fn found<'a>(pid: u32, texts: &[(&'a str, Vec<u8>)]) -> (Vec<(&'a str, String)>, usize) {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("this test is root's");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("this test is root's");
    let (mut found, mut looked_at): (Vec<(&'a str, String)>, _) = (Vec::new(), 0);
    let mut piece = vec![0; PIECE];
    for line in maps.lines() {
        let mut parts = line.split_whitespace();
        let (range, rights) = (parts.next().expect("a range"), parts.next().expect("rights"));
        let name = parts.nth(3).unwrap_or("anonymous");
        // What the system shares with every process is not read in this way.
        if !rights.starts_with('r') || ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&name) {
            continue;
        }
        let (from, to) = range.split_once('-').expect("two ends");
        let [mut at, to] = [from, to].map(|end| u64::from_str_radix(end, 16).expect("hex"));
        while at < to {
            let length = PIECE.min(usize::try_from(to - at).expect("a piece"));
            let part = &mut piece[..length];
            memory.seek(SeekFrom::Start(at)).expect("a place");
            match memory.read_exact(part) {
                Ok(()) => {}
                // It was given back to the system meanwhile, or has no file behind it.
                Err(error)
                    if error.kind() == ErrorKind::UnexpectedEof
                        || error.raw_os_error() == Some(5) =>
                {
                    break;
                }
                Err(error) => panic!("{line}: {error}"),
            }
            if !is_zero(part) {
                looked_at += length;
                let new =
                    texts.iter().filter(|(text, _)| found.iter().all(|(known, _)| known != text));
                let new: Vec<_> = new.filter(|(_, bytes)| holds(part, bytes)).collect();
                found.extend(new.iter().map(|(text, _)| (*text, format!("{name} {rights}"))));
            }
            at += (length - if length == PIECE { OVERLAP } else { 0 }) as u64;
        }
    }
    (found, looked_at)
}

fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

/// Finds a text, quickly also in a build for tests.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    let first = text[0];
    let mut left = bytes;
    loop {
        let skipped = left.skip_until(first).expect("in memory");
        let at = bytes.len() - left.len();
        if skipped == 0 || (left.is_empty() && bytes.last() != Some(&first)) {
            return false;
        }
        if bytes[at - 1..].starts_with(text) {
            return true;
        }
    }
}

#[test]
fn what_a_process_has_in_memory_is_found_and_nothing_else() {
    let there = format!("there-{}", ledger_client::new_command_id()).into_bytes();
    let absent = ledger_client::new_command_id().into_bytes();
    // Its bytes must not be in the list of what is looked for.
    let there_twice: Vec<u8> = there.iter().map(|byte| byte ^ 1).collect();
    let flipped: Vec<u8> = there_twice.iter().map(|byte| byte ^ 1).collect();
    assert!(holds(&[b"abc".as_slice(), &there].concat(), &flipped));
    assert!(!holds(b"thertherethe", &there) && !holds(b"", &there) && !holds(b"t", &there));
    let mut other = std::process::Command::new("sleep")
        .args(["60"])
        .env("A_VALUE", String::from_utf8(there.clone()).expect("text"))
        .spawn()
        .expect("sleep runs");
    let texts = [("there", there), ("absent", absent)];
    // Its environment is there once it runs.
    let (found, looked_at) = crate::wait::soon("the process runs", || {
        let (found, looked_at) = found(other.id(), &texts);
        (!found.is_empty()).then_some((found, looked_at))
    });
    other.kill().expect("it is there");
    other.wait().expect("it ends");
    let names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["there"]);
    assert!(found[0].1.contains("[stack]") && looked_at > 0, "{found:?}");
}
