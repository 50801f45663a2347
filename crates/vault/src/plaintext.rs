//! Secrets in plaintext.

use std::fmt;

use ledger_domain::{EventId, FieldName, Hint};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Characters shown at each end.
const SHOWN_CHARS: usize = 2;
/// Longest prefix that is shown because it ends in the secret's first hyphen, as in `sk-`.
const HYPHEN_PREFIX_CHARS_MAX: usize = 4;

/// A secret in plaintext. It is wiped when dropped, and cannot be copied, compared, printed or
/// serialized by accident.
///
/// Access to the bytes requires a [`Disclosure`]. None of these examples compiles:
///
/// ```compile_fail
/// let plaintext = ledger_vault::Plaintext::new("hunter2");
/// let copy = plaintext.clone();
/// ```
///
/// ```compile_fail
/// let plaintext = ledger_vault::Plaintext::new("hunter2");
/// println!("{plaintext}");
/// ```
///
/// ```compile_fail
/// let plaintext = ledger_vault::Plaintext::new("hunter2");
/// assert!(plaintext == plaintext);
/// ```
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Wraps a buffer. A `Vec<u8>` or `String` is moved, not copied. A borrowed value is copied,
    /// and the caller must wipe the original.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Wraps a string's buffer without copying it.
    pub fn from_string(text: String) -> Self {
        Self::new(text)
    }

    /// Returns the length in bytes.
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }

    /// Returns whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether both contain the same bytes, in a time that depends only on their lengths.
    pub fn same_as(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }

    /// Returns whether a test holds for the value as text, for which a value that is no text is
    /// empty. Nothing but the answer may leave the test.
    pub fn passes(&self, test: &dyn Fn(&str) -> bool) -> bool {
        test(std::str::from_utf8(self.bytes()).unwrap_or_default())
    }

    /// Returns the text of a value that the caller has given with the command that is being
    /// executed, for the test that the same command asks for; `None` if it is no text. It discloses
    /// nothing that is stored: for that, there is [`Plaintext::expose`].
    pub fn given_text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()).ok()
    }

    /// Returns the bytes, given the proof that the reveal was recorded.
    pub fn expose(&self, _recorded: &Disclosure) -> &[u8] {
        self.bytes()
    }

    /// Returns the hint of the value of a field: the few characters that may be shown.
    ///
    /// The hint is empty for passwords and values of fewer than 16 bytes; see [`Hint::is_shown`].
    /// It is also empty for whatever is not one word of ASCII, such as PEM blocks, JSON objects
    /// and phrases, and for URLs, whose ends are names. Otherwise the suffix is the last two
    /// characters. The prefix is the first two, or ends in the first hyphen if that is among the
    /// first four.
    pub fn hint(&self, field: &FieldName) -> Hint {
        let Ok(text) = std::str::from_utf8(self.bytes()) else {
            return Hint::default();
        };
        let is_word = text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_other = text.starts_with(['{', '[']) || text.contains("://");
        if !is_word || is_other || !Hint::is_shown(field.as_str(), text.len()) {
            return Hint::default();
        }
        let hyphen = text.chars().take(HYPHEN_PREFIX_CHARS_MAX).position(|c| c == '-');
        let prefix_chars = hyphen.map_or(SHOWN_CHARS, |position| position + 1);
        let hidden_chars = text.len() - SHOWN_CHARS;
        Hint {
            prefix: text.chars().take(prefix_chars).collect(),
            suffix: text.chars().skip(hidden_chars).collect(),
        }
    }

    /// Returns the bytes for sealing and fingerprinting, which disclose nothing.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(..)")
    }
}

/// Proof that a reveal of a secret was written to the log before the secret was read.
///
/// Create it only from the id of an event that is already stored. A plaintext exposed without it
/// would leave no trace; this type makes such code visible in review.
#[derive(Debug)]
pub struct Disclosure {
    event: EventId,
}

impl Disclosure {
    /// Asserts that `event` is a stored event that records who reads which secret and why.
    pub fn recorded(event: EventId) -> Self {
        Self { event }
    }

    /// Returns the id of the event that records the reveal.
    pub fn event(&self) -> EventId {
        self.event
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(name: &str) -> FieldName {
        FieldName::parse("field", name).unwrap()
    }

    fn check(secret: &str, prefix: &str, suffix: &str) {
        let hint = Plaintext::new(secret).hint(&field("api_key"));
        assert_eq!((hint.prefix.as_str(), hint.suffix.as_str()), (prefix, suffix), "{secret:?}");
    }

    #[test]
    fn hints_show_two_characters_at_each_end() {
        check("AKIAIOSFODNN7EXAMPLE", "AK", "LE");
        check("0123456789abcdef", "01", "ef");
        check("abcde-fghijklmnop", "ab", "op");
    }

    #[test]
    fn hints_show_a_prefix_that_ends_in_an_early_hyphen() {
        check("sk-proj-abcdefgh", "sk-", "gh");
        check("api-abcdefghijkl", "api-", "kl");
        check("-abcdefghijklmno", "-", "no");
        check("a--bcdefghijklmno", "a-", "no");
    }

    #[test]
    fn passwords_short_values_and_whatever_is_no_word_have_no_hint() {
        for secret in [
            "",
            "a",
            "12345678",
            "123456789",
            "sk-proj-abcdefg",
            "äöüßäöüßäöüßäöüß",
            "correct horse battery staple",
            "postgres://app@db.internal/main",
            "{\"type\":\"service_account\"}",
            " \t\n[1, 2, 3, 4, 5, 6, 7]",
            "-----BEGIN KEY-----\nMIIE\n-----END KEY-----\n",
            "one line\rand another",
            "bell\u{7}0123456789abcdef",
        ] {
            check(secret, "", "");
        }
        let long = Plaintext::new("0123456789abcdef0123456789");
        assert_eq!(long.hint(&field("db_password")), Hint::default());
        let bytes = Plaintext::new(vec![0xff; 20]);
        assert_eq!(bytes.hint(&field("api_key")), Hint::default());
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Plaintext::new("canary-0123456789");
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "Plaintext(..) Some(\n    Plaintext(..),\n)"
        );
    }

    #[test]
    fn equal_secrets_are_the_same() {
        let secret = Plaintext::from_string("hunter2".to_owned());
        assert!(secret.same_as(&Plaintext::new(b"hunter2".to_vec())));
        assert!(!secret.same_as(&Plaintext::new("hunter3")));
        assert!(!secret.same_as(&Plaintext::new("hunter22")));
        assert!(Plaintext::new("").same_as(&Plaintext::new(Vec::new())));
    }

    #[test]
    fn a_test_sees_the_text_and_tells_whether_it_holds() {
        let secret = Plaintext::new("äöü");
        assert!(secret.passes(&|text| text.chars().count() == 3));
        assert!(!secret.passes(&|text| text.is_empty()));
        assert!(Plaintext::new(vec![0xff; 20]).passes(&str::is_empty), "no text");
    }

    #[test]
    fn a_recorded_disclosure_exposes_the_bytes() {
        let event = EventId::from_bytes([9; 16]);
        let disclosure = Disclosure::recorded(event);
        let secret = Plaintext::new("hunter2");
        assert_eq!(secret.expose(&disclosure), b"hunter2");
        assert_eq!(disclosure.event(), event);
        assert_eq!((secret.len_bytes(), secret.is_empty()), (7, false));
        assert!(Plaintext::new("").is_empty());
    }

    proptest! {
        #[test]
        fn hints_never_show_more_than_six_characters_nor_all(secret in "(\\PC|-){0,24}") {
            let hint = Plaintext::new(secret.as_str()).hint(&field("api_key"));
            let (prefix, suffix) = (hint.prefix.chars().count(), hint.suffix.chars().count());
            prop_assert!(prefix <= 4 && suffix <= 2);
            prop_assert!(secret.is_empty() || prefix + suffix < secret.chars().count());
            prop_assert!(secret.starts_with(&hint.prefix) && secret.ends_with(&hint.suffix));
            prop_assert_eq!(prefix == 0, suffix == 0);
        }

        #[test]
        fn hints_of_any_bytes_do_not_panic(secret in prop::collection::vec(any::<u8>(), 0..64)) {
            Plaintext::new(secret).hint(&field("api_key"));
        }
    }
}
