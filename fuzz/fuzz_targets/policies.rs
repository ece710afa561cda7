//! Policies of buckets and identities, which AWS gives as text that people wrote.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use skywarden_facts::Knowledge;
use skywarden_model::{Carried, Resource, Scope};

fn resource(type_name: &str, properties: Value) -> Resource {
    Resource {
        id: type_name.into(),
        type_name: type_name.into(),
        name: "x".to_owned(),
        scope: Scope { connector: "c".into(), account: "123456789012".into(), resource_group: "global".into() },
        location: None,
        tags: BTreeMap::new(),
        envelope: serde_json::Map::new(),
        properties,
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

fn seeds() {
    skywarden_fuzz::seeds([
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::x/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::1:root"},"NotAction":["iam:*"],"NotResource":"*"}]}"#,
        r#"{"Statement":{"Effect":"Allow","Action":["iam:PassRole","lambda:*"],"Resource":"*"}}"#,
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["123456789012","arn:aws:iam::210987654321:root"],"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-1"]},"Bool":{"aws:SecureTransport":"false"},"StringLike":{"sts:ExternalId":"x*"}}}]}"#,
    ]);
}

fuzz_target!(init: seeds(), |text: &str| {
    let parsed = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let estate = [
        resource("AWS::S3::Bucket", json!({ "Policy": parsed, "Acl": { "Grants": [] } })),
        resource("AWS::IAM::User", json!({ "UserPolicyList": [{ "PolicyDocument": parsed }], "AttachedManagedPolicies": [], "GroupList": [] })),
        resource("AWS::IAM::Role", json!({ "AssumeRolePolicyDocument": parsed, "RolePolicyList": [], "AttachedManagedPolicies": [] })),
    ];
    let policies = [("AWS::S3::Bucket", "Policy"), ("AWS::IAM::Role", "AssumeRolePolicyDocument")].into();
    let way = ["iam:PassRole".to_owned(), "lambda:CreateFunction".to_owned()];
    let escalations = [("Way", &way[..])].into();
    let facts = skywarden_facts::compute(&estate, &[], Knowledge { policies, escalations, ..Knowledge::default() });
    assert_eq!(facts.len(), estate.len());
});
