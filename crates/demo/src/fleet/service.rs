//! A row of the table of services.

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) environment: &'static str,
    pub(crate) auth_method: &'static str,
    pub(crate) team: &'static str,
    pub(crate) tags: &'static [&'static str],
    /// Settings; values are parsed as JSON if possible.
    pub(crate) config: &'static [(&'static str, &'static str)],
    /// Secret fields, each with the prefix of its values.
    pub(crate) secrets: &'static [(&'static str, &'static str)],
}

/// Builds a row of the table. Its groups of fields are: slug, name; provider, kind, environment,
/// authentication; team, tags; settings; secrets.
macro_rules! service {
    (
        $slug:literal, $name:literal;
        $provider:literal, $kind:literal, $environment:literal, $auth_method:literal;
        $team:literal, $tags:expr;
        $config:expr;
        $secrets:expr;
    ) => {
        Service {
            slug: $slug,
            name: $name,
            provider: $provider,
            kind: $kind,
            environment: $environment,
            auth_method: $auth_method,
            team: $team,
            tags: &$tags,
            config: &$config,
            secrets: &$secrets,
        }
    };
}
pub(crate) use service;
