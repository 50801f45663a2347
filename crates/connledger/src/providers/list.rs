//! `provider list`.

use clap::Args;
use ledger_providers::{Capability, Provider};
use serde_json::json;

use super::{ProviderArgs, origin};
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

/// Lists the described providers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger provider list
  connledger provider list --capability embedding --category ai
  connledger provider list --providers /etc/connledger/providers --json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    from: ProviderArgs,
    /// Only providers with this capability, such as chat or embedding
    #[arg(long, value_parser = capability)]
    capability: Option<Capability>,
    /// Only providers of this category, such as ai or database
    #[arg(long)]
    category: Option<String>,
}

fn capability(text: &str) -> Result<Capability, String> {
    Capability::find(text).ok_or_else(|| {
        let words: Vec<_> = Capability::ALL.iter().map(|word| word.as_str()).collect();
        format!("must be one of {}", words.join(" "))
    })
}

impl ListArgs {
    fn wants(&self, provider: &Provider) -> bool {
        self.capability.is_none_or(|capability| provider.capabilities.contains(&capability))
            && self.category.as_ref().is_none_or(|wanted| provider.categories.contains(wanted))
    }
}

pub(super) fn run(args: &ListArgs, out: Output) -> Result<(), Failure> {
    let catalogue = args.from.read()?;
    let wanted = || catalogue.iter().filter(|provider| args.wants(provider));
    if out.is_json() {
        return wanted().try_for_each(|provider| {
            out.object(&json!({
                "id": provider.id,
                "display_name": provider.display_name,
                "aliases": provider.aliases,
                "names": provider.names,
                "kind": provider.kind.as_str(),
                "categories": provider.categories,
                "capabilities": provider.capabilities,
                "origin": origin(&catalogue, &provider.id),
            }))
        });
    }
    let mut table = Table::new(&["ID", "NAME", "KIND", "AUTH", "CAPABILITIES", "FROM"]);
    for provider in wanted() {
        let auth: Vec<_> = provider.auth_methods.iter().map(|method| method.as_str()).collect();
        let able: Vec<_> = provider.capabilities.iter().map(|word| word.as_str()).collect();
        table.row([
            provider.id.clone(),
            provider.display_name.clone(),
            provider.kind.to_string(),
            auth.join(","),
            able.join(","),
            origin(&catalogue, &provider.id),
        ]);
    }
    out.table(&table)?;
    out.say(format!("{} of {} shown", wanted().count(), catalogue.len()));
    Ok(())
}
