//! Parses subjects.

use ledger_contract::commands::Verb;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::OPERATIONS;
use ledger_contract::queries::{QueryName, QueryWorkspace};
use ledger_contract::subjects::{LEDGER, ledger_workspace};
use ledger_domain::WorkspaceName;

/// The parts of a command's subject.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandAddress {
    pub(crate) workspace: WorkspaceName,
    pub(crate) verb: Verb,
}

/// The parts of a query's subject.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueryAddress {
    pub(crate) workspace: QueryWorkspace,
    pub(crate) query: QueryName,
}

/// Parses `<prefix>.cmd.<workspace>.<verb>`, where the workspace is `_ledger` for principals.
pub(crate) fn command(prefix: &str, subject: &str) -> Result<CommandAddress, Problem> {
    let form = "commands are sent to <prefix>.cmd.<workspace>.<verb>";
    let (workspace, verb) = two_tokens(prefix, "cmd", subject, form)?;
    if workspace == LEDGER {
        let verb = verb_of(verb, true, "command to the ledger as a whole")?;
        return Ok(CommandAddress { workspace: ledger_workspace(), verb });
    }
    let workspace = WorkspaceName::parse("workspace", workspace)
        .map_err(|invalid| malformed(format!("the subject's {invalid}")))?;
    let verb = verb_of(verb, false, "command")?;
    Ok(CommandAddress { workspace, verb })
}

/// Parses `<prefix>.query.<workspace>.<name>`, where the workspace may be `_all`.
pub(crate) fn query(prefix: &str, subject: &str) -> Result<QueryAddress, Problem> {
    let form = "queries are sent to <prefix>.query.<workspace>.<name>";
    let (workspace, name) = two_tokens(prefix, "query", subject, form)?;
    let workspace = QueryWorkspace::parse(workspace)
        .map_err(|invalid| malformed(format!("the subject's {invalid}")))?;
    let query = QueryName::find(name)
        .ok_or_else(|| unknown("query", &QueryName::names().collect::<Vec<_>>()))?;
    Ok(QueryAddress { workspace, query })
}

/// The parts of the subject of a request for secrets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RevealAddress<'a> {
    pub(crate) workspace: WorkspaceName,
    /// The connection; `None` if a token says which.
    pub(crate) connection: Option<&'a str>,
    pub(crate) verb: Verb,
}

/// Parses `<prefix>.reveal.<workspace>.<connection>`, which reveals, or has the verb of another
/// request for secrets behind it, and `<prefix>.reveal._ledger.unwrap`, where handovers are
/// received.
pub(crate) fn reveal<'a>(prefix: &str, subject: &'a str) -> Result<RevealAddress<'a>, Problem> {
    let form = "secrets are requested at <prefix>.reveal.<workspace>.<connection>, or with \
                .lease-secrets or .read-leased-secrets behind it";
    let rest = below(prefix, "reveal", subject).ok_or_else(|| malformed(form))?;
    let mut tokens = rest.split('.');
    let (Some(workspace), Some(connection), verb, None) =
        (tokens.next(), tokens.next(), tokens.next(), tokens.next())
    else {
        return Err(malformed(form));
    };
    if workspace == LEDGER {
        let name = if verb.is_some() { "" } else { connection };
        known(name, &[Verb::Unwrap.as_str()], "request for secrets")?;
        let workspace = ledger_workspace();
        return Ok(RevealAddress { workspace, connection: None, verb: Verb::Unwrap });
    }
    let workspace = WorkspaceName::parse("workspace", workspace)
        .map_err(|invalid| malformed(format!("the subject's {invalid}")))?;
    let address = |verb| RevealAddress { workspace, connection: Some(connection), verb };
    let Some(name) = verb else { return Ok(address(Verb::RevealSecret)) };
    let known = [Verb::LeaseSecrets, Verb::ReadLeasedSecrets];
    let verb = known.into_iter().find(|verb| verb.as_str() == name);
    let verb = verb.ok_or_else(|| unknown("request for secrets", &known.map(Verb::as_str)))?;
    Ok(address(verb))
}

/// Parses `<prefix>.admin.<operation>`.
pub(crate) fn operation<'a>(prefix: &str, subject: &'a str) -> Result<&'a str, Problem> {
    let name = below(prefix, "admin", subject)
        .ok_or_else(|| malformed("operations are sent to <prefix>.admin.<operation>"))?;
    known(name, &OPERATIONS, "operation")
}

/// Returns the verb with a name. `is_ledger` says whether the command is sent to the ledger as a
/// whole.
fn verb_of(name: &str, is_ledger: bool, what: &str) -> Result<Verb, Problem> {
    // Reveals have their own subjects.
    let here = |verb: &Verb| {
        let spec = verb.spec();
        spec.target.is_sent_to(is_ledger) && !spec.answer.has_secrets()
    };
    Verb::find(name).filter(here).ok_or_else(|| {
        let verbs = Verb::ALL.iter().copied().filter(here).map(Verb::as_str);
        unknown(what, &verbs.collect::<Vec<_>>())
    })
}

fn two_tokens<'a>(
    prefix: &str,
    kind: &str,
    subject: &'a str,
    form: &str,
) -> Result<(&'a str, &'a str), Problem> {
    below(prefix, kind, subject)
        .and_then(|rest| rest.split_once('.'))
        .filter(|(_, name)| !name.contains('.'))
        .ok_or_else(|| malformed(form))
}

fn below<'a>(prefix: &str, kind: &str, subject: &'a str) -> Option<&'a str> {
    subject.strip_prefix(prefix)?.strip_prefix('.')?.strip_prefix(kind)?.strip_prefix('.')
}

fn known<'a>(name: &'a str, all: &[&str], what: &str) -> Result<&'a str, Problem> {
    if all.contains(&name) { Ok(name) } else { Err(unknown(what, all)) }
}

fn unknown(what: &str, known: &[&str]) -> Problem {
    let message = format!("there is no such {what}; known are {}", known.join(", "));
    Problem::because(Code::VerbUnknown, message)
}

fn malformed(message: impl Into<String>) -> Problem {
    Problem::because(Code::SubjectMalformed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_subjects_are_read() {
        let address = command("ledger", "ledger.cmd.default.rotate-secret").unwrap();
        assert_eq!((address.workspace.as_str(), address.verb), ("default", Verb::RotateSecret));
        let address = command("ledger", "ledger.cmd._ledger.issue-key").unwrap();
        assert_eq!((address.workspace.as_str(), address.verb), ("_ledger", Verb::IssueKey));
        let address = query("l2", "l2.query._all.list").unwrap();
        let expected = QueryAddress { workspace: QueryWorkspace::All, query: QueryName::List };
        assert_eq!(address, expected);
        assert_eq!(operation("ledger", "ledger.admin.replay").unwrap(), "replay");
        let address = reveal("ledger", "ledger.reveal.default.main").unwrap();
        assert_eq!((address.connection, address.verb), (Some("main"), Verb::RevealSecret));
        let address = reveal("ledger", "ledger.reveal._ledger.unwrap").unwrap();
        assert_eq!((address.connection, address.verb), (None, Verb::Unwrap));
        assert!(reveal("ledger", "ledger.reveal._ledger.main").is_err());
    }

    #[test]
    fn each_wrong_subject_has_its_code() {
        let commands = [
            ("ledger.cmd.default", Code::SubjectMalformed),
            ("ledger.cmd.default.create.now", Code::SubjectMalformed),
            ("ledger.cmd._all.create", Code::SubjectMalformed),
            ("ledger.cmd._ledger.create", Code::VerbUnknown),
            ("ledger.cmd.default.issue-key", Code::VerbUnknown),
            ("ledger.cmd.Default.create", Code::SubjectMalformed),
            ("ledgers.cmd.default.create", Code::SubjectMalformed),
            ("ledger.cmd.default.destroy", Code::VerbUnknown),
        ];
        for (subject, code) in commands {
            assert_eq!(command("ledger", subject).unwrap_err().code, code, "{subject}");
        }
        assert_eq!(query("ledger", "ledger.query.x.y").unwrap_err().code, Code::VerbUnknown);
        assert_eq!(query("ledger", "ledger.query.get").unwrap_err().code, Code::SubjectMalformed);
        assert_eq!(operation("ledger", "ledger.admin.x").unwrap_err().code, Code::VerbUnknown);
    }
}
