//! The flags.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ledger_manifests::convert::Kind;
use ledger_manifests::plan::{Archived, Options};

/// Makes a ledger what manifests declare.
#[derive(Debug, Args)]
#[command(after_help = "\
A manifest is YAML or JSON. A connection is described whole: what is left out has its default. Of
secrets, those that are left out stay. A value comes from a variable, a file or a reference:

  connledger: 1
  connections:
    - slug: openai-prod
      provider: openai
      config: {base_url: https://api.openai.com/v1}
      secrets:
        api_key: {from_env: OPENAI_API_KEY}
        # or {from_file: key.txt}, {reference: {kind: vault, name: kv/team/openai, key: key}},
        # {keep: true} for what is there, or null to remove it
  workspaces: [{name: payments}]
  principals: [{name: eu-1, kind: gateway, grants: [{role: gateway, workspaces: [payments]}]}]

All mistakes in all files are told first, by file and line; then nothing is changed. Each connection
is changed only in the version that was planned, so of two runs at once none undoes the other. All
events have the id of the run as their causation id. A run that was ended goes on when it is repeated.

Exit codes: 0 done, 1 something was refused, 2 a manifest is wrong, 3 unavailable.

Examples:
  connledger apply -f fleet/ --dry-run                     what would be changed
  connledger apply -f fleet/
  connledger apply -f fleet/ --prune                       asks before it archives others
  connledger export --manifest | sed s/gpt-4/gpt-5/ | connledger apply -f -
  connledger diff -f fleet/                                exit code 1 if something differs")]
pub(crate) struct ApplyArgs {
    /// Manifest: a file, a folder of files (.yaml, .yml and .json, without those in folders
    /// within), or - for standard input; may be repeated
    #[arg(long, short = 'f', value_name = "FILE", required = true)]
    pub(super) file: Vec<PathBuf>,
    /// Show the plan, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask before connections are archived
    #[arg(long)]
    pub(super) yes: bool,
    /// Mark connections that are as declared, and that no run has changed yet, as belonging to the
    /// set: changes by hand are told from then on, and --prune archives them
    #[arg(long)]
    pub(super) adopt: bool,
    #[command(flatten)]
    pub(super) declared: DeclaredArgs,
}

/// How manifests are compared with what is there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Manifests")]
pub(crate) struct DeclaredArgs {
    /// Archive the connections that earlier runs of the same set made or changed, in the workspaces
    /// of the manifests, and that are not declared any more
    #[arg(long, requires = "file")]
    pub(super) prune: bool,
    /// Name of the set to which the manifests belong; --prune looks at no other
    #[arg(long, value_name = "NAME", default_value = "default", requires = "file")]
    pub(super) set: String,
    /// What becomes of an archived connection with the name of a new one: refuse the new one,
    /// restore it, or make a new one
    #[arg(long, value_name = "WHAT", default_value = "refuse", requires = "file")]
    pub(super) archived: ArchivedArg,
    /// Take values of secrets that stand in the manifests in the clear
    #[arg(long, requires = "file")]
    pub(super) allow_clear_secrets: bool,
}

impl DeclaredArgs {
    /// Returns how is compared.
    pub(super) fn options(&self, adopts: bool) -> CompareOptions<'_> {
        CompareOptions {
            prune: self.prune,
            plan: Options { set: &self.set, adopts, updates: true, archived: self.archived.into() },
        }
    }
}

/// How manifests are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompareOptions<'a> {
    pub(super) prune: bool,
    pub(super) plan: Options<'a>,
}

/// What becomes of an archived connection.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ArchivedArg {
    Refuse,
    Restore,
    New,
}

impl From<ArchivedArg> for Archived {
    fn from(arg: ArchivedArg) -> Self {
        match arg {
            ArchivedArg::Refuse => Self::Refuse,
            ArchivedArg::Restore => Self::Restore,
            ArchivedArg::New => Self::New,
        }
    }
}

/// What is exported as a manifest.
#[derive(Debug, Args)]
#[command(next_help_heading = "As a manifest")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct ManifestArgs {
    /// Write what the ledger holds as a manifest: to standard output, unless --out names a file
    #[arg(long)]
    manifest: bool,
    /// Connections of all workspaces, with the workspaces
    #[arg(long, short = 'A', requires = "manifest")]
    pub(super) all_workspaces: bool,
    /// Principals as well, without their keys
    #[arg(long, requires = "manifest")]
    pub(super) principals: bool,
    /// Write `from_env` in the place of each secret, with a name made of the connection and the
    /// field, instead of `keep: true`
    #[arg(long, requires = "manifest")]
    pub(super) secrets_from_env: bool,
}

impl ManifestArgs {
    /// Returns whether a manifest is wanted.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.manifest
    }
}

/// How files of other products are imported.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files of other products")]
pub(crate) struct ForeignArgs {
    /// Kind of the files
    #[arg(long, value_name = "KIND")]
    from: Option<KindArg>,
    /// Carry the plan out
    #[arg(long, requires = "from")]
    pub(super) yes: bool,
    /// Also change connections that are there already and differ
    #[arg(long, requires = "from")]
    pub(super) update: bool,
    /// Write a manifest instead of changing anything; `-` for standard output
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "yes")]
    pub(super) out: Option<PathBuf>,
    /// Slug of the one connection of a file that does not name it
    #[arg(long, requires = "from")]
    pub(super) slug: Option<String>,
    /// Provider of the connections of the files, if these do not name it
    #[arg(long, requires = "from")]
    pub(super) provider: Option<String>,
    /// Refer to the secret MOUNT/PATH of Vault, instead of storing its values
    #[arg(long, value_name = "MOUNT/PATH", requires = "from")]
    pub(super) vault_path: Option<String>,
    /// Have the server follow the variables that a file names, instead of storing their values
    #[arg(long, requires = "from")]
    pub(super) env_references: bool,
    /// Name of the set to which the connections belong
    #[arg(long, value_name = "NAME", default_value = "imported", requires = "from")]
    pub(super) set: String,
}

impl ForeignArgs {
    /// Returns the kind of the files, if they are of another product.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.from.map(|kind| kind.0)
    }

    /// Returns how is compared.
    pub(super) fn options(&self) -> CompareOptions<'_> {
        let plan = Options {
            set: &self.set,
            adopts: false,
            updates: self.update,
            archived: Archived::Refuse,
        };
        CompareOptions { prune: false, plan }
    }
}

/// The kind of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindArg(Kind);

impl ValueEnum for KindArg {
    fn value_variants<'a>() -> &'a [Self] {
        const KINDS: [KindArg; 9] = [
            KindArg(Kind::Blaxel),
            KindArg(Kind::Pica),
            KindArg(Kind::Umbraco),
            KindArg(Kind::Portkey),
            KindArg(Kind::ElevenLabs),
            KindArg(Kind::Env),
            KindArg(Kind::LiteLlm),
            KindArg(Kind::Vault),
            KindArg(Kind::Kubernetes),
        ];
        &KINDS
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.as_str()))
    }
}
