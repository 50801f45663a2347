//! What products show in place of a secret, and telling when a client sends that back.
//!
//! Made from the stored hint alone: nothing is opened to show a mask.

use ledger_domain::Hint;
use ledger_vault::Plaintext;

/// The mask that tells nothing.
pub(crate) const STARS: &str = "********";

/// Characters that Portkey shows at each end.
const PORTKEY_SHOWN: usize = 2;

/// Masks as Umbraco.AI does: the start up to the first hyphen, as in `sk-***`.
pub(crate) fn umbraco(hint: &Hint) -> String {
    let start = if hint.prefix.ends_with('-') { hint.prefix.as_str() } else { "" };
    format!("{start}***")
}

/// Masks as Portkey does: two characters at each end, around seven stars.
pub(crate) fn portkey(hint: &Hint) -> String {
    if hint.suffix.is_empty() {
        return STARS.to_owned();
    }
    let start: String = hint.prefix.chars().take(PORTKEY_SHOWN).collect();
    format!("{start}*******{}", hint.suffix)
}

/// Tells whether a client sent back exactly what it was shown, in a time that depends on the
/// lengths alone: what it sent may be a new secret.
pub(crate) fn is_echo(shown: &str, sent: &Plaintext) -> bool {
    sent.same_as(&Plaintext::new(shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_product_masks_in_its_own_way() {
        for (secret, at_umbraco, at_portkey) in [
            ("sk-proj-4f3a9b", "sk-***", "sk*******9b"),
            ("key-0123456789abcdef", "key-***", "ke*******ef"),
            ("0123456789", "***", "01*******89"),
            ("hunter2", "***", "********"),
            ("{\"type\": \"service_account\"}", "***", "********"),
        ] {
            let hint = Plaintext::new(secret).hint();
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
