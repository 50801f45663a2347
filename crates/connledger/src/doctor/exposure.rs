//! What others can reach, and who can read files that are named by settings.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use ledger_http_server::is_loopback;

use super::finding::Finding;
use crate::common::Common;
use crate::serve::{Listen, ServeArgs};

const LISTEN: &str = "listen_exposed";
const FILES: &str = "key_file_modes";

pub(super) fn look(common: &Common, args: &ServeArgs) -> Vec<Finding> {
    vec![listening(args), files(common, args)]
}

fn listening(args: &ServeArgs) -> Finding {
    let http = &args.http;
    let Listen::On(address) = http.listen else {
        return Finding::ok(LISTEN, "HTTP is off");
    };
    let has_tls = http.tls_cert.is_some();
    if is_loopback(address.ip()) || has_tls {
        let how = if has_tls { "with TLS" } else { "for this machine only" };
        return Finding::ok(LISTEN, format!("HTTP is served at {address}, {how}"));
    }
    let about = format!("HTTP is served to other machines at {address} without TLS");
    let to_do = "pass --tls-cert and --tls-key, or listen on loopback behind a TLS proxy";
    if http.listen_insecure && !http.trusted_proxy.is_empty() {
        return Finding::warning(LISTEN, format!("{about}, behind a proxy"), to_do);
    }
    Finding::problem(LISTEN, about, to_do)
}

fn files(common: &Common, args: &ServeArgs) -> Finding {
    let named = [
        args.master_key.master_key_file.as_ref(),
        args.http.tls_key.as_ref(),
        common.key_file.as_ref(),
        common.nats.nats_creds.as_ref(),
        common.nats.nats_nkey.as_ref(),
        common.nats.nats_password_file.as_ref(),
        common.nats.nats_cert_key.as_ref(),
    ];
    let is_open =
        |path: &&PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o007 != 0);
    let open: Vec<String> = named
        .into_iter()
        .flatten()
        .filter(is_open)
        .map(|path| path.display().to_string())
        .collect();
    if open.is_empty() {
        return Finding::ok(FILES, "no named file with a key is readable by everybody");
    }
    let about = format!("every user can read {}", open.join(", "));
    Finding::problem(FILES, about, format!("chmod 600 {}, and replace the keys", open.join(" ")))
}
