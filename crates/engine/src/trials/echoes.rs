//! Finds secrets in many short texts.

use zeroize::Zeroizing;

use super::reason::{Forms, SHARED_IN_ALL, plain};

/// Shortest secret that is looked for as a whole.
const WHOLE_MIN: usize = 4;

/// What texts must not have of secrets, sorted.
pub(crate) struct Echoes {
    parts: Zeroizing<Vec<[u8; SHARED_IN_ALL]>>,
    /// Forms that are shorter than a part.
    wholes: Vec<Zeroizing<String>>,
}

impl Echoes {
    pub(crate) fn of(secrets: &[&str]) -> Self {
        let Forms(forms) = Forms::of(secrets);
        let (long, short): (Vec<_>, Vec<_>) =
            forms.into_iter().partition(|form| form.len() >= SHARED_IN_ALL);
        // In one place from the start, so that growing leaves no copies.
        let most = long.iter().map(|form| form.len()).sum();
        let mut parts = Zeroizing::new(Vec::with_capacity(most));
        for form in &long {
            parts.extend(form.as_bytes().windows(SHARED_IN_ALL).flat_map(<[u8; _]>::try_from));
        }
        parts.sort_unstable();
        let wholes = short.into_iter().filter(|form| form.len() >= WHOLE_MIN).collect();
        Self { parts, wholes }
    }

    /// Returns whether a text has a part of a secret, or a short secret as a whole.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        let text = plain(text);
        let mut parts = text.as_bytes().windows(SHARED_IN_ALL);
        parts.any(|part| self.has(part))
            || self.wholes.iter().any(|whole| text.contains(whole.as_str()))
    }

    fn has(&self, part: &[u8]) -> bool {
        self.parts.binary_search_by(|known| known.as_slice().cmp(part)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_names_of_models_are_let_through() {
        let secret = "sk-proj-9fK2xQ7LmZ41TtBvWcYdEa";
        let echoes = Echoes::of(&[secret, "ab", "hunter2"]);
        let reversed: String = secret.chars().rev().collect();
        for bad in [secret, "x-9fK2xQ7L-y", "9FK2-XQ7L-MZ41", &reversed, "my-hunter2-model"] {
            assert!(echoes.are_in(bad), "{bad}");
        }
        for good in ["gpt-4o-mini", "ab", "claude-sonnet-4-5", "", "9fK2xQ7"] {
            assert!(!echoes.are_in(good), "{good}");
        }
    }
}
