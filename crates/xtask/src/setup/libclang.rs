//! The libclang that bindgen loads to read RocksDB's C header.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::setup::packages::SystemPackage;
use crate::setup::platform::Platform;
use crate::setup::python::Venv;
use crate::setup::{Site, cache, compiler};
use crate::talk;
use crate::wheels;

const LIBCLANG: SystemPackage = SystemPackage {
    what: "libclang",
    debian: &["libclang-dev"],
    fedora: "clang-devel",
    macos: "xcode-select --install",
};

/// Ensures that there is a libclang, and sets the variables by which bindgen finds it.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let folder = match personal(site)? {
        Some(folder) => folder,
        None => match find(site) {
            Some(folder) => folder,
            None => fetch(site)?,
        },
    };
    talk::ok("libclang", &format!("found at {}", folder.display()));
    if let Some(args) = header_arguments(site, &folder) {
        variables.insert("BINDGEN_EXTRA_CLANG_ARGS".to_owned(), args);
    }
    variables.insert("LIBCLANG_PATH".to_owned(), folder.to_string_lossy().into_owned());
    Ok(())
}

/// Returns the folder that the user named, which must hold a libclang.
fn personal(site: &Site<'_>) -> Result<Option<PathBuf>, Failure> {
    let Some(named) = site.personal.get("LIBCLANG_PATH").map(PathBuf::from) else {
        return Ok(None);
    };
    let is_library =
        named.is_file() && named.file_name().is_some_and(|name| is_libclang(name, site.platform));
    if is_library || holds_libclang(&named, site.platform) {
        return Ok(Some(named));
    }
    Err(Failure::new(format!("LIBCLANG_PATH is {}, which holds no libclang", named.display()))
        .hint("unset it to use another, or fetch one"))
}

fn find(site: &Site<'_>) -> Option<PathBuf> {
    let fetched = complete_wheel(site);
    usual_folders().into_iter().chain(fetched).find(|path| holds_libclang(path, site.platform))
}

/// Returns the folder of the wheel's library, if the wheel is installed.
fn complete_wheel(site: &Site<'_>) -> Option<PathBuf> {
    let venv = Venv::in_cache(site, wheels::LIBCLANG);
    if venv.is_complete() { venv.library_folder("clang/native") } else { None }
}

/// Returns the usual folders of libclang, the newest LLVM first.
fn usual_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(program) = environment::executable("llvm-config")
        && let Ok(folder) = output_of(Command::new(program).arg("--libdir"))
    {
        folders.push(PathBuf::from(folder.trim()));
    }
    let llvms = cache::entries(Path::new("/usr/lib")).into_iter().rev();
    folders.extend(llvms.filter(|path| is_llvm(path)).map(|path| path.join("lib")));
    let fixed = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/Library/Developer/CommandLineTools/usr/lib",
        "/Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib",
        "/opt/homebrew/opt/llvm/lib",
        "/usr/local/opt/llvm/lib",
    ];
    folders.extend(fixed.iter().map(PathBuf::from));
    folders
}

fn is_llvm(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("llvm-"))
}

fn holds_libclang(folder: &Path, platform: Platform) -> bool {
    cache::entries(folder)
        .iter()
        .filter_map(|path| path.file_name())
        .any(|name| is_libclang(name, platform))
}

/// Returns whether bindgen would load a file of this name; `libclang-cpp` is another library.
fn is_libclang(name: &std::ffi::OsStr, platform: Platform) -> bool {
    let name = name.to_string_lossy();
    let suffix = format!(".{}", platform.library_suffix());
    let has_suffix = name.ends_with(&suffix) || name.contains(&format!("{suffix}."));
    let has_prefix = name.starts_with("libclang.") || name.starts_with("libclang-");
    has_prefix && has_suffix && !name.starts_with("libclang-cpp")
}

/// Fetches the wheel, or the system's package if Python packages are not available.
fn fetch(site: &Site<'_>) -> Result<PathBuf, Failure> {
    let venv = Venv::in_cache(site, wheels::LIBCLANG);
    let wheel = venv.ensure();
    if let Err(failure) = wheel {
        talk::skipped("libclang wheel", &failure.to_string());
        LIBCLANG.install()?;
    }
    find(site).ok_or_else(|| LIBCLANG.by_hand())
}

/// Returns arguments that name the C compiler's own headers, which the wheel and some systems'
/// runtime packages lack.
fn header_arguments(site: &Site<'_>, folder: &Path) -> Option<String> {
    if let Some(named) = site.personal.get("BINDGEN_EXTRA_CLANG_ARGS") {
        return Some(named.to_owned());
    }
    if has_own_headers(folder) {
        return None;
    }
    compiler::builtin_headers().map(|headers| format!("-I{}", headers.display()))
}

fn has_own_headers(folder: &Path) -> bool {
    let resource_folders = [folder.join("clang"), folder.join("../lib/clang")];
    let mut releases = resource_folders.iter().flat_map(|path| cache::entries(path));
    releases.any(|release| release.join("include/stddef.h").exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn only_names_that_bindgen_loads_count_as_libclang() {
        for name in ["libclang.so", "libclang.so.1", "libclang-14.so.1", "libclang-14.so"] {
            assert!(is_libclang(OsStr::new(name), Platform::Linux), "{name}");
        }
        for name in ["libclang-cpp.so.14", "libclangBasic.a", "libclang.dylib", "libclang.a"] {
            assert!(!is_libclang(OsStr::new(name), Platform::Linux), "{name}");
        }
        assert!(is_libclang(OsStr::new("libclang.dylib"), Platform::MacOs));
    }

    #[test]
    fn a_libclang_beside_its_headers_needs_no_other_headers() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(!has_own_headers(folder.path()));
        let headers = folder.path().join("clang/14/include");
        std::fs::create_dir_all(&headers).expect("a folder for headers");
        std::fs::write(headers.join("stddef.h"), "").expect("an empty header");
        assert!(has_own_headers(folder.path()));
    }
}
