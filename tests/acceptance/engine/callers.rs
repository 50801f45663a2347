//! Principals with keys of their own, and asking in their name.

use ledger_contract::access::IssuedKey;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::LEDGER;
use ledger_engine::{AuthenticateError, Caller, Executed};
use serde_json::{Value, json};

use crate::ledger::{Ledger, TestCommand, ask_as, send_as};

impl Ledger {
    /// Executes a command about principals that must be accepted.
    pub(super) async fn lead(&self, verb: &str, body: Value) -> Executed {
        match self.send(TestCommand::new(verb, &body).at(LEDGER)).await {
            Ok(executed) => executed,
            Err(problem) => panic!("{verb} {body} was refused: {problem}"),
        }
    }

    /// Makes a principal.
    pub(crate) async fn make(&self, name: &str, grants: Value) {
        let body = json!({"principal": name, "kind": "service", "grants": grants});
        self.lead("create-principal", body).await;
    }

    /// Issues a key to a principal.
    pub(crate) async fn issue(&self, name: &str, more: Value) -> IssuedKey {
        let mut body = more;
        body["principal"] = json!(name);
        self.lead("issue-key", body).await.api_key.expect("a key is told once")
    }

    /// Makes a principal and returns who its first key stands for.
    pub(super) async fn enter(&self, name: &str, grants: Value) -> Caller {
        self.make(name, grants).await;
        let key = self.issue(name, json!({})).await;
        self.engine.authenticate_key(&key.key).expect("a good key")
    }

    /// Tells what a key is answered at the door.
    pub(super) fn refused_at_the_door(&self, key: &str) -> Option<Code> {
        self.engine.authenticate_key(key).err().map(AuthenticateError::code)
    }

    /// Executes a command in somebody's name; a refusal must leave no trace in the log.
    pub(crate) async fn send_as(
        &self,
        caller: &Caller,
        test_command: TestCommand,
    ) -> Result<Executed, Problem> {
        let head = self.engine.head();
        let shown =
            format!("{} {}", test_command.verb, String::from_utf8_lossy(&test_command.body));
        let is_recorded = !matches!(test_command.verb.as_str(), "report-failure" | "connect");
        let answer = send_as(&self.engine, caller.clone(), test_command).await;
        // The ledger itself may have ended leases meanwhile.
        let after = self.engine.outbox().read(head, usize::MAX).expect("the log is whole");
        let moved = after.iter().any(|item| {
            let body: Value = serde_json::from_slice(&item.body).expect("JSON");
            body["event"]["actor"] == caller.actor().as_str()
        });
        // Whether a provider is asked, and so revealed to, depends on the rights and on what is
        // known.
        if !shown.starts_with("list-models ") {
            assert_eq!(moved, answer.is_ok() && is_recorded, "{shown}: {answer:?}");
        }
        answer
    }

    /// Asks a question in somebody's name.
    pub(super) fn ask_as(
        &self,
        caller: &Caller,
        workspace: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, Problem> {
        ask_as(&self.engine, caller, workspace, name, body)
    }

    /// Returns a principal as `principals` shows it.
    pub(super) fn principal(&self, name: &str) -> Value {
        let page = self.ask_at("_all", "principals", &json!({})).expect("the admin may ask");
        let all = page["principals"].as_array().expect("principals").clone();
        all.into_iter().find(|one| one["principal"] == name).expect("it is there")
    }
}
