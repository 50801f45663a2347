//! Handles: the names of connections in URLs.
//!
//! Products permit different alphabets in handles. If the slug fits a product's alphabet, it is the
//! handle there. Otherwise the handle is generated from the id: `c--` and its 32 hexadecimal
//! digits. Both forms can be resolved without a lookup table. No two connections of a workspace
//! share a handle, because a slug in the generated form fits no product.

use ledger_contract::commands::ConnectionRef;
use ledger_domain::{Connection, ConnectionId, InvalidField};
use uuid::Uuid;

const MADE: &str = "c--";

/// Returns the handle of a connection for a product whose alphabet `fits` checks.
pub(crate) fn handle(connection: &Connection, fits: impl Fn(&str) -> bool) -> String {
    let slug = connection.slug.as_str();
    if fits(slug) && made(slug).is_none() {
        return slug.to_owned();
    }
    format!("{MADE}{}", connection.id.uuid().simple())
}

/// Parses a handle; `field` names it in the error.
///
/// Errors: `field_invalid` for text that is a handle at no product.
pub(crate) fn target(field: &str, text: &str) -> Result<ConnectionRef, InvalidField> {
    match made(text) {
        Some(id) => Ok(ConnectionRef::Id(id)),
        None => ConnectionRef::parse(field, text),
    }
}

/// Refuses the slug of a new connection if it has the form of a generated handle.
pub(crate) fn own_slug(field: &str, text: &str) -> Result<(), InvalidField> {
    match made(text) {
        None => Ok(()),
        Some(_) => Err(InvalidField::new(field, "must not have the form of a generated handle")),
    }
}

fn made(text: &str) -> Option<ConnectionId> {
    let digits = text.get(..MADE.len()).filter(|start| start.eq_ignore_ascii_case(MADE));
    let digits = digits.and_then(|_| text.get(MADE.len()..))?;
    if digits.len() != 32 {
        return None;
    }
    let id = Uuid::try_parse(digits).ok()?;
    id.hyphenated().to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "018f3d3e-0000-7000-8000-000000000001";

    #[test]
    fn a_made_handle_leads_to_its_id_and_a_slug_to_itself() {
        let handle = format!("c--{}", ID.replace('-', ""));
        assert_eq!(target("h", &handle), Ok(ConnectionRef::Id(ID.parse().unwrap())));
        assert_eq!(target("h", &handle.to_uppercase()), target("h", &handle));
        assert_eq!(target("h", ID), Ok(ConnectionRef::Id(ID.parse().unwrap())));
        for slug in ["c--", "c--0", "openai-prod", &format!("c-{}", ID.replace('-', ""))] {
            assert!(matches!(target("h", slug), Ok(ConnectionRef::Slug(_))), "{slug}");
            assert!(own_slug("h", slug).is_ok(), "{slug}");
        }
        assert!(own_slug("h", &handle).is_err());
        assert!(target("h", "two words").is_err());
    }
}
