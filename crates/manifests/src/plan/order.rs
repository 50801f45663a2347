//! The order of connections: those that others refer to come first.

use std::collections::HashMap;

use crate::manifest::{ConnectionItem, SecretSource};

/// Returns the connections in groups, by their indexes. Each refers to those of groups before it
/// only, but for a circle, which the ledger refuses.
pub fn waves(items: &[ConnectionItem]) -> Vec<Vec<usize>> {
    let key = |workspace: &str, slug: &str| format!("{workspace}/{}", slug.to_ascii_lowercase());
    let named: HashMap<String, usize> = items
        .iter()
        .enumerate()
        .map(|(index, item)| (key(&item.workspace, &item.slug), index))
        .collect();
    let refers = |item: &ConnectionItem| -> Vec<usize> {
        let slugs = item.secrets.values().filter_map(referred);
        slugs.filter_map(|slug| named.get(&key(&item.workspace, slug)).copied()).collect()
    };
    let mut waiting: Vec<(usize, Vec<usize>)> =
        items.iter().enumerate().map(|(index, item)| (index, refers(item))).collect();
    let mut is_done = vec![false; items.len()];
    let mut waves = Vec::new();
    while !waiting.is_empty() {
        let is_free = |needs: &Vec<usize>| {
            needs.iter().all(|need| is_done.get(*need).copied().unwrap_or(true))
        };
        let (free, bound): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, needs)| is_free(needs));
        // What is left refers to itself in a circle.
        let (wave, rest) = if free.is_empty() { (bound, free) } else { (free, bound) };
        let wave: Vec<usize> = wave.into_iter().map(|(index, _)| index).collect();
        for index in &wave {
            if let Some(done) = is_done.get_mut(*index) {
                *done = true;
            }
        }
        waves.push(wave);
        waiting = rest;
    }
    waves
}

/// Returns the slug of the connection that a secret field refers to.
fn referred(source: &SecretSource) -> Option<&str> {
    let SecretSource::Reference(reference) = source else { return None };
    if reference.get("kind")?.as_str()? != "connection" {
        return None;
    }
    reference.get("name")?.as_str()?.split_once('/').map(|(slug, _)| slug)
}
