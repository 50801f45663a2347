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

/// A piece of a text with placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// It stands for itself.
    Text(&'a str),
    /// The name in a placeholder.
    Name(&'a str),
}

/// Returns the pieces of a text whose placeholders are well formed, none of them empty.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Name(name));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
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
    fn a_text_is_cut_into_pieces() {
        use Piece::{Name, Text};
        assert_eq!(pieces("${a}/${b}c"), [Name("a"), Text("/"), Name("b"), Text("c")]);
        assert_eq!(pieces("plain"), [Text("plain")]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn half_a_placeholder_is_refused() {
        for bad in ["${", "${}", "${a", "${a b}", "${a${b}}"] {
            assert!(placeholders(bad).is_err(), "{bad}");
        }
    }
}
