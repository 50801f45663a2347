//! A target: where backups are. A folder, or an object store.
//!
//! An object appears whole or not at all. What is read is compared with its size before it is taken
//! into memory. All methods block, and end early when the server stops.

mod address;
mod fault;
mod leftovers;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use ledger_domain::Micros;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt as _, RetryConfig};
use tokio::runtime::Handle;
use tokio_rustls::rustls::crypto::ring;

pub use address::{AddressError, TargetAddress};
pub use fault::{TargetError, TargetFault};

use crate::length::length;
use crate::stop::Stop;
use address::{Place, Store};

/// How long a request to a target may take by default until it is answered. Its bytes may take
/// longer.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// A request may take this much longer for each of its bytes: a target that is slower is of no use.
const BYTES_PER_SECOND_MIN: u64 = 256 * 1024;
/// How often a request is repeated.
const RETRIES_MAX: usize = 4;

/// A place for backups.
#[derive(Clone, Debug)]
pub struct Target {
    address: TargetAddress,
    store: Arc<dyn ObjectStore>,
    patience: Duration,
    runtime: Handle,
    stop: Stop,
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl Target {
    /// Opens a target, without asking it anything; a folder must be there. Credentials come from
    /// the environment variables of each store: `AWS_*`, `GOOGLE_*`, `AZURE_*`. Must be called
    /// within a runtime.
    pub fn open(
        address: &TargetAddress,
        patience: Duration,
        stop: Stop,
    ) -> Result<Self, TargetError> {
        let store = open(address, patience)
            .map_err(|error| TargetError::of(&error, address, "open the target"))
            .map_err(TargetError::of_whole_target)?;
        let runtime = Handle::current();
        Ok(Self { address: address.clone(), store, patience, runtime, stop })
    }

    /// Returns its address.
    pub fn address(&self) -> &TargetAddress {
        &self.address
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Writes an object.
    pub(crate) fn put(&self, name: &str, bytes: Bytes) -> Result<(), TargetError> {
        let size = length(bytes.len());
        let doing = format!("write {name}");
        let put = async { self.store.put(&Path::from(name), bytes.into()).await.map(drop) };
        self.wait(&doing, size, put).map_err(TargetError::of_whole_target)
    }

    /// Reads an object of exactly this size.
    pub(crate) fn get_sized(&self, name: &str, bytes: u64) -> Result<Bytes, TargetError> {
        let read = self.get(name, bytes)?;
        if length(read.len()) == bytes {
            return Ok(read);
        }
        let cause = format!("it has {} bytes instead of {bytes}", read.len());
        Err(TargetError::new(TargetFault::Size, &self.address, &format!("read {name}"), cause))
    }

    /// Reads an object of at most this size.
    pub(crate) fn get(&self, name: &str, bytes_max: u64) -> Result<Bytes, TargetError> {
        let doing = format!("read {name}");
        let path = Path::from(name);
        // How long the bytes may take is known once the target says how many there are.
        let found = self.wait(&doing, 0, self.store.get(&path))?;
        let size = found.meta.size;
        if size > bytes_max {
            let cause = format!("it has {size} bytes, more than {bytes_max}");
            return Err(TargetError::new(TargetFault::Size, &self.address, &doing, cause));
        }
        self.wait(&doing, size, found.bytes())
    }

    /// Lists the objects of a folder in the order of their names.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<Listed>, TargetError> {
        let doing = format!("list {folder}");
        let prefix = Path::from(folder);
        let mut found = self.store.list(Some(&prefix));
        let mut all = Vec::new();
        // A long list comes in many pages, of which each has its own time.
        while let Some(meta) = self.wait(&doing, 0, found.try_next())? {
            all.push(Listed { name: meta.location.to_string(), bytes: meta.size });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Removes an object; one that is not there is as good as removed.
    pub(crate) fn remove(&self, name: &str) -> Result<(), TargetError> {
        let doing = format!("remove {name}");
        let remove = async { self.store.delete(&Path::from(name)).await };
        match self.wait(&doing, 0, remove) {
            Err(error) if error.fault == TargetFault::Missing => Ok(()),
            removed => removed,
        }
    }

    /// Removes what unfinished writes of other processes have left in a folder, if it is older than
    /// a day. Object stores show no such thing. Returns the number of files.
    pub(crate) fn remove_leftovers(&self, now: Micros, dry_run: bool) -> Result<u64, TargetError> {
        match &self.address.0 {
            Place::Folder(path) => leftovers::remove(path, now, dry_run).map_err(|error| {
                let error = object_store::Error::Generic { store: "folder", source: error.into() };
                TargetError::of(&error, &self.address, "remove unfinished files")
            }),
            Place::Store { .. } => Ok(0),
        }
    }

    /// Waits for a request, not for longer than its bytes may take.
    fn wait<T>(
        &self,
        doing: &str,
        bytes: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, TargetError> {
        let patience = self.patience + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN);
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.requested() => {
                    let cause = "the server stops";
                    Err(TargetError::new(TargetFault::Stopped, &self.address, doing, cause))
                }
                answered = tokio::time::timeout(patience, request) => {
                    let Ok(answered) = answered else {
                        let cause = format!("no end within {} seconds", patience.as_secs());
                        let (fault, address) = (TargetFault::Slow, &self.address);
                        return Err(TargetError::new(fault, address, doing, cause));
                    };
                    answered.map_err(|error| TargetError::of(&error, &self.address, doing))
                }
            }
        })
    }
}

fn open(address: &TargetAddress, patience: Duration) -> object_store::Result<Arc<dyn ObjectStore>> {
    let (kind, bucket, prefix) = match &address.0 {
        Place::Folder(path) => {
            return Ok(Arc::new(LocalFileSystem::new_with_prefix(path)?.with_fsync(true)));
        }
        Place::Store { kind, bucket, prefix } => (*kind, bucket, prefix),
    };
    // Fails if there is one already, which serves as well.
    ring::default_provider().install_default().ok();
    let retry =
        RetryConfig { max_retries: RETRIES_MAX, retry_timeout: patience, ..RetryConfig::default() };
    // Each request has its own limit here, which grows with its bytes.
    let unlimited = (ClientConfigKey::Timeout, "1 day");
    let (key, value) = unlimited;
    let prefix = Path::from(prefix.as_str());
    let store: Arc<dyn ObjectStore> = match kind {
        Store::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
            let store = builder.with_config(AmazonS3ConfigKey::Client(key), value).build()?;
            Arc::new(PrefixStore::new(store, prefix))
        }
        Store::Google => {
            let builder =
                GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
            let store = builder.with_config(GoogleConfigKey::Client(key), value).build()?;
            Arc::new(PrefixStore::new(store, prefix))
        }
        Store::Azure => {
            let builder =
                MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
            let store = builder.with_config(AzureConfigKey::Client(key), value).build()?;
            Arc::new(PrefixStore::new(store, prefix))
        }
    };
    Ok(store)
}
