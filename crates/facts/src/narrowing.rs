use ipnet::IpNet;
use serde_json::Value;

use crate::{
    document::{account_of, glob, strings},
    network::is_internet,
};

/// One operator and key of a statement's `Condition`.
#[derive(Debug)]
pub(crate) struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

impl Condition {
    pub(crate) fn parse_all(value: Option<&Value>) -> Result<Vec<Self>, &'static str> {
        let mut conditions = Vec::new();
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(conditions) };
        for (operator, keys) in value.as_object().ok_or("a condition is not an object")? {
            for (key, values) in keys.as_object().ok_or("a condition's operator holds no keys")? {
                conditions.push(Self {
                    operator: operator.to_ascii_lowercase(),
                    key: key.to_ascii_lowercase(),
                    values: strings(values)?,
                });
            }
        }
        Ok(conditions)
    }

    /// Whether it lets in only an account, organisation, network, service, external id or narrow address range.
    ///
    /// `...IfExists` and `ForAllValues:` hold where the key is absent, so they restrict only by a key that is always there.
    pub(crate) fn narrows(&self) -> bool {
        let (operator, is_optional) = self.bare_operator();
        let positive = ["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress", "bool"];
        let is_always_there = matches!(self.key.as_str(), "aws:sourceip" | "kms:calleraccount");
        positive.contains(&operator) && (!is_optional || is_always_there) && self.values_are_narrow()
    }

    /// Whether a Deny with it shuts out all but an account, organisation, network or narrow address range.
    pub(crate) fn denies_the_rest(&self) -> bool {
        let negative =
            ["stringnotequals", "stringnotequalsignorecase", "stringnotlike", "arnnotequals", "arnnotlike", "notipaddress"];
        !self.operator.starts_with("for") && negative.contains(&self.bare_operator().0) && self.values_are_narrow()
    }

    /// Whether it limits what may be done rather than who or whence.
    pub(crate) fn limits_target(&self) -> bool {
        [
            "iam:policyarn",
            "iam:permissionsboundary",
            "aws:resourcetag/",
            "aws:requesttag/",
            "iam:resourcetag/",
            "aws:principaltag/",
            // Only requests to the tools of AWS's MCP servers.
            "aws:ismcpserviceaction",
        ]
        .iter()
        .any(|key| self.key.starts_with(key))
    }

    /// Whether it keeps a role from being passed to a service: `lambda`.
    pub(crate) fn shuts_out(&self, receiver: &str) -> bool {
        if self.key != "iam:passedtoservice" {
            return false;
        }
        let names = [format!("{receiver}.amazonaws.com"), format!("{receiver}.amazonaws.com.cn")];
        let is_named = self.values.iter().any(|value| names.iter().any(|name| glob(value, name)));
        let is_negative = self.bare_operator().0.contains("not");
        is_named == is_negative
    }

    /// The accounts that it names.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &str> {
        let named = matches!(
            self.key.as_str(),
            "aws:sourceaccount"
                | "aws:sourceowner"
                | "aws:principalaccount"
                | "kms:calleraccount"
                | "aws:sourcearn"
                | "aws:principalarn"
        );
        self.values.iter().filter(move |_| named && self.narrows()).filter_map(|value| account_of(value))
    }

    /// As it is written in evidence.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.operator, self.key)
    }

    fn bare_operator(&self) -> (&str, bool) {
        let (operator, all_values) = match self.operator.split_once(':') {
            Some(("forallvalues", rest)) => (rest, true),
            Some((_, rest)) => (rest, false),
            None => (self.operator.as_str(), false),
        };
        match operator.strip_suffix("ifexists") {
            Some(bare) => (bare, true),
            None => (operator, all_values),
        }
    }

    fn values_are_narrow(&self) -> bool {
        let narrow: fn(&str) -> bool = match self.key.as_str() {
            "aws:sourceip" | "aws:vpcsourceip" => |value| {
                let net = value.parse::<IpNet>().or_else(|_| value.parse::<std::net::IpAddr>().map(IpNet::from));
                net.is_ok_and(|net| !is_internet(&net.trunc()))
            },
            "aws:sourcearn" | "aws:principalarn" => |value| {
                let mut parts = value.splitn(6, ':');
                match (parts.nth(4), parts.next()) {
                    (Some(""), Some(rest)) => !rest.starts_with(['*', '?']),
                    (Some(account), Some(_)) => !account.contains(['*', '?']),
                    _ => false,
                }
            },
            // Only a client inside the network can mount.
            "elasticfilesystem:accessedviamounttarget" => |value| value.eq_ignore_ascii_case("true"),
            "aws:sourceaccount"
            | "aws:sourceowner"
            | "aws:principalaccount"
            | "aws:principalorgid"
            | "aws:principalorgpaths"
            | "aws:sourceorgid"
            | "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:userid"
            | "aws:username"
            | "kms:calleraccount"
            | "kms:viaservice"
            | "sts:externalid"
            | "s3:dataaccesspointaccount" => |value| !value.is_empty() && !value.starts_with(['*', '?']),
            _ => return false,
        };
        !self.values.is_empty() && self.values.iter().all(|value| narrow(value))
    }
}
