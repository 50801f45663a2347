//! The address of a target.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where backups are: a folder, or a place in an object store. Has no credentials; those come from
/// the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetAddress(pub(super) Place);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Folder(PathBuf),
    Store { kind: Store, bucket: String, prefix: String },
}

/// The kind of an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// Amazon S3, and servers that speak its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Store {
    const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

/// Why a text is not the address of a target. Does not repeat the text, which may hold credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is empty.
    #[error("must be a folder or a URL: /srv/backups, s3://bucket/prefix, gs://.. or az://..")]
    Empty,
    /// The scheme is not known.
    #[error("must begin with file://, s3://, gs:// or az://, or be a folder")]
    Scheme,
    /// It has a user, a password or a query.
    #[error("must have no credentials and no query; credentials come from environment variables")]
    Credentials,
    /// There is no bucket, or it has other characters.
    #[error("must name a bucket of letters, digits, `-`, `_` and `.` after the scheme")]
    Bucket,
    /// The prefix has other characters, or parts that are empty or dots.
    #[error("must have a prefix of letters, digits, `-`, `_` and `.`, in parts between `/`")]
    Prefix,
}

impl FromStr for TargetAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return folder(text);
        };
        let kind = match scheme {
            "file" => return folder(rest),
            "s3" => Store::S3,
            "gs" => Store::Google,
            "az" => Store::Azure,
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains(['@', '?', '#', ':']) {
            return Err(AddressError::Credentials);
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        if !is_plain(bucket) {
            return Err(AddressError::Bucket);
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
            return Err(AddressError::Prefix);
        }
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Ok(Self(Place::Store { kind, bucket, prefix }))
    }
}

fn folder(path: &str) -> Result<TargetAddress, AddressError> {
    if path.is_empty() {
        return Err(AddressError::Empty);
    }
    Ok(TargetAddress(Place::Folder(PathBuf::from(path))))
}

fn is_plain(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !part.is_empty() && part.chars().all(plain) && part.chars().any(|c| c != '.')
}

impl fmt::Display for TargetAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Folder(path) => path.display().fmt(f),
            Place::Store { kind, bucket, prefix } => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                write!(f, "{}://{bucket}{slash}{prefix}", kind.scheme())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, AddressError> {
        text.parse::<TargetAddress>().map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_shown_as_they_are_typed() {
        for text in ["/srv/backups", "backups", "s3://b", "s3://b.c/x/y_z", "gs://b/x", "az://c"] {
            assert_eq!(shown(text), Ok(text.to_owned()));
        }
        assert_eq!(shown("file:///srv/backups"), Ok("/srv/backups".to_owned()));
        assert_eq!(shown("s3://b/x/"), Ok("s3://b/x".to_owned()));
    }

    #[test]
    fn an_address_has_no_credentials_and_no_tricks() {
        for (text, expected) in [
            ("", AddressError::Empty),
            ("file://", AddressError::Empty),
            ("ftp://host/x", AddressError::Scheme),
            ("S3://b", AddressError::Scheme),
            ("s3://key:secret@b/x", AddressError::Credentials),
            ("az://c/x?sig=secret", AddressError::Credentials),
            ("s3:///x", AddressError::Bucket),
            ("s3://..", AddressError::Bucket),
            ("s3://b/a//c", AddressError::Prefix),
            ("s3://b/../c", AddressError::Prefix),
            ("s3://b/a c", AddressError::Prefix),
        ] {
            assert_eq!(shown(text), Err(expected), "{text}");
            assert!(!expected.to_string().contains("secret"));
        }
    }
}
