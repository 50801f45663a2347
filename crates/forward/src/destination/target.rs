//! The name of a destination.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ledger_outgoing::{Plain, Url, read_address};

/// The port of syslog over TLS (RFC 5425).
const SYSLOG_PORT: u16 = 6514;

/// Why a text names no destination.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Lines are added to a file.
    File(PathBuf),
    /// Pages are sent to a URL, each with a POST request.
    Http(Url),
    /// Messages are sent to a receiver of syslog over TLS.
    Syslog(SyslogAddress),
}

/// Host and port of a receiver of syslog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogAddress {
    /// The host, which its certificate must name.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |problem: String| TargetError(problem);
        if let Some(path) = text.strip_prefix("file:") {
            let named = Some(path).filter(|path| !path.is_empty());
            let path = named.ok_or_else(|| wrong("names no file".to_owned()))?;
            return Ok(Self::File(PathBuf::from(path)));
        }
        if let Some(address) = text.strip_prefix("syslog+tls://") {
            return syslog(address).map(Self::Syslog).ok_or_else(|| {
                wrong("must be syslog+tls://HOST or syslog+tls://HOST:PORT".to_owned())
            });
        }
        if text.starts_with("http:") || text.starts_with("https:") {
            let url = read_address("to", text, Plain::Here);
            return url.map(Self::Http).map_err(|invalid| wrong(invalid.problem));
        }
        Err(wrong("must be file:PATH, https://..., or syslog+tls://HOST:PORT".to_owned()))
    }
}

fn syslog(text: &str) -> Option<SyslogAddress> {
    // A URL of a known scheme splits host and port, and so IPv6 addresses in brackets.
    let url = Url::parse(&format!("https://{text}")).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    let host = url.host_str().filter(|_| is_bare)?;
    let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if has_port { url.port_or_known_default()? } else { SYSLOG_PORT };
    Some(SyslogAddress { host: host.trim_matches(['[', ']']).to_owned(), port })
}

/// The text without a user's password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Http(url) => {
                let mut shown = url.clone();
                // Only a URL without a host has no password to remove.
                let (Ok(()) | Err(())) = shown.set_password(None);
                shown.set_query(None);
                f.write_str(shown.as_str())
            }
            Self::Syslog(SyslogAddress { host, port }) => write!(f, "syslog+tls://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_file_a_url_or_a_receiver_of_syslog() {
        let shown = |text: &str| text.parse::<Target>().map(|target| target.to_string());
        assert_eq!(shown("file:/var/log/x").unwrap(), "file:/var/log/x");
        assert_eq!(shown("https://siem.example/in?k=s").unwrap(), "https://siem.example/in");
        assert_eq!(shown("syslog+tls://logs.example").unwrap(), "syslog+tls://logs.example:6514");
        assert_eq!(
            shown("syslog+tls://logs.example:443").unwrap(),
            "syslog+tls://logs.example:443"
        );
        assert_eq!(shown("syslog+tls://[::1]:7000").unwrap(), "syslog+tls://::1:7000");
        for wrong in [
            "",
            "file:",
            "ftp://x",
            "syslog://x",
            "syslog+tls://",
            "syslog+tls://a/b",
            "http://siem.example/in",
        ] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }
}
