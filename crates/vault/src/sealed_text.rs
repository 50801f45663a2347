//! The text form of a sealed value: `v1.<data key id>.<value id>.<nonce, ciphertext, tag>`.
//!
//! All three parts are base64 with the URL alphabet and without padding. The nonce has 24 bytes,
//! which are exactly 32 characters, so it can be decoded separately.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_domain::Sealed;

use crate::data_key::DataKeyId;
use crate::error::OpenError;
use crate::master_key::{NONCE_BYTES, TAG_BYTES};

const FORMAT: &str = "v1";
const ID_BYTES: usize = 16;
const ID_CHARS: usize = 22;
const NONCE_CHARS: usize = 32;
const HEADER_CHARS: usize = FORMAT.len() + 1 + ID_CHARS + 1 + ID_CHARS + 1;
/// Bytes encoded at a time, a multiple of three.
const CHUNK_BYTES: usize = 768;

/// The parts in front of the ciphertext.
pub(crate) struct Header {
    pub(crate) data_key: DataKeyId,
    pub(crate) value: [u8; ID_BYTES],
    pub(crate) nonce: [u8; NONCE_BYTES],
}

/// The text of a sealed value under construction, in one allocation of the final size.
///
/// The ciphertext is written to the end of the buffer, then encoded towards the front of its place.
pub(crate) struct Draft {
    text: Vec<u8>,
    plaintext_bytes: usize,
}

impl Draft {
    pub(crate) fn new(header: &Header, plaintext_bytes: usize) -> Self {
        let body_chars = encoded_chars(plaintext_bytes + TAG_BYTES);
        let chars = HEADER_CHARS + NONCE_CHARS + body_chars;
        let mut text = Vec::with_capacity(chars);
        text.extend_from_slice(FORMAT.as_bytes());
        text.push(b'.');
        text.extend_from_slice(&encode_small::<ID_CHARS>(&header.data_key.to_bytes()));
        text.push(b'.');
        text.extend_from_slice(&encode_small::<ID_CHARS>(&header.value));
        text.push(b'.');
        text.extend_from_slice(&encode_small::<NONCE_CHARS>(&header.nonce));
        text.resize(chars, 0);
        Self { text, plaintext_bytes }
    }

    /// Returns the places where ciphertext and tag go.
    pub(crate) fn ciphertext_and_tag(&mut self) -> (&mut [u8], &mut [u8]) {
        let start = self.text.len() - self.plaintext_bytes - TAG_BYTES;
        let (_, raw) = self.text.split_at_mut(start);
        raw.split_at_mut(self.plaintext_bytes)
    }

    pub(crate) fn finish(mut self) -> Sealed {
        let (_, body) = self.text.split_at_mut(HEADER_CHARS + NONCE_CHARS);
        encode_tail(body, self.plaintext_bytes + TAG_BYTES);
        Sealed::from_text(String::from_utf8(self.text).expect("base64 and dots are ASCII"))
    }
}

/// Returns the length of a sealed value's plaintext in bytes; `None` if it is malformed.
pub fn plaintext_bytes(sealed: &Sealed) -> Option<usize> {
    let (_, body) = parse(sealed).ok()?;
    (body.len() * 3 / 4).checked_sub(TAG_BYTES)
}

/// Parses the header, and returns it with ciphertext and tag, still in base64.
pub(crate) fn parse(sealed: &Sealed) -> Result<(Header, &str), OpenError> {
    let (format, rest) = sealed.as_str().split_once('.').ok_or(OpenError::Malformed)?;
    if format != FORMAT {
        let digits = format.strip_prefix('v').unwrap_or_default();
        let is_version = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        return Err(if is_version { OpenError::UnknownFormat } else { OpenError::Malformed });
    }
    let (data_key, rest) = rest.split_once('.').ok_or(OpenError::Malformed)?;
    let (value, rest) = rest.split_once('.').ok_or(OpenError::Malformed)?;
    let (nonce, body) = rest.split_at_checked(NONCE_CHARS).ok_or(OpenError::Malformed)?;
    let header = Header {
        data_key: DataKeyId::from_bytes(decode_small(data_key)?),
        value: decode_small(value)?,
        nonce: decode_small(nonce)?,
    };
    Ok((header, body))
}

/// Decodes ciphertext and tag from [`parse`] into a new buffer, and splits off the tag.
pub(crate) fn decode_body(body: &str) -> Result<(Vec<u8>, [u8; TAG_BYTES]), OpenError> {
    let mut ciphertext = Vec::with_capacity(base64::decoded_len_estimate(body.len()));
    URL_SAFE_NO_PAD.decode_vec(body, &mut ciphertext).map_err(|_| OpenError::Malformed)?;
    let (_, tag) = ciphertext.split_last_chunk().ok_or(OpenError::Malformed)?;
    let tag = *tag;
    ciphertext.truncate(ciphertext.len() - TAG_BYTES);
    Ok((ciphertext, tag))
}

/// Encodes a few bytes whose encoded length is known.
pub(crate) fn encode_small<const CHARS: usize>(bytes: &[u8]) -> [u8; CHARS] {
    let mut text = [0; CHARS];
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut text);
    debug_assert_eq!(written.ok(), Some(CHARS));
    text
}

/// Decodes text that must contain exactly `BYTES` bytes.
fn decode_small<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], OpenError> {
    let mut bytes = [0; BYTES];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(written) if written == BYTES => Ok(bytes),
        _ => Err(OpenError::Malformed),
    }
}

/// Returns the length of `bytes` bytes in base64 without padding.
const fn encoded_chars(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// Encodes the last `raw_bytes` of `place` so that the result fills `place` from the front.
///
/// Writing never overtakes reading: after `k` bytes, a multiple of three, `4k/3` characters are
/// written, and reading stands at `place.len() - raw_bytes + k`, where the difference of lengths is
/// a third of `raw_bytes` rounded up, so at least `k/3`. Each chunk is moved aside before its
/// characters are written.
fn encode_tail(place: &mut [u8], raw_bytes: usize) {
    debug_assert_eq!(place.len(), encoded_chars(raw_bytes));
    let mut aside = [0; CHUNK_BYTES];
    let mut read = place.len() - raw_bytes;
    let mut written = 0;
    while let Some(unread) = place.get(read..).filter(|unread| !unread.is_empty()) {
        let take = unread.len().min(CHUNK_BYTES);
        let (chunk, _) = aside.split_at_mut(take);
        chunk.copy_from_slice(unread.split_at(take).0);
        read += take;
        let (_, free) = place.split_at_mut(written);
        written += URL_SAFE_NO_PAD
            .encode_slice(&*chunk, free)
            .expect("the place has the length of the whole encoding");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoding_in_place_equals_encoding_aside() {
        for length in (0..100).chain(760..780).chain(1530..1540).chain([32 * 1024]) {
            check(&(0..=250).cycle().take(length).collect::<Vec<u8>>());
        }
    }

    proptest! {
        #[test]
        fn encoding_any_bytes_in_place_equals_encoding_aside(
            bytes in prop::collection::vec(any::<u8>(), 0..4096),
        ) {
            check(&bytes);
        }

        #[test]
        fn reading_any_text_does_not_panic(text in "(v1\\.)?\\PC{0,200}") {
            let sealed = Sealed::from_text(text);
            if let Ok((_, body)) = parse(&sealed) {
                decode_body(body).ok();
            }
        }
    }

    fn check(bytes: &[u8]) {
        let mut place = vec![0; encoded_chars(bytes.len())];
        let start = place.len() - bytes.len();
        place[start..].copy_from_slice(bytes);
        encode_tail(&mut place, bytes.len());
        assert_eq!(String::from_utf8(place).unwrap(), URL_SAFE_NO_PAD.encode(bytes));
    }
}
