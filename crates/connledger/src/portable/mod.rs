//! `export` and `import`: a whole ledger as lines of JSON, for another folder, machine or format.

mod export;
mod file;
mod import;
mod stop;

pub(crate) use export::{ExportArgs, run as export};
pub(crate) use file::open as open_lines;
pub(crate) use import::{ImportArgs, run as import};
pub(crate) use stop::Stop;
