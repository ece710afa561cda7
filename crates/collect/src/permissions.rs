use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Specs;

/// Calls that the engine makes by itself: which account is it, and which regions has it.
const OWN: [&str; 2] = ["ec2:DescribeRegions", "sts:GetCallerIdentity"];

/// The least that a role must be allowed, as an IAM policy.
pub fn permissions<'a>(specs: impl Into<Specs<'a>>) -> Value {
    let mut actions: BTreeSet<&str> = BTreeSet::from(OWN);
    for collector in specs.into().collectors.values().filter(|collector| collector.service.is_some()) {
        actions.extend(collector.list.iter().map(|list| list.request.permission.as_str()));
        actions.extend(collector.reads.iter().map(|read| read.request.permission.as_str()));
        let prepared = collector.reads.iter().filter_map(|read| read.first.as_ref());
        actions.extend(prepared.map(|first| first.request.permission.as_str()));
    }
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "SkywardenRead", "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
}
