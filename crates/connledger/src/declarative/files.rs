//! Files of manifests, and what is wrong in them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ledger_contract::errors::{Code, Problem};
use ledger_manifests::{Complaint, Manifest, Reader, limits};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// Complaints that are shown one by one. `--json` shows all.
const SHOWN_MAX: usize = 20;
/// Ends of the names of files that are read in a folder.
const ENDS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads manifests.
pub(super) fn read(paths: &[PathBuf], workspace: &str, out: Output) -> Result<Manifest, Failure> {
    let mut reader = Reader::new(workspace);
    let mut bytes = 0_usize;
    for path in listed(paths)? {
        let text = text(&path)?;
        bytes += text.len();
        if bytes > limits::ALL_BYTES {
            let most = limits::ALL_BYTES;
            return Err(Failure::usage(format!("the files have more than {most} bytes together"))
                .hint("apply them in parts, each with a --set of its own"));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        reader.read(&name(&path), folder, &text);
    }
    reader.finish().map_err(|complaints| refuse(&complaints, out))
}

/// Returns a name for people.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Returns the files, those of folders in the order of their names.
fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error: io::Error| Failure::file("read", path, &error);
        let mut found = Vec::new();
        for entry in path.read_dir().map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let is_manifest =
                file.extension().is_some_and(|end| ENDS.iter().any(|one| end == *one));
            if is_manifest && file.is_file() {
                found.push(file);
            }
        }
        if found.is_empty() {
            let folder = path.display();
            return Err(Failure::usage(format!("no .yaml, .yml or .json file is in {folder}")));
        }
        found.sort();
        files.extend(found);
    }
    if files.len() > limits::FILES {
        let most = limits::FILES;
        return Err(Failure::usage(format!("more than {most} files were given")));
    }
    Ok(files)
}

/// Reads a file, or standard input if it is `-`.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::file("read", path, &error);
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let most = limits::FILE_BYTES;
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    let read = input.by_ref().take(limit).read_to_string(&mut text).map_err(failed)?;
    if read > most {
        let name = name(path);
        return Err(Failure::usage(format!("{name} has more than {most} bytes")));
    }
    Ok(text)
}

/// Tells complaints, and returns the failure that they are.
pub(super) fn refuse(complaints: &[Complaint], out: Output) -> Failure {
    let code = Code::ManifestInvalid;
    for complaint in complaints.iter().take(if out.is_json() { usize::MAX } else { SHOWN_MAX }) {
        if out.is_json() {
            let place = &complaint.place;
            let told = out.object(&json!({
                "file": &*place.file,
                "line": place.line,
                "column": place.column,
                "code": code.as_str(),
                "message": complaint.message,
            }));
            if let Err(failure) = told {
                return failure;
            }
        } else {
            out.say(complaint);
        }
    }
    if !out.is_json() && complaints.len() > SHOWN_MAX {
        out.say(format!("and {} more; --json shows all", complaints.len() - SHOWN_MAX));
    }
    let message = match complaints.len() {
        1 => "a manifest has a mistake, so nothing was changed".to_owned(),
        number => format!("the manifests have {number} mistakes, so nothing was changed"),
    };
    Failure::from(Problem::because(code, message)).into_usage()
}
