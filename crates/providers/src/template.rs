//! Texts with placeholders, `${name}`.

/// Returns the names in a text's placeholders. The error explains what is wrong with the text.
pub(crate) fn placeholders(text: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or("a placeholder `${` is not closed with `}`")?;
        if name.is_empty() || name.contains(['$', '{', ' ']) {
            return Err("a placeholder is `${name}`, with the name of a field".to_owned());
        }
        names.push(name);
        rest = after;
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_in_order() {
        let names = placeholders("https://${host}:${port}/v1?x=$y").unwrap();
        assert_eq!(names, ["host", "port"]);
        assert!(placeholders("https://a/").unwrap().is_empty());
    }

    #[test]
    fn half_a_placeholder_is_refused() {
        for bad in ["${", "${}", "${a", "${a b}", "${a${b}}"] {
            assert!(placeholders(bad).is_err(), "{bad}");
        }
    }
}
