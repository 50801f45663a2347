//! The HTTP listener: its flags, and starting it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use clap::Args;
use ipnet::IpNet;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::HttpStatus;
use ledger_contract::records::Via;
use ledger_engine::{Attempt, Engine, HttpStatusSource};
use ledger_http_server::limits::CONNECTIONS_PER_ADDRESS;
use ledger_http_server::{
    Accepts, Counters, Identity, ListenError, ListenOptions, Listener, Origin, Prepared,
    RATE_PER_ADDRESS, RATE_PER_KEY, Rates, Refused, Tells, TlsFiles, Verdict, is_loopback,
};
use ledger_outgoing::Url;

use super::files;
use crate::failure::Failure;

/// A host name that is known to be this machine without a lookup.
const LOCALHOST: &str = "localhost:";

/// The flags of the HTTP listener.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpArgs {
    /// Address to serve HTTP on, or `off`; port 0 picks a free one. Addresses other than loopback
    /// require --tls-cert
    #[arg(
        long,
        env = "CONNLEDGER_LISTEN",
        default_value = "127.0.0.1:7420",
        value_parser = listen,
        value_name = "ADDRESS"
    )]
    pub(crate) listen: Listen,
    /// Serve other machines without TLS: anyone on the network path can read and use keys and
    /// secrets. Only for use behind a TLS proxy, on a network shared with nobody else
    #[arg(long, env = "CONNLEDGER_LISTEN_INSECURE")]
    pub(crate) listen_insecure: bool,
    /// Certificate chain (PEM); reloaded when the file changes, and on SIGHUP
    #[arg(long, env = "CONNLEDGER_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM)
    #[arg(long, env = "CONNLEDGER_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// CA certificates for client authentication (PEM); clients without a matching certificate are
    /// rejected
    #[arg(long, env = "CONNLEDGER_TLS_CLIENT_CA", requires = "tls_cert", value_name = "FILE")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Requests per second for each API key; 0 means no limit
    #[arg(
        long,
        env = "CONNLEDGER_RATE_PER_KEY",
        default_value_t = RATE_PER_KEY,
        value_name = "NUMBER"
    )]
    pub(crate) rate_per_key: u32,
    /// Requests per second from each address, not counting those with an accepted key; 0 means no
    /// limit
    #[arg(
        long,
        env = "CONNLEDGER_RATE_PER_ADDRESS",
        default_value_t = RATE_PER_ADDRESS,
        value_name = "NUMBER"
    )]
    pub(crate) rate_per_address: u32,
    /// Open connections from each address; 0 means no limit. Loopback and trusted proxies are
    /// exempt
    #[arg(
        long,
        env = "CONNLEDGER_CONNECTIONS_PER_ADDRESS",
        default_value_t = CONNECTIONS_PER_ADDRESS,
        value_name = "NUMBER"
    )]
    pub(crate) connections_per_address: usize,
    /// Network of proxies whose X-Forwarded-For is trusted, such as 10.0.0.0/8; may be repeated
    #[arg(
        long,
        env = "CONNLEDGER_TRUSTED_PROXY",
        value_delimiter = ',',
        value_parser = network,
        value_name = "NETWORK"
    )]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// Address under which browsers reach this server, such as `https://ledger.example.com`. People
    /// who connect connections by signing in come back to /oauth/callback below it; register that
    /// at the provider. With http: for this machine only
    #[arg(long, env = "CONNLEDGER_PUBLIC_URL", value_parser = public_url, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Origin whose pages may call the API, such as `https://console.example.com`; may be repeated
    #[arg(long, env = "CONNLEDGER_CORS_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub(crate) cors_origin: Vec<Origin>,
}

impl HttpArgs {
    /// Returns the certificates, if TLS is on.
    pub(super) fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key, client_authority: self.tls_client_ca.clone() })
    }
}

/// The listening address, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// HTTP is off.
    Off,
    /// The address to listen on.
    On(SocketAddr),
}

pub(super) fn listen(text: &str) -> Result<Listen, String> {
    if text == "off" {
        return Ok(Listen::Off);
    }
    let named = text.strip_prefix(LOCALHOST).and_then(|port| port.parse().ok());
    let named = named.map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let address = named.or_else(|| text.parse().ok());
    address.map(Listen::On).ok_or_else(|| "must be like 127.0.0.1:7420, [::1]:0 or off".to_owned())
}

/// Parses a network, or a single address as a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let network: Option<IpNet> = text.parse().ok().or_else(single);
    network.ok_or_else(|| "must be like 10.0.0.0/8, fd00::/8 or 192.0.2.1".to_owned())
}

/// Parses the address under which browsers reach the server.
fn public_url(text: &str) -> Result<String, String> {
    const WANTED: &str = "must be like https://ledger.example.com, with nothing after the path";
    let url: Url = text.parse().map_err(|_| WANTED.to_owned())?;
    let is_here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(is_loopback),
        None => return Err(WANTED.to_owned()),
    };
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match url.scheme() {
        "https" if is_plain => Ok(url.into()),
        "http" if is_plain && is_here => Ok(url.into()),
        "http" if is_plain => Err("must be https:, or http: for this machine".to_owned()),
        _ => Err(WANTED.to_owned()),
    }
}

/// Checks the flags and reads the certificates. Returns nothing if HTTP is off.
pub(super) fn prepare(args: &HttpArgs, dev: bool) -> Result<Option<PreparedHttp>, Failure> {
    let Listen::On(address) = args.listen else {
        return match args.public_url {
            Some(_) => Err(Failure::usage("--public-url is of no use with --listen off")),
            None => Ok(None),
        };
    };
    if dev && !is_loopback(address.ip()) {
        return Err(Failure::usage(format!(
            "--dev is for this machine only, and --listen {address} is open to others"
        ))
        .hint("without --dev, a master key is needed: --master-key-file FILE"));
    }
    let accepts_nobody = Accepts::new(|_| false);
    let mut options = ListenOptions::new(address, accepts_nobody);
    options.insecure = args.listen_insecure;
    options.tls = args.tls_files();
    options.rates = Rates { per_key: args.rate_per_key, per_address: args.rate_per_address };
    options.trusted_proxies.clone_from(&args.trusted_proxy);
    options.cors_origins.clone_from(&args.cors_origin);
    options.limits.connections_per_address = args.connections_per_address;
    options.limits.connections_max = files::connections_max(options.limits.connections_max);
    let private = is_loopback(address.ip()) || options.tls.is_some();
    let secure = options.tls.is_some()
        || args.public_url.as_deref().is_some_and(|url| url.starts_with("https:"));
    let prepared = options.prepare().map_err(|error| failure(&error))?;
    Ok(Some(PreparedHttp { prepared, private, secure, public_url: args.public_url.clone() }))
}

/// A listener that can be started once the ledger is open.
#[derive(Debug)]
pub(super) struct PreparedHttp {
    prepared: Prepared,
    private: bool,
    /// Whether browsers reach the server over TLS.
    secure: bool,
    public_url: Option<String>,
}

impl PreparedHttp {
    /// Returns whether the transport is private, so that secrets may be revealed.
    pub(super) fn is_private(&self) -> bool {
        self.private
    }

    /// Returns whether browsers reach the server over TLS, its own or that of a proxy.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Starts listening.
    pub(super) async fn open(self, engine: &Engine, routes: Router) -> Result<Listener, Failure> {
        if let Some(url) = &self.public_url {
            engine.set_public_url(url);
        }
        let judging = engine.clone();
        let accepts = Accepts::judging(move |header| judge(&judging, header));
        let told = engine.clone();
        let tells = Tells::new(move |refused| tell(&told, refused));
        let listener = self.prepared.accepting(accepts).telling(tells).open(routes).await;
        let listener = listener.map_err(|error| failure(&error))?;
        engine.set_http_status_source(Arc::new(HttpCounters(listener.counters())));
        Ok(listener)
    }
}

/// Adds the listener's counters to the ledger's status.
#[derive(Debug)]
struct HttpCounters(Arc<Counters>);

impl HttpStatusSource for HttpCounters {
    fn http_status(&self) -> HttpStatus {
        self.0.status()
    }
}

/// Records in the audit journal a request that was refused before it reached a route.
fn tell(engine: &Engine, refused: Refused<'_>) {
    let mut attempt = Attempt::new(Via::Http, "").from_address(Some(refused.address));
    attempt.claims(&engine.claim(refused.credential));
    engine.record_refusal(refused.code, &attempt);
}

/// Distinguishes valid keys and tokens from guesses.
fn judge(engine: &Engine, header: &str) -> Verdict {
    match engine.authenticate(Some(header)) {
        Ok(caller) => Verdict::Good(Identity::new(caller.identity())),
        Err(error) if error.is_guess() => Verdict::Wrong,
        Err(_) => Verdict::NoGuess,
    }
}

pub(super) fn failure(error: &ListenError) -> Failure {
    let text = error.with_causes();
    match error {
        ListenError::Insecure { .. } => Failure::usage(text)
            .hint("pass a certificate: --tls-cert FILE --tls-key FILE")
            .hint("or listen on this machine only: --listen 127.0.0.1:7420")
            .hint("or accept the risk behind a TLS proxy: --listen-insecure"),
        ListenError::Bind { .. } => Failure::from(Problem::because(Code::ListenFailed, text)),
        _ => Failure::usage(text),
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::connection::Environment;
    use ledger_engine::EngineOptions;
    use ledger_vault::Keyring;

    use super::*;

    #[tokio::test]
    async fn a_revoked_key_is_no_guess_but_an_unknown_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate(&mut rand::rng());
        let mut options = EngineOptions::new(folder.path().join("data"), keyring);
        options.create = true;
        let engine = Engine::open(options).unwrap();
        let first = engine.issue_admin_key(Environment::Test).await.unwrap();
        let second = engine.issue_admin_key(Environment::Test).await.unwrap();
        let judged = |key: &str| judge(&engine, &format!("Bearer {key}"));
        assert_eq!(judged(&first), Verdict::NoGuess, "the second replaced it");
        assert!(matches!(judged(&second), Verdict::Good(_)));
        let mut altered = first.clone();
        let last = if altered.pop() == Some('a') { 'b' } else { 'a' };
        altered.push(last);
        assert_eq!(judged(&altered), Verdict::Wrong);
        engine.shutdown();
    }

    #[test]
    fn an_address_has_a_port_and_off_is_off() {
        let on = |text: &str| Listen::On(text.parse().unwrap());
        assert_eq!(listen("off"), Ok(Listen::Off));
        assert_eq!(listen("localhost:0"), Ok(on("127.0.0.1:0")));
        assert_eq!(listen("[::1]:7420"), Ok(on("[::1]:7420")));
        for bad in ["", "7420", "127.0.0.1", "ledger.example.com:7420", "localhost:x"] {
            assert!(listen(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn browsers_come_back_by_https_or_to_this_machine() {
        for (text, url) in [
            ("https://ledger.example.com", "https://ledger.example.com/"),
            ("https://example.com/ledger/", "https://example.com/ledger/"),
            ("http://127.0.0.1:7420", "http://127.0.0.1:7420/"),
            ("http://[::1]:7420", "http://[::1]:7420/"),
            ("http://localhost:7420", "http://localhost:7420/"),
        ] {
            assert_eq!(public_url(text).as_deref(), Ok(url));
        }
        for bad in [
            "ledger.example.com",
            "http://ledger.example.com",
            "https://u:p@ledger.example.com",
            "https://ledger.example.com/?a",
            "https://ledger.example.com/#a",
            "file:///etc",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_single_proxy_needs_no_prefix_length() {
        assert_eq!(network("192.0.2.1"), Ok("192.0.2.1/32".parse().unwrap()));
        assert_eq!(network("fd00::/8"), Ok("fd00::/8".parse().unwrap()));
        assert!(network("10.0.0.0/33").is_err());
    }
}
