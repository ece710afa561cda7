use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use super::{CertificateError, Name, Names, certificate_file};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A CA is valid for ten years.
const AUTHORITY_LIFE: Duration = Duration::from_secs(3652 * 24 * 60 * 60);

/// Browsers refuse server certificates that are valid for more than 398 days.
const SERVER_LIFE: Duration = Duration::from_secs(397 * 24 * 60 * 60);

/// A clock that is slow by less than this accepts a certificate that was just made.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60 * 60);

/// Certificates are made anew when they have less than this left.
pub(crate) const RENEWAL: Duration = Duration::from_secs(30 * DAY.as_secs());

/// A certificate and its key as PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A CA that can sign for these names and no others, so that its key is worth nothing against other servers.
pub(crate) fn new_authority(names: &Names, now: SystemTime) -> Result<Pair, CertificateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    // A common name has at most 64 letters.
    let host: String = names.host.chars().take(40).collect();
    let mut params = params(&format!("Skywarden local CA {host}"), now, AUTHORITY_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees = names.all().into_iter().map(subtree).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A server certificate, followed by that of the CA.
pub(crate) fn new_server(
    authority: &Pair,
    names: &BTreeSet<Name>,
    now: SystemTime,
    end: SystemTime,
) -> Result<Pair, CertificateError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let left = end.duration_since(now).unwrap_or_default() + CLOCK_DIFFERENCE;
    let mut params = params("Skywarden", now, SERVER_LIFE.min(left));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    for name in names {
        params.subject_alt_names.push(match name {
            Name::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
            Name::Ip(address) => SanType::IpAddress(*address),
        });
    }
    let certificate = params.signed_by(&key, &issuer)?.pem() + &authority.certificate;
    Ok(Pair { certificate, key: key.serialize_pem() })
}

/// What a certificate of ours tells about itself.
pub(crate) struct Facts {
    pub(crate) end: SystemTime,
    /// What it is for.
    pub(crate) names: BTreeSet<Name>,
    permitted: Vec<Permitted>,
}

impl Facts {
    pub(crate) fn of(path: &Path, certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let certificate = certificate_file::parse(path, certificate)?;
        Ok(Self {
            end: certificate_file::end(&certificate),
            names: subject_names(&certificate),
            permitted: permitted(&certificate),
        })
    }

    pub(crate) fn has_long_to_go(&self, now: SystemTime) -> bool {
        self.end > now + RENEWAL
    }

    /// Whether a CA may sign for a name.
    pub(crate) fn permits(&self, name: &Name) -> bool {
        self.permitted.iter().any(|permitted| match (permitted, name) {
            (Permitted::Dns(base), Name::Dns(name)) => {
                name.strip_suffix(base.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Permitted::Ip { base, mask }, Name::Ip(address)) => {
                let octets = octets(*address);
                octets.len() == base.len()
                    && octets.iter().zip(base).zip(mask).all(|((octet, base), mask)| octet & mask == base & mask)
            }
            _ => false,
        })
    }
}

/// A part of the names that a CA may sign for.
enum Permitted {
    Dns(String),
    Ip { base: Vec<u8>, mask: Vec<u8> },
}

fn subject_names(certificate: &X509Certificate<'_>) -> BTreeSet<Name> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return BTreeSet::new() };
    let names = alternatives.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(Name::Dns((*name).to_owned())),
        GeneralName::IPAddress(octets) => address(octets).map(Name::Ip),
        _ => None,
    });
    names.collect()
}

fn permitted(certificate: &X509Certificate<'_>) -> Vec<Permitted> {
    let Ok(Some(constraints)) = certificate.name_constraints() else { return Vec::new() };
    let subtrees = constraints.value.permitted_subtrees.iter().flatten();
    let permitted = subtrees.filter_map(|subtree| match &subtree.base {
        GeneralName::DNSName(name) => Some(Permitted::Dns((*name).to_owned())),
        GeneralName::IPAddress(octets) => {
            let (base, mask) = octets.split_at_checked(octets.len() / 2)?;
            Some(Permitted::Ip { base: base.to_vec(), mask: mask.to_vec() })
        }
        _ => None,
    });
    permitted.collect()
}

fn params(common_name: &str, now: SystemTime, life: Duration) -> CertificateParams {
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let begin = rcgen::date_time_ymd(1970, 1, 1) + since_epoch.saturating_sub(CLOCK_DIFFERENCE);
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = begin;
    params.not_after = begin + life;
    params
}

fn subtree(name: Name) -> GeneralSubtree {
    match name {
        Name::Dns(name) => GeneralSubtree::DnsName(name),
        Name::Ip(IpAddr::V4(address)) if address.is_loopback() => {
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]))
        }
        Name::Ip(address) => {
            let prefix = if address.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix))
        }
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}
