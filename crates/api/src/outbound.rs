//! Requests that the server itself sends to addresses which somebody has set: never into its own network unless that is allowed.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt as _;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Sends requests over HTTP and HTTPS; follows no redirect, waits 10 seconds, reads 1 MiB.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: reqwest::Client,
    reach: Reach,
}

/// Where requests may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To addresses of the Internet.
    Public,
    /// To those of this machine and its networks as well.
    Everywhere,
}

/// Why an answer could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is one of this machine or its networks.
    #[error("{0} is an address of this machine or of a private network; set allowPrivateAddresses to let this server ask it")]
    Private(String),
    /// It is no address that can be asked.
    #[error("`{0}` is no http or https address")]
    NoAddress(String),
    /// The request failed.
    #[error("could not ask {place}: {source}")]
    Failed {
        /// The host.
        place: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The answer is longer than is read.
    #[error("the answer of {0} is longer than {MAX_ANSWER} bytes")]
    TooLong(String),
    /// The answer can't be passed on.
    #[error("the answer of {0} is no HTTP: {1}")]
    NoHttp(String, http::Error),
}

/// Longest answer that is read.
const MAX_ANSWER: usize = 1 << 20;
/// The whole request takes at most this long.
const MAX_TIME: Duration = Duration::from_secs(10);

impl Outbound {
    /// A client that trusts the machine's certificate authorities and, in PEM, some more.
    pub(crate) fn new(reach: Reach, authorities: Option<&[u8]>) -> Result<Self, reqwest::Error> {
        // Fails if a provider is already installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(MAX_TIME)
            // A proxy would ask for us what we may not.
            .no_proxy();
        if reach == Reach::Public {
            builder = builder.dns_resolver(Arc::new(PublicOnly));
        }
        for authority in reqwest::Certificate::from_pem_bundle(authorities.unwrap_or_default())? {
            builder = builder.add_root_certificate(authority);
        }
        Ok(Self { client: builder.build()?, reach })
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let (parts, body) = request.into_parts();
        let address = parts.uri.to_string();
        let url = reqwest::Url::parse(&address).map_err(|_| OutboundError::NoAddress(address.clone()))?;
        let place = match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(host)) => host.to_owned(),
            _ => return Err(OutboundError::NoAddress(address)),
        };
        // A literal address is not resolved.
        let literal = place.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if self.reach == Reach::Public && literal.is_ok_and(|literal| !is_public(literal)) {
            return Err(OutboundError::Private(place));
        }
        let failed = |source| OutboundError::Failed { place: place.clone(), source };
        let sent = self.client.request(parts.method, url).headers(parts.headers).body(body);
        let answer = sent.send().await.map_err(failed)?;
        let mut response = http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        let mut read = Vec::new();
        let mut chunks = answer.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(failed)?;
            if read.len() + chunk.len() > MAX_ANSWER {
                return Err(OutboundError::TooLong(place));
            }
            read.extend_from_slice(&chunk);
        }
        response.body(read).map_err(|error| OutboundError::NoHttp(place, error))
    }
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Resolves names to addresses of the Internet only: the address that was judged is the one that is asked.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(OutboundError::Private(name.as_str().to_owned()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the Internet (IANA's registries of special-purpose addresses, RFC 6890 and its updates).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Those that stand for one of version 4: mapped, compatible, translated (64:ff9b::/96), 6to4.
    let [first, second, third, ..] = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [.., w, x, y, z] = address.octets();
    if first == 0x64 && second == 0xff9b {
        return is_public_v4(Ipv4Addr::new(w, x, y, z));
    }
    if first == 0x2002 {
        let ([a, b], [c, d]) = (second.to_be_bytes(), third.to_be_bytes());
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Global unicast, without documentation, Teredo and what is kept for protocols.
    let is_global = (first & 0xe000) == 0x2000;
    let is_special = first == 0x2001 && (second < 0x200 || second == 0xdb8) || first == 0x3fff && second < 0x1000;
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_machine_and_its_networks_are_not_public() {
        for private in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.9",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "2001:db8::1",
            "2001::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2001:4860:4860::8888", "::ffff:1.1.1.1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn a_private_address_is_asked_only_where_that_is_allowed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let public = Outbound::new(Reach::Public, None).unwrap();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"] {
            let request = http::Request::get(format!("http://{host}:{port}/")).body(Vec::new()).unwrap();
            let error = public.send(request).await.unwrap_err();
            let text = format!("{error:?}");
            assert!(text.contains("Private") || text.contains("private network"), "{host}: {text}");
        }
        for address in ["file://localhost/etc/passwd", "ftp://example.com/", "gopher://example.com/"] {
            let request = http::Request::get(address).body(Vec::new()).unwrap();
            assert!(matches!(public.send(request).await, Err(OutboundError::NoAddress(_))), "{address}");
        }
        // Nobody came: not one of them was asked.
        let came = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        assert!(came.is_err());
    }
}
