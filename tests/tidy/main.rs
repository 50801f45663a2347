//! The house rules, read from the repository and checked: layers, file hygiene, the map, the
//! error pages, the visible top level.
//!
//! Each rule collects every place that breaks it and lists them all as `file:line: what`.

mod error_pages;
mod hygiene;
mod layering;
mod map;
mod repository;
mod rust_source;
mod top_level;
