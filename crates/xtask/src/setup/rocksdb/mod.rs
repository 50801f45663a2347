//! RocksDB, compiled once per machine and linked by every later build.
//!
//! Its build script compiles more than 300 C++ files, which takes 15 minutes on two cores, and
//! would do so again for each profile, feature set and checkout. Setup therefore runs it once,
//! keeps the archive under a name derived from everything that affects it, and sets
//! `ROCKSDB_LIB_DIR` to that folder.

mod build;
mod recipe;

use std::path::PathBuf;

use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::talk;

use self::recipe::Recipe;

const ARCHIVE: &str = "librocksdb.a";

/// Ensures that a RocksDB archive for this checkout exists, and sets the variables that make cargo
/// link it.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let folder = match personal(site)? {
        Some(folder) => folder,
        None => cached(site, variables)?,
    };
    talk::ok("rocksdb", &format!("built, in {}", folder.display()));
    variables.insert("ROCKSDB_LIB_DIR".to_owned(), folder.to_string_lossy().into_owned());
    variables.insert("ROCKSDB_STATIC".to_owned(), "1".to_owned());
    Ok(())
}

fn personal(site: &Site<'_>) -> Result<Option<PathBuf>, Failure> {
    let Some(named) = site.personal.get("ROCKSDB_LIB_DIR").map(PathBuf::from) else {
        return Ok(None);
    };
    if named.join(ARCHIVE).exists() {
        return Ok(Some(named));
    }
    Err(Failure::new(format!("ROCKSDB_LIB_DIR is {}, which holds no {ARCHIVE}", named.display()))
        .hint("unset it to build RocksDB"))
}

fn cached(site: &Site<'_>, variables: &Variables) -> Result<PathBuf, Failure> {
    let recipe = Recipe::of(site.workspace)?;
    let folder = site.cache.path("rocksdb").join(recipe.folder_name());
    if !folder.join(ARCHIVE).exists() {
        build::archive(site, &recipe, &folder, variables)?;
    }
    Ok(folder)
}
