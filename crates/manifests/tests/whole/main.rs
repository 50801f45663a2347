//! Manifests as a whole: what is read, planned, exported and converted.

// Marked as test code, so that the lints about tests hold for what the tests share too.
#[cfg(test)]
mod converted;
#[cfg(test)]
mod planned;
