//! `GET /v1/workspace/auth-connections` of ElevenLabs. No answer of it has a secret.

use ledger_providers::Facade;

use super::draft::Draft;
use super::lists::rows;
use super::{FileContent, Options};
use crate::place::Complaint;

/// Members of every kind, which are no settings.
const COMMON: [&str; 8] = [
    "auth_type",
    "id",
    "name",
    "provider",
    "status",
    "status_detail",
    "status_updated_at",
    "used_by",
];

/// The product's words for methods, where they are others than the ledger's, and the secret field.
const METHODS: [(&str, &str, &str); 13] = [
    ("oauth2_client_credentials", "oauth2_client_credentials", "client_secret"),
    ("basic_auth", "basic", "password"),
    ("bearer_auth", "bearer", "token"),
    ("oauth2_jwt", "oauth2_jwt", "secret_key"),
    ("private_key_jwt", "private_key_jwt", "secret_key"),
    ("mtls", "mtls", "client_key"),
    ("custom_header_auth", "custom_header", "token"),
    ("refresh_token_auth", "refresh_token", "refresh_token"),
    ("api_integration_oauth2_auth_code", "integration_oauth2_auth_code", "refresh_token"),
    ("api_integration_oauth2_custom_app", "integration_oauth2_custom_app", "refresh_token"),
    ("whatsapp_auth", "whatsapp", "token"),
    ("slack_bot_auth", "slack_bot", "token"),
    ("url_secret", "url_secret", "url"),
];

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let mut found = FileContent::default();
    for row in rows(file, text, &["auth_connections"], "auth_type")? {
        let named = row.text("provider").unwrap_or_default();
        let known = options.catalogue.find_at(Facade::ElevenLabs, named);
        let provider = known.map_or(named, |known| known.id.as_str());
        let name = row.text("name").unwrap_or(provider);
        let mut draft = Draft::new(row.place.clone(), name, provider);
        draft.set("display_name", row.text("name"));
        let kind = row.text("auth_type").unwrap_or_default();
        let method = METHODS.into_iter().find(|(word, ..)| *word == kind);
        draft.set("auth_method", method.map_or("unknown", |(_, method, _)| method));
        draft.missing.extend(method.map(|(.., secret)| secret.to_owned()));
        let settings = row.members.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
        for (name, value) in settings {
            // The product shows all of them in the clear, so only certain secrets are ones.
            match options.catalogue.of("").exposed(name, value) {
                Some(_) if !value.is_object() => {
                    draft.field(options.catalogue.of(provider), name, value.clone());
                }
                _ => draft.set_in("config", name, value.clone()),
            }
        }
        found.drafts.push(draft);
    }
    Ok(found)
}
