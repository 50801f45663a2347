//! `exposure`: who knows one value of a secret, in pages.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{is_false, is_zero};
use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must, one};
use crate::route::{HttpRoute, Method};
use crate::view::ReferenceView;

/// Addresses that are named for each reader.
pub const ADDRESSES_MAX: usize = 16;

/// Leases that are named for each reader.
pub const LEASES_MAX: usize = 16;

/// The HTTP route.
pub const EXPOSURE: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/connections/{connection}/exposure",
    operation_id: "exposure",
};

/// The query `exposure`.
#[derive(Clone, Copy, Debug)]
pub struct Exposure;

impl Query for Exposure {
    const SPEC: QuerySpec = QuerySpec {
        name: "exposure",
        summary: "Lists who has received one value of a secret",
        description: "Every identity to which the ledger revealed this generation of the field, or \
                      that read it under a lease, the tokens to which it was handed over, and who \
                      set it. A page ends after so many readers, or after 20,000 reveals; \
                      a reader of whom there is more to tell is on a later page again, and the \
                      counts add up.",
        scopes: &[Scope::Audit],
        on_ledger: false,
        in_access_check: true,
        routes: &[EXPOSURE],
        refusals: &[
            Code::CursorInvalid,
            Code::HistoryChanged,
            Code::ConnectionUnknown,
            Code::GenerationUnknown,
            Code::SecretFieldUnknown,
        ],
    };
    type Parameters = ExposureQuery;
    type Answer<'a> = ExposurePage;
}

/// `exposure`: the readers of one generation of a secret field.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExposureQuery {
    /// Id or slug of the connection.
    pub connection: String,
    /// Name of the secret field.
    pub field: String,
    /// Generation; the current one if omitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Readers on a page: 1 to 500, 50 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] = &[
    must("field", Form::FieldName, "Name of the secret field."),
    one("generation", Form::Number(1, u64::MAX), "Generation; the current one if omitted."),
];

/// Answer to `exposure`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ExposurePage {
    /// Id of the connection.
    pub connection: String,
    /// Name of the field.
    pub field: String,
    /// The generation.
    pub generation: u64,
    /// Whether the field has this generation now.
    pub current: bool,
    /// True if the value was replaced because others know it. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub compromised: bool,
    /// Who set the value, and so knows it as well.
    pub set_by: SetBy,
    /// Where the value came from, if it was a reference: the value there may have changed without
    /// a new generation, so that readers may know different ones. Absent for values in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceView<'static>>,
    /// The readers of whom this page tells, those who read it first before others.
    pub readers: Vec<ExposedTo>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// True if the page ended before `page_size`, because of its size in bytes or because so many
    /// reveals were looked through; go on with `next_cursor`. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
}

/// Who set a value, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetBy {
    /// Actor of the event.
    pub actor: String,
    /// The credential, as events name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it was recorded.
    pub at: String,
    /// Position of the event.
    pub position: u64,
    /// Version of the connection since which it has the value.
    pub version: u64,
}

/// One identity that received a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposedTo {
    /// Who it was, as events name the actor.
    pub actor: String,
    /// The credential, as events name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How often the value was revealed to it, including leases that it took.
    pub reveals: u64,
    /// How often it read the value again under leases, as far as that is recorded. Absent if never.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leased_reads: u64,
    /// The leases under which it received the value: the first 16.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leases: BTreeSet<String>,
    /// How many leases with the field it holds now. Absent if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leases_held: u64,
    /// When it was revealed first.
    pub first_at: String,
    /// When it was revealed last.
    pub last_at: String,
    /// Position of the event that recorded the last reveal.
    pub last_position: u64,
    /// Reason that was given last.
    pub last_reason: String,
    /// The doors through which it asked.
    pub via: BTreeSet<String>,
    /// Addresses from which it asked over HTTP: the first 16.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<IpAddr>,
    /// True if it asked from more addresses. Absent otherwise.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more_addresses: bool,
    /// Whether this API key could have the field revealed now. Absent for access tokens, whose
    /// rights are in the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_reveal: Option<bool>,
    /// Who handed the value over, if this is the token of a handover, which `actor` names. Then
    /// `reveals` is 0 until it is used without another credential. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over_by: Option<String>,
}

impl ExposedTo {
    /// Adds what a later page, or a later reveal, tells of the same identity.
    pub fn add(&mut self, later: Self) {
        self.reveals = self.reveals.saturating_add(later.reveals);
        self.leased_reads = self.leased_reads.saturating_add(later.leased_reads);
        for lease in later.leases {
            if self.leases.len() < LEASES_MAX {
                self.leases.insert(lease);
            }
        }
        self.leases_held = later.leases_held;
        self.last_at = later.last_at;
        self.last_position = later.last_position;
        self.last_reason = later.last_reason;
        self.via.extend(later.via);
        self.more_addresses |= later.more_addresses;
        for address in later.addresses {
            if self.addresses.len() < ADDRESSES_MAX || self.addresses.contains(&address) {
                self.addresses.insert(address);
            } else {
                self.more_addresses = true;
            }
        }
        self.may_reveal = later.may_reveal;
        self.handed_over_by = self.handed_over_by.take().or(later.handed_over_by);
    }
}

/// The readers of several pages, each identity once, in the order of their first reveals.
#[derive(Debug, Default)]
pub struct Readers {
    found: Vec<ExposedTo>,
    places: BTreeMap<(String, Option<String>), usize>,
}

impl Readers {
    /// Adds a reader, or what is told of a known one. Returns whether it is new.
    pub fn add(&mut self, reader: ExposedTo) -> bool {
        let identity = (reader.actor.clone(), reader.key.clone());
        let known = self.places.get(&identity).and_then(|place| self.found.get_mut(*place));
        if let Some(known) = known {
            known.add(reader);
            return false;
        }
        self.places.insert(identity, self.found.len());
        self.found.push(reader);
        true
    }

    /// Returns whether an identity is among them.
    pub fn has(&self, actor: &str, key: Option<&str>) -> bool {
        self.places.contains_key(&(actor.to_owned(), key.map(str::to_owned)))
    }

    /// Returns how many identities there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Returns the readers.
    pub fn into_all(self) -> Vec<ExposedTo> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(key: Option<&str>, address: u8, at: u64) -> ExposedTo {
        ExposedTo {
            actor: "gateway:edge".to_owned(),
            key: key.map(str::to_owned),
            reveals: 1,
            leased_reads: 2,
            leases: [format!("lease {at}")].into(),
            leases_held: at,
            first_at: format!("first {at}"),
            last_at: format!("last {at}"),
            last_position: at,
            last_reason: format!("reason {at}"),
            via: ["http".to_owned()].into(),
            addresses: [IpAddr::from([192, 0, 2, address])].into(),
            more_addresses: false,
            may_reveal: None,
            handed_over_by: None,
        }
    }

    #[test]
    fn what_later_pages_tell_of_a_reader_adds_up() {
        let mut readers = Readers::default();
        assert!(readers.add(reader(Some("a"), 1, 1)));
        assert!(readers.add(reader(Some("b"), 1, 2)));
        assert!(!readers.add(reader(Some("a"), 2, 3)));
        assert!(readers.has("gateway:edge", Some("b")) && !readers.has("gateway:edge", None));
        assert_eq!(readers.count(), 2);
        let all = readers.into_all();
        let first = all.first().unwrap();
        assert_eq!((first.leased_reads, first.leases.len(), first.leases_held), (4, 2, 3));
        assert_eq!((first.reveals, first.addresses.len(), first.last_position), (2, 2, 3));
        assert_eq!((&*first.first_at, &*first.last_at), ("first 1", "last 3"));
    }

    #[test]
    fn so_many_addresses_are_named_and_that_there_are_more() {
        let mut readers = Readers::default();
        for number in 0..=16 {
            readers.add(reader(None, number, 1));
        }
        readers.add(reader(None, 3, 1));
        let all = readers.into_all();
        let [only] = all.as_slice() else { panic!("one identity") };
        assert_eq!((only.addresses.len(), only.more_addresses, only.reveals), (16, true, 18));
    }
}
