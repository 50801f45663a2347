//! Reading the checkout: its files, its members, and collecting what breaks a rule.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;

/// A text file of the checkout, with its path from the root written with slashes.
#[derive(Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    /// Returns what follows the last dot of the file name.
    pub(crate) fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// A workspace member: its folder from the root, its package name and its manifest.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) manifest: Value,
}

/// A place that breaks a rule. Line 0 stands for the whole file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offense {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl fmt::Display for Offense {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Makes an offense; lines count from 1, and 0 stands for the whole file.
pub(crate) fn offense(path: &str, line: usize, what: impl Into<String>) -> Offense {
    Offense { path: path.to_owned(), line, what: what.into() }
}

/// Fails the running test with the complete list, when there is one.
#[track_caller]
pub(crate) fn expect_none(rule: &str, offenses: &[Offense]) {
    let list: Vec<_> = offenses.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{rule}\n  {}\n", list.join("\n  "));
}

/// Returns the root of the checkout, two folders above this package.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this package lies in tests/tidy").to_path_buf()
}

/// Reads a file below the root.
pub(crate) fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

/// Returns every text file that is not ignored, in order of paths. Files that are not UTF-8 are
/// not text.
pub(crate) fn text_files() -> Vec<TextFile> {
    let ignored = Ignored::read();
    let mut files = Vec::new();
    collect(&root(), "", &ignored, &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(files.len() > 10, "the walk through the checkout found next to nothing");
    files
}

/// Returns the files of one kind.
pub(crate) fn text_files_with(extension: &str) -> Vec<TextFile> {
    text_files().into_iter().filter(|file| file.extension() == extension).collect()
}

fn collect(folder: &Path, prefix: &str, ignored: &Ignored, files: &mut Vec<TextFile>) {
    for (name, path) in listing(folder) {
        let relative = format!("{prefix}{name}");
        if ignored.matches(&relative) {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{relative}/"), ignored, files);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            files.push(TextFile { path: relative, text });
        }
    }
}

/// Returns the names and paths in a folder.
pub(crate) fn listing(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).expect("the folder is readable");
    let paths = entries.map(|entry| entry.expect("the entry is readable").path());
    paths
        .map(|path| {
            let name = path.file_name().expect("an entry has a name").to_string_lossy();
            (name.into_owned(), path)
        })
        .collect()
}

/// The paths and names in `.gitignore`, as far as this repository uses its language: `/path` from
/// the root, or a bare name anywhere.
#[derive(Debug)]
pub(crate) struct Ignored {
    entries: Vec<String>,
}

impl Ignored {
    pub(crate) fn read() -> Self {
        Self::parse(&read(".gitignore").expect("there is a .gitignore"))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let entries = lines.filter(|line| !line.starts_with('#')).map(|line| {
            assert!(!line.contains(['*', '!']), "tidy does not know this ignore pattern: {line}");
            line.trim_end_matches('/').to_owned()
        });
        Self { entries: entries.chain(["/.git".to_owned()]).collect() }
    }

    pub(crate) fn matches(&self, relative: &str) -> bool {
        let name = relative.rsplit('/').next().unwrap_or(relative);
        self.entries.iter().any(|entry| match entry.strip_prefix('/') {
            Some(anchored) => anchored == relative,
            None => entry == name,
        })
    }
}

/// Returns the workspace members in the order of the root manifest.
pub(crate) fn members() -> Vec<Member> {
    let listed = root_manifest().get("workspace").and_then(|table| table.get("members")).cloned();
    let folders = listed.as_ref().and_then(Value::as_array).expect("the workspace lists members");
    folders
        .iter()
        .map(|folder| {
            let folder = folder.as_str().expect("a member is a path").to_owned();
            let manifest = manifest(&format!("{folder}/Cargo.toml"));
            let package = manifest.get("package").and_then(|package| package.get("name"));
            let name = package.and_then(Value::as_str).expect("a package has a name").to_owned();
            Member { folder, name, manifest }
        })
        .collect()
}

/// Returns the root manifest.
pub(crate) fn root_manifest() -> Value {
    manifest("Cargo.toml")
}

fn manifest(path: &str) -> Value {
    let text = read(path).unwrap_or_else(|| panic!("{path}: a member without a manifest"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn ignored_paths_are_anchored_or_match_anywhere() {
    let ignored = Ignored::parse("# built\n/target\n/.cargo/local.toml\n__pycache__/\n");
    for path in ["target", ".cargo/local.toml", "tests/__pycache__", ".git"] {
        assert!(ignored.matches(path), "{path}");
    }
    for path in ["crates/target", "local.toml", ".gitignore"] {
        assert!(!ignored.matches(path), "{path}");
    }
}
