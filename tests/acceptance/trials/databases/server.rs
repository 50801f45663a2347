//! Database servers in processes of their own, with what they write in temporary folders.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::ports::free_port;
use crate::settings;
use crate::wait::eventually;

/// Whom PostgreSQL runs as where this test is root, which it refuses to be.
const NOBODY: u32 = 65_534;

/// A server on a free port. It ends with the test.
pub(super) struct Server {
    pub(super) port: u16,
    /// Another port, where Redis speaks TLS only.
    pub(super) tls_port: u16,
    /// The certificate of the authority that vouches for `localhost`.
    pub(super) authority: String,
    child: Child,
    _folder: TempDir,
}

impl Server {
    /// Starts PostgreSQL after some statements, each on one line, were carried out.
    pub(super) async fn postgresql(statements: &[String], rules: &str) -> Self {
        let place = Place::new();
        let data = place.path("data");
        let program = settings::postgres();
        // A link elsewhere has no `initdb` beside it.
        let program = program.canonicalize().expect("it is there");
        let made = place
            .command(&program.with_file_name("initdb"))
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--no-locale"])
            .args(["--encoding=UTF8", "--pgdata"])
            .arg(&data)
            .output()
            .await
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut single = place.command(&program);
        single.args(["--single", "-D"]).arg(&data).arg("postgres");
        place.feed(single, &statements.join("\n")).await;
        place.write("data/pg_hba.conf", rules);
        let (certificate, _) = place.certificate();
        let port = free_port();
        let mut command = place.command(&program);
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        let folder = place.folder.path().display();
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={folder}"),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={folder}/server.crt"),
            format!("ssl_key_file={folder}/server.key"),
        ] {
            command.args(["-c", &setting]);
        }
        // What it answers to a request for TLS.
        let request = [0, 0, 0, 8, 4, 210, 22, 47];
        place.start(command, [port, 0], certificate, &request, |said| said == b"S").await
    }

    /// Starts MariaDB, which then carries out some statements.
    pub(super) async fn mariadb(statements: &[String]) -> Self {
        let place = Place::new();
        let program = settings::mariadb_server();
        let base = program.parent().and_then(Path::parent).expect("it is in a folder of /usr");
        // Both the folder and the names of files have changed with the versions.
        let names = ["mysql", "mariadb"];
        let folders = names.map(|name| base.join("share").join(name));
        let tables_of = |folder: &Path, name: &str, file: &str| {
            fs::read_to_string(folder.join(format!("{name}_{file}.sql"))).ok()
        };
        let found = folders.iter().find_map(|folder| {
            let has = |name: &&&str| tables_of(folder, name, "system_tables").is_some();
            Some((folder, *names.iter().find(has)?))
        });
        let (share, prefix) = found.expect("its tables are beside it");
        fs::create_dir_all(place.path("data/mysql")).expect("made");
        let server = || {
            let mut command = Command::new(&program);
            command.arg("--no-defaults").arg(format!("--basedir={}", base.display()));
            command.arg(format!("--datadir={}", place.path("data").display()));
            command.arg(format!("--lc-messages-dir={}", share.display()));
            if place.is_lent {
                command.arg("--user=root");
            }
            command
        };
        let mut tables = "use mysql;\n".to_owned();
        for file in ["system_tables", "performance_tables", "system_tables_data"] {
            tables.push_str(&tables_of(share, prefix, file).expect("readable"));
        }
        let mut bootstrap = server();
        bootstrap.args(["--bootstrap", "--skip-log-bin"]);
        place.feed(bootstrap, &tables).await;
        place.write("init.sql", &statements.join("\n"));
        let (certificate, [certificate_path, key_path]) = place.certificate();
        let port = free_port();
        let mut command = server();
        command.args(["--bind-address=127.0.0.1", "--skip-log-bin"]);
        command.arg(format!("--port={port}"));
        command.arg(format!("--socket={}", place.path("socket").display()));
        command.arg(format!("--pid-file={}", place.path("pid").display()));
        command.arg(format!("--init-file={}", place.path("init.sql").display()));
        command.arg(format!("--ssl-cert={}", certificate_path.display()));
        command.arg(format!("--ssl-key={}", key_path.display()));
        place.start(command, [port, 0], certificate, b"", |said| said.get(4) == Some(&10)).await
    }

    /// Starts Redis with lines of a configuration.
    pub(super) async fn redis(lines: &str) -> Self {
        let place = Place::new();
        let (certificate, [certificate_path, key_path]) = place.certificate();
        let (port, tls_port) = (free_port(), free_port());
        let config = format!(
            "bind 127.0.0.1\nport {port}\ntls-port {tls_port}\ntls-auth-clients no\n\
             tls-cert-file {}\ntls-key-file {}\nsave \"\"\ndir {}\n{lines}\n",
            certificate_path.display(),
            key_path.display(),
            place.folder.path().display(),
        );
        place.write("redis.conf", &config);
        let mut command = Command::new(settings::redis_server());
        command.arg(place.path("redis.conf"));
        let answers = |said: &[u8]| said.starts_with(b"+PONG") || said.starts_with(b"-NOAUTH");
        place.start(command, [port, tls_port], certificate, b"PING\r\n", answers).await
    }

    /// Ends it and waits for that.
    pub(super) async fn stop(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }
}

/// The folder of a server.
struct Place {
    folder: TempDir,
    is_lent: bool,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let is_lent = fs::metadata(folder.path()).expect("it is there").uid() == 0;
        let place = Self { folder, is_lent };
        place.lend(place.folder.path());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives a file to whom PostgreSQL runs as. Root can read it all the same.
    fn lend(&self, path: &Path) {
        if self.is_lent {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("writable");
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, mode).expect("its own");
        self.lend(&path);
    }

    /// Makes a certificate for `localhost`, which vouches for itself. Returns it, and the files.
    fn certificate(&self) -> (String, [PathBuf; 2]) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let certificate = made.cert.pem();
        self.write("server.crt", &certificate);
        self.write("server.key", &made.signing_key.serialize_pem());
        (certificate, [self.path("server.crt"), self.path("server.key")])
    }

    /// Returns a command that runs as nobody where this is root.
    fn command(&self, program: &Path) -> Command {
        let mut command = if self.is_lent {
            let mut command = Command::new("setpriv");
            let user = NOBODY.to_string();
            command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// Runs a program with some input to its end.
    async fn feed(&self, mut command: Command, input: &str) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = format!("{input}\n");
        let written = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
        let done = child.wait_with_output().await.expect("it ends");
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && !told.contains("ERROR:"), "{told}");
        written.await.expect("no panic").expect("it reads");
    }

    /// Starts a server and waits until it answers a request as it should.
    async fn start(
        self,
        mut command: Command,
        [port, tls_port]: [u16; 2],
        authority: String,
        request: &[u8],
        answers: impl Fn(&[u8]) -> bool,
    ) -> Server {
        let log = fs::File::create(self.path("log")).expect("writable");
        let errors = log.try_clone().expect("a file");
        command.stdin(Stdio::null()).stdout(log).stderr(errors).kill_on_drop(true);
        let child = command.spawn().expect("it starts");
        let server = Server { port, tls_port, authority, child, _folder: self.folder };
        eventually("the database answers", async || {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
            socket.write_all(request).await.ok()?;
            let mut said = [0; 64];
            let read = socket.read(&mut said).await.ok()?;
            answers(&said[..read]).then_some(())
        })
        .await;
        server
    }
}
