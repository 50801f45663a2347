//! What can be said in path, query string and headers of an HTTP request. The parameters of a query
//! are beside its type.

mod form;

pub use form::Form;

/// Where a parameter is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

impl Place {
    /// Returns OpenAPI's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it is said.
    pub place: Place,
    /// Whether it may be given several times.
    pub many: bool,
    /// Whether it must be given.
    pub required: bool,
    /// What its text may be.
    pub form: Form,
    /// What it means.
    pub about: &'static str,
}

/// Makes one of the path.
pub const fn path(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, many: false, required: true, form, about }
}

/// Makes one of the query string that may be given once.
pub const fn one(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, many: false, required: false, form, about }
}

/// Makes one of the query string that must be given, once.
pub const fn must(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, many: false, required: true, form, about }
}

/// Makes one of the query string that may be given several times.
pub const fn many(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, many: true, required: false, form, about }
}

/// Makes one of the headers.
pub const fn header(name: &'static str, form: Form, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Header, many: false, required: false, form, about }
}

/// Returns the words of a vocabulary, for [`Form::Word`].
pub(crate) fn words_of<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}
