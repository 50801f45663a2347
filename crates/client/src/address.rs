//! Addresses of NATS servers as they may be printed.

/// Removes the user and password from an address.
pub(crate) fn without_password(url: &str) -> String {
    if url.contains(',') {
        return url.split(',').map(without_password).collect::<Vec<_>>().join(",");
    }
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_repeated() {
        assert_eq!(without_password("nats://me:secret@host:4222"), "nats://host:4222");
        assert_eq!(without_password("me:secret@host"), "host");
        assert_eq!(without_password("nats://host:4222"), "nats://host:4222");
        assert_eq!(without_password("a:b@c,d:e@f"), "c,f");
    }
}
