use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use rustls::pki_types::DnsName;

/// What clients may call the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// A host name, in lower case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let name = text.to_ascii_lowercase();
        match DnsName::try_from(name.as_str()) {
            Ok(_) => Ok(Self::Dns(name)),
            Err(_) => Err("expected a host name or an IP address, without scheme and port".to_owned()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => formatter.write_str(name),
            Self::Ip(address) => address.fmt(formatter),
        }
    }
}

/// The names that our own certificate is made for, beside those of loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// What the machine calls itself: part of the CA's name, and of the certificate if the CA allows it.
    pub host: String,
    /// What somebody asked for: a CA that does not allow it is replaced.
    pub asked: BTreeSet<Name>,
}

impl Names {
    /// What the certificate has to be good for.
    pub(crate) fn required(&self) -> BTreeSet<Name> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(Name::Ip);
        let localhost = Name::Dns("localhost".to_owned());
        self.asked.iter().cloned().chain(loopback).chain([localhost]).collect()
    }

    /// The machine's own name, if it is one that a certificate can carry.
    pub(crate) fn host_name(&self) -> Option<Name> {
        self.host.parse().ok()
    }

    /// Both.
    pub(crate) fn all(&self) -> BTreeSet<Name> {
        self.required().into_iter().chain(self.host_name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_host_name_or_an_address() {
        assert_eq!("Sky.Example".parse(), Ok(Name::Dns("sky.example".to_owned())));
        assert_eq!("::1".parse(), Ok(Name::Ip(Ipv6Addr::LOCALHOST.into())));
        for wrong in ["", "https://sky.example", "sky.example:8470", "*.example", "a b", "ä"] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
