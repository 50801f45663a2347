//! Options for tokens and for fetching keys.

use std::time::Duration;

use ledger_domain::InvalidField;
use ledger_outgoing::{Client, Plain, Url, read_address};

use crate::algorithm::{Algorithm, DEFAULT_ALGORITHMS};
use crate::keys::{Place, Source, client};
use crate::mark::AccessMark;
use crate::rights::Rights;
use crate::sign_in::SignInOptions;

/// Maximum length of an issuer or audience.
const NAME_BYTES_MAX: usize = 2_048;
/// Maximum number of audiences.
const AUDIENCES_MAX: usize = 16;

/// The longest lifetime of a token by default.
pub const LIFETIME_MAX: Duration = Duration::from_hours(24);

/// When keys are fetched, and how long they are valid.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// Interval between regular fetches.
    pub refresh_every: Duration,
    /// Minimum interval between any two fetches.
    pub refresh_min: Duration,
    /// Time limit of a fetch.
    pub fetch_max: Duration,
    /// How long keys remain valid while no newer ones can be fetched.
    pub stale: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_mins(10),
            refresh_min: Duration::from_secs(30),
            fetch_max: Duration::from_secs(10),
            stale: Duration::from_hours(24),
        }
    }
}

/// Requirements for tokens, and what they permit.
#[derive(Clone, Debug)]
pub struct TokenOptions {
    /// The exact value of the claim `iss`.
    pub issuer: String,
    /// Permitted audiences, of which the claim `aud` must contain one.
    pub audiences: Vec<String>,
    /// The address of the keys; taken from the issuer's discovery document if absent.
    pub jwks_url: Option<String>,
    /// Permitted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How tokens are recognized as access tokens whose header does not say so; such tokens are
    /// refused if absent.
    pub access_mark: Option<AccessMark>,
    /// Longest time from issue to expiry.
    pub lifetime_max: Duration,
    /// How claims become grants.
    pub rights: Rights,
    /// When keys are fetched.
    pub timings: Timings,
    /// How people sign in at the issuer with a browser, if they can.
    pub sign_in: Option<SignInOptions>,
}

impl TokenOptions {
    /// Returns default options for an issuer and an audience.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            jwks_url: None,
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            access_mark: None,
            lifetime_max: LIFETIME_MAX,
            rights: Rights::default(),
            timings: Timings::default(),
            sign_in: None,
        }
    }

    /// Validates the options without contacting the issuer.
    pub fn prepare(self) -> Result<Prepared, InvalidField> {
        check_name("issuer", &self.issuer)?;
        if self.audiences.is_empty() || self.audiences.len() > AUDIENCES_MAX {
            return Err(InvalidField::new(
                "audience",
                "must be given at least once and at most 16 times",
            ));
        }
        self.audiences.iter().try_for_each(|audience| check_name("audience", audience))?;
        if self.algorithms.is_empty() {
            return Err(InvalidField::new("algorithms", "must name at least one"));
        }
        let place = match &self.jwks_url {
            Some(url) => Place::Keys(read_address("jwks-url", url, Plain::Here)?),
            None => Place::of_issuer(&self.issuer)?,
        };
        let sign_in = self.sign_in.as_ref().map(|sign_in| self.prepare_sign_in(sign_in));
        let sign_in = sign_in.transpose()?;
        let source = Source::new(place, self.timings.fetch_max)?;
        Ok(Prepared { options: self, source, sign_in })
    }

    /// Checks how people sign in. Where they do is said by the discovery document, whatever else
    /// says where the keys are.
    fn prepare_sign_in(&self, options: &SignInOptions) -> Result<PreparedSignIn, InvalidField> {
        options.check()?;
        match Place::of_issuer(&self.issuer)? {
            Place::Described { description, .. } => {
                Ok(PreparedSignIn { description, client: client(self.timings.fetch_max)? })
            }
            Place::Keys(_) => unreachable!("an issuer has a discovery document"),
        }
    }
}

/// Validated options.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) options: TokenOptions,
    pub(crate) source: Source,
    pub(crate) sign_in: Option<PreparedSignIn>,
}

/// Where the issuer says how people sign in, and how it is asked.
#[derive(Debug)]
pub(crate) struct PreparedSignIn {
    pub(crate) description: Url,
    pub(crate) client: Client,
}

fn check_name(field: &str, text: &str) -> Result<(), InvalidField> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX {
        return Err(InvalidField::new(field, "must be 1 to 2,048 bytes long"));
    }
    if text.chars().any(|mark| mark.is_control() || mark.is_whitespace()) {
        return Err(InvalidField::new(field, "must not contain spaces or control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: TokenOptions) -> String {
        options.prepare().expect_err("refused").field
    }

    #[test]
    fn errors_name_the_invalid_option() {
        let good = || TokenOptions::new("https://login.example.com/", "ledger");
        assert!(good().prepare().is_ok());
        let issuer = |issuer: &str| TokenOptions { issuer: issuer.to_owned(), ..good() };
        for bad in ["", "login", "http://login.example.com", "https://a b", "https://a/?b=c"] {
            assert_eq!(refused(issuer(bad)), "issuer", "{bad}");
        }
        let keys = |url: &str| TokenOptions { jwks_url: Some(url.to_owned()), ..issuer("any") };
        assert!(keys("https://login.example.com/keys").prepare().is_ok());
        assert_eq!(refused(keys("http://login.example.com/keys")), "jwks-url");
        assert_eq!(refused(TokenOptions { audiences: Vec::new(), ..good() }), "audience");
        let empty = TokenOptions { audiences: vec![String::new()], ..good() };
        assert_eq!(refused(empty), "audience");
        assert_eq!(refused(TokenOptions { algorithms: Vec::new(), ..good() }), "algorithms");
    }
}
