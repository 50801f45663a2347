//! The masks that products show in place of secrets, and their recognition in requests.
//!
//! Masks are built from the stored hint, so no secret is decrypted for them.

use ledger_domain::Hint;
use ledger_vault::Plaintext;

/// The mask that reveals nothing.
pub(crate) const STARS: &str = "********";

/// Number of characters that Portkey shows at each end.
const PORTKEY_SHOWN: usize = 2;

/// Returns the mask of Umbraco.AI: the start up to the first hyphen, as in `sk-***`.
pub(crate) fn umbraco(hint: &Hint) -> String {
    let start = if hint.prefix.ends_with('-') { hint.prefix.as_str() } else { "" };
    format!("{start}***")
}

/// Returns the mask of Portkey: two characters at each end, around seven stars.
pub(crate) fn portkey(hint: &Hint) -> String {
    if hint.suffix.is_empty() {
        return STARS.to_owned();
    }
    let start: String = hint.prefix.chars().take(PORTKEY_SHOWN).collect();
    format!("{start}*******{}", hint.suffix)
}

/// Returns whether a client sent back exactly the mask. The value may be a new secret, so the time
/// of the comparison depends only on the lengths.
pub(crate) fn is_echo(shown: &str, sent: &Plaintext) -> bool {
    sent.same_as(&Plaintext::new(shown))
}

#[cfg(test)]
mod tests {
    use ledger_domain::FieldName;

    use super::*;

    #[test]
    fn each_product_masks_in_its_own_way() {
        for (secret, at_umbraco, at_portkey) in [
            ("sk-proj-0123456789ab", "sk-***", "sk*******ab"),
            ("key-0123456789abcdef", "key-***", "ke*******ef"),
            ("0123456789abcdef", "***", "01*******ef"),
            ("sk-0123456789ab", "***", "********"),
            ("{\"type\": \"service_account\"}", "***", "********"),
        ] {
            let field = FieldName::parse("field", "api_key").unwrap();
            let hint = Plaintext::new(secret).hint(&field);
            assert_eq!(umbraco(&hint), at_umbraco, "{secret}");
            assert_eq!(portkey(&hint), at_portkey, "{secret}");
        }
    }

    #[test]
    fn only_the_exact_mask_is_an_echo() {
        assert!(is_echo("sk-***", &Plaintext::new("sk-***")));
        for sent in ["", "sk-**", "sk-****", "SK-***", "sk-proj"] {
            assert!(!is_echo("sk-***", &Plaintext::new(sent)), "{sent}");
        }
    }
}
