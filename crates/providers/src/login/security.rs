//! How much a server has to prove before it gets a password.

/// How TLS is used, in the order of what it protects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// Not at all.
    Off,
    /// If the server has it, and without a proof of who it is.
    Preferred,
    /// Always, but without a proof.
    Unproven,
    /// Always, with a certificate of a trusted authority for whatever name.
    Authority,
    /// Always, with a certificate of a trusted authority for the name of the host.
    Full,
}

impl Security {
    /// Reads a setting: a switch, or a word of `sslmode` or `ssl-mode`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let word = text.trim().to_ascii_lowercase().replace('_', "-");
        Some(match word.as_str() {
            "false" | "0" | "no" | "off" | "disable" | "disabled" => Self::Off,
            "allow" | "prefer" | "preferred" => Self::Preferred,
            "require" | "required" | "skip-verify" => Self::Unproven,
            "verify-ca" => Self::Authority,
            "true" | "1" | "yes" | "on" | "verify-full" | "verify-identity" => Self::Full,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_families_and_switches_are_understood() {
        for (text, security) in [
            ("disable", Security::Off),
            ("DISABLED", Security::Off),
            ("false", Security::Off),
            ("allow", Security::Preferred),
            ("PREFERRED", Security::Preferred),
            ("require", Security::Unproven),
            ("VERIFY_CA", Security::Authority),
            ("verify-full", Security::Full),
            ("VERIFY_IDENTITY", Security::Full),
            ("true", Security::Full),
        ] {
            assert_eq!(Security::parse(text), Some(security), "{text}");
        }
        for unknown in ["", "maybe", "verify"] {
            assert_eq!(Security::parse(unknown), None, "{unknown}");
        }
    }
}
