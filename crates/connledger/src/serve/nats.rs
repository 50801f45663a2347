//! The source of NATS: an address, a managed server, or none.

use std::fmt;
use std::path::{Path, PathBuf};

use ledger_bus::{
    BusOptions, ConnectOptions, FencedBy, ManagedOptions, ManagedServer, find_server, public_url,
};
use ledger_contract::errors::Problem;
use ledger_contract::subjects::Subjects;
use ledger_engine::{Engine, log_fault};
use zeroize::Zeroizing;

use super::ServeArgs;
use super::args::NatsMode;
use crate::common::Common;
use crate::failure::Failure;
use crate::session::read_line;
use crate::settings;

/// The source of NATS.
pub(super) enum Choice {
    /// An address, which may contain a user and a password.
    Url(String),
    /// A nats-server to start.
    Managed(PathBuf),
    /// No NATS.
    Off,
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.debug_tuple("Url").field(&public_url(url)).finish(),
            Self::Managed(program) => f.debug_tuple("Managed").field(program).finish(),
            Self::Off => f.write_str("Off"),
        }
    }
}

impl Choice {
    /// Chooses by the flags, and finds the nats-server executable if one is to be started.
    pub(super) fn of(common: &Common, args: &ServeArgs) -> Result<Self, Failure> {
        match (args.nats, &common.nats_url) {
            (Some(NatsMode::Off), _) => Ok(Self::Off),
            (None, Some(url)) => Ok(Self::Url(url.clone())),
            (Some(NatsMode::Managed) | None, _) => {
                let program =
                    find_server(args.nats_server.as_deref(), None).map_err(|problem| {
                        Failure::from(problem)
                        .hint("put nats-server (2.11 or newer) in PATH, or pass --nats-server FILE")
                        .hint("or use an existing server: --nats-url URL")
                    })?;
                Ok(Self::Managed(program))
            }
        }
    }
}

/// Starts a managed server, with the logins that clients of the ledger know.
pub(super) async fn start(
    folder: &Path,
    program: PathBuf,
    args: &ServeArgs,
    subjects: &Subjects,
    engine: &Engine,
) -> Result<ManagedServer, Failure> {
    let mut options = ManagedOptions::new(folder.to_owned(), program);
    options.port = args.nats_port;
    options.subjects = subjects.clone();
    options.keeps_heap_growth = settings::has_heap_growth();
    options.hidden_variables = args.master_key.secret_variables();
    options.known_login = known_login(engine);
    let server = ManagedServer::start(options).await?;
    if let Err(fault) = engine.keep_nats_login(&server.login()) {
        let problem = Problem::from(fault);
        tracing::warn!(error = %problem, "the login of the managed nats-server is not kept");
    }
    Ok(server)
}

/// Returns the logins that the ledger keeps. Damaged ones are told and do not prevent a start: the
/// server's folder has them as well, and the ledger keeps those, or new ones, in their place.
fn known_login(engine: &Engine) -> Option<Zeroizing<Vec<u8>>> {
    let problem = match engine.nats_login().map_err(Problem::from) {
        Ok(login) => return login,
        Err(problem) => problem,
    };
    log_fault(&problem);
    tracing::error!(
        ledger.error.code = problem.code.as_str(),
        error = problem.message,
        "the login of the managed nats-server that the ledger keeps is damaged; that of \
         nats/managed.json takes its place, or a new one if that file is missing, too"
    );
    None
}

/// Sets the options of the bus that flags decide. `requires_sealed` is what the ledger was made
/// with.
pub(super) fn set_bus_options(
    options: &mut BusOptions,
    args: &ServeArgs,
    is_managed: bool,
    requires_sealed: bool,
) {
    args.nats_window.set(options, is_managed);
    options.rates = args.nats_rates.rates();
    options.sealed_only = args.nats_require_sealed.unwrap_or(requires_sealed);
    options.lease_time = args.lease_time();
    options.instance = args.instance.clone().unwrap_or_else(host_and_process);
    options.fenced_by = match (is_managed, args.accept_without_lease) {
        (true, _) => FencedBy::DataDir,
        (false, true) => FencedBy::LeaseIfReachable,
        (false, false) => FencedBy::Lease,
    };
}

/// Returns a name of this process for people: where it runs, and its id there.
fn host_and_process() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok());
    let host = host.unwrap_or_else(|| "unknown host".to_owned());
    format!("{host} (process {})", std::process::id())
}

/// Builds the options of the connection.
pub(crate) fn connect_options(url: String, common: &Common) -> Result<ConnectOptions, Failure> {
    let login = &common.nats;
    Ok(ConnectOptions {
        url,
        credentials_file: login.nats_creds.clone(),
        nkey_seed_file: login.nats_nkey.clone(),
        user: login.nats_user.clone(),
        password: login.nats_password_file.as_deref().map(read_line).transpose()?,
        require_tls: login.nats_ca.is_some(),
        tls_ca: login.nats_ca.clone(),
        tls_cert: login.nats_cert.clone(),
        tls_key: login.nats_cert_key.clone(),
        inbox_prefix: login.nats_inbox_prefix.clone(),
        ..ConnectOptions::default()
    })
}

/// Refuses a development ledger on a NATS server of another machine.
pub(super) fn refuse_far_away(common: &Common) -> Result<(), Failure> {
    match &common.nats_url {
        Some(url) if !url.split(',').all(is_loopback) => {
            Err(Failure::usage("--dev is for this machine only, and --nats-url names another")
                .hint("without --dev, a master key is needed: --master-key-file FILE"))
        }
        _ => Ok(()),
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url.trim();
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    let host = host.rsplit_once('@').map_or(host, |(_, rest)| rest);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split([':', '/']).next().unwrap_or_default(),
    };
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_a_choice_shows_no_password() {
        let shown = format!("{:?}", Choice::Url("nats://me:canary@host:4222".to_owned()));
        assert_eq!(shown, r#"Url("nats://host:4222")"#);
    }

    #[test]
    fn loopback_addresses_are_recognized() {
        for near in ["127.0.0.1", "nats://u:p@localhost:4222", "tls://[::1]:4222", "127.9.9.9:1"] {
            assert!(is_loopback(near), "{near}");
        }
        for far in ["nats://10.0.0.1:4222", "localhost.example.com", "nats://127.0.0.1@far:1"] {
            assert!(!is_loopback(far), "{far}");
        }
    }
}
