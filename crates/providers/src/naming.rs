//! Names of fields, split into words.

/// Returns the words of a name in lower case. Words end at anything that is not a letter or digit
/// and before an upper-case letter: `baseURL` and `base-url` both have `base` and `url`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(index + 1);
        let starts = letter.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase())
                || after.is_some_and(|after| after.is_lowercase()));
        if starts || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the letters and digits of a name in lower case.
pub(crate) fn plain(name: &str) -> String {
    words(name).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_has_the_same_words() {
        for name in
            ["base_url", "baseUrl", "baseURL", "BaseURL", "base-url", "BASE_URL", "base.url"]
        {
            assert_eq!(words(name), ["base", "url"], "{name}");
        }
        assert_eq!(words("URLPath"), ["url", "path"]);
        assert_eq!(words("_-_"), [""; 0]);
        assert_eq!(plain("X-Api_Key"), "xapikey");
    }
}
