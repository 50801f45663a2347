//! What can be said in path, query string and headers of an HTTP request. The parameters of a query
//! are beside its type.

mod form;

pub use form::{Form, seconds};

/// The location of a parameter.
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
    /// Returns the name that OpenAPI uses.
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
    /// The name.
    pub name: &'static str,
    /// The location.
    pub place: Place,
    /// Whether it may be repeated.
    pub many: bool,
    /// Whether it is required.
    pub required: bool,
    /// The format of its text.
    pub form: Form,
    /// The description.
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
