//! Forms, as browsers send them.

use std::fmt;

use ledger_contract::errors::{Code, Problem};
use zeroize::Zeroize as _;

/// The field with the token of the session.
pub(crate) const TOKEN: &str = "form_token";
/// The field with the id of the command that the form sends.
pub(crate) const COMMAND_ID: &str = "command_id";
/// The field with the version that the form was made of.
pub(crate) const VERSION: &str = "version";
/// The most fields of a form.
const FIELDS_MAX: usize = 1_024;

/// The fields of a form, wiped when dropped, because some are secrets.
#[derive(Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Parses a body. Browsers end lines with CR and LF, which becomes LF.
    ///
    /// Errors: `body_malformed` if there are too many fields.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(body).take(FIELDS_MAX + 1);
        let own = pairs.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n")));
        let form = Self(own.collect());
        if form.0.len() > FIELDS_MAX {
            let message = format!("the form has more than {FIELDS_MAX} fields");
            return Err(Problem::because(Code::BodyMalformed, message));
        }
        Ok(form)
    }

    /// Returns the text of a field; empty if it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default()
    }

    /// Returns the text of a field, if the form has it.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Returns the text of a field without spaces around it, unless nothing is left.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// Returns whether a box is ticked.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Returns every text of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Returns the fields whose names begin so, without that.
    pub(crate) fn below<'a>(
        &'a self,
        start: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        let all = self.0.iter();
        all.filter_map(move |(name, text)| Some((name.strip_prefix(start)?, text.as_str())))
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, text)| text.zeroize());
    }
}

/// Without values, which may be secrets.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_by_the_beginning_of_it() {
        let body = b"reason=it+broke&config.url=a%26b&config.mode=&tag=x&tag=y&key=one%0D%0Atwo";
        let form = Form::parse(body).unwrap();
        assert_eq!((form.text("reason"), form.text("missing")), ("it broke", ""));
        assert_eq!(form.below("config.").collect::<Vec<_>>(), [("url", "a&b"), ("mode", "")]);
        assert_eq!(form.all("tag").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(form.text("key"), "one\ntwo");
        assert_eq!((form.filled("config.mode"), form.is_set("config.mode")), (None, true));
        assert!(!format!("{form:?}").contains("broke"), "{form:?}");
    }

    #[test]
    fn a_form_has_a_limited_number_of_fields() {
        let body = "a=1&".repeat(FIELDS_MAX + 1);
        assert_eq!(Form::parse(body.as_bytes()).unwrap_err().code, Code::BodyMalformed);
    }
}
