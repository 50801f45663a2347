//! Reads the lines of a file of create bodies, whatever is wrong with some of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use ledger_contract::errors::Code;
use ledger_engine::MESSAGE_BYTES_MAX;

use crate::text::{BYTE_ORDER_MARK, without_mark};

/// A line that is not blank, or why it cannot be sent.
pub(super) type Line = Result<String, Unsendable>;

/// Why a line cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    /// It exceeds the limit of a message.
    TooLong,
    /// It is not UTF-8 text.
    NotText,
}

impl Unsendable {
    /// Returns the code that the ledger would return.
    pub(super) const fn code(self) -> Code {
        match self {
            Self::TooLong => Code::MessageTooLarge,
            Self::NotText => Code::BodyMalformed,
        }
    }

    /// Returns the reason for people.
    pub(super) fn message(self) -> String {
        match self {
            Self::TooLong => format!("the line has more than {MESSAGE_BYTES_MAX} bytes"),
            Self::NotText => "the line is not UTF-8 text".to_owned(),
        }
    }
}

/// The lines of a file with their numbers, without blank ones.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    number: u64,
}

/// Opens a file, or standard input if it is `-`.
pub(super) fn open(path: &Path) -> io::Result<Lines<Box<dyn BufRead + Send>>> {
    let from: Box<dyn BufRead + Send> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(path)?))
    };
    Ok(Lines { from, number: 0 })
}

/// Counts the lines to load. Returns `None` for standard input.
pub(super) fn count(path: &Path) -> io::Result<Option<u64>> {
    if path == Path::new("-") {
        return Ok(None);
    }
    open(path)?.try_fold(0, |lines, line| line.map(|_| lines + 1)).map(Some)
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line, blank or not.
    fn read(&mut self) -> io::Result<Option<Line>> {
        let limit = MESSAGE_BYTES_MAX + BYTE_ORDER_MARK.len_utf8() + 1;
        let mut line = Vec::new();
        let bytes = u64::try_from(limit).unwrap_or(u64::MAX);
        if self.from.by_ref().take(bytes).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.len() == limit && line.last() != Some(&b'\n') {
            self.from.skip_until(b'\n')?;
            return Ok(Some(Err(Unsendable::TooLong)));
        }
        let is_first = self.number == 1;
        Ok(Some(String::from_utf8(line).map_err(|_| Unsendable::NotText).and_then(|text| {
            let text = if is_first { without_mark(text) } else { text };
            let text = text.trim();
            if text.len() > MESSAGE_BYTES_MAX { Err(Unsendable::TooLong) } else { Ok(text.into()) }
        })))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<(u64, Line)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read() {
                Err(error) => return Some(Err(error)),
                Ok(None) => return None,
                Ok(Some(Ok(text))) if text.is_empty() => {}
                Ok(Some(line)) => return Some(Ok((self.number, line))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u64, Line)> {
        Lines { from: bytes, number: 0 }.map(Result::unwrap).collect()
    }

    #[test]
    fn lines_keep_their_numbers() {
        let lines = read(b"\xef\xbb\xbf{\"a\":1}\r\n\n  \n {\"b\":2}");
        assert_eq!(lines, [(1, Ok("{\"a\":1}".to_owned())), (4, Ok("{\"b\":2}".to_owned()))]);
    }

    #[test]
    fn what_cannot_be_sent_does_not_hide_the_rest() {
        let mut bytes = vec![b'x'; MESSAGE_BYTES_MAX];
        bytes.push(b'\n');
        bytes.extend(vec![b'y'; MESSAGE_BYTES_MAX + 1]);
        bytes.push(b'\n');
        bytes.extend(vec![b'z'; 3 * MESSAGE_BYTES_MAX]);
        bytes.extend(b"\n\xff\xfe\nlast");
        let lines = read(&bytes);
        assert_eq!(lines[0], (1, Ok("x".repeat(MESSAGE_BYTES_MAX))), "as long as permitted");
        assert_eq!(lines[1], (2, Err(Unsendable::TooLong)));
        assert_eq!(lines[2], (3, Err(Unsendable::TooLong)));
        assert_eq!(lines[3], (4, Err(Unsendable::NotText)));
        assert_eq!(lines[4], (5, Ok("last".to_owned())));
        assert_eq!(lines.len(), 5);
    }
}
