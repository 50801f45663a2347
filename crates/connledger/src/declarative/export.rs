//! `export --manifest`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ledger_contract::queries::ListQuery;
use ledger_manifests::{ExportedSecrets, Exporter, Live};

use super::args::ManifestArgs;
use super::there;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::rights::Pages;
use crate::session::Session;

/// Writes what a ledger holds as a manifest.
pub(crate) async fn run(
    common: &Common,
    args: &ManifestArgs,
    path: Option<&Path>,
    out: Output,
) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let secrets =
        if args.secrets_from_env { ExportedSecrets::Environment } else { ExportedSecrets::Keep };
    let mut exporter = Exporter::new(secrets);
    let mut workspaces = vec![session.workspace.clone()];
    if args.all_workspaces {
        let all = there::workspaces(&session).await?;
        for view in &all {
            exporter.workspace(view);
        }
        workspaces = all.into_iter().map(|view| view.name).collect();
    }
    if args.principals {
        let mut pages = Pages::new(&session);
        while let Some(principals) = pages.next().await? {
            for view in &principals {
                exporter.principal(view);
            }
        }
    }
    for workspace in &workspaces {
        for live in connections(&session, workspace).await? {
            exporter.connection(&live);
        }
    }
    write(&exporter, path, out)
}

/// Returns the connections of a workspace, which name each other by their slugs.
async fn connections(session: &Session, workspace: &str) -> Result<Vec<Live>, Failure> {
    let query = ListQuery { sort: Some("name".to_owned()), ..ListQuery::default() };
    let mut all = there::list(session, workspace, &query).await?;
    let slugs = all.iter().map(|live| (live.id.clone(), live.slug.clone())).collect();
    for live in &mut all {
        live.name_references(&slugs);
    }
    all.sort_by(|one, other| one.slug.cmp(&other.slug));
    Ok(all)
}

/// Writes a manifest to a new file, or to standard output: in YAML, or in JSON with `--json` or if
/// the name of the file ends so.
pub(super) fn write(exporter: &Exporter, path: Option<&Path>, out: Output) -> Result<(), Failure> {
    let failed = |error: String| Failure::internal(format!("cannot write the manifest: {error}"));
    let path = path.filter(|path| *path != Path::new("-"));
    let ends_so = path.and_then(Path::extension).is_some_and(|end| end == "json");
    let text = if out.is_json() || ends_so {
        serde_json::to_string(exporter).map_err(|error| failed(error.to_string()))?
    } else {
        exporter.to_yaml().map_err(failed)?
    };
    let Some(path) = path else { return out.verbatim(text.trim_end()) };
    let failed = |error: std::io::Error| Failure::file("write", path, &error);
    // It names what there is, and what guards it.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let (number, name) = (exporter.len(), path.display());
    out.say(format!("{number} connections are in {name}"));
    Ok(())
}
