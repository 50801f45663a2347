//! Which programs the tests run.

use std::path::PathBuf;
use std::str::FromStr;

/// Returns `connledger`: the one named by the environment, else the one built beside this test.
pub(crate) fn connledger() -> PathBuf {
    if let Some(path) = named("CONNLEDGER_BIN") {
        return path;
    }
    let this = std::env::current_exe().expect("a running test has a file");
    let folder = this.ancestors().nth(2).expect("tests are built into a folder of the profile");
    let path = folder.join(format!("connledger{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built; run cargo xtask test", path.display());
    path
}

/// Returns how often the server is killed in the crash test, if the environment says.
pub(crate) fn crash_rounds() -> Option<usize> {
    number("CONNLEDGER_CRASH_ROUNDS")
}

/// Returns how many tokens are got while the server is replaced, if the environment says.
pub(crate) fn refreshes() -> Option<u64> {
    number("CONNLEDGER_REFRESHES")
}

/// Returns at how many moments the past is compared, if the environment says.
pub(crate) fn moments() -> Option<usize> {
    number("CONNLEDGER_MOMENTS")
}

/// Returns how many faults the test of a cluster makes, if the environment says.
pub(crate) fn cluster_rounds() -> Option<usize> {
    number("CONNLEDGER_CLUSTER_ROUNDS")
}

/// Returns the names of the faults that a cluster is to survive, separated by commas, if there are
/// only some.
pub(crate) fn cluster_faults() -> Option<String> {
    named("CONNLEDGER_CLUSTER_FAULTS")?.to_str().map(str::to_owned)
}

/// Returns how many connections a ledger has that becomes a cluster, if the environment says.
pub(crate) fn cluster_connections() -> Option<usize> {
    number("CONNLEDGER_CLUSTER_CONNECTIONS")
}

/// Returns `connledger` of an earlier version, from which nodes are upgraded, if the environment
/// names one.
pub(crate) fn former_connledger() -> Option<PathBuf> {
    named("CONNLEDGER_FORMER_BIN")
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = named(variable)?;
    let number = text.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("{variable} is a number")))
}

/// Returns an example program, built beside this test.
pub(crate) fn example(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a running test has a file");
    let folder = this.ancestors().nth(2).expect("tests are built into a folder of the profile");
    let path = folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built; run cargo xtask test", path.display());
    path
}

/// Returns a server that speaks the protocol of S3.
pub(crate) fn moto_server() -> PathBuf {
    required("CONNLEDGER_MOTO_SERVER")
}

/// Returns the server of PostgreSQL, beside which is `initdb`.
pub(crate) fn postgres() -> PathBuf {
    required("CONNLEDGER_POSTGRES")
}

/// Returns the server of MariaDB.
pub(crate) fn mariadb_server() -> PathBuf {
    required("CONNLEDGER_MARIADB_SERVER")
}

/// Returns the server of Redis.
pub(crate) fn redis_server() -> PathBuf {
    required("CONNLEDGER_REDIS_SERVER")
}

/// Returns the program that checks metrics and rules for Prometheus.
pub(crate) fn promtool() -> PathBuf {
    required("CONNLEDGER_PROMTOOL")
}

/// Returns the nats-server program.
pub(crate) fn nats_server() -> PathBuf {
    required("CONNLEDGER_NATS_SERVER")
}

/// Returns a Python that has nats-py.
pub(crate) fn python() -> PathBuf {
    required("CONNLEDGER_PYTHON")
}

/// Returns a Python that has the published Python clients.
pub(crate) fn clients_python() -> PathBuf {
    required("CONNLEDGER_CLIENTS_PYTHON")
}

/// Returns a Python that has the published library of the Standard Webhooks convention, and a mail
/// server.
pub(crate) fn receiver_python() -> PathBuf {
    required("CONNLEDGER_RECEIVER_PYTHON")
}

/// Returns the program of a syslog server.
pub(crate) fn rsyslogd() -> PathBuf {
    required("CONNLEDGER_RSYSLOGD")
}

/// Returns the folder with Helm and what else checks the files for containers.
pub(crate) fn ship_tools() -> PathBuf {
    let python = required("CONNLEDGER_SHIP_PYTHON");
    python.parent().expect("a program is in a folder").to_owned()
}

/// Returns a Python that has the library with which the token service is made that others wrote.
pub(crate) fn oauth_python() -> PathBuf {
    required("CONNLEDGER_OAUTH_PYTHON")
}

/// Returns a Python that has verifiers and a witness of transparency logs that others wrote.
pub(crate) fn proofs_python() -> PathBuf {
    required("CONNLEDGER_PROOFS_PYTHON")
}

/// Returns a Node.js that runs the published JavaScript clients.
pub(crate) fn node() -> PathBuf {
    required("CONNLEDGER_NODE")
}

/// Returns the folder `node_modules` that holds the published JavaScript clients.
pub(crate) fn clients_node_modules() -> PathBuf {
    required("CONNLEDGER_CLIENTS_NODE_MODULES")
}

/// Returns the folder `node_modules` that holds what drives a browser.
pub(crate) fn browser_node_modules() -> PathBuf {
    required("CONNLEDGER_BROWSER_NODE_MODULES")
}

/// Returns a browser.
pub(crate) fn chromium() -> PathBuf {
    required("CONNLEDGER_CHROMIUM")
}

/// Returns the folder `node_modules` that holds a server that speaks the protocol of Azure.
pub(crate) fn servers_node_modules() -> PathBuf {
    required("CONNLEDGER_SERVERS_NODE_MODULES")
}

/// Returns how many feeds the test of many feeds opens.
pub(crate) fn feeds() -> Option<usize> {
    let count = named("CONNLEDGER_TEST_FEEDS")?;
    Some(count.to_str().and_then(|text| text.parse().ok()).expect("it is a number"))
}

fn required(name: &str) -> PathBuf {
    named(name).unwrap_or_else(|| {
        panic!("this test needs a program that {name} does not name; run cargo xtask test")
    })
}

#[expect(clippy::disallowed_methods, reason = "the one place where the tests read settings")]
fn named(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
