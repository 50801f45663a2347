//! Targets in memory, in a folder, and targets that do not answer.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ledger_domain::Micros;
use object_store::ObjectStore;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{PATIENCE, Target, TargetAddress, TargetError, TargetFault};
use crate::manifest::MANIFEST_BYTES_MAX;
use crate::stop::Stop;

impl Target {
    /// A target on any store.
    pub(crate) fn of(store: Arc<dyn ObjectStore>) -> Self {
        let address: TargetAddress = "s3://memory".parse().unwrap();
        let (runtime, stop) = (Handle::current(), Stop::default());
        Self { address, store, patience: PATIENCE, runtime, stop }
    }

    /// The same on a store of the network, which a test stands for.
    fn at_port(port: u16, patience: Duration, stop: Stop) -> Self {
        super::ring::default_provider().install_default().ok();
        let store = super::AmazonS3Builder::new()
            .with_bucket_name("backups")
            .with_endpoint(format!("http://127.0.0.1:{port}"))
            .with_access_key_id("id")
            .with_secret_access_key("canary-secret")
            .with_allow_http(true)
            .with_retry(object_store::RetryConfig { max_retries: 1, ..Default::default() })
            .build()
            .unwrap();
        Self { patience, stop, ..Self::of(Arc::new(store)) }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap()
}

fn in_folder(path: &std::path::Path) -> Result<Target, TargetError> {
    Target::open(&path.to_str().unwrap().parse().unwrap(), PATIENCE, Stop::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_written_listed_read_and_removed_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let target = in_folder(folder.path()).unwrap();
    blocking(move || {
        assert_eq!(target.list("segments").unwrap(), []);
        for name in ["segments/b", "segments/a", "manifests/c"] {
            target.put(name, Bytes::from_static(b"text")).unwrap();
        }
        let listed = target.list("segments").unwrap();
        let names: Vec<_> = listed.iter().map(|one| (one.name.as_str(), one.bytes)).collect();
        assert_eq!(names, [("segments/a", 4), ("segments/b", 4)]);
        assert_eq!(target.get_sized("segments/a", 4).unwrap(), "text");
        let fault = |error: TargetError| error.fault;
        assert_eq!(target.get_sized("segments/a", 5).map_err(fault), Err(TargetFault::Size));
        assert_eq!(target.get("segments/a", 3).map_err(fault), Err(TargetFault::Size));
        assert_eq!(target.get("segments/x", 3).map_err(fault), Err(TargetFault::Missing));
        target.remove("segments/a").unwrap();
        target.remove("segments/a").unwrap();
        assert_eq!(target.list("segments").unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unmounted");
    let error = in_folder(&path).unwrap_err();
    assert_eq!(error.fault, TargetFault::Unavailable);
    assert!(error.to_string().contains("unmounted"), "{error}");
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_files_in_a_folder_are_removed_a_day_later() {
    let folder = tempfile::tempdir().unwrap();
    let target = in_folder(folder.path()).unwrap();
    std::fs::create_dir(folder.path().join("segments")).unwrap();
    let file = |name: &str| folder.path().join("segments").join(name);
    for name in ["x.ndjson.zst#1", "y#no", "z"] {
        std::fs::write(file(name), "x").unwrap();
    }
    let written = std::fs::metadata(file("z")).unwrap().modified().unwrap();
    let written = written.duration_since(std::time::UNIX_EPOCH).unwrap();
    let later = |hours: u64| {
        let at = written + Duration::from_hours(hours);
        Micros::new(i64::try_from(at.as_micros()).unwrap())
    };
    let (early, late) = (later(23), later(25));
    let removed = blocking(move || {
        [(early, false), (late, true), (late, false), (late, false)]
            .map(|(now, dry_run)| target.remove_leftovers(now, dry_run).unwrap())
    })
    .await;
    assert_eq!(removed, [0, 1, 1, 0]);
    assert_eq!(std::fs::metadata(file("x.ndjson.zst#1")).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(file("y#no").exists() && file("z").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_where_nobody_listens_is_unavailable() {
    let port = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let target = Target::at_port(port, PATIENCE, Stop::default());
    let error = blocking(move || target.list("manifests").unwrap_err()).await;
    assert_eq!(error.fault, TargetFault::Unavailable, "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_accepts_and_says_nothing_is_slow_and_a_stop_ends_the_waiting() {
    // It is never accepted, so nothing is ever answered.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Target::at_port(port, Duration::from_secs(1), Stop::default());
    let slow = blocking(move || {
        // The time to be answered in does not grow with the size that is allowed.
        let manifest = target.get("manifests/x", MANIFEST_BYTES_MAX).unwrap_err();
        [manifest, target.list("manifests").unwrap_err()]
    });
    for slow in slow.await {
        assert_eq!(slow.fault, TargetFault::Slow, "{slow}");
        assert!(slow.to_string().contains("within 1 seconds"), "{slow}");
    }
    let (ask, asked) = watch::channel(false);
    let target = Target::at_port(port, PATIENCE, Stop::when(asked));
    let waiting = spawn_blocking(move || target.get("manifests/x", 0).unwrap_err());
    ask.send_replace(true);
    assert_eq!(waiting.await.unwrap().fault, TargetFault::Stopped);
}
