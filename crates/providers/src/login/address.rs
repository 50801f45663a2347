//! Reads a database's URL. What it says is taken apart here, so that no driver follows an option of
//! it: to another host, a socket or a file.

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{LoginHost, Protocol, Security};

/// Most hosts of one connection.
const HOSTS: usize = 8;
/// Options that say where, as whom, or with which file a client logs in. With one of them, the test
/// would be of something else.
const DIVERTING: [&str; 22] = [
    "authmechanismproperties",
    "dbname",
    "host",
    "hostaddr",
    "passfile",
    "password",
    "port",
    "proxyhost",
    "requiressl",
    "service",
    "servicefile",
    "socket",
    "socketpath",
    "ssl-cert",
    "ssl-key",
    "sslcert",
    "sslcertmode",
    "sslkey",
    "tlscertificatekeyfile",
    "unix_socket",
    "unixsocket",
    "user",
];

/// What a URL says.
pub(super) struct Address {
    pub(super) hosts: Vec<LoginHost>,
    pub(super) user: Option<Zeroizing<String>>,
    pub(super) password: Option<Zeroizing<String>>,
    pub(super) database: Option<Zeroizing<String>>,
    pub(super) security: Option<Security>,
}

impl Address {
    /// Reads a URL; nothing if it is none of this protocol, or says what a test cannot do.
    pub(super) fn parse(protocol: Protocol, text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        // Some clients name their driver: `mysql+pymysql`.
        let scheme = match protocol {
            Protocol::PostgreSql | Protocol::MySql => scheme.split('+').next().unwrap_or(scheme),
            Protocol::Redis => scheme,
        };
        let is_encrypted = scheme_of(protocol, &scheme.to_ascii_lowercase())?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let mut address = Self {
            hosts: hosts_in(hosts, protocol.port())?,
            user: None,
            password: None,
            database: some(decoded(path)?),
            security: is_encrypted.then_some(Security::Full),
        };
        if let Some(login) = login {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            address.user = some(decoded(user)?);
            address.password = some(decoded(password)?);
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            address.take(option)?;
        }
        Some(address)
    }

    /// Takes an option into account. Those that are not known change nothing about a login.
    fn take(&mut self, option: &str) -> Option<()> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = decoded(value)?;
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "sslmode" | "ssl-mode" | "ssl_mode" | "tls" | "ssl" => {
                self.security = Some(Security::parse(&value)?);
            }
            "tlsinsecure" | "tlsallowinvalidcertificates" if &**value == "true" => {
                self.security = Some(Security::Unproven);
            }
            name if DIVERTING.contains(&name) => return None,
            _ => {}
        }
        Some(())
    }
}

/// Returns whether a scheme of this protocol means TLS; nothing if it is of another.
fn scheme_of(protocol: Protocol, scheme: &str) -> Option<bool> {
    match (protocol, scheme) {
        (Protocol::PostgreSql, "postgres" | "postgresql")
        | (Protocol::MySql, "mysql" | "mariadb")
        | (Protocol::Redis, "redis" | "valkey") => Some(false),
        (Protocol::Redis, "rediss" | "valkeys") => Some(true),
        _ => None,
    }
}

/// Reads a list of hosts, each with its own port or without.
fn hosts_in(text: &str, port: u16) -> Option<Vec<LoginHost>> {
    let hosts: Option<Vec<LoginHost>> =
        text.split(',').take(HOSTS).map(|host| host_in(host, port)).collect();
    hosts.filter(|hosts| !hosts.is_empty())
}

fn host_in(text: &str, port: u16) -> Option<LoginHost> {
    let (name, own_port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, rest) = rest.split_once(']')?;
            (name, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let port = own_port.map_or(Some(port), |port| port.parse().ok())?;
    host(name, port)
}

/// Returns a host, if a text is a name or an address.
pub(super) fn host(name: &str, port: u16) -> Option<LoginHost> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_name = !name.is_empty() && name.len() <= 253 && name.chars().all(is_part);
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    (port > 0 && (is_name || is_address)).then(|| LoginHost { name: name.to_owned(), port })
}

fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(Zeroizing::new(text.into_owned()))
}

fn some(text: Zeroizing<String>) -> Option<Zeroizing<String>> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, text: &str) -> Option<(String, String)> {
        let address = Address::parse(protocol, text)?;
        let hosts: Vec<String> =
            address.hosts.iter().map(|host| format!("{}:{}", host.name, host.port)).collect();
        let text = |text: &Option<Zeroizing<String>>| {
            text.as_ref().map_or_else(|| "-".to_owned(), |text| text.to_string())
        };
        let parts = [&address.user, &address.password, &address.database];
        let security = address.security.map_or("-".to_owned(), |one| format!("{one:?}"));
        let parts = parts.map(text).join(" ");
        Some((hosts.join(","), format!("{parts} {security}")))
    }

    #[test]
    fn a_url_is_taken_apart() {
        use Protocol as P;
        for (protocol, url, hosts, parts) in [
            (
                P::PostgreSql,
                "postgresql://me:p%40s@db.example/app",
                "db.example:5432",
                "me p@s app -",
            ),
            (
                P::PostgreSql,
                "postgres://me:p@[::1]:1/app?sslmode=require",
                "::1:1",
                "me p app Unproven",
            ),
            (P::PostgreSql, "postgresql+asyncpg://me:p@a,b:7/x", "a:5432,b:7", "me p x -"),
            (P::MySql, "mysql://me:a@b@10.0.0.1:3307/", "10.0.0.1:3307", "me a@b - -"),
            (P::Redis, "redis://:p@cache", "cache:6379", "- p - -"),
            (P::Redis, "rediss://me:p@cache:1/2", "cache:1", "me p 2 Full"),
        ] {
            assert_eq!(read(protocol, url), Some((hosts.to_owned(), parts.to_owned())), "{url}");
        }
    }

    #[test]
    fn a_url_leads_to_no_socket_file_or_other_host() {
        use Protocol as P;
        for (protocol, url) in [
            (P::PostgreSql, "postgresql://me:p@%2Fvar%2Frun/app"),
            (P::PostgreSql, "postgresql:///app?host=/var/run"),
            (P::PostgreSql, "postgresql://me:p@db/app?host=evil"),
            (P::PostgreSql, "postgresql://me:p@db/app?hostaddr=169.254.169.254"),
            (P::PostgreSql, "postgresql://me:p@db/app?passfile=/etc/passwd"),
            (P::PostgreSql, "postgresql://me:p@db:0/app"),
            (P::PostgreSql, "postgresql://me:p@db:x/app"),
            (P::PostgreSql, "postgresql://me:p@db/app?sslmode=maybe"),
            (P::PostgreSql, "mysql://me:p@db/app"),
            (P::PostgreSql, "host=db user=me"),
            (P::MySql, "mysql://me:p@db/app?socket=/tmp/a"),
            (P::MySql, "mysql://me:p/w@db/app"),
            (P::Redis, "redis+unix:///tmp/a"),
            (P::Redis, "unix:///tmp/a"),
        ] {
            assert_eq!(read(protocol, url), None, "{url}");
        }
    }
}
