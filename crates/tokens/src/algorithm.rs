//! Signature algorithms of tokens.

use std::fmt;

use ledger_domain::InvalidField;

/// The algorithms accepted by default.
pub const DEFAULT_ALGORITHMS: [Algorithm; 3] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// An asymmetric signature algorithm. Algorithms with a shared secret are not represented, so a
/// public key can never be used as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// EdDSA on Curve25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Returns the name used in token headers and published keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Parses the exact name.
    pub fn known(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Parses a name in the configuration.
    pub fn parse(name: &str) -> Result<Self, InvalidField> {
        let problem = if name.eq_ignore_ascii_case("none") {
            "`none` is no signature and is never accepted".to_owned()
        } else if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("HS")) {
            "algorithms with a shared secret are never accepted".to_owned()
        } else {
            format!("must be one of {}", Self::ALL.map(Self::as_str).join(", "))
        };
        Self::known(name).ok_or_else(|| InvalidField::new("algorithms", problem))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_to_the_letter_and_shared_secrets_are_not() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Ok(algorithm));
        }
        for bad in ["none", "None", "HS256", "hs512", "rs256", "", "R", "é", "ES256K"] {
            assert!(Algorithm::parse(bad).is_err(), "{bad}");
            assert_eq!(Algorithm::known(bad), None, "{bad}");
        }
    }
}
