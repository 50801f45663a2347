//! Asks for a secret at the terminal, without showing it.

use std::fs::File;
use std::io::{self, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The terminal of this process, whatever its standard input and output are.
const TERMINAL: &str = "/dev/tty";
/// Longest secret that is typed, in bytes.
const BYTES_MAX: usize = 32 * 1024;

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 21;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// Asks for the value of a field.
pub(super) fn ask(field: &str) -> Result<String, Failure> {
    let terminal = File::options().read(true).write(true).open(TERMINAL);
    let terminal = terminal.map_err(|_| {
        // What should be the name of a field may be a value.
        Failure::usage("--secret FIELD asks for its value, and there is no terminal")
            .hint("pass --secret FIELD=- for standard input, or FIELD=@FILE")
    })?;
    let failed = |error: io::Error| Failure::usage(format!("cannot use the terminal: {error}"));
    let silent = Silent::new(&terminal).map_err(failed)?;
    let question = format!("{field} (is not shown): ");
    (&terminal).write_all(question.as_bytes()).map_err(failed)?;
    let typed = read_typed(io::BufReader::new(&terminal));
    drop(silent);
    (&terminal).write_all(b"\n").map_err(failed)?;
    match typed.map_err(failed)? {
        Typed::Text(bytes) => String::from_utf8(bytes.to_vec())
            .map_err(|_| Failure::usage("what was typed is not UTF-8")),
        Typed::Interrupted => Err(Failure::interrupted()),
    }
}

/// A terminal that shows nothing of what is typed and hands over each byte at once. Dropping it
/// restores the terminal.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silent<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        // Without signals, Ctrl-C arrives as a byte, and the terminal is restored before the end.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        tcsetattr(self.terminal, OptionalActions::Drain, &self.before).ok();
    }
}

/// What was typed.
enum Typed {
    Text(Zeroizing<Vec<u8>>),
    Interrupted,
}

/// Reads up to the end of the line.
fn read_typed(input: impl io::BufRead) -> io::Result<Typed> {
    // The full capacity from the start, because growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(BYTES_MAX));
    for byte in input.bytes() {
        match byte? {
            CTRL_C => return Ok(Typed::Interrupted),
            b'\r' | b'\n' | CTRL_D => break,
            CTRL_U => text.clear(),
            BACKSPACE | DELETE => remove_character(&mut text),
            _ if text.len() == BYTES_MAX => {
                return Err(io::Error::other(format!("more than {BYTES_MAX} bytes")));
            }
            byte => text.push(byte),
        }
    }
    Ok(Typed::Text(text))
}

/// Removes the last character of UTF-8 text.
fn remove_character(text: &mut Vec<u8>) {
    const CONTINUATION: u8 = 0b1000_0000;
    while text.pop().is_some_and(|byte| byte & 0b1100_0000 == CONTINUATION) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Option<String> {
        match read_typed(bytes).unwrap() {
            Typed::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
            Typed::Interrupted => None,
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_corrected() {
        assert_eq!(typed(b"sk-1\nrest"), Some("sk-1".to_owned()));
        assert_eq!(typed("sk-é\u{7f}1\r".as_bytes()), Some("sk-1".to_owned()));
        assert_eq!(typed(b"wrong\x15sk-1\x04"), Some("sk-1".to_owned()));
        assert_eq!(typed(b"\x7f\x7fsk"), Some("sk".to_owned()));
        assert_eq!(typed(b"sk-1\x03"), None);
        assert!(read_typed(&vec![b'x'; BYTES_MAX + 1][..]).is_err());
    }
}
