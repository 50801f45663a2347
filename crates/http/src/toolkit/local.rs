//! Requests of programs on this machine.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HOST, VIA};
use ledger_http_server::{ClientAddress, credential, is_loopback};

/// Headers that proxies add, besides those with names of their own.
const OF_PROXIES: [&str; 4] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Returns whether a request comes from this machine, as far as can be told, and presents no
/// credential. A page in a browser that was led here by another name, and what a proxy passed on,
/// does not count.
pub(super) fn is_local(request: &Request) -> bool {
    let headers = request.headers();
    let address = request.extensions().get::<ClientAddress>();
    address.is_some_and(|address| is_loopback(address.0))
        && names_this_machine(request)
        && !is_passed_on(headers)
        && matches!(credential(headers), Ok(None))
}

fn names_this_machine(request: &Request) -> bool {
    let named = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let mut hosts = named.into_iter().chain(authority).peekable();
    hosts.peek().is_some() && hosts.all(is_name_of_this_machine)
}

/// Returns whether a host, with or without a port, is this machine whatever a resolver says.
fn is_name_of_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(is_loopback)
}

fn is_passed_on(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED)
        || headers.contains_key(VIA)
        || OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is(address: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri("/metrics");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ClientAddress(address.parse().unwrap()));
        is_local(&request)
    }

    #[test]
    fn only_what_comes_straight_from_this_machine_is_local() {
        for host in ["localhost:7420", "127.0.0.1", "127.0.0.1:7420", "[::1]:7420"] {
            assert!(is("127.0.0.1", &[("host", host)]), "{host}");
        }
        assert!(is("::1", &[("host", "localhost")]));
        assert!(!is("192.0.2.1", &[("host", "localhost")]), "from elsewhere");
        assert!(!is("127.0.0.1", &[]), "nobody is named");
        for host in ["ledger.example.com", "evil.example:7420", "localhost.evil.example", ""] {
            assert!(!is("127.0.0.1", &[("host", host)]), "{host}");
        }
        for name in ["x-forwarded-for", "forwarded", "via", "x-real-ip", "authorization"] {
            assert!(!is("127.0.0.1", &[("host", "localhost"), (name, "x")]), "{name}");
        }
    }
}
