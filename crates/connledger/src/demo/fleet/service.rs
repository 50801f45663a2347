//! One row of the table of services.

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) provider: &'static str,
    pub(super) kind: &'static str,
    pub(super) environment: &'static str,
    pub(super) auth_method: &'static str,
    pub(super) team: &'static str,
    pub(super) tags: &'static [&'static str],
    /// Settings; values that read as JSON are JSON.
    pub(super) config: &'static [(&'static str, &'static str)],
    /// Secret fields, each with what its values begin with.
    pub(super) secrets: &'static [(&'static str, &'static str)],
}

/// Makes a row of the table below. Fields of one line each belong together:
/// slug, name; provider, kind, environment, authentication; team, tags; settings; secrets.
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
pub(super) use service;
