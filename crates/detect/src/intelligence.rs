use std::net::IpAddr;

use ipnet::IpNet;
use rustc_hash::FxHashMap;
use skywarden_content::IndicatorKind;

use crate::take::address;

/// What is known to be bad: addresses, networks, domains, URLs, hashes.
#[derive(Debug, Clone, Default)]
pub struct Intelligence {
    addresses: FxHashMap<IpAddr, Indicator>,
    networks: Vec<(IpNet, Indicator)>,
    domains: FxHashMap<String, Indicator>,
    urls: FxHashMap<String, Indicator>,
    hashes: FxHashMap<String, Indicator>,
}

/// What is known of one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indicator {
    /// `tor`, `c2`, `phishing`...: in small letters.
    pub labels: Vec<String>,
    /// Who says so.
    pub origin: String,
    /// Until when it holds, in milliseconds since 1970; for ever if nothing is said.
    pub until: Option<i64>,
}

impl Intelligence {
    /// Adds an indicator.
    ///
    /// # Errors
    /// If the value is none of its kind.
    pub fn add(&mut self, kind: IndicatorKind, value: &str, indicator: Indicator) -> Result<(), String> {
        let value = value.trim();
        match kind {
            IndicatorKind::Address => match (address(value), value.parse::<IpNet>()) {
                (Some(address), _) => {
                    self.addresses.insert(address, indicator);
                }
                (None, Ok(network)) => self.networks.push((network, indicator)),
                (None, Err(_)) => return Err(format!("`{value}` is neither an address nor a network")),
            },
            IndicatorKind::Domain => {
                let name = value.trim_start_matches("*.").trim_matches('.').to_lowercase();
                if !name.contains('.') {
                    return Err(format!("`{value}` is no domain"));
                }
                self.domains.insert(name, indicator);
            }
            IndicatorKind::Url => {
                self.urls.insert(plain_url(value), indicator);
            }
            IndicatorKind::Hash => {
                if !value.bytes().all(|byte| byte.is_ascii_hexdigit()) || ![32, 40, 64].contains(&value.len()) {
                    return Err(format!("`{value}` is no MD5, SHA-1 or SHA-256"));
                }
                self.hashes.insert(value.to_lowercase(), indicator);
            }
        }
        Ok(())
    }

    /// What is known of a text at an instant, for people.
    pub(crate) fn find(&self, text: &str, kinds: &[IndicatorKind], labels: &[String], time: i64) -> Option<String> {
        let found = kinds.iter().find_map(|kind| self.look_up(*kind, text))?;
        let is_wanted = labels.is_empty() || labels.iter().any(|label| found.labels.contains(&label.to_lowercase()));
        let holds = found.until.is_none_or(|until| time <= until);
        if !is_wanted || !holds {
            return None;
        }
        let labels = if found.labels.is_empty() { "an indicator".to_owned() } else { found.labels.join(", ") };
        let origin = if found.origin.is_empty() { String::new() } else { format!(" (says {})", found.origin) };
        Some(format!("known as {labels}{origin}"))
    }

    fn look_up(&self, kind: IndicatorKind, text: &str) -> Option<&Indicator> {
        match kind {
            IndicatorKind::Address => {
                let address = address(text)?;
                let network = || self.networks.iter().find(|(network, _)| network.contains(&address)).map(|(_, known)| known);
                self.addresses.get(&address).or_else(network)
            }
            IndicatorKind::Domain => {
                let name = text.trim_matches('.').to_lowercase();
                let mut rest = name.as_str();
                loop {
                    if let Some(known) = self.domains.get(rest) {
                        return Some(known);
                    }
                    rest = rest.split_once('.')?.1;
                }
            }
            IndicatorKind::Url => self.urls.get(&plain_url(text)),
            IndicatorKind::Hash => text.split([',', ' ']).find_map(|part| {
                let hash = part.rsplit('=').next().unwrap_or(part);
                self.hashes.get(&hash.to_lowercase())
            }),
        }
    }
}

fn plain_url(url: &str) -> String {
    url.trim().trim_end_matches('/').to_lowercase()
}
