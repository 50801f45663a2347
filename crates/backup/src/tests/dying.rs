//! A store that ends at a request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Passes requests on to a store in memory, until so many were made. The last one takes effect or
/// not; nobody gets its answer.
#[derive(Debug)]
pub(crate) struct Dying {
    pub(crate) store: Arc<InMemory>,
    left: AtomicI64,
    last_takes_effect: bool,
}

impl Dying {
    pub(crate) fn after(store: Arc<InMemory>, requests: i64, last_takes_effect: bool) -> Self {
        Self { store, left: AtomicI64::new(requests), last_takes_effect }
    }

    /// Counts a request. Returns whether it takes effect, and whether it is answered.
    fn count(&self) -> (bool, bool) {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        (left > 0 || (left == 0 && self.last_takes_effect), left > 0)
    }
}

fn dead<T>() -> Result<T> {
    Err(Error::Generic { store: "dying", source: "it is dead".into() })
}

impl fmt::Display for Dying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dying")
    }
}

#[async_trait]
impl ObjectStore for Dying {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let (takes_effect, is_answered) = self.count();
        if takes_effect {
            let put = self.store.put_opts(location, payload, options).await?;
            if is_answered {
                return Ok(put);
            }
        }
        dead()
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.count() {
            (_, true) => self.store.get_opts(location, options).await,
            _ => dead(),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (takes_effect, is_answered) = self.count();
        if !takes_effect {
            return stream::once(async { dead() }).boxed();
        }
        let removed = self.store.delete_stream(locations);
        removed.map(move |path| if is_answered { path } else { dead() }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.count() {
            (_, true) => self.store.list(prefix),
            _ => stream::once(async { dead() }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
