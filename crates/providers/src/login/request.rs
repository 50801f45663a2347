//! The login that one connection makes.

use std::fmt;

use zeroize::Zeroizing;

use super::address::{self, Address};
use super::{LoginFields, Protocol, Security};
use crate::field::Field;
use crate::provider::Provider;
use crate::trial::{Untestable, Values, default};

/// A complete login, wiped when dropped.
pub struct Login {
    /// How the database is spoken to.
    pub protocol: Protocol,
    /// Where it is; the first that takes a connection is asked.
    pub hosts: Vec<LoginHost>,
    /// The user, which only Redis does without.
    pub user: Option<Zeroizing<String>>,
    /// The password; never empty.
    pub password: Zeroizing<String>,
    /// The database, if the connection names one.
    pub database: Option<Zeroizing<String>>,
    /// How TLS is used.
    pub security: Security,
    /// Certificates of authorities in the PEM form that are trusted in place of the system's.
    pub authority: Option<Zeroizing<String>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, {} hosts)", self.protocol, self.hosts.len())
    }
}

/// A server.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginHost {
    /// Its name, or its address without brackets.
    pub name: String,
    /// Its port, which is not 0.
    pub port: u16,
}

impl fmt::Debug for LoginHost {
    /// It may come from a URL that is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginHost")
    }
}

impl LoginFields {
    /// Returns the secret fields that a login takes, of which there is one at least, if a
    /// connection has all that it takes.
    ///
    /// # Errors
    /// A field is missing.
    pub(crate) fn secrets<'p>(
        &self,
        provider: &'p Provider,
        has: &dyn Fn(&Field) -> bool,
    ) -> Result<Vec<&'p Field>, Untestable> {
        let field = |name: &str| provider.field(name);
        let authority = self.authority.as_deref().and_then(field);
        let url = self.url.as_deref().and_then(field).filter(|url| has(url));
        let taken: Vec<&Field> = if let Some(url) = url {
            std::iter::once(url).chain(authority).collect()
        } else {
            let needs_user = self.protocol.needs_user();
            let user = self.user.as_deref().filter(|_| needs_user);
            for name in [Some(self.host.as_str()), user, Some(self.password.as_str())] {
                let needed = name.and_then(field);
                if let Some(needed) = needed.filter(|one| !has(one) && default(one).is_none()) {
                    return Err(Untestable::Lacks(needed.name.clone()));
                }
            }
            let names = self.names().filter(|(part, _)| *part != "url");
            names.filter_map(|(_, name)| field(name)).collect()
        };
        Ok(taken.into_iter().filter(|field| field.secret && has(field)).collect())
    }

    /// Returns the login of a connection.
    ///
    /// # Errors
    /// A field is missing, or does not fit.
    pub(crate) fn login(
        &self,
        provider: &Provider,
        values: Values<'_>,
    ) -> Result<Login, Untestable> {
        let own = |name: &str| values(provider.field(name)?);
        let value = |name: &str| own(name).or_else(|| default(provider.field(name)?));
        let optional = |name: &Option<String>| name.as_deref().and_then(value);
        let authority = optional(&self.authority);
        let Some((name, url)) = self.url.as_deref().and_then(|name| Some((name, own(name)?)))
        else {
            return self.login_of_parts(&value, authority);
        };
        let unfit = || Untestable::Unfit(name.to_owned());
        let address = Address::parse(self.protocol, &url).ok_or_else(unfit)?;
        if self.protocol.needs_user() && address.user.is_none() {
            return Err(unfit());
        }
        // What is set beside the URL makes it stricter, and never less strict.
        let beside = match self.tls.as_deref().and_then(|name| Some((name, own(name)?))) {
            None => None,
            Some((name, text)) => {
                let unfit = || Untestable::Unfit(name.to_owned());
                Some(Security::parse(&text).ok_or_else(unfit)?)
            }
        };
        let security = address.security.into_iter().chain(beside).max();
        let security = security.unwrap_or_else(|| self.usual_security());
        Ok(Login {
            protocol: self.protocol,
            hosts: address.hosts,
            user: address.user,
            password: address.password.ok_or_else(unfit)?,
            database: address.database,
            security,
            authority,
        })
    }

    fn login_of_parts(
        &self,
        value: &dyn Fn(&str) -> Option<Zeroizing<String>>,
        authority: Option<Zeroizing<String>>,
    ) -> Result<Login, Untestable> {
        let lacks = |name: &str| Untestable::Lacks(name.to_owned());
        let unfit = |name: &str| Untestable::Unfit(name.to_owned());
        let named = |name: &Option<String>| {
            let name = name.as_deref()?;
            Some((name.to_owned(), value(name)?))
        };
        let port = match named(&self.port) {
            None => self.protocol.port(),
            Some((name, text)) => text.parse().map_err(|_| unfit(&name))?,
        };
        let host = value(&self.host).ok_or_else(|| lacks(&self.host))?;
        let host = address::host(host.trim(), port).ok_or_else(|| unfit(&self.host))?;
        let security = match named(&self.tls) {
            None => self.usual_security(),
            Some((name, text)) => Security::parse(&text).ok_or_else(|| unfit(&name))?,
        };
        let text = |name: &Option<String>| named(name).map(|(_, text)| text);
        let user = text(&self.user);
        if self.protocol.needs_user() && user.is_none() {
            return Err(lacks(self.user.as_deref().unwrap_or("user")));
        }
        let password = value(&self.password).filter(|password| !password.is_empty());
        Ok(Login {
            protocol: self.protocol,
            hosts: vec![host],
            user,
            password: password.ok_or_else(|| lacks(&self.password))?,
            database: text(&self.database),
            security,
            authority,
        })
    }

    const fn usual_security(&self) -> Security {
        if self.protocol.prefers_tls() { Security::Preferred } else { Security::Off }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Catalogue, TestRequest};

    type Known<'a> = &'a [(&'a str, &'a str)];

    /// Returns the secrets that a login takes, and the login.
    fn login(provider: &str, known: Known<'_>) -> Result<(Vec<String>, Login), Untestable> {
        let value = |field: &Field| {
            let found = known.iter().find(|(name, _)| field.is_called(name));
            found.map(|(_, value)| Zeroizing::new((*value).to_owned()))
        };
        let trial = Catalogue::built_in().of(provider).trial()?;
        let secrets = trial.secrets(&|field| value(field).is_some())?;
        match trial.request(&value)? {
            TestRequest::Login(login) => {
                Ok((secrets.into_iter().map(|field| field.name.clone()).collect(), login))
            }
            TestRequest::Http(request) => panic!("{request:?} is no login"),
        }
    }

    #[test]
    fn a_login_has_the_fields_of_the_connection_or_what_its_url_says() {
        let parts = [
            ("hostname", "db"),
            ("user", "me"),
            ("password", "p"),
            ("db", "x"),
            ("sslmode", "require"),
        ];
        let (secrets, made) = login("pg", &parts).unwrap();
        assert_eq!(secrets, ["password"]);
        assert!(made.hosts == [LoginHost { name: "db".to_owned(), port: 5_432 }]);
        assert_eq!(made.user.unwrap().as_str(), "me");
        assert_eq!(made.database.unwrap().as_str(), "x");
        assert_eq!(made.security, Security::Unproven);
        let url = [
            ("dsn", "mysql://you:q@there:7/y"),
            ("host", "db"),
            ("username", "me"),
            ("password", "p"),
        ];
        let (secrets, made) = login("mysql", &url).unwrap();
        assert_eq!(secrets, ["connection_string"], "the rest is not taken");
        assert!(made.hosts == [LoginHost { name: "there".to_owned(), port: 7 }]);
        assert_eq!((made.user.unwrap().as_str(), made.password.as_str()), ("you", "q"));
        assert_eq!(made.security, Security::Preferred);
        let (_, made) = login("redis", &[("host", "cache"), ("password", "p")]).unwrap();
        assert_eq!((made.user.is_none(), made.security), (true, Security::Off));
        assert_eq!(format!("{made:?}"), "Login(redis, 1 hosts)");
    }

    #[test]
    fn of_a_url_and_a_field_the_stricter_proof_counts() {
        for (url, beside, security) in [
            ("postgresql://me:p@db/x", None, Security::Preferred),
            ("postgresql://me:p@db/x", Some("verify-full"), Security::Full),
            ("postgresql://me:p@db/x?sslmode=verify-full", Some("disable"), Security::Full),
            ("postgresql://me:p@db/x?sslmode=require", Some("verify-full"), Security::Full),
            ("postgresql://me:p@db/x", Some("disable"), Security::Off),
        ] {
            let mut known = vec![("uri", url)];
            known.extend(beside.map(|beside| ("ssl_mode", beside)));
            assert_eq!(login("pg", &known).unwrap().1.security, security, "{url} {beside:?}");
        }
    }

    #[test]
    fn what_a_login_lacks_or_cannot_take_is_named() {
        let lacks = |field: &str| Untestable::Lacks(field.to_owned());
        let unfit = |field: &str| Untestable::Unfit(field.to_owned());
        for (known, wrong) in [
            (&[("password", "p")][..], lacks("host")),
            (&[("host", "db"), ("password", "p")], lacks("username")),
            (&[("host", "db"), ("user", "me")], lacks("password")),
            (&[("host", "/tmp"), ("user", "me"), ("password", "p")], unfit("host")),
            (&[("host", "a,b"), ("user", "me"), ("password", "p")], unfit("host")),
            (&[("host", "db"), ("port", "0"), ("user", "me"), ("password", "p")], unfit("host")),
            (&[("host", "db"), ("port", "x"), ("user", "me"), ("password", "p")], unfit("port")),
            (
                &[("host", "db"), ("ssl_mode", "maybe"), ("user", "me"), ("password", "p")],
                unfit("ssl_mode"),
            ),
            (&[("uri", "mysql://db/x")], unfit("connection_string")),
            (&[("uri", "mysql://me@db/x")], unfit("connection_string")),
            (&[("uri", "postgresql://me:p@db/x")], unfit("connection_string")),
        ] {
            assert_eq!(login("mysql", known).unwrap_err(), wrong, "{known:?}");
        }
        let moved = [("host", "db"), ("password", "p"), ("custom_host", "https://proxy.example")];
        let diverted = Untestable::Diverted("custom_host".to_owned());
        assert_eq!(login("redis", &moved).unwrap_err(), diverted);
    }
}
