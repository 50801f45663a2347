//! Every flag is a setting, and layers go before each other.

use std::path::Path;

use super::*;
use crate::settings::without_empty_variables;

/// Writes a file and reads a command line that names it.
fn read(text: &str, more: &[&str]) -> Result<Cli, clap::Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, text).unwrap();
    let line = ["connledger", "serve", "--config"].map(OsString::from);
    let line = line.into_iter().chain([path.into()]).chain(more.iter().map(OsString::from));
    read_without_environment(line.collect())
}

fn serve(text: &str, more: &[&str]) -> Box<ServeArgs> {
    match read(text, more).unwrap_or_else(|error| panic!("{error}")).command {
        Chosen::Serve(args) => args,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn expect_refusal(text: &str, more: &[&str], told: &str) {
    let error = read(text, more).unwrap_err().to_string();
    assert!(error.contains(told), "{error}");
    assert!(error.contains("c.toml"), "{error}");
}

#[test]
fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
    let args =
        serve("log = \"debug\"\nnats-port = 4333\ncluster-replicas = 5\n", &["--log", "warn"]);
    assert_eq!((args.log.as_str(), args.nats_port), ("warn", 4333));
    assert_eq!(args.log_format, crate::serve::LogFormat::Text);
    let args = serve("log-format = \"json\"\ndev = true\n", &[]);
    assert!(args.dev);
    assert_eq!(args.log_format, crate::serve::LogFormat::Json);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    expect_refusal(
        "log = \"x\"\nlistn = \"off\"\n",
        &[],
        "line 2: there is no setting listn; did you mean listen?",
    );
    expect_refusal("zzzz = 1\n", &[], "line 1: there is no setting zzzz");
    expect_refusal("[serve]\nlog = \"x\"\n", &[], "line 1: there is no setting serve");
    expect_refusal("config = \"x\"\n", &[], "line 1: there is no setting config");
    expect_refusal("\nlisten = \"nowhere\"\n", &[], "line 2: ");
    expect_refusal("dev = \"yes\"\n", &[], "line 1: dev must be true or false");
    expect_refusal("log = [\"a\"]\n", &[], "line 1: log takes one value");
    expect_refusal("a = 1 2\n", &[], "line 1: ");
}

#[test]
fn keys_that_contradict_each_other_are_refused_as_flags_are() {
    let both = "master-key = \"env:X\"\nmaster-key-file = \"/m\"\n";
    expect_refusal(both, &[], "cannot be used with");
    expect_refusal(
        "cluster = true\ninstance = \"a\"\n",
        &["--leave-cluster"],
        "cannot be used with",
    );
    expect_refusal("tls-cert = \"/c\"\n", &[], "--tls-key");
}

#[test]
fn a_secret_takes_a_file_of_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    for text in ["key = \"sk_test_canary\"\n", "nats-url = \"nats://a:canary@host:4222\"\n"] {
        std::fs::write(&path, text).unwrap();
        let line = || {
            let line = ["connledger", "serve", "--config"].map(OsString::from);
            line.into_iter().chain([path.clone().into()]).collect()
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let told = read_without_environment(line()).unwrap_err().to_string();
        assert!(told.contains("for its owner alone") && !told.contains("canary"), "{told}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read_without_environment(line()).is_ok());
    }
}

#[test]
fn every_flag_and_every_variable_of_serve_is_a_setting() {
    let command = Cli::described();
    let names: Vec<_> = layers::settings(&command).filter_map(clap::Arg::get_long).collect();
    let serve = command.find_subcommand("serve").unwrap();
    let args = serve.get_arguments().chain(command.get_arguments());
    for arg in args {
        let long = arg.get_long().unwrap_or_else(|| panic!("{} has no name", arg.get_id()));
        let is_none = ["help", "version", "config"].contains(&long);
        assert!(is_none || names.contains(&long), "{long}");
    }
    assert!(names.len() > 90, "{}", names.len());
}

#[test]
fn other_commands_take_what_they_have_in_common() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, "data-dir = \"/d\"\nworkspace = [\"a\"]\nlisten = \"off\"\n").unwrap();
    let mut line =
        vec!["connledger".into(), "whoami".into(), "--config".into(), path.clone().into()];
    let mut command = without_empty_variables(Cli::described());
    let layered = Layered::read(&mut command, line.clone()).unwrap();
    assert!(!layered.is_on_line("workspace"), "it comes from the file");
    let cli = Cli::read(line.clone()).unwrap();
    assert_eq!(cli.common.data_dir.as_deref(), Some(Path::new("/d")));
    assert_eq!(cli.common.workspace, ["a"]);
    line.extend(["--workspace".into(), "b".into()]);
    let cli = Cli::read(line).unwrap();
    assert_eq!(
        (cli.common.workspaces_given(), cli.common.workspace_given),
        (&["b".to_owned()][..], true)
    );
}

#[test]
fn the_example_has_every_setting_and_each_of_them_is_accepted() {
    let text = include_str!("../../../../deploy/connledger.toml");
    assert_eq!(
        text,
        example(),
        "write it anew: connledger config example > deploy/connledger.toml"
    );
    assert!(read(text, &[]).is_ok());
    let command = Cli::described();
    for arg in layers::settings(&command) {
        let name = arg.get_long().unwrap();
        let start = format!("#{name} = ");
        let line =
            text.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{name}"));
        let line = line.strip_prefix('#').unwrap();
        if let Err(error) = read(&format!("{line}\n"), &[]) {
            let text = error.to_string();
            // Some need others, or a file of their owner.
            let is_incomplete =
                text.contains("were not provided") || text.contains("for its owner");
            assert!(is_incomplete, "{line}: {text}");
        }
    }
}
