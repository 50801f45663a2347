//! `import --from`: files of other products are made into a manifest, and that is applied.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger_domain::WorkspaceName;
use ledger_manifests::convert::{Converted, Kind, Options, convert};
use ledger_manifests::plan::Action;
use ledger_manifests::{ExportedSecrets, Exporter};
use ledger_providers::Catalogue;
use serde_json::json;

use super::args::ForeignArgs;
use super::compare::compare;
use super::show::{self, Extent};
use super::{carry_out, export, files, values};
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::settings;

/// Missing secrets that are shown one by one. `--json` shows all.
const SHOWN_MAX: usize = 20;

/// Makes connections of files of other products.
pub(crate) async fn run(
    common: &Common,
    kind: Kind,
    paths: &[PathBuf],
    args: &ForeignArgs,
    out: Output,
) -> Result<(), Failure> {
    let workspace = common.workspace()?;
    let mut converted = read(kind, paths, workspace, args, out)?;
    if let Some(path) = &args.out {
        let mut exporter = Exporter::new(ExportedSecrets::Environment);
        for item in &converted.manifest.connections {
            exporter.item(item);
        }
        tell(&converted, out)?;
        return export::write(&exporter, Some(path), out);
    }
    refuse_unreadable(&mut converted);
    let session = Session::open(common, out).await?;
    let comparison = compare(&session, &converted.manifest, &args.options()).await?;
    let extent = if args.yes { Extent::Beginning } else { Extent::Whole };
    show::plans(out, &comparison.plans, extent)?;
    let is_ready = comparison.plans.iter().any(|one| {
        !matches!(one.plan.action, Action::None | Action::Refuse(_)) || !one.plan.steps.is_empty()
    });
    if !args.yes {
        tell(&converted, out)?;
        if is_ready {
            out.hint("nothing was changed; pass --yes to carry it out");
        }
        return Ok(());
    }
    let mut done = carry_out::run(&session, &converted.manifest, comparison).await?;
    for (name, reason) in &converted.refused {
        done.refuse(name, reason);
    }
    converted.refused.clear();
    tell(&converted, out)?;
    done.write(out)?;
    done.verdict()
}

/// Reads the files.
fn read(
    kind: Kind,
    paths: &[PathBuf],
    workspace: &str,
    args: &ForeignArgs,
    out: Output,
) -> Result<Converted, Failure> {
    let workspace = WorkspaceName::parse("workspace", workspace)
        .map_err(|invalid| Failure::usage(invalid.to_string()))?;
    let mut texts = Vec::new();
    for path in paths {
        texts.push((files::name(path), files::text(path)?));
    }
    let options = Options {
        catalogue: Catalogue::built_in(),
        slug: args.slug.as_deref(),
        provider: args.provider.as_deref(),
        vault_path: args.vault_path.as_deref(),
        refers_to_env: args.env_references,
        variables: &settings::named_by_manifest,
    };
    convert(kind, &texts, &workspace, options).map_err(|complaint| files::refuse(&[complaint], out))
}

/// Moves connections of which a secret cannot be read to those that are refused.
fn refuse_unreadable(converted: &mut Converted) {
    let items = std::mem::take(&mut converted.manifest.connections);
    for mut item in items {
        // What the file of another product has in the clear is what it is for.
        let wrong = values::of(&mut item, true);
        if wrong.is_empty() {
            converted.manifest.connections.push(item);
        } else {
            converted.refused.push((item.name(), wrong.join("; ")));
        }
    }
}

/// Tells what is to be known beside the plan.
fn tell(converted: &Converted, out: Output) -> Result<(), Failure> {
    for note in &converted.notes {
        out.say(note);
    }
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (slug, field) in &converted.missing {
        missing.entry(slug).or_default().push(field);
    }
    if out.is_json() {
        for (name, reason) in &converted.refused {
            out.object(&json!({ "name": name, "code": "manifest_invalid", "message": reason }))?;
        }
        for (slug, fields) in &missing {
            out.object(&json!({ "name": slug, "missing_secrets": fields }))?;
        }
        return Ok(());
    }
    for (name, reason) in &converted.refused {
        out.say(format!("refused {name}: {reason}"));
    }
    for (slug, fields) in missing.iter().take(SHOWN_MAX) {
        out.say(format!("{slug} is without its secrets: {}", fields.join(", ")));
    }
    if missing.len() > SHOWN_MAX {
        let more = missing.len() - SHOWN_MAX;
        out.say(format!("and {more} more are without; --json shows all"));
    }
    if !missing.is_empty() {
        out.hint("to set one: connledger update SLUG --secret FIELD");
    }
    Ok(())
}
