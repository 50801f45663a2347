//! Names of connections, made of names of other products.

use std::collections::HashSet;

use ledger_domain::Slug;
use ledger_domain::limits::SLUG_CHARS;

/// Slugs that are taken, without regard to case.
#[derive(Debug, Default)]
pub(super) struct Slugs(HashSet<String>);

impl Slugs {
    /// Returns a slug like a name, and another one than all before it. The same file gives the same
    /// slugs each time.
    pub(super) fn take(&mut self, name: &str) -> String {
        let plain = slug(name);
        let numbered = (2..).map(|number: u64| {
            let end = format!("-{number}");
            let most = SLUG_CHARS - end.len();
            format!("{}{end}", plain.chars().take(most).collect::<String>())
        });
        let mut candidates = std::iter::once(plain.clone()).chain(numbered);
        let free = candidates.find(|slug| self.0.insert(slug.to_ascii_lowercase()));
        free.unwrap_or(plain)
    }
}

/// Returns a slug like a name: letters, digits, `_` and `-` as they are, and `-` for all else.
pub(super) fn slug(name: &str) -> String {
    if Slug::parse("slug", name).is_ok() {
        return name.to_owned();
    }
    let mut made = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            made.push(letter.to_ascii_lowercase());
        } else if !made.ends_with('-') && !made.is_empty() {
            made.push('-');
        }
    }
    let made: String = made.trim_end_matches('-').chars().take(SLUG_CHARS).collect();
    match Slug::parse("slug", &made) {
        Ok(_) => made,
        Err(_) if made.is_empty() => "connection".to_owned(),
        Err(_) => format!("c-{made}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs_that_differ() {
        let mut slugs = Slugs::default();
        for (name, slug) in [
            ("openai-prod", "openai-prod"),
            ("OpenAI-Prod", "OpenAI-Prod-2"),
            ("GitHub API Client Credentials", "github-api-client-credentials"),
            ("ключ", "connection"),
            ("3fa85f64-5717-4562-b3fc-2c963f66afa6", "c-3fa85f64-5717-4562-b3fc-2c963f66afa6"),
            ("a/b", "a-b"),
            ("a b", "a-b-2"),
        ] {
            assert_eq!(slugs.take(name), slug, "{name}");
        }
        assert_eq!(slugs.take(&"x".repeat(400)).len(), SLUG_CHARS);
        assert_eq!(slugs.take(&"x".repeat(400)).len(), SLUG_CHARS);
    }
}
