//! Queries: one file for each, with everything that is published about it, and a list of them all.
//!
//! A new query needs a file that implements [`Query`], its name in the list below, and an
//! implementation in the engine, which the compiler then demands.

pub mod access_check;
pub mod alerts;
pub mod attempts;
pub mod audit;
pub mod blocked_tokens;
pub mod changes;
pub mod dead_letters;
pub mod diff;
pub mod erasure;
pub mod exposure;
pub mod get;
pub mod handovers;
pub mod history;
pub mod leases;
pub mod list;
pub mod master_keys;
pub mod principals;
pub mod proof;
pub mod rotation;
pub mod secret_policies;
pub mod status;
pub mod undo_plan;
pub mod uptime;
pub mod who_may;
pub mod whoami;
pub mod why;
pub mod workspaces;

mod page;
mod parameters;
mod workspace;

pub use access_check::{AccessAnswer, AccessCheck, AccessQuery, ConditionalAccess};
pub use alerts::{AlertDelivery, AlertView, Alerts, AlertsAnswer};
pub use attempts::{AttemptView, Attempts, AttemptsQuery, AttemptsView, ConnectedView};
pub use audit::{Audit, AuditPage, AuditQuery};
pub use blocked_tokens::{BlockedTokenView, BlockedTokens, BlockedTokensAnswer};
pub use changes::{Changes, ChangesPage, ChangesQuery, ConnectionChange};
pub use dead_letters::{DeadLetterView, DeadLetters, DeadLettersAnswer, DeadLettersQuery};
pub use diff::{Diff, DiffQuery, DiffView, VersionAt};
pub use erasure::{Erasure, ErasureQuery, ErasureState, ErasureView};
pub use exposure::{Exposure, ExposurePage, ExposureQuery};
pub use get::{Get, GetQuery};
pub use handovers::{HandoverView, Handovers, HandoversAnswer};
pub use history::{History, HistoryPage, HistoryQuery};
pub use leases::{LeaseView, Leases, LeasesPage, LeasesQuery};
pub use list::{List, ListPage, ListQuery};
pub use master_keys::{MasterKeys, MasterKeysAnswer};
pub use page::{PagePart, PageQuery};
pub use parameters::{NoParameters, Parameters};
pub use principals::{
    ApiKeyView, PermissionView, PrincipalPage, PrincipalView, Principals, PrincipalsQuery,
};
pub use proof::{Proof, ProofQuery, ProofView};
pub use rotation::{ConsumerView, FieldRotation, Rotation, RotationQuery, RotationView};
pub use secret_policies::{
    PolicySubjectView, SecretPolicies, SecretPoliciesAnswer, SecretPolicyView,
};
pub use status::{
    AlertsStatus, ClockStatus, DiskFullStatus, EventWindow, FormerXkey, HttpStatus, LeaseHolder,
    LogStatus, NatsStatus, RebuildStatus, RestoredFrom, ScheduledTestsStatus, Status, StatusView,
};
pub use undo_plan::{Affected, UndoCommand, UndoPlan, UndoPlanPage, UndoPlanQuery, UndoStep};
pub use uptime::{Uptime, UptimeQuery, UptimeView};
pub use who_may::{WhoMay, WhoMayPage, WhoMayQuery, WhoMayView};
pub use whoami::{CallerView, Whoami};
pub use why::{Why, WhyQuery, WhyView};
pub use workspace::{ALL_WORKSPACES, QueryWorkspace};
pub use workspaces::{QuotaView, WorkspacePage, WorkspaceUsage, WorkspaceView, Workspaces};

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserializer, Serialize};
use serde_json::Value;

use crate::errors::{Code, Problem};
use crate::route::HttpRoute;
use crate::schemas;

/// Default page size.
pub const PAGE_SIZE: u32 = 50;
/// Largest page size.
pub const PAGE_SIZE_MAX: u32 = 500;
/// Bytes of rows after which a page ends, whatever its size; one row is always in it.
pub const PAGE_BYTES: usize = 512 * 1024;

/// One query. No item has a default, so a query with a missing item does not compile.
pub trait Query {
    /// Published properties besides its types.
    const SPEC: QuerySpec;
    /// The parameters.
    type Parameters: Parameters;
    /// The answer, whose JSON form is the complete response body.
    type Answer<'a>: Serialize + JsonSchema;
}

/// The published properties of a query besides its types.
#[derive(Clone, Copy, Debug)]
pub struct QuerySpec {
    /// The last token of its subject, never reused.
    pub name: &'static str,
    /// One line for listings and help texts.
    pub summary: &'static str,
    /// Further information for callers; may be empty.
    pub description: &'static str,
    /// The scopes it requires, all of them; empty if any caller may send it.
    pub scopes: &'static [Scope],
    /// Whether its scopes are required on the ledger as a whole, whatever workspace it is sent to.
    pub on_ledger: bool,
    /// Whether `access-check` knows it by name.
    pub in_access_check: bool,
    /// The HTTP route.
    pub routes: &'static [HttpRoute],
    /// The error codes it can fail with, besides those of every query.
    pub refusals: &'static [Code],
}

/// The JSON Schemas of a query.
#[derive(Debug)]
pub struct QuerySchemas {
    /// The query.
    pub query: QueryName,
    /// Its parameters; `None` if it has none.
    pub parameters: Option<Value>,
    /// Its answer, as it is serialized.
    pub answer: Value,
}

macro_rules! queries {
    ($($query:ident),+ $(,)?) => {
        /// Names a query.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum QueryName {
            $(
                #[doc = concat!("See [`", stringify!($query), "`].")]
                $query,
            )+
        }

        impl QueryName {
            /// Every query.
            pub const ALL: &'static [Self] = &[$(Self::$query),+];

            /// Returns the published properties.
            pub const fn spec(self) -> &'static QuerySpec {
                match self {
                    $(Self::$query => &<$query as Query>::SPEC,)+
                }
            }

            /// Returns its schemas.
            pub fn schemas(self) -> QuerySchemas {
                match self {
                    $(Self::$query => QuerySchemas {
                        query: self,
                        parameters: <<$query as Query>::Parameters as Parameters>::schema(),
                        answer: schemas::answer::<<$query as Query>::Answer<'static>>(),
                    },)+
                }
            }
        }

        /// A query with its parameters: parsed, but not checked against any state.
        #[derive(Clone, Debug)]
        pub enum QueryRequest {
            $(
                #[doc = concat!("See [`", stringify!($query), "`].")]
                $query(<$query as Query>::Parameters),
            )+
        }

        impl QueryRequest {
            /// Parses the body of a request.
            ///
            /// Errors: `body_malformed`.
            pub fn from_json(query: QueryName, body: &[u8]) -> Result<Self, Problem> {
                Ok(match query {
                    $(QueryName::$query => Self::$query(Parameters::from_json(body)?),)+
                })
            }

            /// Reads parameters in another form than JSON text, such as a query string.
            pub fn deserialize<'de, D: Deserializer<'de>>(
                query: QueryName,
                parameters: D,
            ) -> Result<Self, D::Error> {
                Ok(match query {
                    $(QueryName::$query => Self::$query(Parameters::read(parameters)?),)+
                })
            }
        }
    };
}

queries! {
    Get, Why, Uptime, Rotation, Attempts, Erasure, Diff, WhoMay, List, Changes, UndoPlan, History,
    Audit, Exposure, Handovers, Leases, Workspaces, Status, Principals, BlockedTokens,
    SecretPolicies, Alerts, DeadLetters, MasterKeys, Proof, AccessCheck, Whoami,
}

impl QueryName {
    /// Returns the last token of its subject.
    pub const fn as_str(self) -> &'static str {
        self.spec().name
    }

    /// Finds a query by name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|query| query.as_str() == name)
    }

    /// Returns the names of all queries, in their order.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::ALL.iter().map(|query| query.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_queries_have_a_name_or_a_route_in_common() {
        let names: BTreeSet<_> = QueryName::names().collect();
        assert_eq!(names.len(), QueryName::ALL.len());
        let routes = QueryName::ALL.iter().flat_map(|query| query.spec().routes);
        let routes: Vec<_> = routes.map(|route| (route.method, route.path)).collect();
        assert_eq!(routes.iter().collect::<BTreeSet<_>>().len(), routes.len());
    }

    #[test]
    fn every_query_is_found_by_its_name_and_nothing_else_is() {
        for query in QueryName::ALL {
            assert_eq!(QueryName::find(query.as_str()), Some(*query));
            assert!(!query.spec().routes.is_empty(), "{query:?} has no route");
        }
        assert_eq!(QueryName::find("Get"), None);
    }

    #[test]
    fn a_query_without_parameters_takes_any_body() {
        for body in ["", "{}", "{\"connection\": 1}", "not JSON"] {
            for query in [QueryName::Status, QueryName::Whoami] {
                let read = QueryRequest::from_json(query, body.as_bytes());
                assert!(read.is_ok(), "{query:?} with {body}");
            }
        }
        let problem = QueryRequest::from_json(QueryName::Get, b"{}").unwrap_err();
        assert_eq!(problem.code, Code::BodyMalformed);
    }

    #[test]
    fn what_access_check_knows_of_has_scopes() {
        for word in access_check::words() {
            let required = access_check::required_by(word);
            assert!(required.is_some_and(|(_, scopes)| !scopes.is_empty()), "{word}");
        }
        assert_eq!(access_check::required_by("whoami"), None);
    }
}
