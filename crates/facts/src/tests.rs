mod access;
mod azure_exposure;
mod exposure;
mod invariants;
mod monitoring;
mod permissions;
mod relations;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use skywarden_content::Catalog;
use skywarden_model::{Carried, Coverage, FactSheet, Resource, Scope, Unreadable, UnreadableKind, UnreadableReason};

use crate::Knowledge;

/// What the built-in content knows of AWS's own policies and of ways to escalate.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

/// The ways to become owner in Azure.
pub(crate) fn azure_escalations() -> std::collections::BTreeMap<&'static str, &'static [String]> {
    Knowledge::from(&*CATALOG).azure_escalations
}

/// The facts of open resources, which are those of the same resources when they are packed.
fn facts_of(resources: &[Resource], coverage: &[Coverage], knowledge: Knowledge<'_>) -> skywarden_model::FactTable {
    let table = crate::compute(resources, coverage, knowledge.clone());
    let packs: skywarden_inventory::Packs = resources.iter().cloned().collect();
    let held = skywarden_inventory::Held::of(&packs);
    let inventory = skywarden_inventory::Inventory::of_packed(&packs, &held);
    crate::over(inventory, coverage, knowledge, |facts| {
        for resource in resources {
            assert_eq!(facts.of(resource).as_ref(), table.get(&resource.id), "{} when packed", resource.id);
        }
    });
    table
}

fn compute(resources: &[Resource], coverage: &[Coverage]) -> skywarden_model::FactTable {
    let policies = [
        ("AWS::S3::Bucket", "Policy"),
        ("AWS::Lambda::Function", "Policy"),
        ("AWS::KMS::Key", "Policy"),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
        ("AWS::SecretsManager::Secret", "ResourcePolicy"),
    ];
    let database = database_paths();
    let exposures = [("AWS::RDS::DBInstance", &database)].into();
    let Knowledge { escalations, managed, .. } = Knowledge::from(&*CATALOG);
    let policies = policies.into();
    facts_of(resources, coverage, Knowledge { policies, exposures, escalations, managed, ..Knowledge::default() })
}

fn database_paths() -> skywarden_content::ExposurePaths {
    serde_json::from_value(json!({
        "public": "PubliclyAccessible", "security_groups": "VpcSecurityGroups[*].VpcSecurityGroupId",
        "subnets": "DBSubnetGroup.Subnets[*].SubnetIdentifier", "ports": "Endpoint.Port"
    }))
    .unwrap()
}

fn resource(kind: &str, id: &str, properties: Value) -> Resource {
    Resource {
        id: id.into(),
        type_name: kind.into(),
        name: id.to_owned(),
        scope: Scope { connector: "c".into(), account: "111111111111".into(), resource_group: "eu-west-1".into() },
        location: None,
        tags: Default::default(),
        envelope: Default::default(),
        properties,
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

fn reason() -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "x:Read".into(),
        permission: Some("x:Read".into()),
        code: "AccessDenied".into(),
        message: String::new(),
    })
}

fn hide(resource: &mut Resource, field: &str) {
    resource.unreadable.push(Unreadable { field: format!("properties.{field}").parse().unwrap(), reason: reason() });
}

/// An instance with public addresses of both families behind an open group, an open ACL and the main route table.
fn estate() -> Vec<Resource> {
    vec![
        resource(
            "AWS::EC2::Instance",
            "i",
            json!({
            "VpcId": "vpc-1", "SubnetId": "subnet-1",
            "NetworkInterfaces": [{"SubnetId": "subnet-1", "Groups": [{"GroupId": "sg-1"}],
                "Association": {"PublicIp": "203.0.113.5"}, "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}]}]}),
        ),
        resource(
            "AWS::EC2::SecurityGroup",
            "sg",
            json!({"GroupId": "sg-1", "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}),
        ),
        resource(
            "AWS::EC2::NetworkAcl",
            "acl",
            json!({"Associations": [{"SubnetId": "subnet-1"}], "Entries": [
            {"RuleNumber": 100, "Egress": false, "RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"},
            {"RuleNumber": 101, "Egress": false, "RuleAction": "allow", "Protocol": "-1", "Ipv6CidrBlock": "::/0"}]}),
        ),
        resource(
            "AWS::EC2::RouteTable",
            "rtb",
            json!({"VpcId": "vpc-1", "Associations": [{"Main": true}], "Routes": [
            {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
            {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"},
            {"DestinationIpv6CidrBlock": "::/0", "GatewayId": "igw-1", "State": "active"}]}),
        ),
        resource("AWS::EC2::Subnet", "subnet", json!({"SubnetId": "subnet-1", "VpcId": "vpc-1"})),
    ]
}

fn bucket(statement: Value) -> Resource {
    resource("AWS::S3::Bucket", "arn:aws:s3:::b", json!({"Policy": {"Statement": statement}, "Acl": {"Grants": []}}))
}

fn user(statements: Value, attached: &[&str]) -> Resource {
    let attached: Vec<_> = attached.iter().map(|arn| json!({"PolicyArn": arn})).collect();
    let inline = json!([{"PolicyName": "p", "PolicyDocument": {"Statement": statements}}]);
    resource("AWS::IAM::User", "user", json!({"UserPolicyList": inline, "AttachedManagedPolicies": attached}))
}

/// A field of a fact; `None` when it is unreadable. It must be exactly one of the two.
fn value(sheet: &FactSheet, fact: &str, field: &str) -> Option<Value> {
    let value = sheet.field(fact, field).cloned();
    let path = format!("facts.{fact}.{field}");
    assert_ne!(value.is_some(), sheet.unreadable.iter().any(|entry| entry.field.to_string() == path), "{path}");
    value
}

fn first(resources: &[Resource], fact: &str, field: &str) -> Option<Value> {
    value(&compute(resources, &[])[&resources[0].id], fact, field)
}
