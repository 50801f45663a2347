//! The console: sessions, forms and rights over HTTP, and what people do in a browser.

mod browser;
mod forms;
mod issuer;
pub(crate) mod matrix;
mod sessions;
mod time;
mod visitor;
