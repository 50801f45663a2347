//! Compiling RocksDB, with progress, into the cache.

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::cargo::Cargo;
use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::setup::{Site, cache};
use crate::talk;

use super::ARCHIVE;
use super::recipe::Recipe;

/// The number of source files to assume if their list is not where cargo usually unpacks it.
const SOURCES_GUESS: usize = 340;
const LOOK_EVERY: Duration = Duration::from_secs(2);
const SCRATCH_PREFIX: &str = "build.tmp.";

/// Compiles RocksDB and moves the complete archive into `folder`.
///
/// The caller holds the lock of the cache, so existing scratch folders belong to interrupted runs.
pub(super) fn archive(
    site: &Site<'_>,
    recipe: &Recipe,
    folder: &Path,
    variables: &Variables,
) -> Result<(), Failure> {
    cache::make_folder(folder)?;
    remove_scratch(folder);
    let scratch = folder.join(format!("{SCRATCH_PREFIX}{}", std::process::id()));
    let expected = sources(&recipe.version);
    talk::installing("rocksdb", "compiling it once, about 15 minutes on two cores");
    let status = watch(start(site, &scratch, variables)?, &scratch, expected)?;
    if !status.success() {
        return Err(Failure::new("RocksDB did not compile")
            .hint("the compiler's messages are above; the compiled files were discarded"));
    }
    keep(&scratch, recipe, folder)?;
    remove_scratch(folder);
    Ok(())
}

fn start(site: &Site<'_>, scratch: &Path, variables: &Variables) -> Result<Child, Failure> {
    let mut command = Cargo::new(site.workspace, variables).command();
    command
        .args(["build", "--quiet", "--release", "--package", "librocksdb-sys", "--target-dir"])
        .arg(scratch)
        // An older `.cargo/local.toml` may name an archive, which must not be linked here.
        .env("ROCKSDB_COMPILE", "1")
        // Debug information would make the archive many times larger and slow down every link.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.spawn().map_err(|error| Failure::new(format!("cannot start cargo: {error}")))
}

/// Waits for the build, and shows its progress.
fn watch(mut child: Child, scratch: &Path, expected: usize) -> Result<ExitStatus, Failure> {
    let started = Instant::now();
    let (sender, receiver) = sync_channel(1);
    let waiting_thread = std::thread::spawn(move || sender.send(child.wait()));
    let mut progress = talk::Progress::new();
    let outcome = loop {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(outcome) => break outcome,
            Err(RecvTimeoutError::Timeout) => {
                progress.show(&line(compiled(scratch), expected, started.elapsed()));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new("the thread that waits for cargo is gone"));
            }
        }
    };
    progress.finish();
    drop(waiting_thread.join());
    outcome.map_err(|error| Failure::new(format!("cannot wait for cargo: {error}")))
}

fn line(compiled: usize, expected: usize, elapsed: Duration) -> String {
    let elapsed = talk::seconds(elapsed);
    format!("rocksdb: {compiled} of about {expected} files compiled, {elapsed}")
}

fn compiled(scratch: &Path) -> usize {
    let files = outputs(scratch).into_iter().flat_map(|folder| cache::entries(&folder));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "o")).count()
}

/// Returns the folders into which the build script writes; an explicit target adds a level.
fn outputs(scratch: &Path) -> Vec<PathBuf> {
    let roots = std::iter::once(scratch.to_path_buf()).chain(cache::entries(scratch));
    let packages = roots.flat_map(|root| cache::entries(&root.join("release/build")));
    let ours = packages.filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("librocksdb-sys-"))
    });
    ours.map(|path| path.join("out")).collect()
}

/// Moves the archive into its folder. The scratch folder is on the same file system, so the last
/// step is a rename.
fn keep(scratch: &Path, recipe: &Recipe, folder: &Path) -> Result<(), Failure> {
    let built =
        outputs(scratch).into_iter().map(|out| out.join(ARCHIVE)).find(|path| path.exists());
    let built = built.ok_or_else(|| Failure::new(format!("the build created no {ARCHIVE}")))?;
    let about = folder.join("about.txt");
    std::fs::write(&about, recipe.text()).map_err(|error| Failure::io("write", &about, &error))?;
    std::fs::File::open(&built)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&built, folder.join(ARCHIVE)))
        .map_err(|error| Failure::io("keep", &built, &error))
}

fn remove_scratch(folder: &Path) {
    for path in cache::entries(folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(SCRATCH_PREFIX) {
            // A folder that cannot be removed only takes disk space, and the next setup retries.
            drop(std::fs::remove_dir_all(&path));
        }
    }
}

/// Returns how many files the build compiles, for the progress line.
fn sources(version: &str) -> usize {
    let home = environment::path("CARGO_HOME")
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    let package = format!("librocksdb-sys-{version}");
    let registries = cache::entries(&home.join("registry/src")).into_iter();
    let mut lists =
        registries.map(|registry| registry.join(&package).join("rocksdb_lib_sources.txt"));
    lists
        .find_map(|list| std::fs::read_to_string(list).ok())
        .map_or(SOURCES_GUESS, |list| list.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_with_and_without_a_target_folder() {
        for below in ["release/build", "x86_64-unknown-linux-gnu/release/build"] {
            let scratch = tempfile::tempdir().expect("a temporary folder");
            let out = scratch.path().join(below).join("librocksdb-sys-1/out");
            std::fs::create_dir_all(&out).expect("a folder for objects");
            for name in ["a.o", "b.o", "bindings.rs"] {
                std::fs::write(out.join(name), "").expect("an empty file");
            }
            assert_eq!(compiled(scratch.path()), 2, "{below}");
        }
    }

    #[test]
    fn the_progress_line_shows_count_and_time() {
        let text = line(120, 343, Duration::from_secs(260));
        assert_eq!(text, "rocksdb: 120 of about 343 files compiled, 4 min 20 s");
    }

    #[test]
    fn scratch_folders_of_interrupted_runs_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("build.tmp.1")).expect("a scratch folder");
        std::fs::write(folder.path().join(ARCHIVE), "kept").expect("an archive");
        remove_scratch(folder.path());
        assert!(!folder.path().join("build.tmp.1").exists());
        assert!(folder.path().join(ARCHIVE).exists());
    }
}
