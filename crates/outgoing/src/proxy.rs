//! A proxy, through which a client sends all of its requests.

use std::fmt;

use reqwest::Url;
use zeroize::Zeroizing;

/// Why a text does not name a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It is no such URL.
    #[error("must be the URL of a proxy, such as http://proxy.example.com:3128")]
    NoUrl,
    /// It has a user or a password, which others on this machine could read.
    #[error("must have no user or password in it; they come from a file")]
    Login,
}

/// An HTTP proxy. For TLS, it is asked to connect to a host by `CONNECT`, and reads nothing.
#[derive(Clone)]
pub struct Proxy {
    url: Url,
    login: Option<(String, Zeroizing<String>)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.url)
    }
}

impl Proxy {
    /// Parses the URL of a proxy.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let url: Url = text.parse().map_err(|_| ProxyError::NoUrl)?;
        let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(ProxyError::NoUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ProxyError::Login);
        }
        Ok(Self { url, login: None })
    }

    /// Logs in to it.
    #[must_use]
    pub fn with_login(self, user: String, password: Zeroizing<String>) -> Self {
        Self { login: Some((user, password)), ..self }
    }

    pub(crate) fn to_library(&self) -> reqwest::Result<reqwest::Proxy> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(match &self.login {
            Some((user, password)) => proxy.basic_auth(user, password),
            None => proxy,
        })
    }
}
