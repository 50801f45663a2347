//! Text that is checked once, when it enters, and trusted from then on.

use std::fmt;

use crate::limits;

/// An invalid field: its name, and what would be valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidField {
    /// Name of the field as the caller wrote it, for example `display_name` or `labels.team`.
    pub field: String,
    /// What would be valid. Never repeats the value, which may be a misplaced secret.
    pub problem: String,
}

impl InvalidField {
    /// Returns the error for a field, with what would be valid.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// Text that is checked when it enters, but not when it is read back from the log, because history
/// may contain text that today's rules would reject.
pub trait CheckedText: Sized {
    /// Returns the text.
    fn text(&self) -> &str;
    /// Wraps text that was checked when it was recorded.
    fn stored(text: Box<str>) -> Self;
}

/// Defines a newtype for checked text.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl CheckedText for $name {
            fn text(&self) -> &str {
                &self.0
            }
            fn stored(text: Box<str>) -> Self {
                Self(text)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

checked_text!(
    /// Name of a workspace: `a-z`, `0-9` and inner hyphens, 1 to 63 characters. It is a token of
    /// NATS subjects and a key prefix, so its alphabet is the strictest.
    WorkspaceName
);
checked_text!(
    /// Name of a principal: the alphabet of [`WorkspaceName`].
    PrincipalName
);
checked_text!(
    /// Name of an alert: the alphabet of [`WorkspaceName`].
    AlertName
);
checked_text!(
    /// Address of mail, `local@domain`, in the plain form: ASCII, no quotes, no comments, no
    /// display name, and none of the characters that some mail servers take for a route.
    MailAddress
);
checked_text!(
    /// Slug of a connection, unique in its workspace ignoring case: `A-Z`, `a-z`, `0-9`, `_` and
    /// `-`, 1 to 255 characters, and not in the form of a UUID, which would be an id.
    Slug
);
checked_text!(
    /// Free text on one line: no control characters, a limited length, not empty.
    Line
);
checked_text!(
    /// Free text with line breaks and tabs, a limited length. May be empty.
    Prose
);
checked_text!(
    /// Name of a configuration or secret field: visible ASCII without spaces, 1 to 128 characters.
    FieldName
);
checked_text!(
    /// Name of a consumer of a connection, chosen by it: visible ASCII without spaces, 1 to 128
    /// characters.
    ConsumerName
);
checked_text!(
    /// A JSON value in compact text form with sorted keys. Only the contract creates it; the domain
    /// compares and passes it on.
    Json
);

impl WorkspaceName {
    /// Checks a workspace's name; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        check_token(field, text, limits::WORKSPACE_NAME_CHARS)?;
        Ok(Self(text.into()))
    }

    /// Returns sixteen bytes that identify the name in keys of fixed length: a version 5 UUID of
    /// the name, which never changes.
    pub fn stream_id(&self) -> [u8; 16] {
        name_id(0x9b1d_6c4e_52a7_4f0b_8f3e_7a60_d2c5_1e94, &self.0)
    }
}

impl PrincipalName {
    /// Checks a principal's name; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        check_token(field, text, limits::PRINCIPAL_NAME_CHARS)?;
        Ok(Self(text.into()))
    }

    /// Returns sixteen bytes that identify the name in keys of fixed length, like
    /// [`WorkspaceName::stream_id`].
    pub fn stream_id(&self) -> [u8; 16] {
        name_id(0x1c62_87f0_3ad9_4be5_a94d_40b2_6e8f_7713, &self.0)
    }
}

fn name_id(space: u128, name: &str) -> [u8; 16] {
    uuid::Uuid::new_v5(&uuid::Uuid::from_u128(space), name.as_bytes()).into_bytes()
}

/// Checks that a name can be a token of a NATS subject, a part of a path and a DNS label.
fn check_token(field: &str, text: &str, chars_max: usize) -> Result<(), InvalidField> {
    let bytes = text.as_bytes();
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: &u8| allowed(byte) || *byte == b'-';
    let fits = (1..=chars_max).contains(&bytes.len())
        && bytes.first().is_some_and(allowed)
        && bytes.last().is_some_and(allowed)
        && bytes.iter().all(inner);
    if fits {
        return Ok(());
    }
    Err(InvalidField::new(
        field,
        format!("must be 1 to {chars_max} of a-z, 0-9 and inner hyphens, like \"team-payments\""),
    ))
}

impl AlertName {
    /// Checks the name of an alert; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        check_token(field, text, limits::ALERT_NAME_CHARS)?;
        Ok(Self(text.into()))
    }
}

impl MailAddress {
    /// Checks an address of mail; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let is_address = text.len() <= limits::MAIL_ADDRESS_CHARS
            && text
                .rsplit_once('@')
                .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if is_address {
            return Ok(Self(text.into()));
        }
        let problem = "must be a plain address of mail, like \"ops@example.com\", in ASCII and \
                       without a name, quotes, % or !";
        Err(InvalidField::new(field, problem))
    }
}

/// Returns whether a text is what may come before the `@`: words of letters, digits and a few other
/// characters, with single dots between them. None begins with a hyphen, which programs that send
/// mail take for an option.
fn is_local_part(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"#$&'*+-/=?^_`{|}~".contains(&byte);
    text.len() <= limits::MAIL_LOCAL_CHARS
        && !text.starts_with('-')
        && text.split('.').all(|word| !word.is_empty() && word.bytes().all(is_inner))
}

/// Returns whether a text is the name of a domain.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=limits::DOMAIN_LABEL_CHARS).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split('.').all(is_label)
}

impl Slug {
    /// Checks a slug; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if text.is_empty() || text.len() > limits::SLUG_CHARS || !text.bytes().all(allowed) {
            return Err(InvalidField::new(
                field,
                "must be 1 to 255 of A-Z, a-z, 0-9, underscore and hyphen",
            ));
        }
        if uuid::Uuid::try_parse(text).is_ok() {
            return Err(InvalidField::new(
                field,
                "must not look like a UUID, which would be an id",
            ));
        }
        Ok(Self(text.into()))
    }

    /// Returns the lower-case form, which is used for uniqueness and lookups.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl Line {
    /// Checks one line of text of at most `chars_max` characters.
    pub fn parse(field: &str, text: &str, chars_max: usize) -> Result<Self, InvalidField> {
        if text.trim().is_empty() {
            return Err(InvalidField::new(field, "must not be empty"));
        }
        check_length(field, text, chars_max)?;
        if text.chars().any(char::is_control) {
            return Err(InvalidField::new(field, "must not contain control characters"));
        }
        Ok(Self(text.into()))
    }
}

impl Prose {
    /// Checks text of at most `chars_max` characters.
    pub fn parse(field: &str, text: &str, chars_max: usize) -> Result<Self, InvalidField> {
        check_length(field, text, chars_max)?;
        let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        if !text.chars().all(allowed) {
            return Err(InvalidField::new(
                field,
                "must not contain control characters other than line breaks and tabs",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl FieldName {
    /// Checks the name of a configuration or secret field.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        if text.is_empty() || text.len() > limits::FIELD_NAME_CHARS {
            return Err(InvalidField::new(field, "field names must be 1 to 128 characters long"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidField::new(field, "field names must be visible ASCII"));
        }
        Ok(Self(text.into()))
    }
}

impl ConsumerName {
    /// Checks the name of a consumer.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let fits = (1..=limits::CONSUMER_NAME_CHARS).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "must be 1 to 128 visible ASCII characters, like \"gateway-eu-1\"";
            return Err(InvalidField::new(field, problem));
        }
        Ok(Self(text.into()))
    }
}

impl Json {
    /// Wraps compact JSON text. The caller guarantees that it is JSON in the canonical form.
    pub fn from_canonical(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

/// Checks that text has at most `chars_max` characters.
fn check_length(field: &str, text: &str, chars_max: usize) -> Result<(), InvalidField> {
    // A text never has more characters than bytes, so most texts need no counting.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(InvalidField::new(field, format!("must be at most {chars_max} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_names_are_subject_tokens() {
        for good in ["a", "default", "team-1", &"x".repeat(63)] {
            assert!(WorkspaceName::parse("w", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a*", "a>", "é", "a b", &"x".repeat(64)] {
            assert!(WorkspaceName::parse("w", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_of_mail_is_plain_and_makes_no_header() {
        let longest = format!("{}@{}.{}", "x".repeat(64), "y".repeat(63), "z".repeat(63));
        for good in ["ops@example.com", "a.b+c_d@mail.a-b.example", "x@localhost", &longest] {
            assert!(MailAddress::parse("email", good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "x".repeat(65));
        let longer = format!("a@{}example.com", format!("{}.", "y".repeat(60)).repeat(4));
        for bad in [
            "",
            "ops",
            "@example.com",
            "ops@",
            "a@b@example.com",
            "ops@example.com\r\nBcc: eve@example.com",
            "ops@example.com\n",
            "ops @example.com",
            "<ops@example.com>",
            "Ops <ops@example.com>",
            "\"a b\"@example.com",
            "ops@[127.0.0.1]",
            "ops@-a.example",
            "ops@a..example",
            "ops@example.com.",
            ".ops@example.com",
            "o..ps@example.com",
            "-oQ/tmp@example.com",
            "a%b@example.com",
            "a!b@example.com",
            "a,b@example.com",
            "é@example.com",
            "ops@é.example",
            &long,
            &longer,
        ] {
            assert!(MailAddress::parse("email", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn slugs_refuse_uuids_and_foreign_alphabets() {
        for good in ["openai-prod", "_x", "A_b-9", &"x".repeat(255)] {
            assert!(Slug::parse("slug", good).is_ok(), "{good}");
        }
        let uuids = ["018f3d3e-0000-7000-8000-000000000000", "018f3d3e000070008000000000000000"];
        for bad in ["", "a b", "a/b", "a.b", "ü", uuids[0], uuids[1], &"x".repeat(256)] {
            assert!(Slug::parse("slug", bad).is_err(), "{bad}");
        }
        assert_eq!(Slug::parse("slug", "OpenAI-Prod").unwrap().folded(), "openai-prod");
    }

    #[test]
    fn lines_count_characters_not_bytes() {
        assert!(Line::parse("name", &"é".repeat(255), 255).is_ok());
        assert!(Line::parse("name", &"é".repeat(256), 255).is_err());
        assert!(Line::parse("name", " \t", 255).is_err());
        assert!(Line::parse("name", "a\nb", 255).is_err());
        assert!(Prose::parse("description", "a\nb\tc", 255).is_ok());
        assert!(Prose::parse("description", "a\u{0}b", 255).is_err());
    }

    #[test]
    fn errors_never_repeat_the_value() {
        let error = Slug::parse("slug", "my secret value").unwrap_err();
        assert!(!error.to_string().contains("my secret value"));
    }
}
