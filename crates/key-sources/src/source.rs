//! Where the text with the master keys is.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::words;

/// Where the text with the master keys is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a file that no other user can read.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
    /// In a credential of systemd.
    Credential(String),
    /// On the standard output of a program, which is given with its arguments.
    Program(Vec<String>),
}

/// Why a text does not say where the keys are. Never repeats the text, which may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSource {
    /// It is a key.
    #[error("must say where the key is, not be the key; for example env:NAME")]
    IsKey,
    /// It begins otherwise.
    #[error("must be file:PATH, env:NAME, credential:NAME or command:PROGRAM ARG...")]
    Kind,
    /// It names no file.
    #[error("must name a file after file:")]
    File,
    /// It names no variable.
    #[error("must name a variable of letters, digits and `_` after env:")]
    Variable,
    /// It names no credential.
    #[error("must name a credential of systemd, without a path, after credential:")]
    Credential,
    /// It names no program, or a quotation mark is missing.
    #[error("must name a program after command:, with matching quotation marks")]
    Program,
}

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if text.trim_start().starts_with("connledger-") {
            return Err(InvalidSource::IsKey);
        }
        let (kind, rest) = text.split_once(':').ok_or(InvalidSource::Kind)?;
        match kind {
            "file" if rest.is_empty() => Err(InvalidSource::File),
            "file" => Ok(Self::File(PathBuf::from(rest))),
            "env" if is_variable(rest) => Ok(Self::Variable(rest.to_owned())),
            "env" => Err(InvalidSource::Variable),
            "credential" if is_file_name(rest) => Ok(Self::Credential(rest.to_owned())),
            "credential" => Err(InvalidSource::Credential),
            "command" => match words::split(rest) {
                Some(words) if !words.is_empty() => Ok(Self::Program(words)),
                _ => Err(InvalidSource::Program),
            },
            _ => Err(InvalidSource::Kind),
        }
    }
}

fn is_variable(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(good) && name.starts_with(|c: char| !c.is_ascii_digit())
}

fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

impl fmt::Display for Source {
    /// Names the source in messages. Arguments of a program are left out, as they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Program(words) => {
                write!(f, "command:{}", words.first().map_or("", String::as_str))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_shown_as_it_is_typed_but_for_the_arguments_of_a_program() {
        let shown = |text: &str| text.parse::<Source>().unwrap().to_string();
        for text in ["file:/etc/a b.key", "env:LEDGER_KEY", "credential:master-key", "command:op"] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("command:op read 'op://a b/secret'"), "command:op");
    }

    #[test]
    fn what_names_no_source_is_refused_and_not_repeated() {
        for (text, expected) in [
            ("", InvalidSource::Kind),
            ("/etc/master.key", InvalidSource::Kind),
            ("vault:secret", InvalidSource::Kind),
            ("connledger-master-key-v1:0a1b2c3d:secret", InvalidSource::IsKey),
            (" connledger-wrapped-key-v1:0a1b2c3d:secret", InvalidSource::IsKey),
            ("file:", InvalidSource::File),
            ("env:", InvalidSource::Variable),
            ("env:1A", InvalidSource::Variable),
            ("env:A=secret", InvalidSource::Variable),
            ("credential:", InvalidSource::Credential),
            ("credential:../secret", InvalidSource::Credential),
            ("credential:..", InvalidSource::Credential),
            ("credential:a/", InvalidSource::Credential),
            ("command:", InvalidSource::Program),
            ("command:  ", InvalidSource::Program),
            ("command:op 'secret", InvalidSource::Program),
        ] {
            assert_eq!(text.parse::<Source>(), Err(expected), "{text}");
            assert!(!expected.to_string().contains("secret"));
        }
    }
}
