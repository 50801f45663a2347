//! An admitted request, and what pages do with it: read with the rights of the caller, and send
//! commands.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use ledger_contract::commands::{Address, ConnectionRef, ParsedCommand, Verb};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::headers::Headers;
use ledger_contract::parameter::{Form as ParameterForm, Parameter};
use ledger_contract::queries::{ALL_WORKSPACES, QueryName, QueryRequest, QueryWorkspace};
use ledger_contract::records::Via;
use ledger_domain::principal::{Scope, Subject, Workspaces};
use ledger_domain::{
    CheckedText as _, Connection, Expected, InvalidField, Line, MessageId, Micros, PrincipalName,
    Version, WorkspaceName,
};
use ledger_engine::{
    Attempt, Caller, CommandRequest, Effort, Engine, Executed, QueryError, Reader, Received,
    RevealRequest, SecretsAnswer,
};
use ledger_http::toolkit::{HasInputs, Inputs, Refusal, RequestId};
use ledger_providers::Catalogue;
use maud::Markup;
use serde_json::Value;

use crate::answers;
use crate::console::Console;
use crate::form::{self, Form};
use crate::session::{Session, random_text};
use crate::view::layout::{Section, framed};
use crate::view::moment;
use crate::view::parts::{path_of, with_query};

/// What is around every page of somebody who has signed in.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) actor: String,
    /// The token that forms carry.
    token: String,
    pub(crate) id: RequestId,
    /// Whether the caller may see principals.
    pub(crate) administers: bool,
    /// Whether the caller may see who did what, of something at least.
    pub(crate) audits: bool,
    /// Whether the caller may create connections somewhere.
    pub(crate) creates: bool,
    /// The parts of the console that the caller has any use for.
    pub(crate) sections: Vec<Section>,
}

impl Frame {
    pub(crate) fn new(session: &Session, caller: &Caller, id: RequestId) -> Self {
        let has = |scope| caller.grants().iter().any(|grant| grant.scopes.contains(&scope));
        let reads_ledger = caller.may(Scope::Read, Subject::Ledger);
        let mut sections = vec![Section::Overview, Section::Connections];
        sections.extend(has(Scope::Audit).then_some(Section::Audit));
        sections.push(Section::Access);
        sections.extend(reads_ledger.then_some(Section::Ledger));
        Self {
            actor: caller.actor().as_str().to_owned(),
            token: session.token().to_owned(),
            id,
            administers: has(Scope::Administer),
            audits: has(Scope::Audit),
            creates: has(Scope::Write),
            sections,
        }
    }

    /// Returns whether the caller may have proofs about the log.
    pub(crate) fn proves(&self) -> bool {
        self.sections.contains(&Section::Ledger)
    }

    /// Returns the hidden fields of a form: the token, and the id of the command that it sends, so
    /// that sending it twice is one command.
    pub(crate) fn hidden(&self) -> Markup {
        maud::html! {
            (self.token_only())
            input type="hidden" name=(form::COMMAND_ID) value=(random_text());
        }
    }

    /// Returns the hidden field of a form that sends no command.
    pub(crate) fn token_only(&self) -> Markup {
        maud::html! { input type="hidden" name=(form::TOKEN) value=(self.token); }
    }
}

/// An admitted request.
#[derive(Debug)]
pub struct PageRequest {
    pub(crate) console: Arc<Console>,
    pub(crate) session: Arc<Session>,
    pub(crate) caller: Caller,
    pub(crate) inputs: Inputs,
    pub(crate) form: Form,
    pub(crate) frame: Frame,
    pub(crate) headers: HeaderMap,
}

impl HasInputs for PageRequest {
    fn inputs(&self) -> &Inputs {
        &self.inputs
    }
}

impl PageRequest {
    pub(crate) fn engine(&self) -> &Engine {
        self.console.state.engine()
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.console.catalogue
    }

    pub(crate) fn now(&self) -> Micros {
        self.engine().clock().now()
    }

    /// Returns a page with the navigation around it.
    pub(crate) fn page(&self, title: &str, section: Section, body: &Markup) -> Response {
        answers::page(axum::http::StatusCode::OK, framed(&self.frame, title, section, body))
    }

    /// Returns a parameter of the query string that is not empty. Forms send empty fields, too.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.inputs.query.iter();
        let found = pairs.find(|(known, text)| known == name && !text.is_empty());
        found.map(|(_, text)| text.as_str())
    }

    /// Returns the workspace and the connection that the path names.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn place(&self) -> Result<(WorkspaceName, ConnectionRef), InvalidField> {
        let text = |name| self.inputs.text(name).unwrap_or_default();
        let workspace = WorkspaceName::parse("workspace", text("workspace"))?;
        Ok((workspace, ConnectionRef::parse("connection", text("connection"))?))
    }

    /// Returns the path of the connection that the path names.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn own_path(&self) -> Result<String, InvalidField> {
        let (workspace, _) = self.place()?;
        let connection = self.inputs.text("connection").unwrap_or_default();
        Ok(path_of(workspace.as_str(), connection))
    }

    /// Returns the connection that the path names.
    pub(crate) async fn connection(&self) -> Result<Connection, Problem> {
        let (workspace, target) = self.place()?;
        let place = QueryWorkspace::Named(workspace);
        self.read(Effort::Lookup, place, move |reader| reader.connection(&target)).await
    }

    /// Returns an answer that leads back to the connection, where it is told what was done.
    pub(crate) fn done(&self, verb: Verb) -> Result<Response, InvalidField> {
        let to = with_query(&self.own_path()?, &[("done", verb.as_str())]);
        Ok(answers::see_other(&to))
    }

    /// Returns the workspace that the query string names; otherwise all if the caller has a scope
    /// for all, or else the first one for which they have it.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn workspace_for(&self, scope: Scope) -> Result<QueryWorkspace, InvalidField> {
        if self.parameter("workspace").is_some() || self.may(scope, &QueryWorkspace::All) {
            return self.workspace();
        }
        let named = self.caller.grants().iter().flat_map(|grant| match &grant.workspaces {
            Workspaces::Named(names) => names.iter().collect(),
            Workspaces::All => Vec::new(),
        });
        let mut own = named.cloned().map(QueryWorkspace::Named);
        Ok(own.find(|own| self.may(scope, own)).unwrap_or(QueryWorkspace::All))
    }

    /// Returns the workspaces to choose from, and all together if the caller has a scope for all.
    pub(crate) fn workspace_choices(
        &self,
        scope: Scope,
        names: &[String],
    ) -> Vec<(String, String)> {
        let all = self.may(scope, &QueryWorkspace::All);
        let all = all.then(|| (ALL_WORKSPACES.to_owned(), "All workspaces".to_owned()));
        all.into_iter().chain(names.iter().map(|name| (name.clone(), name.clone()))).collect()
    }

    /// Returns the workspace that the query string names, or all.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn workspace(&self) -> Result<QueryWorkspace, InvalidField> {
        QueryWorkspace::parse(self.parameter("workspace").unwrap_or(ALL_WORKSPACES))
    }

    /// Reads the parameters of a query from the query string. Those that are empty count as absent,
    /// and others than `known` ones, and size and cursor of the page, are left out.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn query(
        &self,
        name: QueryName,
        known: &[Parameter],
        also: &[(&str, &str)],
    ) -> Result<QueryRequest, Problem> {
        let mut query = Vec::new();
        for (name, text) in self.inputs.query.iter().filter(|(_, text)| !text.is_empty()) {
            let own = known.iter().find(|parameter| parameter.name == name);
            let text = match own {
                Some(parameter) => {
                    let is_time =
                        matches!(parameter.form, ParameterForm::Time | ParameterForm::AsOf);
                    let text = if is_time { moment::in_utc(text) } else { text.clone() };
                    let checked = parameter.form.check(&text);
                    checked.map_err(|wrong| InvalidField::new(parameter.name, wrong))?;
                    text
                }
                None if ["page_size", "cursor"].contains(&name.as_str()) => text.clone(),
                None => continue,
            };
            query.push((name.clone(), text));
        }
        query.extend(also.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        let inputs = Inputs { query, ..Inputs::default() };
        Ok(inputs.parse(|sent| QueryRequest::deserialize(name, sent))?)
    }

    /// Reads the store with the rights of the caller, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        effort: Effort,
        workspace: QueryWorkspace,
        work: impl FnOnce(&Reader<'_>) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let caller = self.caller.clone();
        let work = move |engine: &Engine| work(&engine.reader(&caller, &workspace)?);
        self.console.state.read(effort, None, &self.caller, work).await
    }

    /// Returns whether the caller has a scope for a workspace as a whole, or for all.
    pub(crate) fn may(&self, scope: Scope, workspace: &QueryWorkspace) -> bool {
        let subject = workspace.name().map_or(Subject::Ledger, Subject::Workspace);
        self.caller.may(scope, subject)
    }

    /// Returns the headers of the command that the form sends: its id, and the version that the
    /// form was made of.
    fn command_headers(&self) -> Result<Headers, Problem> {
        let id = MessageId::parse(form::COMMAND_ID, self.form.text(form::COMMAND_ID))?;
        let expected = match self.form.filled(form::VERSION) {
            None => Expected::Any,
            Some(text) => {
                let number = text.parse().ok().filter(|number| *number > 0);
                let invalid = || InvalidField::new(form::VERSION, "must be a version");
                Expected::At(Version::new(number.ok_or_else(invalid)?))
            }
        };
        Ok(Headers { command_id: Some(id), expected, ..Headers::default() })
    }

    /// Returns why a command was refused, to be shown beside its form. It is counted once.
    pub(crate) fn refused(&self, verb: Verb, refusal: Refusal) -> Result<Problem, Refusal> {
        match refusal {
            Refusal::Counted(problem) => Ok(problem),
            Refusal::Problem(problem) => {
                let attempt = Attempt::of(&self.caller, verb.as_str());
                self.engine().refused(problem.code, &attempt);
                Ok(problem)
            }
            Refusal::Worded(..) => Err(refusal),
        }
    }

    /// Sends a command about the connection that the path names.
    pub(crate) async fn change(&self, verb: Verb, body: &Value) -> Result<Executed, Refusal> {
        let (workspace, connection) = self.place()?;
        let address = Address { workspace, connection: Some(connection), principal: None };
        self.send(verb, address, body).await
    }

    /// Sends a command about a principal.
    pub(crate) async fn govern(
        &self,
        verb: Verb,
        principal: PrincipalName,
        body: &Value,
    ) -> Result<Executed, Refusal> {
        let workspace = ledger_contract::subjects::ledger_workspace();
        let address = Address { workspace, connection: None, principal: Some(principal) };
        self.send(verb, address, body).await
    }

    /// Sends the command of the form. Its receipt is durable when this returns `Ok`.
    pub(crate) async fn send(
        &self,
        verb: Verb,
        address: Address,
        body: &Value,
    ) -> Result<Executed, Refusal> {
        self.send_as(self.command_headers()?, verb, address, body).await
    }

    /// Sends a command with headers of its own.
    pub(crate) async fn send_as(
        &self,
        headers: Headers,
        verb: Verb,
        address: Address,
        body: &Value,
    ) -> Result<Executed, Refusal> {
        let body = Bytes::from(serde_json::to_vec(body).expect("a value has a JSON form"));
        let command = verb.parse(&address, &body)?;
        let named = command.target().map(ConnectionRef::canonical).unwrap_or_default();
        let about = address.principal.as_ref().map_or(named.as_str(), |name| name.as_str());
        let kind = format!("console {} {about}", verb.as_str());
        let place = self.console.state.acquire_command(&self.caller)?;
        let request = CommandRequest {
            received: Received::new(kind, body),
            workspace: address.workspace,
            command,
            context: self.engine().context(self.caller.clone(), Via::Http, headers),
        };
        let executed = self.engine().execute(request).await.map_err(Refusal::counted)?;
        drop(place);
        Ok(executed)
    }

    /// Reveals secrets of the connection that the path names, after an event that says so is
    /// durable. A form does so once.
    pub(crate) async fn reveal(&self, body: &Value) -> Result<SecretsAnswer, Refusal> {
        self.console.state.check_reveals()?;
        let (workspace, connection) = self.place()?;
        let address =
            Address { workspace: workspace.clone(), connection: Some(connection), principal: None };
        let body = serde_json::to_vec(body).expect("a value has a JSON form");
        let mut command = Verb::RevealSecret.parse(&address, &body)?;
        if let ParsedCommand::Reveal { from, .. } = &mut command {
            *from = Some(Line::stored("console".into()));
        }
        if !self.session.use_form(self.form.text(form::COMMAND_ID)) {
            let message = "this form was used already, and what it showed is not shown again";
            return Err(Problem::because(Code::CommandIdReused, message).into());
        }
        let place = self.console.state.acquire_command(&self.caller)?;
        let headers = Headers { expected: Expected::Any, ..Headers::default() };
        let context = self.engine().context(self.caller.clone(), Via::Http, headers);
        let answer = self.engine().secrets(RevealRequest { workspace, command, context }).await;
        drop(place);
        answer.map_err(Refusal::counted)
    }
}
