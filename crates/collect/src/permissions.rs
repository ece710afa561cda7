use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skywarden_content::AwsRequest;

use crate::Specs;

/// Calls that the engine makes by itself: which account is it, and which regions has it.
const OWN: [&str; 2] = ["ec2:DescribeRegions", "sts:GetCallerIdentity"];

/// The least that a role must be allowed, as an IAM policy: a statement of all actions that may be allowed on everything, and one
/// of those that may not.
pub fn permissions<'a>(specs: impl Into<Specs<'a>>) -> Value {
    let mut everywhere: BTreeSet<&str> = BTreeSet::from(OWN);
    let mut somewhere: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut allow = |request: &'a AwsRequest| match &request.on {
        None => {
            everywhere.insert(&request.permission);
        }
        Some(resource) => {
            somewhere.entry(&request.permission).or_default().insert(resource);
        }
    };
    let specs = specs.into();
    for collector in specs.collectors.values().filter(|collector| collector.service.is_some()) {
        collector.list.iter().for_each(|list| allow(&list.request));
        for read in &collector.reads {
            allow(&read.request);
            read.first.iter().for_each(|first| allow(&first.request));
        }
    }
    let again =
        specs.collectors.values().filter_map(|collector| collector.changes.as_ref()?.again.as_ref()?.permission.as_deref());
    everywhere.extend(again);
    let mut statements = vec![json!({ "Sid": "SkywardenRead", "Effect": "Allow", "Action": everywhere, "Resource": "*" })];
    for (action, resources) in somewhere {
        let words = action.split(|letter: char| !letter.is_ascii_alphanumeric());
        let sid: String = std::iter::once("SkywardenRead").chain(words).collect();
        statements.push(json!({ "Sid": sid, "Effect": "Allow", "Action": [action], "Resource": resources }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
