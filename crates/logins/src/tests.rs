//! Logins at servers that are none, and where none may go.

use std::time::{Duration, Instant};

use ledger_domain::connection::TestOutcome;
use ledger_outgoing::Network;
use ledger_providers::{Login, LoginHost, Protocol, Security};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

use crate::target::permitted;
use crate::{Finding, LoginOptions, Logins};

/// Time for a login that is not answered.
const TIME_MAX: Duration = Duration::from_millis(500);

fn networks(networks: &[&str]) -> Vec<Network> {
    networks.iter().map(|text| text.parse().expect("a network")).collect()
}

fn logins(allowed: &[&str]) -> Logins {
    Logins::new(LoginOptions { time_max: TIME_MAX, networks: networks(allowed), authorities: None })
}

fn login(protocol: Protocol, name: &str, port: u16, security: Security) -> Login {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    Login {
        protocol,
        hosts: vec![LoginHost { name: name.to_owned(), port }],
        user: Some(text("someone")),
        password: text("swordfish"),
        database: None,
        security,
        authority: None,
    }
}

#[tokio::test]
async fn a_network_that_is_not_permitted_sees_no_login() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    for allowed in [&[][..], &["10.0.0.0/8"]] {
        let logins = logins(allowed);
        for protocol in Protocol::ALL {
            for host in [
                "127.0.0.1",
                "localhost",
                "::1",
                "::ffff:127.0.0.1",
                "2130706433",
                "169.254.169.254",
            ] {
                for security in [Security::Off, Security::Full] {
                    let found = logins.try_login(login(*protocol, host, port, security)).await;
                    assert_eq!(found, Finding::NotPermitted, "{protocol} {host}");
                }
            }
        }
    }
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[tokio::test]
async fn outside_of_permitted_networks_a_server_has_to_prove_its_name() {
    let allowed = networks(&["10.0.0.0/8"]);
    let all = [
        Security::Off,
        Security::Preferred,
        Security::Unproven,
        Security::Authority,
        Security::Full,
    ];
    for security in all {
        let within = permitted("10.1.2.3", 1, &allowed, security).await.expect("it is allowed");
        assert_eq!(within.1, security);
        match permitted("1.1.1.1", 1, &allowed, security).await {
            Err(_) => assert_eq!(security, Security::Off),
            Ok((addresses, demanded)) => {
                assert_eq!(addresses, ["1.1.1.1:1".parse().expect("an address")]);
                assert_eq!(demanded, Security::Full, "{security:?}");
            }
        }
        assert!(permitted("192.168.0.1", 1, &allowed, security).await.is_err());
    }
}

/// A peer that is no database.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Silent,
    Garbage,
    Zeros,
    Endless,
    Gone,
}

async fn behave(mut socket: TcpStream, peer: Peer) {
    let mut heard = [0; 512];
    match peer {
        Peer::Silent => while socket.read(&mut heard).await.is_ok_and(|read| read > 0) {},
        Peer::Garbage => {
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nwho are you?\r\n").await.ok();
            let _: Option<usize> = socket.read(&mut heard).await.ok();
        }
        Peer::Zeros => {
            socket.write_all(&[0; 64]).await.ok();
            let _: Option<usize> = socket.read(&mut heard).await.ok();
        }
        // Each protocol takes it for something that goes on: an error, a packet or a line.
        Peer::Endless => while socket.write_all(&[b'E'; 4_096]).await.is_ok() {},
        Peer::Gone => {}
    }
}

async fn port_of(peer: Peer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(behave(socket, peer));
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_none_costs_neither_time_nor_memory() {
    let logins = logins(&["127.0.0.0/8"]);
    for peer in [Peer::Silent, Peer::Garbage, Peer::Zeros, Peer::Endless, Peer::Gone] {
        let port = port_of(peer).await;
        for protocol in Protocol::ALL {
            for security in [Security::Off, Security::Preferred, Security::Full] {
                let started = Instant::now();
                let found = logins.try_login(login(*protocol, "127.0.0.1", port, security)).await;
                let Finding::Tried { outcome, what } = &found else { panic!("{found:?}") };
                let context = format!("{protocol} {security:?} {peer:?}: {what}");
                assert_eq!(*outcome, TestOutcome::Unreachable, "{context}");
                assert!(what.starts_with("gave no answer: "), "{context}");
                assert!(!what.contains("someone") && !what.contains("swordfish"), "{context}");
                assert!(started.elapsed() < TIME_MAX * 10, "{context}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_away_and_a_name_that_is_none_are_told_apart() {
    let logins = logins(&["127.0.0.0/8"]);
    for protocol in Protocol::ALL {
        for (host, why) in [
            ("127.0.0.1", "gave no answer: it refuses connections"),
            ("a..b", "gave no answer: its name cannot be resolved"),
        ] {
            let found = logins.try_login(login(*protocol, host, 1, Security::Off)).await;
            let (outcome, what) = (TestOutcome::Unreachable, why.to_owned());
            assert_eq!(found, Finding::Tried { outcome, what }, "{protocol}");
        }
    }
}

#[tokio::test]
async fn of_several_servers_the_first_that_may_be_reached_is_asked() {
    let port = port_of(Peer::Gone).await;
    let mut several = login(Protocol::Redis, "169.254.169.254", port, Security::Off);
    several.hosts.push(LoginHost { name: "127.0.0.1".to_owned(), port: 1 });
    several.hosts.push(LoginHost { name: "127.0.0.1".to_owned(), port });
    let found = logins(&["127.0.0.0/8"]).try_login(several).await;
    let (outcome, what) =
        (TestOutcome::Unreachable, "gave no answer: the connection broke".to_owned());
    assert_eq!(found, Finding::Tried { outcome, what });
}
