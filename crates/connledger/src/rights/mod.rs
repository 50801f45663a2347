//! `principal`, `key`, `token`, `access` and `whoami`.

mod check;
mod grants;
mod issue;
mod key;
mod principal;
mod token;
mod words;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::{
    ALL_WORKSPACES, PAGE_SIZE_MAX, PrincipalPage, PrincipalView, PrincipalsQuery,
};

pub(crate) use check::{AccessCommand, run as run_check, whoami};
pub(crate) use key::{KeyCommand, run as run_key};
pub(crate) use principal::{PrincipalCommand, run as run_principal};
pub(crate) use token::{TokenCommand, run as run_token};

use crate::failure::Failure;
use crate::queries::read_answer;
use crate::session::Session;

/// All principals, page by page.
pub(crate) struct Pages<'a> {
    session: &'a Session,
    /// The query for the next page, if there is one.
    query: Option<PrincipalsQuery>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(session: &'a Session) -> Self {
        let query = PrincipalsQuery { page_size: Some(PAGE_SIZE_MAX), ..Default::default() };
        Self { session, query: Some(query) }
    }

    /// Returns the next page.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<PrincipalView>>, Failure> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let page = page(self.session, &query).await?;
        let next = |cursor| PrincipalsQuery { cursor: Some(cursor), ..query };
        self.query = page.part.next_cursor.map(next);
        Ok(Some(page.principals))
    }

    /// Returns the first principal that fits.
    async fn find(
        mut self,
        fits: impl Fn(&PrincipalView) -> bool,
    ) -> Result<Option<PrincipalView>, Failure> {
        while let Some(principals) = self.next().await? {
            if let Some(found) = principals.into_iter().find(&fits) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Returns a page of the principals.
async fn page(session: &Session, query: &PrincipalsQuery) -> Result<PrincipalPage, Failure> {
    read_answer(&session.client.query(ALL_WORKSPACES, "principals", query).await?)
}

/// Returns the principal with a name.
async fn principal_named(session: &Session, name: &str) -> Result<PrincipalView, Failure> {
    let found = Pages::new(session).find(|one| one.principal == name).await?;
    found.ok_or_else(|| Problem::new(Code::PrincipalUnknown).into())
}
