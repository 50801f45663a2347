//! What may be said of an answer, without anything of the secrets that were sent.
//!
//! A provider may repeat in an error what it was sent, as it is or in another form. So only words
//! of a language are taken over, and none that has a part of a secret.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ledger_domain::Micros;
use ledger_domain::connection::TestOutcome;
use serde_json::Value;
use zeroize::Zeroizing;

/// Longest part of what a provider says, in characters.
const SAID_CHARS: usize = 200;
/// Longest word that is taken over.
const WORD_CHARS: usize = 24;
/// Longest name of a request.
const ID_CHARS: usize = 128;
/// A word with so many successive characters of a secret is left out.
const SHARED_IN_WORD: usize = 5;
/// The same for all that is left of what a provider says, without what is between its words.
pub(super) const SHARED_IN_ALL: usize = 8;
/// What stands for a word that is left out.
const HIDDEN: &str = "***";

/// Returns the reason of an outcome.
pub(crate) fn of_answer(
    outcome: TestOutcome,
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    secrets: &[&str],
) -> String {
    let mut reason = format!("the provider answered {status}");
    if (300..400).contains(&status) {
        reason.push_str(", a redirect, which is not followed");
    } else if outcome != TestOutcome::Works
        && let Some(said) = harmless_words(body, secrets)
    {
        reason.push_str(": ");
        reason.push_str(&said);
    }
    if let Some(wait) = retry_after.and_then(|text| wait(text, secrets)) {
        reason.push_str("; it asks to wait ");
        reason.push_str(&wait);
    }
    reason
}

/// Returns whether a name of a request has nothing of a secret.
pub(super) fn is_harmless_id(id: &str, secrets: &[&str]) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    let fits = !id.is_empty() && id.len() <= ID_CHARS && id.chars().all(plain);
    fits && !Forms::of(secrets).share(id, SHARED_IN_ALL)
}

/// Returns how long a provider asks to wait, as `Retry-After` says it: in seconds or until a time.
pub(crate) fn time_to_wait(text: &str, now: Micros) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let until = chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp_micros();
    u64::try_from(until.saturating_sub(now.get())).ok().map(Duration::from_micros)
}

/// Returns how long a provider asks to wait, in words.
fn wait(text: &str, secrets: &[&str]) -> Option<String> {
    let text = text.trim();
    let is_harmless = || !Forms::of(secrets).share(text, SHARED_IN_WORD);
    if !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return is_harmless().then(|| format!("{text} s"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ',' | ':');
    let is_time = text.len() <= 32 && text.ends_with(" GMT") && text.chars().all(plain);
    (is_time && is_harmless()).then(|| format!("until {text}"))
}

/// Returns what a provider says in the usual places of a JSON body, in words that have nothing of
/// the secrets.
pub(crate) fn harmless_words(body: &[u8], secrets: &[&str]) -> Option<String> {
    const PLACES: [&str; 7] = [
        "/error/message",
        "/error_description",
        "/message",
        "/errors/0/message",
        "/detail",
        "/error",
        "/name",
    ];
    let body: Value = serde_json::from_slice(body).ok()?;
    let said = PLACES.iter().find_map(|place| body.pointer(place).and_then(Value::as_str))?;
    quoted(said, secrets)
}

/// Returns those words of a text that have nothing of a secret.
fn quoted(text: &str, secrets: &[&str]) -> Option<String> {
    let forms = Forms::of(secrets);
    let mut quoted = String::new();
    let mut hides = false;
    for word in text.split_whitespace().take(SAID_CHARS) {
        let core = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let is_kept = core.is_empty() && word.len() <= 3
            || is_word(core) && word.len() <= core.len() + 4 && !forms.are_in(core);
        // What is hidden is one mark, however many words it had.
        if !is_kept && std::mem::replace(&mut hides, true) {
            continue;
        }
        hides = !is_kept;
        let shown = if is_kept { word } else { HIDDEN };
        if quoted.chars().count() + shown.chars().count() + 1 > SAID_CHARS {
            quoted.push_str(" ...");
            break;
        }
        if !quoted.is_empty() {
            quoted.push(' ');
        }
        quoted.push_str(shown);
    }
    // A secret that was cut into words is found without what is between them.
    let is_harmless = !forms.share(&plain(&quoted), SHARED_IN_ALL);
    (is_harmless && quoted.chars().any(char::is_alphabetic)).then_some(quoted)
}

/// Returns whether a text is a word of a language or of a program, or a short number.
fn is_word(text: &str) -> bool {
    let is_number = text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '-' | '\'');
    let mut rest = text.chars();
    let starts = rest.next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_small = starts && rest.all(inner);
    let is_large = text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    is_number || text.len() <= WORD_CHARS && (is_small || is_large)
}

/// Returns the letters and digits of a text in lower case.
pub(super) fn plain(text: &str) -> Zeroizing<String> {
    let kept = text.chars().filter(char::is_ascii_alphanumeric);
    collected(text.len(), kept.map(|c| c.to_ascii_lowercase()))
}

/// Returns the bytes of a text in hexadecimal.
fn in_hex(text: &str) -> Zeroizing<String> {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let digits = text.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    collected(text.len() * 2, digits)
}

/// Collects up to so many characters of ASCII in one place, so that growing leaves no copies.
fn collected(most: usize, chars: impl Iterator<Item = char>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(most));
    text.extend(chars);
    text
}

/// The forms in which a secret may be repeated, without punctuation and in lower case.
pub(super) struct Forms(pub(super) Vec<Zeroizing<String>>);

impl Forms {
    pub(super) fn of(secrets: &[&str]) -> Self {
        let mut forms = Vec::new();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let as_is = plain(secret);
            forms.push(collected(as_is.len(), as_is.chars().rev()));
            forms.push(as_is);
            // Base64 has three forms, by where the secret begins in what is encoded.
            for before in 0..3 {
                let mut bytes = Zeroizing::new(Vec::with_capacity(before + secret.len()));
                bytes.resize(before, 0);
                bytes.extend_from_slice(secret.as_bytes());
                let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
                forms.push(plain(&encoded));
            }
            forms.push(in_hex(secret));
        }
        forms.retain(|form| !form.is_empty());
        Self(forms)
    }

    /// Returns whether a word has a part of a secret, or a short secret as a whole.
    fn are_in(&self, word: &str) -> bool {
        let word = plain(word);
        let within = |form: &Zeroizing<String>| {
            form.len() < SHARED_IN_WORD && word.contains(form.as_str())
                || word.len() >= 4 && word.len() < SHARED_IN_WORD && form.contains(word.as_str())
        };
        self.0.iter().any(within) || self.share(&word, SHARED_IN_WORD)
    }

    /// Returns whether a text has this many successive letters and digits of a secret.
    fn share(&self, text: &str, length: usize) -> bool {
        let text = plain(text);
        let windows = |form: &Zeroizing<String>| {
            // A short secret is looked for as a whole.
            let length = length.min(form.len());
            form.as_bytes()
                .windows(length)
                .any(|part| text.as_bytes().windows(length).any(|other| other == part))
        };
        self.0.iter().any(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-proj-9fK2xQ7LmZ41TtBvWcYdEa";

    fn reason(status: u16, body: &str) -> String {
        let outcome = TestOutcome::CredentialsRefused;
        of_answer(outcome, status, None, body.as_bytes(), &[SECRET])
    }

    #[test]
    fn what_a_provider_says_is_shown_in_its_words() {
        let body =
            r#"{"error": {"message": "Your account is not active, please check the plan."}}"#;
        assert_eq!(
            reason(401, body),
            "the provider answered 401: Your account is not active, please check the plan."
        );
        let coded = r#"{"error": "invalid_auth", "ok": false}"#;
        assert_eq!(reason(401, coded), "the provider answered 401: invalid_auth");
        for nothing in ["", "<html>denied</html>", "{}", "[1]", r#"{"error": {"message": 7}}"#] {
            assert_eq!(reason(403, nothing), "the provider answered 403");
        }
        let works = of_answer(TestOutcome::Works, 200, None, br#"{"message": "x"}"#, &[SECRET]);
        assert_eq!(works, "the provider answered 200");
        assert!(reason(307, "").ends_with("a redirect, which is not followed"));
        let long = format!(r#"{{"message": "{}"}}"#, "word ".repeat(500));
        assert!(reason(401, &long).chars().count() < 300);
    }

    #[test]
    fn a_secret_is_not_repeated_in_any_form() {
        let reversed: String = SECRET.chars().rev().collect();
        let hex = in_hex(SECRET).to_string();
        let base64 = STANDARD_NO_PAD.encode(format!("user:{SECRET}"));
        let spread: Vec<String> = SECRET.chars().map(String::from).collect();
        let parts: Vec<&str> = SECRET.as_bytes().chunks(5).flat_map(std::str::from_utf8).collect();
        for form in [
            SECRET.to_owned(),
            format!("Bearer {SECRET}"),
            format!("'{SECRET}',"),
            format!("sk-proj-****{}", &SECRET[20..]),
            SECRET.to_uppercase(),
            reversed,
            hex,
            base64,
            spread.join(" "),
            parts.join(" "),
            parts.join("-"),
        ] {
            let body = format!(r#"{{"message": "Incorrect API key provided: {form} sorry"}}"#);
            let reason = reason(401, &body);
            let shown = plain(&reason);
            let secret = plain(SECRET);
            for part in secret.as_bytes().windows(5) {
                let part = std::str::from_utf8(part).expect("ASCII");
                assert!(!shown.contains(part), "{form}: {reason}");
            }
        }
        let body =
            format!(r#"{{"message": "Incorrect API key provided: {SECRET}. See the docs"}}"#);
        assert_eq!(
            reason(401, &body),
            "the provider answered 401: Incorrect API key provided: *** See the docs"
        );
    }

    #[test]
    fn a_secret_of_words_is_not_repeated_either() {
        for (secret, text) in [
            ("correct horse battery staple", "the words correct horse battery staple are wrong"),
            ("hunter2", "the password hunter2 is wrong"),
            ("abc", "the password is abc"),
            ("swordfish", "swordfish is wrong"),
        ] {
            let said = quoted(text, &[secret]).unwrap_or_default();
            for word in secret.split(' ').filter(|word| word.len() > 2) {
                assert!(!said.contains(word), "{said}");
            }
        }
    }

    #[test]
    fn a_request_id_and_a_wait_are_taken_only_in_their_form() {
        assert!(is_harmless_id("req_011CSHoEeqs5C35K2UUqR7Fy", &[SECRET]));
        for bad in ["", "a b", "a\nb", SECRET, "x-9fK2xQ7LmZ41-y", &"a".repeat(129)] {
            assert!(!is_harmless_id(bad, &[SECRET]), "{bad}");
        }
        assert_eq!(wait("30", &[SECRET]).as_deref(), Some("30 s"));
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        assert_eq!(wait(date, &[SECRET]).as_deref(), Some("until Wed, 21 Oct 2026 07:28:00 GMT"));
        for bad in ["", "-1", "soon", "9999999", SECRET] {
            assert_eq!(wait(bad, &[SECRET]), None, "{bad}");
        }
    }
}
