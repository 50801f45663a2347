//! A share as text: one line, which may have comments before it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{CODE_BYTES, SET_BYTES, Share, ShareError, ShareSetId};
use crate::labels;
use crate::stack::leaving_nothing;

const PREFIX: &str = "connledger-share-v1:";
/// Length of the checksum, in hexadecimal digits.
const CHECKSUM_CHARS: usize = 8;

impl Share {
    /// Parses the text of a share. Empty lines and lines that start with `#` are skipped.
    ///
    /// Errors: it is not the text of one share, or its checksum does not fit.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (Some(line), None) if text.len() <= Self::TEXT_BYTES_MAX => parse_line(line),
            _ => Err(ShareError::NotAShare),
        }
    }

    /// Returns the text, with a comment that says what it is for.
    pub fn to_text(&self) -> Zeroizing<String> {
        let Self { set, number, threshold, shares, values } = self;
        let comment = format!(
            "# Share {number} of {shares} of the master keys of a connection ledger, of which any \
             {threshold} give them back.\n# Keep it apart from the others. To unseal a ledger with \
             it: connledger keys unseal --share FILE\n"
        );
        let head = format!("{PREFIX}{set}:{number}:{threshold}:{shares}:");
        // The full capacity from the start, because growing would leave copies behind.
        let bytes = comment.len() + head.len() + 4 * values.len().div_ceil(3) + 2 + CHECKSUM_CHARS;
        let mut text = Zeroizing::new(String::with_capacity(bytes));
        text.push_str(&comment);
        text.push_str(&head);
        leaving_nothing(|| STANDARD.encode_string(&**values, &mut text));
        let line = text.get(comment.len()..).unwrap_or_default();
        let checksum = checksum(line);
        text.push(':');
        text.push_str(&checksum);
        text.push('\n');
        text
    }
}

fn parse_line(line: &str) -> Result<Share, ShareError> {
    let rest = line.strip_prefix(PREFIX).ok_or(ShareError::NotAShare)?;
    let (summed, stated) = line.rsplit_once(':').ok_or(ShareError::NotAShare)?;
    if stated.len() != CHECKSUM_CHARS {
        return Err(ShareError::NotAShare);
    }
    let parts: Vec<&str> = rest.split(':').collect();
    let [set, number, threshold, shares, values, _] = parts[..] else {
        return Err(ShareError::NotAShare);
    };
    if checksum(summed) != stated {
        return Err(ShareError::Damaged);
    }
    read(set, [number, threshold, shares], values).ok_or(ShareError::NotAShare)
}

fn read(set: &str, numbers: [&str; 3], values: &str) -> Option<Share> {
    let [number, threshold, shares] = numbers.map(|text| text.parse::<u8>().ok());
    let (number, threshold, shares) = (number?, threshold?, shares?);
    let is_number = (2..=Share::SHARES_MAX).contains(&shares)
        && (2..=shares).contains(&threshold)
        && (1..=shares).contains(&number);
    let capacity = base64::decoded_len_estimate(values.len());
    let mut decoded = Zeroizing::new(Vec::with_capacity(capacity));
    leaving_nothing(|| STANDARD.decode_vec(values, &mut decoded)).ok()?;
    let is_long_enough = decoded.len() > CODE_BYTES;
    let set = set_of(set)?;
    (is_number && is_long_enough).then_some(Share {
        set,
        number,
        threshold,
        shares,
        values: decoded,
    })
}

fn set_of(digits: &str) -> Option<ShareSetId> {
    let mut set = [0; SET_BYTES];
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 2 * SET_BYTES || !digits.bytes().all(is_digit) {
        return None;
    }
    set.copy_from_slice(&u64::from_str_radix(digits, 16).ok()?.to_be_bytes());
    Some(ShareSetId(set))
}

/// Returns the checksum of a line up to it.
fn checksum(line: &str) -> String {
    let sum = leaving_nothing(|| blake3::derive_key(labels::SHARE_CHECKSUM, line.as_bytes()));
    let [a, b, c, d, ..] = sum;
    format!("{:08x}", u32::from_be_bytes([a, b, c, d]))
}
