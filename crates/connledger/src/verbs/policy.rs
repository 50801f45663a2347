//! `set-model-policy` and `set-pricing`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::pending::{PendingCommand, WriteArgs};
use crate::body::{self, Body, Setting, insert_under};
use crate::failure::Failure;

/// The commands that set rules for the use of a connection.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    SetModelPolicy(ModelPolicyArgs),
    SetPricing(PricingArgs),
}

impl PolicyCommand {
    pub(super) fn command(self) -> Result<PendingCommand, Failure> {
        match self {
            Self::SetModelPolicy(args) => args.command(),
            Self::SetPricing(args) => args.command(),
        }
    }
}

/// Sets which models may be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger set-model-policy openai-prod --only gpt-4o gpt-4o-mini
  connledger set-model-policy openai-prod --allow-all --except o1-pro
  connledger set-model-policy openai-prod --file policy.json")]
pub(crate) struct ModelPolicyArgs {
    /// Id or slug
    name: String,
    /// Allow every model
    #[arg(long, required_unless_present_any = ["only", "file"])]
    allow_all: bool,
    /// With --allow-all: models to exclude
    #[arg(long, value_name = "MODEL", num_args = 1.., requires = "allow_all")]
    except: Vec<String>,
    /// Allow these models and no others
    #[arg(long, value_name = "MODEL", num_args = 1.., conflicts_with = "allow_all")]
    only: Vec<String>,
    /// The policy as JSON: {"allow_all": false, "models": {"gpt-4o": {"enabled": true}}}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["allow_all", "only"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

impl ModelPolicyArgs {
    pub(super) fn command(self) -> Result<PendingCommand, Failure> {
        let policy = match &self.file {
            Some(path) => body::read(path)?,
            None => self.policy(),
        };
        let command = PendingCommand::about("set-model-policy", &self.name, self.write);
        Ok(command.with("policy", Value::Object(policy)))
    }

    /// Returns the policy that the flags describe.
    fn policy(&self) -> Body {
        let mut policy = Body::new();
        policy.insert("allow_all".to_owned(), json!(self.allow_all));
        for (models, enabled) in [(&self.only, true), (&self.except, false)] {
            for model in models {
                let rule = json!({ "enabled": enabled });
                insert_under(&mut policy, "models", model.clone(), rule);
            }
        }
        policy
    }
}

/// Sets factors on the provider's prices.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger set-pricing openai-prod --multiplier default=1.2 --multiplier reasoning_token=1.5
  connledger set-pricing openai-prod --clear")]
pub(crate) struct PricingArgs {
    /// Id or slug
    name: String,
    /// Factor by name: a number that is at least 0, or null
    #[arg(
        long,
        value_name = "NAME=FACTOR",
        value_parser = factor,
        required_unless_present_any = ["clear", "file"]
    )]
    multiplier: Vec<Setting>,
    /// Remove all factors
    #[arg(long, conflicts_with_all = ["multiplier", "file"])]
    clear: bool,
    /// The factors as JSON, with multipliers, image_default and additional_units
    #[arg(long, value_name = "FILE", conflicts_with = "multiplier")]
    file: Option<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
}

impl PricingArgs {
    pub(super) fn command(self) -> Result<PendingCommand, Failure> {
        let pricing = match self.file {
            _ if self.clear => Value::Null,
            Some(path) => Value::Object(body::read(&path)?),
            None => {
                let mut pricing = Body::new();
                for Setting { key, value } in self.multiplier {
                    insert_under(&mut pricing, "multipliers", key, value);
                }
                Value::Object(pricing)
            }
        };
        Ok(PendingCommand::about("set-pricing", &self.name, self.write).with("pricing", pricing))
    }
}

/// Parses `NAME=FACTOR`, where the factor is JSON.
fn factor(text: &str) -> Result<Setting, &'static str> {
    text.replacen('=', ":=", 1).parse()
}
