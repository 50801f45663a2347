//! Each finding, against the fault that it is for.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::FromArgMatches as _;
use ledger_contract::queries::StatusView;
use ledger_contract::time;
use ledger_domain::Micros;
use ledger_domain::connection::Environment;
use ledger_engine::{Clock, Engine, EngineOptions, Ports, ROOM_NEEDED_BYTES};
use ledger_vault::Keyring;
use nix::sys::statfs;
use serde_json::json;

use super::*;
use crate::commands::{Cli, Command};

fn of(findings: &[Finding], code: &str) -> Finding {
    let found = findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {findings:?}")).clone()
}

#[track_caller]
fn expect(finding: &Finding, level: Level) {
    assert_eq!(finding.level, level, "{finding:?}");
    assert_eq!(finding.to_do.is_some(), level != Level::Ok, "{finding:?}");
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn serve(words: &str) -> (Common, ServeArgs) {
    let line = format!("connledger serve {words}");
    let mut command = crate::settings::without_empty_variables(Cli::described());
    let matches = command.try_get_matches_from_mut(line.split_whitespace()).unwrap();
    let cli = Cli::from_arg_matches(&matches).unwrap();
    match cli.command {
        Command::Serve(args) => (cli.common, *args),
        other => panic!("{other:?}"),
    }
}

/// Makes a ledger with an event, with a clock of its own.
async fn made(folder: &Path, keyring: Keyring, ports: Ports) {
    let options = EngineOptions::new(folder.to_owned(), keyring);
    let engine = Engine::open(EngineOptions { create: true, ports, ..options }).unwrap();
    engine.issue_admin_key(Environment::Test).await.unwrap();
    engine.shutdown();
}

fn keyring() -> Keyring {
    Keyring::generate(&mut rand::rng())
}

#[test]
fn a_folder_that_is_no_ledger_or_open_to_others_is_found() {
    let outer = tempfile::tempdir().unwrap();
    let missing = outer.path().join("none");
    expect(&of(&folder::look(&missing), "data_dir_format"), Level::Problem);
    let data = outer.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("letter.txt"), "x").unwrap();
    chmod(&data, 0o755);
    let findings = folder::look(&data);
    expect(&of(&findings, "data_dir_format"), Level::Problem);
    expect(&of(&findings, "data_dir_mode"), Level::Problem);
    expect(&of(&findings, "file_modes"), Level::Ok);
    expect(&of(&findings, "dev_keys"), Level::Ok);
    chmod(&data, 0o700);
    expect(&of(&folder::look(&data), "data_dir_mode"), Level::Ok);
    fs::write(data.join("dev-admin.key"), "x").unwrap();
    chmod(&data.join("dev-admin.key"), 0o644);
    let findings = folder::look(&data);
    expect(&of(&findings, "file_modes"), Level::Problem);
    expect(&of(&findings, "dev_keys"), Level::Warning);
}

#[test]
fn a_directory_of_somebody_else_is_found() {
    // Everybody may enter the root, which is root's.
    let owner = of(&folder::look(Path::new("/")), "data_dir_owner");
    let is_root = rustix::process::geteuid().is_root();
    expect(&owner, if is_root { Level::Ok } else { Level::Problem });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_is_the_ledgers_or_not_and_the_last_event_is_read() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let (own, other) = (keyring(), keyring());
    let ring = own.clone();
    made(&data, ring, Ports::default()).await;
    let before = fs::read(data.join("ledger-format")).unwrap();
    let findings = keys::open(&data, &own);
    expect(&of(&findings, "master_key"), Level::Ok);
    expect(&of(&findings, "clock"), Level::Ok);
    expect(&of(&keys::open(&data, &other), "master_key"), Level::Problem);
    assert_eq!(fs::read(data.join("ledger-format")).unwrap(), before);
    fs::remove_file(data.join("store/CURRENT")).unwrap();
    expect(&of(&keys::open(&data, &own), "master_key"), Level::Problem);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_went_back_is_found() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let keyring = keyring();
    let ahead = Micros::new(crate::clock::now().get() + 3_600 * 1_000_000);
    let ports = Ports { clock: Clock::new(move || ahead), ..Ports::default() };
    made(&data, keyring.clone(), ports).await;
    expect(&of(&keys::open(&data, &keyring), "clock"), Level::Problem);
}

#[test]
fn a_key_that_cannot_be_read_is_found() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("master.key");
    fs::write(&file, "not a key").unwrap();
    chmod(&file, 0o600);
    let (_, args) = serve(&format!("--master-key-file {}", file.display()));
    let (finding, keyring) = keys::look(outer.path(), &args);
    expect(&finding, Level::Problem);
    assert!(keyring.is_none());
    chmod(&file, 0o644);
    let (common, args) = serve(&format!("--master-key-file {}", file.display()));
    expect(&of(&exposure::look(&common, &args), "key_file_modes"), Level::Problem);
}

#[test]
fn little_room_a_doubtful_file_system_and_few_files_are_found() {
    let plenty = 1 << 40;
    expect(&machine::of_room(plenty / 2, plenty), Level::Ok);
    expect(&machine::of_room(plenty / 50, plenty), Level::Warning);
    expect(&machine::of_room(ROOM_NEEDED_BYTES - 1, plenty), Level::Problem);
    expect(&machine::of_file_system(statfs::EXT4_SUPER_MAGIC), Level::Ok);
    expect(&machine::of_file_system(statfs::NFS_SUPER_MAGIC), Level::Warning);
    expect(&machine::of_files(1_000_000), Level::Ok);
    expect(&machine::of_files(256), Level::Warning);
    let here = machine::look_at_disk(Path::new("/proc"));
    expect(&of(&here, "disk_room"), Level::Problem);
}

#[test]
fn http_that_is_open_to_others_is_found() {
    let level = |words: &str| {
        let (common, args) = serve(words);
        of(&exposure::look(&common, &args), "listen_exposed").level
    };
    assert_eq!(level("--listen off"), Level::Ok);
    assert_eq!(level("--listen 127.0.0.1:0"), Level::Ok);
    assert_eq!(level("--listen 0.0.0.0:0 --tls-cert c --tls-key k"), Level::Ok);
    assert_eq!(level("--listen 0.0.0.0:0 --listen-insecure"), Level::Problem);
    let behind = "--listen 0.0.0.0:0 --listen-insecure --trusted-proxy 10.0.0.1";
    assert_eq!(level(behind), Level::Warning);
}

#[test]
fn a_certificate_that_ends_soon_or_is_none_is_found() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("cert.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["ledger.example.com".into()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2030, 1, 1);
    fs::write(&path, parameters.self_signed(&key).unwrap().pem()).unwrap();
    let end = time::parse("t", "2030-01-01T00:00:00Z").unwrap().get() / 1_000_000;
    let at = |days: i64| certificates::of_file(&path, end - days * 86_400);
    expect(&at(30), Level::Ok);
    expect(&at(3), Level::Warning);
    expect(&at(0), Level::Problem);
    expect(&certificates::of_file(&outer.path().join("none.pem"), end), Level::Problem);
    fs::write(&path, "no certificate").unwrap();
    expect(&certificates::of_file(&path, end), Level::Problem);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_that_are_missing_old_or_damaged_are_found() {
    let outer = tempfile::tempdir().unwrap();
    let (data, target) = (outer.path().join("data"), outer.path().join("backups"));
    fs::create_dir(&target).unwrap();
    let keyring = keyring();
    made(&data, keyring.clone(), Ports::default()).await;
    let (_, none) = serve("");
    expect(&of(&backups::look(&none, None).await, "backup_target"), Level::Warning);
    let (_, args) = serve(&format!("--backup-to {}", target.display()));
    expect(&of(&backups::look(&args, None).await, "backup_age"), Level::Problem);

    let options = EngineOptions::new(data.clone(), keyring.clone());
    let engine = Engine::open(options).unwrap();
    let address = args.backup.target().unwrap().unwrap();
    let made = tokio::task::block_in_place(|| {
        let stop = ledger_backup::Stop::default();
        let opened = ledger_backup::Target::open(&address, args.backup.patience(), stop).unwrap();
        let options = ledger_backup::BackupOptions::at(crate::clock::now());
        ledger_backup::back_up(&engine.portable(), &opened, options, &|_| ())
    });
    made.unwrap();
    engine.shutdown();
    let findings = backups::look(&args, Some(keyring.clone())).await;
    expect(&of(&findings, "backup_age"), Level::Ok);
    expect(&of(&findings, "backup_whole"), Level::Ok);

    let mut files = Vec::new();
    gather(&target, &mut files);
    let largest = files.iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(largest, bytes).unwrap();
    let findings = backups::look(&args, Some(keyring)).await;
    let worst = findings.iter().map(|finding| finding.level).any(|level| level == Level::Problem);
    assert!(worst, "{findings:?}");
    expect(&backups::of_age("2020-01-01T00:00:00Z", Some(3_600)), Level::Problem);
}

fn gather(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { gather(&path, files) } else { files.push(path) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_that_is_away_or_missing_is_found() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (common, args) = serve(&format!("--nats-url nats://127.0.0.1:{port}"));
    expect(&of(&nats::look(&common, &args).await, "nats_server"), Level::Problem);
    let (common, args) = serve("--nats managed --nats-server /nowhere/nats-server");
    expect(&of(&nats::look(&common, &args).await, "nats_server"), Level::Problem);
    let (common, args) = serve("--nats off");
    expect(&of(&nats::look(&common, &args).await, "nats_server"), Level::Ok);
}

#[test]
fn what_a_server_says_of_itself_is_found() {
    let well = json!({
        "ledger_id": "l", "incarnation": "i", "epoch": 1, "program_version": "0.1.0", "xkey": "x",
        "position": 50_000, "published": 50_000, "connections": 1, "poisoned": false,
        "master_keys": { "active": "k", "left_behind": 0 }, "queued": 0, "refused": {},
        "nats": { "prefix": "ledger", "instance": "a", "owner": true },
    });
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut status = well.clone();
        change(&mut status);
        server::of_status(&serde_json::from_value::<StatusView>(status).unwrap())
    };
    let findings = with(&|_| ());
    assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{findings:?}");
    let check = |code: &str, level: Level, change: &dyn Fn(&mut serde_json::Value)| {
        expect(&of(&with(change), code), level);
    };
    check("server_writes", Level::Problem, &|status| status["poisoned"] = true.into());
    check("server_writes", Level::Problem, &|status| {
        status["disk_full"] = json!({ "needed_bytes": 1 });
    });
    check("server_writes", Level::Problem, &|status| status["nats"]["refusal"] = "no".into());
    check("server_sealed", Level::Problem, &|status| status["master_keys"]["sealed"] = true.into());
    check("server_master_keys", Level::Warning, &|status| {
        status["master_keys"]["left_behind"] = 3.into();
    });
    check("server_clock", Level::Problem, &|status| {
        status["clock"] = json!({ "behind_seconds": 9, "latest_event_at": "x" });
    });
    check("server_relay", Level::Warning, &|status| status["published"] = 1.into());
    check("server_streams", Level::Warning, &|status| status["nats"]["drift"] = json!(["x"]));
    check("server_backup", Level::Problem, &|status| {
        status["backup"] = json!({
            "target": "t",
            "last_failure": { "code": "backup_target", "message": "m", "at": "x", "times": 1 },
        });
    });
    check("server_alerts", Level::Warning, &|status| {
        status["alerts"] = json!({
            "alerts": 1, "disabled": 0, "down": 1, "behind": 0, "waiting": 0, "dead_letters": 0,
            "delivered": 0, "failed": 0,
        });
    });
}
