//! What a manifest may hold at most, beside the limits of the domain.

/// Largest file, in bytes: about 100,000 connections of 600 bytes.
pub const FILE_BYTES: usize = 128 * 1024 * 1024;
/// Most files that are read together.
pub const FILES: usize = 10_000;
/// Largest sum of all files that are read together, in bytes.
pub const ALL_BYTES: usize = 256 * 1024 * 1024;
/// Most nodes of one file: texts, numbers, lists and maps.
pub const NODES: usize = 20_000_000;
/// Most lists and maps within each other.
pub const DEPTH: usize = 48;
/// Most documents in one file.
pub const DOCUMENTS: usize = 100_000;
/// Most aliases (`*name`) in one file.
pub const ALIASES: usize = 10_000;
/// Most nodes that aliases repeat in one file, and that are kept to be repeated.
pub const REPEATED_NODES: usize = 100_000;
/// Most complaints that are kept of one run.
pub const COMPLAINTS: usize = 1_000;
/// Characters of a name that are a mistake for another.
pub(crate) const NEAR_CHARS_MIN: usize = 3;
