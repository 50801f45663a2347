//! `create`, `update`, `rotate-secret`, and what ends an overlap.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::overlap::{CancelArgs, RetireArgs};
use super::pending::{PendingCommand, WriteArgs};
use crate::body::{ReferenceArg, SecretArg, SecretReader, insert_under, put_references};
use crate::failure::Failure;
use crate::fields::{FieldArgs, UnsetArgs};
use crate::output::Output;

/// The commands that set fields and secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum EditCommand {
    Create(Box<CreateArgs>),
    Update(Box<UpdateArgs>),
    RotateSecret(RotateArgs),
    RetireFormer(RetireArgs),
    CancelRotation(CancelArgs),
}

impl EditCommand {
    pub(super) fn command(self, out: Output) -> Result<PendingCommand, Failure> {
        match self {
            Self::Create(args) => args.command(out),
            Self::Update(args) => args.command(out),
            Self::RotateSecret(args) => args.command(out),
            Self::RetireFormer(args) => Ok(args.command()),
            Self::CancelRotation(args) => Ok(args.command()),
        }
    }
}

/// Creates a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger create --provider openai --slug openai-prod --tag llm --secret api_key
  connledger create --provider github --slug github --secret token=@token.txt --check
  connledger create --provider postgres --kind databasesql --auth-method basic \\
      --config host=db.internal --config port=5432 --secret password=- < password.txt
  connledger create --file connection.json --expect-version absent")]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    fields: FieldArgs,
    /// Create it disabled, so that gateways may not use it yet
    #[arg(long)]
    disabled: bool,
    /// Test the credentials first, and create nothing unless the provider accepts them
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    pub(super) fn command(self, out: Output) -> Result<PendingCommand, Failure> {
        let body = self.fields.body(&mut SecretReader::new(out))?;
        if !body.contains_key("provider") {
            return Err(Failure::usage("--provider is required").hint("or pass --file"));
        }
        let command = PendingCommand { verb: "create", body, write: self.write };
        let command = command.with_some("enabled", self.disabled.then_some(false));
        Ok(command.with_some("check", self.check.then_some(true)))
    }
}

/// Changes fields of a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger update openai-prod --name \"OpenAI, production\" --label team=search
  connledger update openai-prod --unset description --unset labels.team
  connledger update openai-prod --slug openai-main --expect-version 4
  connledger update openai-prod --config base_url=https://eu.example --detach-secrets
  connledger update openai-prod --unset config.note --redact note")]
pub(crate) struct UpdateArgs {
    /// Id or slug
    name_or_id: String,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    unset: UnsetArgs,
    /// Secret field to remove
    #[arg(long, value_name = "FIELD")]
    remove_secret: Vec<String>,
    /// Setting whose earlier values are hidden from now on from all who may not reveal, because a
    /// secret stood there in the clear; remove or replace it as well
    #[arg(long, value_name = "FIELD")]
    redact: Vec<String>,
    /// If the change sends secrets elsewhere, as a new base URL does, remove those that it does not
    /// set itself; without it, such a change takes the right to reveal
    #[arg(long)]
    detach_secrets: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl UpdateArgs {
    pub(super) fn command(self, out: Output) -> Result<PendingCommand, Failure> {
        let mut body = self.fields.body(&mut SecretReader::new(out))?;
        self.unset.apply(&mut body);
        for field in self.remove_secret {
            insert_under(&mut body, "secrets", field, Value::Null);
        }
        if !self.redact.is_empty() {
            body.insert("redact".to_owned(), self.redact.into());
        }
        let command = PendingCommand { verb: "update", body, write: self.write };
        let command = command.with("connection", self.name_or_id);
        Ok(if self.detach_secrets { command.with("detach_secrets", true) } else { command })
    }
}

/// Replaces secret values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger rotate-secret openai-prod --secret api_key
  connledger rotate-secret openai-prod --secret api_key=@new-key.txt --check
  connledger rotate-secret warehouse --secret password=- --expect-version 7 < password.txt
  connledger rotate-secret openai-prod --secret api_key --keep-former-until 36h
  connledger rotate-secret openai-prod --secret-ref api_key=vault:kv/team/openai#key
  connledger rotate-secret openai-prod --secret api_key --keep-former-until-confirmed
  connledger rotate-secret openai-prod --secret api_key --compromised")]
pub(crate) struct RotateArgs {
    /// Id or slug
    name: String,
    /// Secret field whose new value is asked for; or FIELD=- for standard input, FIELD=@FILE, or
    /// FIELD=VALUE, which others can see in the process list. A value that begins with @ is written
    /// with @@
    #[arg(long, value_name = "FIELD", required_unless_present = "secret_ref")]
    secret: Vec<SecretArg>,
    /// Secret field whose value is elsewhere: FIELD=env:NAME, file:/PATH, vault:MOUNT/PATH,
    /// aws:NAME or connection:SLUG/FIELD, with #KEY for a key of a JSON object. The same reference
    /// again tells gateways that the value there is a new one
    #[arg(long, value_name = "FIELD=KIND:NAME")]
    secret_ref: Vec<ReferenceArg>,
    /// Keep the former value in use until then: a time, or a span like 36h or 14d, at most 90 days.
    /// Without this and the next option, it is retired at once
    #[arg(long, value_name = "TIME|DURATION")]
    keep_former_until: Option<String>,
    /// Keep the former value in use until every consumer has confirmed the new one, but not beyond
    /// --keep-former-until, which is 14d if it is not given
    #[arg(long)]
    keep_former_until_confirmed: bool,
    /// Others know the former values: gateways drop them at once, also one that was kept, and no
    /// later command brings them back
    #[arg(long, conflicts_with_all = ["keep_former_until", "keep_former_until_confirmed"])]
    compromised: bool,
    /// Test the new values first, and change nothing unless the provider accepts them
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RotateArgs {
    pub(super) fn command(self, out: Output) -> Result<PendingCommand, Failure> {
        let mut command = PendingCommand::about("rotate-secret", &self.name, self.write);
        SecretReader::new(out).read_into(&self.secret, &mut command.body)?;
        put_references(&self.secret_ref, &mut command.body)?;
        let command = command.with_some("keep_former_until", self.keep_former_until);
        let waits = self.keep_former_until_confirmed.then_some(true);
        let command = command.with_some("keep_former_until_confirmed", waits);
        let command = command.with_some("compromised", self.compromised.then_some(true));
        Ok(command.with_some("check", self.check.then_some(true)))
    }
}
