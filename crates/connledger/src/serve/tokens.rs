//! Access tokens of an identity provider: their flags, and accepting them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ledger_domain::InvalidField;
use ledger_engine::Engine;
use ledger_tokens::{
    AccessMark, Algorithm, ClaimPath, DEFAULT_ALGORITHMS, Mapping, MappingForm, Prepared, Rights,
    SignInOptions, TokenOptions, Tokens,
};

use crate::failure::Failure;
use crate::text;

/// The largest mapping file that is read, in bytes.
const MAPPING_BYTES_MAX: u64 = 1024 * 1024;
/// How long a start waits for the issuer's keys. After that it continues and fetches them later.
const KEYS_PATIENCE: Duration = Duration::from_secs(5);

/// The flags of access tokens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tokens of an identity provider")]
#[expect(clippy::struct_field_names, reason = "the fields are named as the flags are")]
pub(crate) struct TokenArgs {
    /// OpenID Connect issuer whose access tokens (JWT) are accepted beside API keys; must equal
    /// their `iss` claim exactly
    #[arg(long, env = "CONNLEDGER_OIDC_ISSUER", requires = "oidc_audience", value_name = "URL")]
    pub(crate) oidc_issuer: Option<String>,
    /// Required value of the `aud` claim; if repeated, any one of them
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_AUDIENCE",
        requires = "oidc_issuer",
        value_delimiter = ',',
        value_name = "AUDIENCE"
    )]
    pub(crate) oidc_audience: Vec<String>,
    /// Address of the issuer's public keys, if its /.well-known/openid-configuration does not name
    /// it
    #[arg(long, env = "CONNLEDGER_OIDC_JWKS_URL", requires = "oidc_issuer", value_name = "URL")]
    pub(crate) oidc_jwks_url: Option<String>,
    /// Accepted signature algorithms [default: RS256,ES256,EdDSA]
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_ALGORITHMS",
        requires = "oidc_issuer",
        value_delimiter = ',',
        value_parser = algorithm,
        value_name = "ALGORITHMS"
    )]
    pub(crate) oidc_algorithms: Vec<Algorithm>,
    /// Claim that only access tokens have, or one with a value that only they have, such as scope
    /// or typ=Bearer. Without it, only tokens are accepted whose header has the type at+jwt, so
    /// that ID tokens are refused
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_ACCESS_CLAIM",
        requires = "oidc_issuer",
        value_parser = mark,
        value_name = "CLAIM[=VALUE]"
    )]
    pub(crate) oidc_access_claim: Option<AccessMark>,
    /// Longest lifetime of a token, from its iat to its exp; longer ones are refused
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_LIFETIME_MAX",
        default_value = "24h",
        value_parser = super::args::duration,
        value_name = "TIME"
    )]
    pub(crate) oidc_lifetime_max: Duration,
    /// Claim that holds the bearer's permissions, such as roles or realm_access.roles [default:
    /// scope]
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_CLAIM",
        requires = "oidc_issuer",
        value_parser = claim,
        value_name = "CLAIM"
    )]
    pub(crate) oidc_claim: Option<ClaimPath>,
    /// Claim that lists the workspaces the bearer is limited to [default: no limit]
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_WORKSPACE_CLAIM",
        requires = "oidc_issuer",
        value_parser = claim,
        value_name = "CLAIM"
    )]
    pub(crate) oidc_workspace_claim: Option<ClaimPath>,
    /// File (.toml or .json) that maps values of the claim to roles or scopes. integrations:list,
    /// :get, :create, :update and :delete need no mapping
    #[arg(long, env = "CONNLEDGER_OIDC_MAPPING", requires = "oidc_issuer", value_name = "FILE")]
    pub(crate) oidc_mapping: Option<PathBuf>,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).map_err(|invalid| invalid.problem)
}

fn mark(text: &str) -> Result<AccessMark, String> {
    text.parse().map_err(|invalid: InvalidField| invalid.problem)
}

fn claim(text: &str) -> Result<ClaimPath, String> {
    text.parse().map_err(|invalid: InvalidField| invalid.problem)
}

/// Checks the flags and reads the mapping. Returns nothing if no tokens are to be accepted.
/// `sign_in` says how people get them with a browser.
pub(super) fn prepare(
    args: &TokenArgs,
    sign_in: Option<SignInOptions>,
) -> Result<Option<Prepared>, Failure> {
    let Some(issuer) = &args.oidc_issuer else { return Ok(None) };
    let mut options = TokenOptions::new(issuer, "");
    options.audiences.clone_from(&args.oidc_audience);
    options.jwks_url.clone_from(&args.oidc_jwks_url);
    options.algorithms = match args.oidc_algorithms.as_slice() {
        [] => DEFAULT_ALGORITHMS.to_vec(),
        chosen => chosen.to_vec(),
    };
    options.access_mark.clone_from(&args.oidc_access_claim);
    options.lifetime_max = args.oidc_lifetime_max;
    options.rights = Rights {
        claim: args.oidc_claim.clone().unwrap_or_default(),
        workspace_claim: args.oidc_workspace_claim.clone(),
        mapping: args.oidc_mapping.as_deref().map(mapping).transpose()?.unwrap_or_default(),
    };
    options.sign_in = sign_in;
    let prepared = options.prepare();
    let wrong = |invalid: InvalidField| format!("--oidc-{}: {}", invalid.field, invalid.problem);
    prepared.map(Some).map_err(|invalid| Failure::usage(wrong(invalid)))
}

fn mapping(path: &Path) -> Result<Mapping, Failure> {
    let wrong =
        |problem: &str| Failure::usage(format!("--oidc-mapping: {}: {problem}", path.display()));
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => MappingForm::Toml,
        Some("json") => MappingForm::Json,
        _ => return Err(wrong("its name must end in .toml or .json")),
    };
    let unreadable = |error: &std::io::Error| Failure::file("read", path, error);
    let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if size > MAPPING_BYTES_MAX {
        return Err(wrong("it is larger than 1 MiB"));
    }
    let text = text::read_file(path).map_err(|error| unreadable(&error))?;
    Mapping::read(form, &text).map_err(|problem| {
        wrong(problem.trim_end())
            .hint("each value is mapped to a role or to scopes, as in: [editors] role = \"editor\"")
    })
}

/// Accepts tokens for as long as the returned value is kept.
pub(super) async fn accept(prepared: Prepared, engine: &Engine) -> Tokens {
    let tokens = prepared.start(engine.clock().clone());
    engine.set_token_verifier(tokens.verifier());
    if !tokens.wait_for_keys(KEYS_PATIENCE).await {
        tracing::warn!(
            "the keys of the token issuer are not available yet, accepting only API keys"
        );
    }
    tokens
}
