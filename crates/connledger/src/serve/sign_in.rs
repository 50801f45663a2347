//! The flags by which people sign in to the console at an identity provider.

use std::path::PathBuf;

use clap::Args;
use ledger_tokens::SignInOptions;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::session::read_line;

/// Where browsers come back to, below the public URL.
const CALLBACK: &str = "sign-in/callback";

/// The flags of signing in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing in to the console at the identity provider")]
#[expect(clippy::struct_field_names, reason = "the fields are named as the flags are")]
pub(crate) struct SignInArgs {
    /// Client id of the console at the issuer, so that people sign in there instead of pasting a
    /// key. They come back to /sign-in/callback below --public-url; register that at the issuer
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_CLIENT_ID",
        requires = "oidc_issuer",
        requires = "public_url",
        value_name = "ID"
    )]
    oidc_client_id: Option<String>,
    /// File with the secret of that client, readable by its owner only [default: a public client]
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_CLIENT_SECRET_FILE",
        requires = "oidc_client_id",
        value_name = "FILE"
    )]
    oidc_client_secret_file: Option<PathBuf>,
    /// Scope to ask for beside openid; may be repeated
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_SCOPE",
        requires = "oidc_client_id",
        value_delimiter = ',',
        value_name = "SCOPE"
    )]
    oidc_scope: Vec<String>,
    /// Further parameter of the link to the issuer, such as `resource=https://ledger.example.com`;
    /// may be repeated. Issuers differ in how they are told whom a token is for: by resource (RFC
    /// 8707) or by audience, both of which are sent with the code as well
    #[arg(
        long,
        env = "CONNLEDGER_OIDC_PARAM",
        requires = "oidc_client_id",
        value_delimiter = ',',
        value_parser = param,
        value_name = "NAME=VALUE"
    )]
    oidc_param: Vec<(String, String)>,
}

fn param(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl SignInArgs {
    /// Returns how people sign in, if they do so at the issuer.
    pub(super) fn options(
        &self,
        public_url: Option<&str>,
    ) -> Result<Option<SignInOptions>, Failure> {
        let (Some(client_id), Some(public_url)) = (&self.oidc_client_id, public_url) else {
            return Ok(None);
        };
        let secret = self.oidc_client_secret_file.as_deref().map(read_line).transpose()?;
        Ok(Some(SignInOptions {
            client_id: client_id.clone(),
            client_secret: secret.map(Zeroizing::new),
            redirect_uri: format!("{}/{CALLBACK}", public_url.trim_end_matches('/')),
            scopes: self.oidc_scope.clone(),
            params: self.oidc_param.clone(),
        }))
    }
}
