//! How a person permits the ledger to get tokens: by a link and the code that comes back with the
//! browser (RFC 6749 section 4.1, RFC 7636), or by a code that is entered elsewhere (RFC 8628).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use ledger_domain::connection::{AuthMethod, Details};
use ledger_providers::Request;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::plan::{Client, Grant, Plan, Unusable, is_url};
use crate::request::{self, To};
use crate::settings::{Secrets, Settings, texts_of};

/// The longest link, in bytes.
const LINK_BYTES: usize = 8 * 1_024;
/// Parameters of a link that no setting replaces.
const RESERVED: [&str; 6] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// What a link is made of that the settings do not have.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Where the browser comes back to.
    pub redirect_uri: &'a str,
    /// What comes back with it.
    pub state: &'a str,
    /// The challenge of the verifier that the code is exchanged with; see [`challenge`].
    pub challenge: &'a str,
}

/// What a code is exchanged with.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// The code.
    pub code: &'a str,
    /// Where the browser came back to.
    pub redirect_uri: &'a str,
    /// The verifier of the challenge that was in the link.
    pub verifier: &'a str,
}

impl std::fmt::Debug for Code<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(..)")
    }
}

/// How a person permits the ledger to get tokens for a connection.
#[derive(Clone, Debug)]
pub struct Authorization {
    plan: Plan,
    #[expect(clippy::struct_field_names, reason = "the name of the setting")]
    authorization_url: Option<String>,
    device_authorization_url: Option<String>,
    /// Who has to answer, if that is checked.
    issuer: Option<String>,
    params: Map<String, Value>,
}

/// Returns whether a person can permit the ledger to get tokens of connections with a method,
/// which it refreshes with the refresh token that it gets then.
pub const fn is_authorized_by_a_person(method: AuthMethod) -> bool {
    matches!(
        method,
        AuthMethod::RefreshToken
            | AuthMethod::IntegrationOAuth2AuthCode
            | AuthMethod::IntegrationOAuth2CustomApp
    )
}

/// Returns the challenge of a verifier (RFC 7636, method S256).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

impl Authorization {
    /// Reads the settings of a connection that has these secret fields.
    ///
    /// # Errors
    /// They do not say how a person permits it.
    pub fn of<'s>(
        details: &Details,
        secrets: impl Iterator<Item = &'s str>,
    ) -> Result<Self, Unusable> {
        if !is_authorized_by_a_person(details.auth_method) {
            return Err(Unusable::NoPerson(details.auth_method.as_str()));
        }
        let settings = Settings(details);
        let names: BTreeSet<&str> = secrets.collect();
        let client = Client::of(settings, names.contains("client_secret"))?;
        Ok(Self {
            plan: Plan::with(Grant::Permitted(client), details, &names)?,
            authorization_url: url(settings, "authorization_url")?,
            device_authorization_url: url(settings, "device_authorization_url")?,
            issuer: settings.text("issuer")?,
            params: settings.map("authorization_params")?,
        })
    }

    /// Returns the member of an answer that has the token.
    pub const fn field(&self) -> &'static str {
        self.plan.field()
    }

    /// Returns the secret fields that its requests take.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.plan.secrets()
    }

    /// Returns the link that a person opens. It contains no secret field.
    ///
    /// # Errors
    /// The settings have no `authorization_url`, or the link would be longer than 8 KiB.
    pub fn link(&self, link: Link<'_>) -> Result<String, Unusable> {
        let url = self.authorization_url.as_ref();
        let url = url.ok_or(Unusable::Lacks("authorization_url"))?;
        let none = |_: &str| None;
        let mut extra = texts_of("authorization_params", &self.params, &[], &none);
        extra.retain(|(name, _)| !RESERVED.contains(&name.as_str()));
        let has_scope = extra.iter().any(|(name, _)| name == "scope");
        let mut text = url.clone();
        let start = url.find('?').unwrap_or(url.len()) + 1;
        if start > url.len() {
            text.push('?');
        }
        let mut query = Serializer::for_suffix(text, start);
        query.append_pair("response_type", "code");
        query.append_pair("client_id", &self.plan.client_id());
        query.append_pair("redirect_uri", link.redirect_uri);
        if !self.plan.scopes.is_empty() && !has_scope {
            query.append_pair("scope", &self.plan.scopes.join(" "));
        }
        query.append_pair("state", link.state);
        query.append_pair("code_challenge", link.challenge);
        query.append_pair("code_challenge_method", "S256");
        for (name, value) in &extra {
            query.append_pair(name, value);
        }
        let text = query.finish();
        if text.len() > LINK_BYTES {
            let wanted = "so short that the link has at most 8 KiB";
            return Err(Unusable::Malformed { name: "authorization_params", wanted });
        }
        Ok(text)
    }

    /// Returns whether an answer comes from where the settings say (RFC 9207): always if they say
    /// nothing.
    pub fn is_from_issuer(&self, issuer: Option<&str>) -> bool {
        self.issuer.as_deref().is_none_or(|own| issuer == Some(own))
    }

    /// Returns the request for tokens in exchange for a code.
    ///
    /// # Errors
    /// A secret is missing, or does not fit.
    pub fn exchange(&self, code: Code<'_>, secrets: Secrets<'_>) -> Result<Request, Unusable> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.code),
            ("redirect_uri", code.redirect_uri),
            ("code_verifier", code.verifier),
        ];
        self.request(To::Token, &form, secrets)
    }

    /// Returns the request for a code that a person enters elsewhere.
    ///
    /// # Errors
    /// The settings have no `device_authorization_url`; a secret does not fit.
    pub fn device(&self, secrets: Secrets<'_>) -> Result<Request, Unusable> {
        let url = self.device_authorization_url.as_deref();
        let url = url.ok_or(Unusable::Lacks("device_authorization_url"))?;
        self.request(To::Device(url), &[], secrets)
    }

    /// Returns the request that asks whether the person has entered the code.
    ///
    /// # Errors
    /// A secret is missing, or does not fit.
    pub fn poll(&self, device_code: &str, secrets: Secrets<'_>) -> Result<Request, Unusable> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", device_code),
        ];
        self.request(To::Token, &form, secrets)
    }

    fn request(
        &self,
        to: To<'_>,
        form: &[(&'static str, &str)],
        secrets: Secrets<'_>,
    ) -> Result<Request, Unusable> {
        let form = form.iter().map(|(name, value)| (*name, Zeroizing::new((*value).to_owned())));
        let client = self.plan.client();
        let client =
            client.map(|client| (client, secrets("client_secret").filter(|_| client.has_secret)));
        request::of(&self.plan, to, form.collect(), client, secrets)
    }
}

fn url(settings: Settings<'_>, name: &'static str) -> Result<Option<String>, Unusable> {
    let wanted = "an https: URL of at most 2048 characters, without a fragment";
    match settings.text(name)? {
        Some(text) if !is_url(&text) || text.len() > 2_048 || text.contains('#') => {
            Err(Unusable::Malformed { name, wanted })
        }
        other => Ok(other),
    }
}
