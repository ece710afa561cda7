use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use skywarden_api::{AUTHORITY_FILE, Name, Names, Protection, Scheme, Tls};

use crate::arguments::Up;

/// How the server will be protected, and what a person has to know of it.
pub(crate) struct Certificates {
    /// What connections get.
    pub(crate) protection: Protection,
    authority: Option<PathBuf>,
}

impl Certificates {
    /// Reads or makes what the arguments ask for.
    pub(crate) fn open(up: &Up, data: &Path) -> anyhow::Result<Self> {
        let (tls, now) = (&up.tls, SystemTime::now());
        if tls.no_tls {
            anyhow::ensure!(
                up.listen.ip().to_canonical().is_loopback(),
                "--no-tls is for loopback addresses only, and {} can be reached from elsewhere: tokens would cross the network in \
                 plain text; leave --no-tls out, or listen on 127.0.0.1 behind a proxy that speaks TLS",
                up.listen
            );
            return Ok(Self { protection: Protection::None, authority: None });
        }
        if let (Some(certificate), Some(key)) = (&tls.tls_certificate, &tls.tls_key) {
            let tls = Tls::given(certificate, key, now)?;
            return Ok(Self { protection: Protection::Tls(Arc::new(tls)), authority: None });
        }
        let folder = data.join("tls");
        let asked = tls.names.iter().cloned().chain(listened(up.listen)).collect();
        let tls = Tls::own(&folder, Names { host: host_name(), asked }, now)?;
        Ok(Self { protection: Protection::Tls(Arc::new(tls)), authority: Some(folder.join(AUTHORITY_FILE)) })
    }

    /// How the server is reached.
    pub(crate) fn scheme(&self) -> Scheme {
        match self.protection {
            Protection::Tls(_) => Scheme::Https,
            Protection::None => Scheme::Http,
        }
    }

    /// How to know the CA by which our own certificate is to be trusted.
    pub(crate) fn lines(&self) -> anyhow::Result<Vec<String>> {
        let Some(authority) = &self.authority else { return Ok(Vec::new()) };
        Ok(vec![
            format!("  SHA-256 fingerprint of its CA: {}", skywarden_api::fingerprint(authority)?),
            format!("  Certificate of the CA, to be trusted: {}", authority.display()),
        ])
    }
}

/// The names under which the server may be called, which also keep out requests that were led here under another one.
pub(crate) fn names(up: &Up) -> Vec<Name> {
    let ip = up.listen.ip();
    let mut names: Vec<Name> = listened(up.listen).into_iter().chain(up.tls.names.iter().cloned()).collect();
    let is_loopback = ip.to_canonical().is_loopback();
    if !is_loopback {
        names.extend(host_name().parse());
    }
    if is_loopback || ip.is_unspecified() {
        names.push(Name::Dns("localhost".to_owned()));
        names.push(Name::Ip(Ipv4Addr::LOCALHOST.into()));
    }
    names
}

/// The address that was given, if it is one.
fn listened(address: SocketAddr) -> Option<Name> {
    let ip = address.ip();
    (!ip.is_unspecified()).then_some(Name::Ip(ip))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
