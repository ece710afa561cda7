//! Whether a body describes a connector that can be connected.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::{
    kept::Kept,
    offerings::{OFFERINGS, READING, TYPE_MEMBER},
};
use crate::{
    arm::objects::{
        check::{Mistake, checked, refused},
        kind::{Field, Shape, optional, read_only, required},
    },
    error::ApiError,
};

/// A connector as somebody wants it.
pub(super) struct Wanted {
    /// The account, 12 digits.
    pub(super) account: String,
    /// The role to assume in it.
    pub(super) role: Option<String>,
    /// The regions to look at; all if there are none.
    pub(super) regions: Vec<String>,
    pub(super) kept: Kept,
}

/// The one environment that can be connected, and the others that ARM knows.
const AWS: &str = "AWS";
const ENVIRONMENTS: &[&str] = &[AWS, "Azure", "GCP", "Github", "AzureDevOps", "GitLab", "DockerHub", "JFrog"];

const MEMBERS: &[Field] = &[
    required("hierarchyIdentifier", Shape::Text(64)),
    required("environmentName", Shape::OneOf(ENVIRONMENTS)),
    required("environmentData", Shape::Free),
    required("offerings", Shape::List(&Shape::Free)),
    read_only("hierarchyIdentifierTrialEndDate"),
];

const ENVIRONMENT: &[Field] = &[
    required("environmentType", Shape::OneOf(&["AwsAccount"])),
    optional("organizationalData", Shape::Object(ORGANIZATION)),
    optional("regions", Shape::List(&Shape::Text(32))),
    optional("scanInterval", Shape::Whole(1, 24)),
    read_only("accountName"),
];

const ORGANIZATION: &[Field] = &[
    required("organizationMembershipType", Shape::OneOf(&[MEMBER, "Organization"])),
    optional("parentHierarchyId", Shape::Text(64)),
    optional("stacksetName", Shape::Text(260)),
    optional("excludedAccountIds", Shape::List(&Shape::Text(64))),
];
const MEMBER: &str = "Member";

/// Tags at most, and bytes of a name and of a value.
const MAX_TAGS: usize = 50;
const MAX_TAG_NAME: usize = 512;
const MAX_TAG_VALUE: usize = 256;

impl Wanted {
    /// Reads the whole of a body.
    ///
    /// # Errors
    /// 400 with every mistake and its place; with `EnvironmentNotSupported` and `OrganizationNotSupported` for what is well formed
    /// and can't be connected.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let none = Map::new();
        let given = body.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let members = checked(MEMBERS, given, "properties").map_err(refused)?;
        let text = |of: &Map<String, Value>, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        check_environment(&text(&members, "environmentName"))?;
        let mut mistakes = Vec::new();
        let account = text(&members, "hierarchyIdentifier");
        if account.len() != 12 || !account.bytes().all(|digit| digit.is_ascii_digit()) {
            let message = "`properties.hierarchyIdentifier` is the id of an AWS account, 12 digits".to_owned();
            mistakes.push(mistake("properties.hierarchyIdentifier", message));
        }
        let data = members.get("environmentData").and_then(Value::as_object).unwrap_or(&none);
        let data = checked(ENVIRONMENT, data, "properties.environmentData").unwrap_or_else(|own| {
            mistakes.extend(own);
            Map::new()
        });
        let organizational_data = data.get("organizationalData").and_then(Value::as_object).cloned();
        if let Some(own) = &organizational_data {
            check_membership(own, &mut mistakes)?;
        }
        let regions = regions(&data, &mut mistakes);
        let given = members.get("offerings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let offerings = offerings(given, &account, &mut mistakes);
        let kept = Kept {
            location: beside(body, "location", &mut mistakes),
            kind: beside(body, "kind", &mut mistakes),
            tags: tags(body, &mut mistakes),
            scan_interval: data.get("scanInterval").and_then(Value::as_i64),
            organizational_data,
            offerings,
        };
        if !mistakes.is_empty() {
            return Err(refused(mistakes));
        }
        let role = |own: &Map<String, Value>| Some(own.get("nativeCloudConnection")?.get(ROLE)?.as_str()?.to_owned());
        let role = kept.offerings.iter().filter(|own| text(own, TYPE_MEMBER) == READING).find_map(role);
        Ok(Self { account, role, regions, kept })
    }
}

/// The member that names a role to assume.
const ROLE: &str = "cloudRoleArn";

fn check_environment(name: &str) -> Result<(), ApiError> {
    if name == AWS {
        return Ok(());
    }
    let message = format!("environments of the kind {name} can't be connected; `environmentName` is one of: {AWS}");
    Err(ApiError::new(StatusCode::BAD_REQUEST, "EnvironmentNotSupported", message)
        .with_target("properties.environmentName".to_owned()))
}

/// That what is said of an organisation can be carried out.
fn check_membership(own: &Map<String, Value>, mistakes: &mut Vec<Mistake>) -> Result<(), ApiError> {
    let at = "properties.environmentData.organizationalData";
    if own.get("organizationMembershipType").and_then(Value::as_str) != Some(MEMBER) {
        let message = "the management account of an organisation can't be connected through ARM: its accounts are entered by a role that has no \
                       place here; connect it with `skywarden connect aws --organization`, or each account as a Member";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "OrganizationNotSupported", message).with_target(at.to_owned()));
    }
    for name in ["stacksetName", "excludedAccountIds"].into_iter().filter(|name| own.contains_key(*name)) {
        let target = format!("{at}.{name}");
        mistakes.push(mistake(&target, format!("`{target}` belongs to an organisation, and this account is a member of one")));
    }
    Ok(())
}

fn regions(data: &Map<String, Value>, mistakes: &mut Vec<Mistake>) -> Vec<String> {
    let given = data.get("regions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_plain =
        |own: &str| !own.is_empty() && own.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let mut regions = Vec::new();
    for (index, own) in given.iter().filter_map(Value::as_str).enumerate() {
        if is_plain(own) {
            regions.push(own.to_owned());
        } else {
            let target = format!("properties.environmentData.regions[{index}]");
            mistakes
                .push(mistake(&target, format!("`{target}` is `{own}`, which is no region; one is called like eu-central-1")));
        }
    }
    regions
}

fn offerings(given: &[Value], account: &str, mistakes: &mut Vec<Mistake>) -> Vec<Map<String, Value>> {
    let (mut offerings, mut seen) = (Vec::new(), BTreeSet::new());
    for (index, own) in given.iter().filter_map(Value::as_object).enumerate() {
        let at = format!("properties.offerings[{index}]");
        let name = own.get(TYPE_MEMBER).and_then(Value::as_str).unwrap_or_default();
        let Some(known) = OFFERINGS.iter().find(|known| known.name.eq_ignore_ascii_case(name)) else {
            let names: Vec<&str> = OFFERINGS.iter().map(|own| own.name).collect();
            let target = format!("{at}.{TYPE_MEMBER}");
            let message = format!("`{target}` is `{name}`; offerings of {AWS} are {}", names.join(", "));
            mistakes.push(mistake(&target, message));
            continue;
        };
        if !seen.insert(known.name) {
            mistakes.push(mistake(&at, format!("the offering {} stands twice", known.name)));
        }
        match checked(known.fields, own, &at) {
            Ok(mut members) => {
                members.insert(TYPE_MEMBER.to_owned(), known.name.into());
                check_roles(&members, account, &at, mistakes);
                offerings.push(members);
            }
            Err(own) => mistakes.extend(own),
        }
    }
    if !seen.contains(READING) {
        let message = format!("`properties.offerings` lacks {READING}, which is the reading itself");
        mistakes.push(mistake("properties.offerings", message));
    }
    offerings
}

/// That every role that is named lies in the account: the server is sent nowhere else.
fn check_roles(members: &Map<String, Value>, account: &str, at: &str, mistakes: &mut Vec<Mistake>) {
    for (name, value) in members {
        let target = format!("{at}.{name}");
        match value {
            Value::String(arn) if name == ROLE && !is_role_in(arn, account) => {
                let message = format!(
                    "`{target}` is `{arn}`, which is no role of the account {account}; one is called like arn:aws:iam::{account}:role/NAME"
                );
                mistakes.push(mistake(&target, message));
            }
            Value::String(_) => {}
            _ if name == ROLE => mistakes.push(mistake(&target, format!("`{target}` is the ARN of a role, a text"))),
            Value::Object(own) => check_roles(own, account, &target, mistakes),
            _ => {}
        }
    }
}

/// Whether a text is `arn:PARTITION:iam::ACCOUNT:role/NAME`, with a path before the name or without.
fn is_role_in(arn: &str, account: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", own, resource] = parts.as_slice() else { return false };
    let is_partition = *partition == "aws" || partition.strip_prefix("aws-").is_some_and(is_word);
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte));
    is_partition && *own == account && !name.is_empty() && !name.ends_with('/') && is_name(name)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A text beside `properties`.
fn beside(body: &Map<String, Value>, name: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
    match body.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.len() <= 64 && !text.contains('\0') => Some(text.clone()),
        Some(_) => {
            mistakes.push(mistake(name, format!("`{name}` is a text of at most 64 bytes")));
            None
        }
    }
}

fn tags(body: &Map<String, Value>, mistakes: &mut Vec<Mistake>) -> BTreeMap<String, String> {
    let none = Map::new();
    let given = match body.get("tags") {
        None | Some(Value::Null) => &none,
        Some(Value::Object(given)) if given.len() <= MAX_TAGS => given,
        Some(_) => {
            mistakes.push(mistake("tags", format!("`tags` is an object of at most {MAX_TAGS} texts")));
            &none
        }
    };
    let mut tags = BTreeMap::new();
    for (name, value) in given {
        let is_name = !name.is_empty() && name.len() <= MAX_TAG_NAME && !name.contains('\0');
        match value.as_str().filter(|text| is_name && text.len() <= MAX_TAG_VALUE && !text.contains('\0')) {
            Some(text) => drop(tags.insert(name.clone(), text.to_owned())),
            None => {
                let message = format!("a tag is a text of at most {MAX_TAG_VALUE} bytes under a name of 1 to {MAX_TAG_NAME}");
                mistakes.push(mistake(&format!("tags.{name}"), message));
            }
        }
    }
    tags
}

fn mistake(target: &str, message: String) -> Mistake {
    Mistake { target: target.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_lies_in_its_account_or_is_none() {
        let account = "123456789012";
        for arn in ["arn:aws:iam::123456789012:role/R", "arn:aws-us-gov:iam::123456789012:role/a/b/R+=,.@_-"] {
            assert!(is_role_in(arn, account), "{arn}");
        }
        for arn in [
            "",
            "R",
            "arn:aws:iam::210987654321:role/R",
            "arn:aws:iam::123456789012:user/R",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/R:arn:aws:iam::210987654321:role/R",
            "arn:aws:sts::123456789012:assumed-role/R/s",
            "arn:evil:iam::123456789012:role/R",
            "arn:aws:iam:eu-west-1:123456789012:role/R",
            "arn:aws:iam::123456789012:role/R\n",
            "https://x/arn:aws:iam::123456789012:role/R",
        ] {
            assert!(!is_role_in(arn, account), "{arn}");
        }
    }
}
