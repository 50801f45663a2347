//! All limits of provider descriptions.
//!
//! Lengths are in Unicode scalar values unless the name says bytes. `ledger_domain::limits` has the
//! limits of names of providers and fields.

use ledger_domain::limits::{CONFIG_FIELDS, SECRET_FIELDS};

/// Most files in a provider folder.
pub const FILES: usize = 4_096;
/// Largest provider file, in bytes.
pub const FILE_BYTES: u64 = 256 * 1024;
/// Most fields of a provider: the number that a connection can have.
pub const FIELDS: usize = CONFIG_FIELDS + SECRET_FIELDS;
/// Most fields inside a field that is an object or a list.
pub const INNER_FIELDS: usize = 64;
/// Most further names of a provider or a field.
pub const ALIASES: usize = 32;
/// Most values in a field's list.
pub const VALUES: usize = 256;
/// Longest value in a field's list.
pub const VALUE_CHARS: usize = 255;
/// Longest label of a field.
pub const TITLE_CHARS: usize = 255;
/// Longest description of a provider, or help for a field.
pub const PROSE_CHARS: usize = 4_096;
/// Longest pattern.
pub const PATTERN_CHARS: usize = 1_024;
/// Largest memory for a compiled pattern, in bytes.
pub const PATTERN_BYTES: usize = 256 * 1024;
/// Longest URL, with its placeholders.
pub const URL_CHARS: usize = 2_048;
/// Most headers of a request.
pub const HEADERS: usize = 32;
/// Longest header name or value, with its placeholders.
pub const HEADER_CHARS: usize = 1_024;
/// Most rules for what the answers to a probe mean.
pub const OUTCOME_RULES: usize = 32;
/// Longest text that a body is searched for.
pub const CONTAINS_CHARS: usize = 255;
/// Most categories of a provider.
pub const CATEGORIES: usize = 32;
/// Longest category.
pub const CATEGORY_CHARS: usize = 64;
/// Most rules for what models can be used for.
pub const KIND_RULES: usize = 32;
/// Longest JSON pointer.
pub const POINTER_CHARS: usize = 255;
/// Most items of one answer that are looked at for models.
pub const ITEMS: usize = 10_000;
/// Largest item in which a model is looked for, in bytes of JSON.
pub const ITEM_BYTES: usize = 64 * 1024;
/// Longest name of a page, in bytes of JSON.
pub const PAGE_NAME_BYTES: usize = 4 * 1024;
