//! Where messages of an alert go.

use crate::text::{CheckedText, Line, MailAddress};

/// What stands before an address of mail in a URL.
const MAILTO: &str = "mailto:";

/// Where messages of an alert go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertReceiver {
    /// A URL to which signed requests are sent.
    Url(Line),
    /// An address to which mail is sent, which is not signed.
    Mail(MailAddress),
}

impl AlertReceiver {
    /// Returns it as a URL, of the scheme `mailto` for mail. It is stored so, because versions that
    /// send no mail read it, and let the messages wait.
    pub fn to_url(&self) -> String {
        match self {
            Self::Url(url) => url.text().to_owned(),
            Self::Mail(address) => format!("{MAILTO}{address}"),
        }
    }

    /// Returns the receiver that was stored as a URL.
    pub fn stored(url: &str) -> Self {
        match url.strip_prefix(MAILTO) {
            Some(address) => Self::Mail(MailAddress::stored(address.into())),
            None => Self::Url(Line::stored(url.into())),
        }
    }

    /// Returns the address of mail, if it is one.
    pub const fn mail(&self) -> Option<&MailAddress> {
        match self {
            Self::Mail(address) => Some(address),
            Self::Url(_) => None,
        }
    }

    /// Returns whether its messages are signed.
    pub const fn is_signed(&self) -> bool {
        matches!(self, Self::Url(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_read_back_from_its_url() {
        for url in ["https://a.example/x", "mailto:ops@example.com"] {
            let receiver = AlertReceiver::stored(url);
            assert_eq!((receiver.to_url().as_str(), receiver.is_signed()), (url, url.len() == 19));
        }
    }
}
