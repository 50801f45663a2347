//! What messages of alerts are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_contract::alerts::IssuedSigning;
use ledger_contract::commands::ParsedCommand;
use ledger_domain::{
    Alert, AlertChange, CheckedText as _, Line, Micros, SignatureScheme, Signing, WorkspaceName,
};
use ledger_vault::SigningSecret;
use rand::RngCore as _;

use crate::engine::Engine;

/// Random bytes of a salt.
const SALT_BYTES: usize = 24;

impl Engine {
    /// Draws the salt of the signing secret that a command about an alert begins, and returns what
    /// receivers are told. A command that begins none, or is about no alert, has none; for one that
    /// creates an alert by mail, nobody is told.
    pub(crate) fn draw_signing(
        &self,
        place: &WorkspaceName,
        command: &mut ParsedCommand,
    ) -> Option<IssuedSigning> {
        let ParsedCommand::Alert(command) = command else { return None };
        let (scheme, drawn) = match &mut command.change {
            AlertChange::Create { scheme, drawn, .. } => (*scheme, drawn),
            AlertChange::RotateSecret { scheme, drawn, .. } => {
                let alerts = self.shared.alerts.now().of(place);
                let now = alerts.all.get(&command.name).map(|alert| alert.signing.scheme);
                (scheme.or(now).unwrap_or(SignatureScheme::Hmac), drawn)
            }
            AlertChange::Update(_)
            | AlertChange::Test
            | AlertChange::Replay { .. }
            | AlertChange::Disable { .. }
            | AlertChange::Remove => return None,
        };
        let mut salt = [0; SALT_BYTES];
        self.shared.ports.rng().fill_bytes(&mut salt);
        let salt = Line::stored(URL_SAFE_NO_PAD.encode(salt).into());
        let secret = self.shared.fingerprint_key.signing_secret(&salt);
        let (shared, public) = match scheme {
            SignatureScheme::Hmac => (Some(secret.shared_text().to_string()), None),
            SignatureScheme::Ed25519 => (None, Some(secret.public_text())),
        };
        let public_key = public.as_ref().map(|key| Line::stored(key.as_str().into()));
        *drawn = Some(Signing { scheme, salt, public_key });
        if command.change.receiver().is_some_and(|receiver| !receiver.is_signed()) {
            return None;
        }
        let signature = scheme.as_str().to_owned();
        Some(IssuedSigning { signature, secret: shared, public_key: public })
    }

    /// Returns what messages of an alert are signed with now, the current secret first.
    pub fn signing_secrets(
        &self,
        alert: &Alert,
        now: Micros,
    ) -> Vec<(SignatureScheme, SigningSecret)> {
        let key = &self.shared.fingerprint_key;
        let secret = |signing: &Signing| (signing.scheme, key.signing_secret(&signing.salt));
        alert.signings(now).map(secret).collect()
    }
}
