//! `provider show`.

use clap::Args;
use ledger_providers::{Facade, Field, Provider};

use super::{ProviderArgs, origin};
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

/// Shows which fields a connection to a provider needs.
#[derive(Debug, Args)]
#[command(after_help = "\
The name may be an id or the name that another product uses. With --json, the description is written
in the format of a description file.

Examples:
  connledger provider show openai
  connledger provider show amazon --at portkey
  connledger provider show bedrock --json > my-bedrock.json")]
pub(crate) struct ShowArgs {
    /// Id or other name of the provider
    name: String,
    /// Show the names and fields of this product: blaxel, pica, umbraco, portkey or elevenlabs
    #[arg(long, value_parser = facade, value_name = "PRODUCT")]
    at: Option<Facade>,
    #[command(flatten)]
    from: ProviderArgs,
}

fn facade(text: &str) -> Result<Facade, String> {
    Facade::parse(text).ok_or_else(|| {
        let words: Vec<_> = Facade::ALL.iter().map(|facade| facade.as_str()).collect();
        format!("must be one of {}", words.join(" "))
    })
}

pub(super) fn run(args: &ShowArgs, out: Output) -> Result<(), Failure> {
    let catalogue = args.from.read()?;
    let found = match args.at {
        Some(facade) => catalogue.find_at(facade, &args.name),
        None => catalogue.find(&args.name),
    };
    let provider = found.ok_or_else(|| {
        Failure::refused(format!("there is no provider called `{}`", args.name))
            .hint("`connledger provider list` lists all providers")
    })?;
    if out.is_json() {
        return out.object(provider);
    }
    out.facts(&facts(provider, args.at, &origin(&catalogue, &provider.id)))?;
    out.line("")?;
    out.table(&fields(provider, args.at))
}

fn facts<'a>(provider: &'a Provider, at: Option<Facade>, origin: &str) -> Vec<(&'a str, String)> {
    let name = at.map_or(provider.id.as_str(), |facade| provider.name_at(facade));
    let capabilities = match at {
        Some(facade) => {
            let words = provider.capabilities_at(facade).iter();
            words.map(|word| word.name_at(facade)).collect::<Vec<_>>()
        }
        None => provider.capabilities.iter().map(|word| word.as_str()).collect(),
    };
    let mut aliases: Vec<&str> = provider.all_names().filter(|other| *other != name).collect();
    aliases.sort_unstable();
    aliases.dedup();
    let auth: Vec<_> = provider.auth_methods.iter().map(|method| method.as_str()).collect();
    let models = provider.models.known.iter().map(|model| model.id.as_str());
    let facts = [
        (name, provider.display_name.clone()),
        ("description", provider.description.clone().unwrap_or_default()),
        ("kind", provider.kind.to_string()),
        ("also called", aliases.join(", ")),
        ("auth methods", auth.join(", ")),
        ("capabilities", capabilities.join(", ")),
        ("known models", models.collect::<Vec<_>>().join(", ")),
        ("base url", provider.base_url.clone().unwrap_or_default()),
        ("token url", provider.token_url.clone().unwrap_or_default()),
        ("documentation", provider.documentation.clone().unwrap_or_default()),
        ("from", origin.to_owned()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn fields(provider: &Provider, at: Option<Facade>) -> Table {
    let mut table =
        Table::of_texts(&["FIELD", "TYPE", "SECRET", "REQUIRED", "ALSO CALLED", "WHAT"]);
    for field in provider.fields.iter().filter(|field| at.is_none_or(|at| field.is_at(at))) {
        let name = at.map_or(field.name.as_str(), |facade| field.name_at(facade));
        let mut others: Vec<_> = field.spellings().filter(|other| *other != name).collect();
        others.sort_unstable();
        others.dedup();
        let secret = match (field.main, field.secret) {
            (true, _) => "main key",
            (false, true) => "yes",
            (false, false) => "",
        };
        let what = field.help.as_deref().unwrap_or(field.title());
        table.row([
            name.to_owned(),
            field.r#type.to_string(),
            secret.to_owned(),
            required(provider, field, at),
            others.join(","),
            what.to_owned(),
        ]);
    }
    table
}

/// Describes when a field is required, in the names of a product.
fn required(provider: &Provider, field: &Field, at: Option<Facade>) -> String {
    if field.required {
        return "yes".to_owned();
    }
    let Some(condition) = &field.required_when else { return String::new() };
    if at.is_some_and(|at| !condition.at.is_empty() && !condition.at.contains(&at)) {
        return String::new();
    }
    let name = |own: &str| match (at, provider.field(own)) {
        (Some(facade), Some(other)) => other.name_at(facade).to_owned(),
        _ => own.to_owned(),
    };
    let mut parts = Vec::new();
    if at.is_none() && !condition.at.is_empty() {
        let facades: Vec<_> = condition.at.iter().map(|facade| facade.as_str()).collect();
        parts.push(format!("at {}", facades.join(",")));
    }
    if let Some(other) = &condition.field {
        parts.push(format!("when {} is {}", name(other), condition.is.join(" or ")));
    }
    if let Some(other) = &condition.without {
        parts.push(format!("without {}", name(other)));
    }
    if parts.is_empty() { "yes".to_owned() } else { parts.join(" ") }
}
