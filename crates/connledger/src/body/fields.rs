//! The flags that `create` and `update` share.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::secrets::{SecretArg, SecretReader};
use super::{Body, Pair, insert_under, json_or_text};
use crate::failure::Failure;

/// Fields of a connection.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fields")]
pub(crate) struct FieldArgs {
    /// Body of the command as JSON, `-` for standard input; other flags override it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Name of the connection, unique in the workspace
    #[arg(long)]
    slug: Option<String>,
    /// External service, for example openai
    #[arg(long)]
    provider: Option<String>,
    /// Version of the provider's connector
    #[arg(long, value_name = "VERSION")]
    provider_version: Option<String>,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// api, databasesql, databasenosql, filesystem, stream or custom
    #[arg(long)]
    kind: Option<String>,
    /// live or test
    #[arg(long)]
    environment: Option<String>,
    /// Authentication method: api_key, basic, bearer, oauth2_client_credentials, ...
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// Setting that is not secret; the value is parsed as JSON if possible, else taken as text
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<Pair>,
    /// Secret field: its value, @FILE, or - for standard input; one trailing newline is dropped
    #[arg(long, value_name = "FIELD=VALUE")]
    secret: Vec<SecretArg>,
    /// Label
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<Pair>,
    /// Tag; on update, the given tags replace all others
    #[arg(long)]
    tag: Vec<String>,
    /// Annotation with a namespaced key; the value is parsed as JSON if possible, else taken as
    /// text
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<Pair>,
    /// Owner: user, team, organization or project, and its id
    #[arg(long, value_name = "TYPE:VALUE")]
    identity: Option<String>,
}

impl FieldArgs {
    /// Builds the body from the file and the flags.
    pub(crate) fn body(self, secrets: &mut SecretReader) -> Result<Body, Failure> {
        let mut body = self.file.as_deref().map(super::read).transpose()?.unwrap_or_default();
        secrets.read_into(&self.secret, &mut body)?;
        let texts = [
            ("slug", self.slug),
            ("provider", self.provider),
            ("provider_version", self.provider_version),
            ("display_name", self.name),
            ("description", self.description),
            ("kind", self.kind),
            ("environment", self.environment),
            ("auth_method", self.auth_method),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                body.insert(field.to_owned(), Value::String(text));
            }
        }
        for Pair { key, value } in self.config {
            insert_under(&mut body, "config", key, json_or_text(&value));
        }
        for Pair { key, value } in self.label {
            insert_under(&mut body, "labels", key, Value::String(value));
        }
        for Pair { key, value } in self.annotation {
            insert_under(&mut body, "annotations", key, json_or_text(&value));
        }
        if !self.tag.is_empty() {
            body.insert("tags".to_owned(), json!(self.tag));
        }
        if let Some(text) = &self.identity {
            let (kind, value) = identity(text)?;
            body.insert("identity".to_owned(), json!({ "type": kind, "value": value }));
        }
        Ok(body)
    }
}

/// Splits `TYPE:VALUE`.
pub(crate) fn identity(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once(':').ok_or_else(|| {
        Failure::usage("--identity must have the form TYPE:VALUE")
            .hint("for example --identity team:payments")
    })
}
