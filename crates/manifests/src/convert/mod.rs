//! Files of other products, made into manifests.

mod blaxel;
mod draft;
mod elevenlabs;
mod env;
mod grouped;
mod kubernetes;
mod lists;
mod litellm;
mod pica;
mod portkey;
mod slugs;
mod umbraco;
mod vault;

use std::fmt;

use ledger_domain::WorkspaceName;
use ledger_providers::Catalogue;

use crate::manifest::{ConnectionItem, Manifest};
use crate::place::Complaint;
use draft::Draft;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The list of integration connections of Blaxel.
    Blaxel,
    /// The list of vault connections of Pica.
    Pica,
    /// Connections of Umbraco.AI.
    Umbraco,
    /// Integrations of Portkey.
    Portkey,
    /// The list of auth connections of ElevenLabs.
    ElevenLabs,
    /// Variables, one on each line.
    Env,
    /// `config.yaml` of LiteLLM.
    LiteLlm,
    /// What `vault kv get -format=json` prints, or that of OpenBao.
    Vault,
    /// Manifests of Kubernetes Secrets.
    Kubernetes,
}

impl Kind {
    /// All kinds, with their words.
    pub const ALL: [(&'static str, Self); 9] = [
        ("blaxel", Self::Blaxel),
        ("pica", Self::Pica),
        ("umbraco", Self::Umbraco),
        ("portkey", Self::Portkey),
        ("elevenlabs", Self::ElevenLabs),
        ("env", Self::Env),
        ("litellm", Self::LiteLlm),
        ("vault", Self::Vault),
        ("kubernetes", Self::Kubernetes),
    ];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        let known = Self::ALL.into_iter().find(|(_, kind)| *kind == self);
        known.map_or("", |(word, _)| word)
    }
}

/// Reads variables of who runs the program.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How files are read.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The descriptions of providers.
    pub catalogue: &'a Catalogue,
    /// The slug of the one connection of a file that does not name it.
    pub slug: Option<&'a str>,
    /// Its provider.
    pub provider: Option<&'a str>,
    /// The path of a secret in Vault, `MOUNT/PATH`, to which its fields are to refer.
    pub vault_path: Option<&'a str>,
    /// Whether variables that a file names stay references, which the server follows.
    pub refers_to_env: bool,
    /// The variables, for settings that a file takes from them.
    pub variables: Variables<'a>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("slug", &self.slug).finish_non_exhaustive()
    }
}

/// What was made of files.
#[derive(Debug, Default)]
pub struct Converted {
    /// The connections.
    pub manifest: Manifest,
    /// What could not be made into one, by name, and why.
    pub refused: Vec<(String, String)>,
    /// What else is to be known.
    pub notes: Vec<String>,
    /// Fields of connections whose secrets are not in the file, which shows masks or nothing.
    pub missing: Vec<(String, String)>,
}

/// What one file holds.
#[derive(Debug, Default)]
struct FileContent {
    drafts: Vec<Draft>,
    refused: Vec<(String, String)>,
    notes: Vec<String>,
}

/// Makes connections of files, each with its name and text.
///
/// # Errors
/// A file that is not of the kind.
pub fn convert(
    kind: Kind,
    files: &[(String, String)],
    workspace: &WorkspaceName,
    options: Options<'_>,
) -> Result<Converted, Complaint> {
    let mut converted = Converted::default();
    let mut slugs = slugs::Slugs::default();
    for (name, text) in files {
        let found = match kind {
            Kind::Blaxel => blaxel::read(name, text, options),
            Kind::Pica => pica::read(name, text),
            Kind::Umbraco => umbraco::read(name, text, options),
            Kind::Portkey => portkey::read(name, text, options),
            Kind::ElevenLabs => elevenlabs::read(name, text, options),
            Kind::Env => env::read(name, text, options),
            Kind::LiteLlm => litellm::read(name, text, options),
            Kind::Vault => vault::read(name, text, options),
            Kind::Kubernetes => kubernetes::read(name, text, options),
        }?;
        converted.refused.extend(found.refused);
        converted.notes.extend(found.notes);
        for draft in found.drafts {
            take(&mut converted, &mut slugs, draft, workspace);
        }
    }
    Ok(converted)
}

/// Adds what a draft describes, if the contract takes it.
fn take(
    converted: &mut Converted,
    slugs: &mut slugs::Slugs,
    draft: Draft,
    workspace: &WorkspaceName,
) {
    let Draft { place, slug, body, secrets, missing } = draft;
    let slug = slugs.take(&slug);
    let refused = &mut converted.refused;
    let faulty = secrets.iter().find_map(|(field, source)| {
        let text = source.value()?.given_text().unwrap_or_default().to_owned();
        crate::read::check_value(field, ledger_vault::Plaintext::from_string(text)).err()
    });
    if let Some(message) = faulty {
        return refused.push((slug, message));
    }
    match crate::read::checked(workspace, body, &secrets) {
        Ok(fields) => {
            converted.missing.extend(missing.into_iter().map(|field| (slug.clone(), field)));
            let workspace = workspace.as_str().to_owned();
            let item = ConnectionItem { place, workspace, slug, fields, secrets };
            converted.manifest.connections.push(item);
        }
        Err(problem) => refused.push((slug, problem.message)),
    }
}
