//! The request over HTTP that one connection makes of a description: values go where they belong,
//! and none moves it elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::auth::{Auth, AuthFields, AwsKeys};
use crate::endpoint::{Basic, Listing, Probe};
use crate::field::Field;
use crate::provider::Provider;
use crate::template::{Piece, pieces};
use crate::trial::{Request, Untestable, Values, default};
use crate::words::Method;

/// A request over HTTP that is to be made of its description.
#[derive(Clone, Copy)]
pub(crate) struct Draft<'p> {
    provider: &'p Provider,
    method: Method,
    url: &'p str,
    headers: &'p BTreeMap<String, String>,
    basic: Option<&'p Basic>,
    auth: Option<&'p AuthFields>,
}

impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} {})", self.method, self.url)
    }
}

impl<'p> Draft<'p> {
    pub(crate) fn of_probe(provider: &'p Provider, probe: &'p Probe) -> Self {
        let Probe { method, url, headers, basic, auth, outcomes: _ } = probe;
        let (basic, auth) = (basic.as_ref(), auth.as_ref());
        Self { provider, method: *method, url, headers, basic, auth }
    }

    pub(crate) fn of_listing(provider: &'p Provider, listing: &'p Listing) -> Self {
        let Listing { method, url, headers, basic, .. } = listing;
        Self { provider, method: *method, url, headers, basic: basic.as_ref(), auth: None }
    }

    /// Returns the texts that may have placeholders.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &'p str> + use<'p> {
        let basic = self.basic.map(Basic::parts).into_iter().flatten().map(|(_, text)| text);
        let headers = self.headers.values().map(String::as_str);
        std::iter::once(self.url).chain(headers).chain(basic)
    }

    pub(crate) fn secrets(
        &self,
        has: &dyn Fn(&Field) -> bool,
    ) -> Result<Vec<&'p Field>, Untestable> {
        let mut secrets: Vec<&Field> = Vec::new();
        let needed = self.texts().filter(|text| !self.can_be_left_out(text, has));
        let needed = needed.flat_map(names_in).chain(self.names_in_base()).map(|name| (name, true));
        let auth = self.auth(has);
        let of_auth = auth.iter().flat_map(|auth| {
            let texts = auth.texts().into_iter().flat_map(|(_, text)| names_in(text));
            let texts = texts.map(|name| (name, true));
            texts.chain(auth.names().into_iter().map(|(_, name, is_needed)| (name, is_needed)))
        });
        for (name, is_needed) in needed.chain(of_auth) {
            let Some(field) = self.provider.field(name) else { continue };
            if !has(field) && default(field).is_none() {
                if is_needed {
                    return Err(Untestable::Lacks(field.name.clone()));
                }
                continue;
            }
            if field.secret && !secrets.iter().any(|known| known.name == field.name) {
                secrets.push(field);
            }
        }
        Ok(secrets)
    }

    /// Makes the request, with the name and value of one more parameter if there is one.
    pub(crate) fn request(
        &self,
        values: Values<'_>,
        parameter: Option<(&str, &str)>,
    ) -> Result<Request, Untestable> {
        let has = |field: &Field| values(field).is_some();
        let sent = self.headers.iter().filter(|(_, text)| !self.can_be_left_out(text, &has));
        let headers = sent.map(|(name, text)| Ok((name.clone(), self.plain(text, values)?)));
        let basic = self.basic.map(|basic| {
            let (user, password) = (self.plain(&basic.user, values), &basic.password);
            Ok::<_, Untestable>((user?, self.plain(password, values)?))
        });
        let auth = self.auth(&has).map(|auth| self.auth_of(auth, values));
        let mut url = self.filled_url(self.url, values)?;
        if let Some((name, value)) = parameter {
            let before = if url.contains('?') { "&" } else { "?" };
            for part in [before, name, "=", &encoded(value)] {
                push(&mut url, part);
            }
        }
        Ok(Request {
            method: self.method,
            url,
            headers: headers.collect::<Result<_, Untestable>>()?,
            basic: basic.transpose()?,
            body: None,
            auth: auth.transpose()?,
        })
    }

    /// Returns what proves who sends the request of a connection, unless it has what the
    /// placeholders of the request take.
    fn auth(&self, has: &dyn Fn(&Field) -> bool) -> Option<&'p AuthFields> {
        let auth = self.auth?;
        let field = |name: &str| self.provider.field(name);
        let names = self.texts().flat_map(names_in);
        let secrets: Vec<_> = names.filter_map(field).filter(|field| field.secret).collect();
        let has_all = |names: Vec<(&str, &str, bool)>| {
            let mut needed = names.into_iter().filter(|(_, _, is_needed)| *is_needed);
            needed.all(|(_, name, _)| field(name).is_some_and(has))
        };
        let lacks_secret = secrets.iter().any(|field| !has(field));
        (secrets.is_empty() || lacks_secret && has_all(auth.names())).then_some(auth)
    }

    fn auth_of(&self, auth: &AuthFields, values: Values<'_>) -> Result<Auth, Untestable> {
        let value = |name: &str| self.value(name, values);
        Ok(match auth {
            AuthFields::AwsV4 {
                service,
                region,
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let session = session_token.as_deref().and_then(|name| self.provider.field(name));
                Auth::AwsV4(AwsKeys {
                    service: self.plain(service, values)?,
                    region: self.plain(region, values)?,
                    access_key_id: value(access_key_id)?,
                    secret_access_key: value(secret_access_key)?,
                    session_token: session.and_then(values),
                })
            }
            AuthFields::Google { token_url, scope, key_file } => Auth::Google {
                token_url: self.filled_url(token_url, values)?,
                scope: self.plain(scope, values)?,
                key_file: value(key_file)?,
            },
            AuthFields::Entra { token_url, scope, client_id, client_secret } => Auth::Entra {
                token_url: self.filled_url(token_url, values)?,
                scope: self.plain(scope, values)?,
                client_id: value(client_id)?,
                client_secret: value(client_secret)?,
            },
        })
    }

    /// Returns whether a text is a header for a setting that the connection does not have.
    fn can_be_left_out(&self, text: &str, has: &dyn Fn(&Field) -> bool) -> bool {
        if !self.headers.values().any(|header| std::ptr::eq(header.as_str(), text)) {
            return false;
        }
        let fields: Vec<&Field> =
            names_in(text).filter_map(|name| self.provider.field(name)).collect();
        let lacks = |field: &&Field| !has(field) && default(field).is_none();
        let has_other = self.auth(has).is_some();
        fields.iter().any(lacks) && (has_other || !fields.iter().any(|field| field.secret))
    }

    /// Returns the placeholders of the provider's own base URL, if the request uses it.
    fn names_in_base(&self) -> impl Iterator<Item = &'p str> {
        let uses = |name: &str| name == "base_url" && self.provider.field(name).is_none();
        let is_used = self.texts().flat_map(names_in).any(uses);
        self.provider.base_url.iter().filter(move |_| is_used).flat_map(|url| names_in(url))
    }

    /// Returns the value of a placeholder.
    fn value(&self, name: &str, values: Values<'_>) -> Result<Zeroizing<String>, Untestable> {
        match self.provider.field(name) {
            Some(field) => values(field)
                .or_else(|| default(field))
                .ok_or_else(|| Untestable::Lacks(field.name.clone())),
            None => match &self.provider.base_url {
                Some(url) if name == "base_url" => self.filled_url(url, values),
                _ => Err(Untestable::Lacks(name.to_owned())),
            },
        }
    }

    /// Returns a text with its values as they are.
    fn plain(&self, text: &str, values: Values<'_>) -> Result<Zeroizing<String>, Untestable> {
        let mut whole = Zeroizing::new(String::new());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => push(&mut whole, text),
                Piece::Name(name) => {
                    let value = self.value(name, values)?;
                    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                        return Err(Untestable::Unfit(name.to_owned()));
                    }
                    push(&mut whole, &value);
                }
            }
        }
        Ok(whole)
    }

    /// Returns a URL with its values where they belong: an address at its start, a part of the
    /// host's name, or one segment or parameter.
    fn filled_url(&self, text: &str, values: Values<'_>) -> Result<Zeroizing<String>, Untestable> {
        let mut url = Zeroizing::new(String::new());
        for piece in pieces(text) {
            let name = match piece {
                Piece::Text(text) => {
                    push(&mut url, text);
                    continue;
                }
                Piece::Name(name) => name,
            };
            let value = self.value(name, values)?;
            let unfit = || Untestable::Unfit(name.to_owned());
            if url.is_empty() {
                push(&mut url, address(&value).ok_or_else(unfit)?);
            } else if is_in_host(&url) {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
                if value.is_empty() || !value.chars().all(is_part) {
                    return Err(unfit());
                }
                push(&mut url, &value);
            } else if matches!(value.as_str(), "" | "." | "..") {
                return Err(unfit());
            } else {
                push(&mut url, &encoded(&value));
            }
        }
        Ok(url)
    }
}

/// Appends to a text. What grows leaves no copy behind.
fn push(whole: &mut Zeroizing<String>, more: &str) {
    let mut grown = Zeroizing::new(String::with_capacity(whole.len() + more.len()));
    grown.push_str(whole);
    grown.push_str(more);
    *whole = grown;
}

/// Returns the placeholders of a URL that decide about the host: the first thing in it, and those
/// in the host's name.
pub(crate) fn in_host(url: &str) -> impl Iterator<Item = &str> {
    let mut before = String::new();
    pieces(url).into_iter().filter_map(move |piece| match piece {
        Piece::Text(text) => {
            before.push_str(text);
            None
        }
        Piece::Name(name) => {
            let decides = before.is_empty() || is_in_host(&before);
            before.push_str(if before.is_empty() { "https://h" } else { "v" });
            decides.then_some(name)
        }
    })
}

/// Returns whether what follows a part of a URL still belongs to the host.
fn is_in_host(before: &str) -> bool {
    before.split_once("://").is_none_or(|(_, rest)| !rest.contains(['/', '?', '#']))
}

/// Returns the start of a URL, if a value is one: scheme, host, port and path alone.
fn address(value: &str) -> Option<&str> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"))?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '\\');
    let is_good = !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain);
    is_good.then(|| value.trim_end_matches('/'))
}

/// Returns a value as one segment of a path or one value of a parameter.
fn encoded(value: &str) -> Zeroizing<String> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = Zeroizing::new(String::with_capacity(3 * value.len()));
    let digit = |byte: u8| HEX.get(usize::from(byte)).copied().map_or('0', char::from);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

pub(crate) fn names_in(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    })
}
