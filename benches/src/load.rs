//! What the commands of the bench look like.

/// Providers, environments and teams: every combination has one connection in a hundred.
const PROVIDERS: [&str; 5] = ["openai", "anthropic", "mistral", "aws-bedrock", "azure-openai"];
const ENVIRONMENTS: [&str; 2] = ["live", "test"];
const TEAMS: u64 = 10;
/// Number of combinations of the three.
pub(crate) const COMBINATIONS: u64 = 100;
/// The path of all connections, over HTTP.
pub(crate) const CONNECTIONS: &str = "/api/v1/workspaces/default/connections";

/// Returns the slug of a connection by its number.
pub(crate) fn slug(prefix: &str, number: u64) -> String {
    format!("{prefix}-{number}")
}

/// Returns the body of a `create` with one secret.
pub(crate) fn create_body(prefix: &str, number: u64) -> String {
    let (provider, environment, team) = combination(number);
    let slug = slug(prefix, number);
    format!(
        r#"{{"slug":"{slug}","display_name":"Connection {number} of team {team}","provider":"{provider}","environment":"{environment}","config":{{"base_url":"https://api.example.com/v1","timeout":30}},"secrets":{{"api_key":"sk-abcdefghijklmnopqrstuvwxyz-{number:012}"}},"labels":{{"team":"t{team}"}},"tags":["llm"]}}"#
    )
}

/// Returns verb and body of a change of health; later rounds undo what earlier ones did.
pub(crate) fn health_change(prefix: &str, number: u64, round: u64) -> (&'static str, String) {
    let verb = if round.is_multiple_of(2) { "mark-degraded" } else { "mark-operational" };
    (verb, format!(r#"{{"connection":"{}","reason":"probe {round}"}}"#, slug(prefix, number)))
}

/// Returns the body of a `list` with three filters, for one of the combinations.
pub(crate) fn list_body(number: u64, page: u64) -> String {
    let (provider, environment, team) = combination(number);
    format!(
        r#"{{"provider":["{provider}"],"environment":"{environment}","label":["team=t{team}"],"page":{page},"page_size":50}}"#
    )
}

/// Returns the same question as a path.
pub(crate) fn list_path(number: u64, page: u64) -> String {
    let (provider, environment, team) = combination(number);
    format!(
        "{CONNECTIONS}?provider={provider}&environment={environment}&label=team%3Dt{team}\
         &page={page}&page_size=50"
    )
}

fn combination(number: u64) -> (&'static str, &'static str, u64) {
    (pick(&PROVIDERS, number), pick(&ENVIRONMENTS, number / 5), number / 10 % TEAMS)
}

fn pick(values: &[&'static str], number: u64) -> &'static str {
    let index = usize::try_from(number).unwrap_or(0) % values.len();
    values.get(index).copied().unwrap_or_default()
}

/// Numbers without a pattern, the same in every run.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_hundred_connections_in_a_row_show_every_combination() {
        let seen: HashSet<_> = (700..800).map(combination).collect();
        assert_eq!(seen.len(), 100);
    }
}
