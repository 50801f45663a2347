//! The house rules, read from the repository and checked: layers, dependencies, file hygiene, the
//! map, the invariants, retired words, the error pages, the visible top level, types with secrets.
//!
//! Each rule collects every place that breaks it and lists them all as `file:line: what`.
//!
//! # Invariants
//!
//! - No crate depends on a crate above it (test: `dependencies_among_our_crates_point_down_only`).

mod dependencies;
mod error_pages;
mod hygiene;
mod invariants;
mod layering;
mod map;
mod repository;
mod retired_words;
mod rust_source;
mod secret_types;
mod top_level;
