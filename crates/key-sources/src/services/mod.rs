//! Key services: what wraps a master key, and opens it again.

mod aws;
mod aws_http;
mod google;
mod post;
mod transit;
mod vault;
mod vault_login;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use ledger_domain::MasterKeyId;
use ledger_vault::{KeyText, Keyring, MasterKeyBytes, WrappedMasterKey};
use tokio::sync::OnceCell;

use crate::error::{Cause, ServiceError};
use crate::reader::Settings;
use aws::AwsKms;
pub(crate) use aws::{config as aws_config, meaning as aws_meaning};
use google::GoogleKms;
use transit::Transit;
pub(crate) use vault::{Login, said};
pub(crate) use vault_login::log_in;

/// What wraps master keys with a key of its own that never leaves it. What it makes of a master key
/// is bound to the id of that key.
#[async_trait]
pub(crate) trait KeyService: fmt::Debug + Send + Sync {
    /// Returns what errors call it.
    fn name(&self) -> String;

    /// Wraps the bytes of a master key under a key of the service.
    async fn wrap(
        &self,
        key: &str,
        id: MasterKeyId,
        bytes: &MasterKeyBytes,
    ) -> Result<Vec<u8>, Cause>;

    /// Opens what it wrapped.
    async fn open(&self, wrapped: &WrappedMasterKey) -> Result<MasterKeyBytes, Cause>;

    /// Gives back what was only taken for this use, such as a login.
    async fn finish(&self) {}
}

/// The kinds of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The transit engine of HashiCorp Vault or OpenBao.
    Transit,
    /// AWS KMS.
    AwsKms,
    /// Google Cloud KMS.
    GoogleKms,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Transit, Self::AwsKms, Self::GoogleKms];

    /// Returns the name in lines and on the command line.
    const fn name(self) -> &'static str {
        match self {
            Self::Transit => "transit",
            Self::AwsKms => "aws-kms",
            Self::GoogleKms => "google-kms",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A key at a service, such as `transit:transit/ledger`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceKey {
    kind: Kind,
    key: String,
}

impl FromStr for ServiceKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, key) = text.split_once(':').unwrap_or((text, ""));
        let kind = Kind::of(name).ok_or_else(|| format!("must be {}", forms()))?;
        let is_good = match kind {
            Kind::Transit => transit::is_key(key),
            Kind::AwsKms => aws::is_key(key),
            Kind::GoogleKms => google::is_key(key),
        };
        if is_good {
            return Ok(Self { kind, key: key.to_owned() });
        }
        Err(format!("must name a key, as in {}", example(kind)))
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.key)
    }
}

const fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Transit => "transit:MOUNT/KEY",
        Kind::AwsKms => "aws-kms:KEY_ID_OR_ARN",
        Kind::GoogleKms => "google-kms:projects/P/locations/L/keyRings/R/cryptoKeys/K",
    }
}

fn forms() -> String {
    Kind::ALL.map(example).join(" or ")
}

/// The services of one reading, each of which is logged in to once, when it is needed.
pub(crate) struct Services {
    settings: Settings,
    transit: OnceCell<Transit>,
    aws: OnceCell<AwsKms>,
    google: OnceCell<GoogleKms>,
}

impl Services {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, transit: OnceCell::new(), aws: OnceCell::new(), google: OnceCell::new() }
    }

    /// Opens every wrapped key of a text, in order.
    pub(crate) async fn open_all(
        &self,
        text: &KeyText,
    ) -> Result<Vec<MasterKeyBytes>, ServiceError> {
        let mut opened = Vec::new();
        for wrapped in text.wrapped() {
            opened.push(self.open(wrapped).await?);
        }
        Ok(opened)
    }

    /// Wraps every key, in order.
    pub(crate) async fn wrap_all(
        &self,
        with: &ServiceKey,
        keys: &Keyring,
    ) -> Result<Vec<WrappedMasterKey>, ServiceError> {
        let mut wrapped = Vec::new();
        for (id, bytes) in keys.for_wrapping() {
            wrapped.push(self.wrap(with, id, &bytes).await?);
        }
        Ok(wrapped)
    }

    /// Opens a key with the service that its line names.
    async fn open(&self, wrapped: &WrappedMasterKey) -> Result<MasterKeyBytes, ServiceError> {
        let name = wrapped.service();
        let kind = Kind::of(name).ok_or_else(|| {
            let remedy = "look whether the line is damaged, or made by a newer version";
            let cause = format!("this version knows {}", forms());
            Cause::refused(cause, remedy).at(name, opening(wrapped.id()))
        })?;
        let service = self.service(kind, || opening(wrapped.id())).await?;
        open_with(service, wrapped).await
    }

    /// Wraps a key, and opens it again: what cannot be opened is never written.
    async fn wrap(
        &self,
        with: &ServiceKey,
        id: MasterKeyId,
        bytes: &MasterKeyBytes,
    ) -> Result<WrappedMasterKey, ServiceError> {
        let service = self.service(with.kind, || wrapping(id)).await?;
        let ciphertext = service.wrap(&with.key, id, bytes).await;
        let ciphertext = ciphertext.map_err(|cause| cause.at(&service.name(), wrapping(id)))?;
        let unusable = |text: &str| {
            let remedy = "report it to those who run the service";
            Cause::refused(text, remedy).at(with.kind.name(), wrapping(id))
        };
        let wrapped = WrappedMasterKey::new(id, with.kind.name(), &with.key, ciphertext);
        let wrapped =
            wrapped.ok_or_else(|| unusable("what it made of the key is empty or too long"))?;
        if open_with(service, &wrapped).await? != *bytes {
            return Err(unusable("it did not open as the same key"));
        }
        Ok(wrapped)
    }

    /// Gives back what was only taken for this use.
    pub(crate) async fn finish(&self) {
        if let Some(transit) = self.transit.get() {
            transit.finish().await;
        }
        if let Some(aws) = self.aws.get() {
            aws.finish().await;
        }
        if let Some(google) = self.google.get() {
            google.finish().await;
        }
    }

    async fn service(
        &self,
        kind: Kind,
        doing: impl FnOnce() -> String,
    ) -> Result<&dyn KeyService, ServiceError> {
        let settings = self.settings;
        match kind {
            Kind::Transit => {
                let log_in = async || Transit::log_in(settings).await;
                let transit = self.transit.get_or_try_init(log_in).await;
                Ok(transit.map_err(|cause: Cause| cause.at(transit::SERVICE, doing()))?)
            }
            Kind::AwsKms => {
                let find = async || AwsKms::find(settings).await;
                let aws = self.aws.get_or_try_init(find).await;
                Ok(aws.map_err(|cause: Cause| cause.at(aws::SERVICE, doing()))?)
            }
            Kind::GoogleKms => {
                let find = async || GoogleKms::find(settings);
                let google = self.google.get_or_try_init(find).await;
                Ok(google.map_err(|cause: Cause| cause.at(google::SERVICE, doing()))?)
            }
        }
    }
}

async fn open_with(
    service: &dyn KeyService,
    wrapped: &WrappedMasterKey,
) -> Result<MasterKeyBytes, ServiceError> {
    let opened = service.open(wrapped).await;
    opened.map_err(|cause| cause.at(&service.name(), opening(wrapped.id())))
}

/// Says what is asked of a service.
fn opening(id: MasterKeyId) -> String {
    format!("open master key {id}")
}

fn wrapping(id: MasterKeyId) -> String {
    format!("wrap master key {id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_key_is_shown_as_it_is_typed_and_anything_else_says_what_is_known() {
        let arn = "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/0a1b-2c3d";
        for good in ["transit:transit/ledger", "transit:team/a/keys.v1/l_1", arn, "aws-kms:alias/l"]
        {
            assert_eq!(good.parse::<ServiceKey>().unwrap().to_string(), good);
        }
        for (bad, hint) in [
            ("", "must be transit:MOUNT/KEY or aws-kms:"),
            ("vault:a/b", "must be transit:MOUNT/KEY or aws-kms:"),
            ("transit", "must name a key"),
            ("transit:ledger", "must name a key"),
            ("transit:a/../b", "must name a key"),
            ("transit:a//b", "must name a key"),
            ("transit:a/b?c", "must name a key"),
            ("aws-kms:", "must name a key"),
            ("aws-kms:a b", "must name a key"),
        ] {
            assert!(bad.parse::<ServiceKey>().unwrap_err().starts_with(hint), "{bad}");
        }
    }
}
