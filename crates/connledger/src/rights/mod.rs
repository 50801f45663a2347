//! `principal`, `key`, `access` and `whoami`.

mod check;
mod grants;
mod issue;
mod key;
mod lifetime;
mod principal;
mod words;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{ALL_WORKSPACES, PrincipalPage, PrincipalView};

pub(crate) use check::{AccessCommand, run as run_check, whoami};
pub(crate) use key::{KeyCommand, run as run_key};
pub(crate) use principal::{PrincipalCommand, run as run_principal};

use crate::body::Body;
use crate::failure::Failure;
use crate::queries::read_answer;
use crate::session::Session;

/// Returns every principal.
async fn principals(session: &Session) -> Result<Vec<PrincipalView>, Failure> {
    let answer = session.client.query(ALL_WORKSPACES, "principals", &Body::new()).await?;
    let page: PrincipalPage = read_answer(&answer)?;
    Ok(page.principals)
}

/// Returns the principal with a name.
async fn principal_named(session: &Session, name: &str) -> Result<PrincipalView, Failure> {
    let found = principals(session).await?.into_iter().find(|one| one.principal == name);
    found.ok_or_else(|| Problem::new(Code::PrincipalUnknown).into())
}
