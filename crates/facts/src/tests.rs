use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_content::Catalog;
use skywarden_model::{Carried, Coverage, FactSheet, ListOutcome, Resource, Scope, Unreadable, UnreadableKind, UnreadableReason};

use crate::Knowledge;

/// What the built-in content knows of AWS's own policies and of ways to escalate.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

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
    crate::compute(resources, coverage, Knowledge { policies, exposures, escalations, managed, ..Knowledge::default() })
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

/// A field of a fact; `None` when it is unreadable. It must be exactly one of the two.
fn value(sheet: &FactSheet, fact: &str, field: &str) -> Option<Value> {
    let value = sheet.values[fact].get(field).cloned();
    let path = format!("facts.{fact}.{field}");
    assert_ne!(value.is_some(), sheet.unreadable.iter().any(|entry| entry.field.to_string() == path), "{path}");
    value
}

fn first(resources: &[Resource], fact: &str, field: &str) -> Option<Value> {
    value(&compute(resources, &[])[&resources[0].id], fact, field)
}

fn internet(resources: &[Resource]) -> Option<bool> {
    first(resources, "exposure", "internet").map(|value| value.as_bool().unwrap())
}

#[test]
fn an_open_instance_is_exposed_with_its_chain() {
    let table = compute(&estate(), &[]);
    let sheet = &table["i"];
    assert_eq!(
        sheet.values["exposure"],
        json!({"internet": true, "ports": [22], "managementPorts": [22],
        "allPorts": false, "ipv6": false, "sources": ["0.0.0.0/0"]})
    );
    let sources: Vec<_> = sheet.evidence["exposure"].iter().map(|evidence| &*evidence.source).collect();
    assert_eq!(sources, ["i", "rtb", "sg", "acl"]);
}

#[test]
fn each_link_of_the_chain_can_break_it() {
    type Change = fn(&mut Vec<Resource>);
    let cases: [(&str, Change, Option<bool>); 17] = [
        ("no address", |e| e[0].properties["NetworkInterfaces"][0]["Association"] = Value::Null, Some(false)),
        ("closed group", |e| e[1].properties["IpPermissions"] = json!([]), Some(false)),
        (
            "narrow group",
            |e| e[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!("198.51.100.0/24"),
            Some(false),
        ),
        ("a /8 is not wide", |e| e[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!("8.0.0.0/8"), Some(false)),
        ("a /7 is", |e| e[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!("8.0.0.0/7"), Some(true)),
        (
            "private subnet",
            |e| {
                e[3].properties["Routes"][1] = json!({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"});
            },
            Some(false),
        ),
        ("blackhole", |e| e[3].properties["Routes"][1]["State"] = json!("blackhole"), Some(false)),
        (
            "longer prefixes elsewhere",
            |e| {
                for net in ["0.0.0.0/1", "128.0.0.0/1"] {
                    let route = json!({"DestinationCidrBlock": net, "NatGatewayId": "nat-1"});
                    e[3].properties["Routes"].as_array_mut().unwrap().insert(0, route);
                }
            },
            Some(false),
        ),
        (
            "own route table before the main one",
            |e| {
                let own = json!({"VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-1"}], "Routes": []});
                e.push(resource("AWS::EC2::RouteTable", "rtb2", own));
            },
            Some(false),
        ),
        (
            "deny first",
            |e| {
                e[2].properties["Entries"].as_array_mut().unwrap().push(json!({"RuleNumber": 50, "Egress": false,
                "RuleAction": "deny", "Protocol": "6", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 20, "To": 30}}));
            },
            Some(false),
        ),
        (
            "deny after",
            |e| {
                e[2].properties["Entries"].as_array_mut().unwrap().push(json!({"RuleNumber": 200, "Egress": false,
                "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}));
            },
            Some(true),
        ),
        (
            "two halves denied",
            |e| {
                for (number, net) in [(1, "0.0.0.0/1"), (2, "128.0.0.0/1")] {
                    e[2].properties["Entries"].as_array_mut().unwrap().push(json!({"RuleNumber": number, "Egress": false,
                    "RuleAction": "deny", "Protocol": "-1", "CidrBlock": net}));
                }
            },
            Some(false),
        ),
        ("unknown ACL", |e| hide(&mut e[2], "Entries"), None),
        (
            "unknown ACL behind a closed group",
            |e| {
                hide(&mut e[2], "Entries");
                e[1].properties["IpPermissions"] = json!([]);
            },
            Some(false),
        ),
        (
            "unknown group without an address",
            |e| {
                hide(&mut e[1], "IpPermissions");
                e[0].properties["NetworkInterfaces"] = json!([{"SubnetId": "subnet-1", "Groups": [{"GroupId": "sg-1"}]}]);
            },
            Some(false),
        ),
        ("unknown group", |e| hide(&mut e[1], "IpPermissions"), None),
        (
            "IPv6 only",
            |e| {
                e[1].properties["IpPermissions"][0] = json!({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]});
            },
            Some(true),
        ),
    ];
    for (name, change, expected) in cases {
        let mut estate = estate();
        change(&mut estate);
        assert_eq!(internet(&estate), expected, "{name}");
    }
}

#[test]
fn a_failed_listing_of_route_tables_makes_the_main_table_uncertain() {
    let coverage = Coverage {
        type_name: "AWS::EC2::RouteTable".into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        outcome: ListOutcome::Partial { n_resources: 1, reason: reason() },
        denied: Vec::new(),
    };
    let table = compute(&estate(), &[coverage]);
    assert_eq!(value(&table["i"], "exposure", "internet"), None);
    assert_eq!(table["i"].unreadable[0].reason, reason());
}

#[test]
fn all_protocols_over_ipv6_is_every_port() {
    let mut estate = estate();
    estate[1].properties["IpPermissions"][0] = json!({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]});
    assert_eq!(first(&estate, "exposure", "ports"), Some(json!([-1])));
    assert_eq!(first(&estate, "exposure", "ipv6"), Some(json!(true)));
}

#[test]
fn databases_and_load_balancers_are_exposed_on_their_own_ports() {
    let mut estate = estate();
    estate[1].properties["IpPermissions"][0]["ToPort"] = json!(6000);
    estate[0] = resource(
        "AWS::RDS::DBInstance",
        "db",
        json!({"PubliclyAccessible": true, "Endpoint": {"Port": 5999},
        "DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-1"}]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}]}),
    );
    assert_eq!(first(&estate, "exposure", "ports"), Some(json!([5999])));
    estate[0].properties["PubliclyAccessible"] = json!(false);
    assert_eq!(internet(&estate), Some(false));
    estate[0] = resource(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "lb",
        json!({"Scheme": "internet-facing",
        "Type": "application", "SecurityGroups": ["sg-1"], "AvailabilityZones": [{"SubnetId": "subnet-1"}],
        "Listeners": [{"Port": 443}, {"Port": 7000}]}),
    );
    assert_eq!(first(&estate, "exposure", "ports"), Some(json!([443])));
    hide(&mut estate[0], "Listeners");
    assert_eq!(internet(&estate), None);
}

fn bucket(statement: Value) -> Resource {
    resource("AWS::S3::Bucket", "arn:aws:s3:::b", json!({"Policy": {"Statement": statement}, "Acl": {"Grants": []}}))
}

#[test]
fn conditions_decide_whether_a_statement_is_public() {
    let cases = [
        (json!({}), true),
        (json!({"StringEquals": {"aws:SourceAccount": "111111111111"}}), false),
        (json!({"StringEquals": {"aws:SourceOwner": "111111111111"}}), false),
        (json!({"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}), false),
        (json!({"Bool": {"elasticfilesystem:AccessedViaMountTarget": "false"}}), true),
        (json!({"StringLike": {"aws:PrincipalOrgID": "*"}}), true),
        (json!({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}), true),
        (json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": ["o-1"]}}), false),
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), true),
        (json!({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}), true),
        (json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), false),
        (json!({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}), true),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), true),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}), true),
        (json!({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111111111111:*"}}), false),
        (json!({"Null": {"aws:SourceVpc": "false"}}), true),
    ];
    for (condition, public) in cases {
        let statement =
            json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", "Condition": condition});
        assert_eq!(first(&[bucket(statement)], "access", "public"), Some(json!(public)), "{condition}");
    }
}

#[test]
fn denials_blocks_and_acls_count() {
    let allow = json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::b/*"});
    let deny = |extra: Value| json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": extra});
    assert_eq!(first(&[bucket(json!([allow, deny(Value::Null)]))], "access", "public"), Some(json!(false)));
    let vpce = deny(json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}));
    assert_eq!(first(&[bucket(json!([allow, vpce]))], "access", "public"), Some(json!(false)));
    let tls = deny(json!({"Bool": {"aws:SecureTransport": "false"}}));
    assert_eq!(first(&[bucket(json!([allow, tls]))], "access", "public"), Some(json!(true)));

    let mut open = bucket(allow);
    let block = resource(
        "AWS::S3::AccountPublicAccessBlock",
        "block",
        json!({"PublicAccessBlockConfiguration": {"RestrictPublicBuckets": true}}),
    );
    assert_eq!(first(&[open.clone(), block], "access", "public"), Some(json!(false)));
    hide(&mut open, "PublicAccessBlock");
    assert_eq!(first(&[open], "access", "public"), None);

    let grant = json!({"Grantee": {"URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"});
    let mut by_acl = resource("AWS::S3::Bucket", "b", json!({"Acl": {"Grants": [grant]}}));
    assert_eq!(first(&[by_acl.clone()], "access", "publicActions"), Some(json!(["acl:READ"])));
    by_acl.properties["PublicAccessBlock"] = json!({"IgnorePublicAcls": true});
    assert_eq!(first(&[by_acl], "access", "public"), Some(json!(false)));
}

#[test]
fn trust_in_another_account_needs_an_external_id() {
    let trust = |condition: Value| {
        let statement = json!([
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::222222222222:root", "111111111111"]}, "Action": "sts:AssumeRole",
             "Condition": condition},
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]);
        [resource("AWS::IAM::Role", "role", json!({"AssumeRolePolicyDocument": {"Statement": statement}}))]
    };
    assert_eq!(first(&trust(Value::Null), "access", "crossAccountWithoutCondition"), Some(json!(["222222222222"])));
    let narrow = trust(json!({"StringEquals": {"sts:ExternalId": "x"}}));
    assert_eq!(first(&narrow, "access", "crossAccount"), Some(json!(["222222222222"])));
    assert_eq!(first(&narrow, "access", "crossAccountWithoutCondition"), Some(json!([])));
}

#[test]
fn a_role_that_only_one_service_may_get_is_no_way_through_another() {
    let way = |receiver: Value, actions: Value| {
        let passed = json!({"StringEquals": {"iam:PassedToService": receiver}});
        let statements = json!([
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": passed},
            {"Effect": "Allow", "Action": actions, "Resource": "*"}
        ]);
        first(&[user(statements, &[])], "permissions", "escalations")
    };
    assert_eq!(way(json!("ec2.amazonaws.com"), json!("ec2:*")), Some(json!(["PassRoleToEc2"])));
    assert_eq!(way(json!(["x.amazonaws.com", "ec2*"]), json!("ec2:*")), Some(json!(["PassRoleToEc2"])));
    assert_eq!(way(json!("lambda.amazonaws.com"), json!("ec2:*")), Some(json!([])));
    // The same through a policy of AWS's own: Backup may get a role, EC2 may not.
    let backup =
        user(json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}), &["arn:aws:iam::aws:policy/AWSBackupFullAccess"]);
    assert_eq!(first(&[backup], "permissions", "escalations"), Some(json!([])));
    let lambda = user(json!([]), &["arn:aws:iam::aws:policy/AWSLambda_FullAccess"]);
    assert_eq!(first(&[lambda], "permissions", "escalations"), Some(json!(["PassRoleToLambda", "UpdateFunctionCode"])));
}

#[test]
fn a_way_that_the_table_of_managed_policies_is_silent_about_stays_open() {
    let own = ["rare:Action".to_owned()];
    let mut knowledge = Knowledge::from(&*CATALOG);
    knowledge.escalations.insert("Rare", &own);
    let reader = user(json!([]), &["arn:aws:iam::aws:policy/AmazonVPCFullAccess"]);
    let table = crate::compute(std::slice::from_ref(&reader), &[], knowledge);
    assert_eq!(table[&reader.id].values["permissions"].get("escalations"), None);
    assert_eq!(first(&[reader], "permissions", "escalations"), Some(json!([])));
}

fn user(statements: Value, attached: &[&str]) -> Resource {
    let attached: Vec<_> = attached.iter().map(|arn| json!({"PolicyArn": arn})).collect();
    let inline = json!([{"PolicyName": "p", "PolicyDocument": {"Statement": statements}}]);
    resource("AWS::IAM::User", "user", json!({"UserPolicyList": inline, "AttachedManagedPolicies": attached}))
}

#[test]
fn policies_of_an_identity_add_up() {
    let allow = |actions: Value| json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let admin = |user: Resource| first(&[user], "permissions", "administrator");
    assert_eq!(admin(user(allow(json!("*")), &[])), Some(json!(true)));
    assert_eq!(
        admin(user(json!([allow(json!("*")), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]), &[])),
        Some(json!(false))
    );
    assert_eq!(admin(user(json!([]), &["arn:aws:iam::aws:policy/AdministratorAccess"])), Some(json!(true)));
    assert_eq!(admin(user(json!([]), &["arn:aws:iam::aws:policy/PowerUserAccess"])), Some(json!(false)));
    assert_eq!(admin(user(json!([]), &["arn:aws:iam::aws:policy/AmazonVPCFullAccess"])), Some(json!(false)));
    assert_eq!(admin(user(json!([]), &["arn:aws:iam::aws:policy/Unheard"])), None);
    assert_eq!(admin(user(json!([]), &["arn:aws:iam::111111111111:policy/unseen"])), None);

    let passer = [user(allow(json!(["iam:PassRole", "ec2:*", "iam:CreateAcc*"])), &[])];
    assert_eq!(first(&passer, "permissions", "escalations"), Some(json!(["CreateAccessKey", "PassRoleToEc2"])));
    assert_eq!(first(&passer, "permissions", "serviceWildcards"), Some(json!(["ec2"])));

    assert_eq!(admin(user(allow(json!("*:*")), &[])), Some(json!(true)));
    let on = |action: &str, resource: &str| {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
        first(&[user(statement, &[])], "permissions", "escalations")
    };
    assert_eq!(on("*", "arn:aws:s3:::reports/*"), Some(json!([])));
    assert_eq!(on("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}"), Some(json!([])));
    assert_eq!(on("iam:CreateAccessKey", "arn:aws:iam::111111111111:user/*"), Some(json!(["CreateAccessKey"])));
    let all_but = |resource: &str| {
        let statement = json!({"Effect": "Allow", "Action": "iam:CreateAccessKey", "NotResource": resource});
        first(&[user(statement, &[])], "permissions", "escalations")
    };
    for left_out in ["arn:aws:s3:::reports/*", "arn:aws:iam::111111111111:user/root-like", "arn:aws:iam::*:role/*"] {
        assert_eq!(all_but(left_out), Some(json!(["CreateAccessKey"])), "{left_out}");
    }
    assert_eq!(all_but("*"), Some(json!([])));
    assert_eq!(all_but("arn:aws:iam::*:*"), Some(json!([])));
    assert_eq!(on("lambda:UpdateFunctionCode", "arn:aws:lambda:*:*:function:*"), Some(json!(["UpdateFunctionCode"])));

    let group = |attached: &str| {
        let properties = json!({"GroupPolicyList": [], "AttachedManagedPolicies": [{"PolicyArn": attached}]});
        admin(resource("AWS::IAM::Group", "group", properties))
    };
    assert_eq!(group("arn:aws:iam::aws:policy/AdministratorAccess"), Some(json!(true)));
    assert_eq!(group("arn:aws:iam::aws:policy/ReadOnlyAccess"), Some(json!(false)));

    let mut bounded = user(allow(json!("*")), &[]);
    bounded.properties["PermissionsBoundary"] = json!({"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"});
    assert_eq!(admin(bounded), Some(json!(false)));
}

fn any_json() -> impl Strategy<Value = Value> {
    let words =
        prop::sample::select(vec!["*", "Allow", "Deny", "s3:*", "0.0.0.0/0", "-1", "é%", "%zz", "arn:aws:iam::aws:policy/X", ""]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from)
    ];
    let keys = prop::sample::select(vec![
        "Statement",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Condition",
        "AWS",
        "StringLike",
        "aws:SourceArn",
        "IpPermissions",
        "IpProtocol",
        "FromPort",
        "IpRanges",
        "CidrIp",
        "Entries",
        "Egress",
        "Routes",
        "Associations",
        "Policy",
        "Acl",
    ]);
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Estates of which every link may be open or closed, so that verdicts of both kinds come up.
fn estates() -> impl Strategy<Value = Vec<Resource>> {
    (any::<[bool; 6]>(), prop::sample::select(vec!["0.0.0.0/0", "0.0.0.0/1", "8.0.0.0/8"])).prop_map(|(open, source)| {
        let mut estate = estate();
        estate[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!(source);
        if !open[0] {
            estate[0].properties["NetworkInterfaces"][0]["Association"] = Value::Null;
        }
        if !open[1] {
            estate[1].properties["IpPermissions"] = json!([]);
        }
        if !open[2] {
            estate[2].properties["Entries"][0]["RuleAction"] = json!("deny");
        }
        if !open[3] {
            estate[3].properties["Routes"][1]["State"] = json!("blackhole");
        }
        let effect = if open[4] { "Deny" } else { "Allow" };
        let everyone = |effect: &str| json!({"Effect": effect, "Principal": "*", "Action": "*", "Resource": "*"});
        let mut bucket = bucket(json!([everyone("Allow"), everyone(effect)]));
        bucket.properties["PublicAccessBlock"] = json!({"RestrictPublicBuckets": open[5], "IgnorePublicAcls": open[5]});
        bucket.properties["Acl"]["Grants"] = json!([{"Grantee": {"URI": "x/global/AllUsers"}, "Permission": "READ"}]);
        bucket.properties["OwnershipControls"] =
            json!({"Rules": [{"ObjectOwnership": if open[1] { "BucketOwnerEnforced" } else { "ObjectWriter" }}]});
        estate.push(bucket);
        let mut user = user(everyone("Allow"), &["arn:aws:iam::aws:policy/IAMFullAccess"]);
        user.properties["GroupList"] = json!(["g"]);
        if open[3] {
            user.properties["PermissionsBoundary"] =
                json!({"PermissionsBoundaryArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"});
        }
        estate.push(user);
        estate.push(resource(
            "AWS::IAM::Group",
            "g",
            json!({"GroupPolicyList":
            [{"PolicyName": "p", "PolicyDocument": {"Statement": everyone(effect)}}]}),
        ));
        estate
    })
}

const FIELDS: [&str; 22] = [
    "NetworkInterfaces",
    "PublicIpAddress",
    "SubnetId",
    "VpcId",
    "GroupId",
    "IpPermissions",
    "Entries",
    "Associations",
    "Routes",
    "NetworkInterfaces[*].Association",
    "Routes[*].State",
    "Policy",
    "Acl",
    "Acl.Grants",
    "PublicAccessBlock",
    "OwnershipControls",
    "UserPolicyList",
    "AttachedManagedPolicies",
    "GroupList",
    "PermissionsBoundary",
    "GroupPolicyList",
    "SecurityGroups",
];

proptest! {
    #[test]
    fn an_unreadable_field_never_turns_a_verdict_round(
        estate in estates(),
        hidden in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(FIELDS.to_vec())), 1..4),
    ) {
        let before = compute(&estate, &[]);
        let mut less = estate.clone();
        for (index, field) in hidden {
            hide(index.get_mut(less.as_mut_slice()), field);
        }
        let after = compute(&less, &[]);
        for (id, sheet) in &after {
            for (fact, fields) in &sheet.values {
                for (field, value) in fields.as_object().unwrap() {
                    // What could not be told before cannot be told now; what is told is what was told.
                    prop_assert_eq!(Some(value), before[id].values[fact].get(field), "{} {} {}", id, fact, field);
                }
            }
        }
    }

    #[test]
    fn no_json_makes_it_panic(properties in any_json(), policy in any_json(), text in ".{0,40}") {
        let kinds = [
            "AWS::EC2::Instance", "AWS::EC2::SecurityGroup", "AWS::EC2::NetworkAcl", "AWS::EC2::RouteTable", "AWS::S3::Bucket",
            "AWS::RDS::DBInstance", "AWS::Lambda::Function", "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::IAM::User",
            "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::KMS::Key", "AWS::SecretsManager::Secret",
        ];
        let mut resources: Vec<_> = kinds.iter().map(|kind| resource(kind, kind, properties.clone())).collect();
        resources.push(resource("AWS::KMS::Key", "key", json!({"Policy": policy})));
        resources.push(resource("AWS::KMS::Key", "text", json!({"Policy": text})));
        compute(&resources, &[]);
    }

    #[test]
    fn the_order_of_resources_does_not_matter(estate in estates()) {
        let mut turned = estate.clone();
        turned.reverse();
        prop_assert_eq!(compute(&estate, &[]), compute(&turned, &[]));
    }
}

/// A relation by subnet, in the same region.
fn relation() -> skywarden_content::FactFile {
    serde_json::from_value(json!({
        "id": "logs", "description": "d", "types": ["T::Net"],
        "related": { "to": "T::Log", "on": [{ "ours": "arn:{partition}/{Id}", "theirs": "Targets[*].Arn" }], "take": ["State.Name", "facts.access"] }
    }))
    .unwrap()
}

fn listed(outcome: ListOutcome) -> Vec<Coverage> {
    let entry = |outcome: ListOutcome| Coverage {
        type_name: "T::Log".into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        outcome,
        denied: Vec::new(),
    };
    vec![entry(outcome)]
}

fn related(resources: &[Resource], coverage: &[Coverage]) -> FactSheet {
    let file = relation();
    let knowledge = Knowledge { policies: [("T::Log", "Policy")].into(), relations: vec![&file], ..Knowledge::default() };
    crate::compute(resources, coverage, knowledge)[&resources[0].id].clone()
}

fn net_and_log() -> Vec<Resource> {
    let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "x:Read", "Resource": "*"}});
    vec![
        resource("T::Net", "arn:net:x", json!({"Id": "n1"})),
        resource(
            "T::Log",
            "log",
            json!({"Targets": [{"Arn": "arn:net/n0"}, {"Arn": "arn:net/n1"}], "State": {"Name": "on"}, "Policy": policy}),
        ),
        resource("T::Log", "other", json!({"Targets": [{"Arn": "arn:net/n2"}]})),
    ]
}

#[test]
fn a_relation_finds_what_points_at_a_resource_and_takes_its_fields() {
    let sheet = related(&net_and_log(), &listed(ListOutcome::Complete { n_resources: 2 }));
    assert!(sheet.unreadable.is_empty());
    let fact = &sheet.values["logs"];
    assert_eq!((&fact["any"], &fact["n"]), (&json!(true), &json!(1)));
    let found = &fact["resources"][0];
    assert_eq!((&found["id"], &found["State"]["Name"]), (&json!("log"), &json!("on")));
    assert_eq!(found["facts"]["access"]["public"], json!(true));
}

#[test]
fn a_relation_is_unknown_where_its_other_side_is() {
    let complete = listed(ListOutcome::Complete { n_resources: 2 });
    let hidden = |sheet: &FactSheet| sheet.unreadable.iter().map(|entry| entry.field.to_string()).collect::<Vec<_>>();
    // Nothing was listed, or the list failed: there may be one, and one that was found stays found.
    let failed = listed(ListOutcome::Failed { reason: reason() });
    for coverage in [&Vec::new(), &failed] {
        let sheet = related(&net_and_log()[..1], coverage);
        assert_eq!(hidden(&sheet), ["facts.logs.any", "facts.logs.n", "facts.logs.resources"]);
    }
    let partial = listed(ListOutcome::Partial { n_resources: 1, reason: reason() });
    let sheet = related(&net_and_log(), &partial);
    assert_eq!(
        (&sheet.values["logs"]["any"], hidden(&sheet)),
        (&json!(true), vec!["facts.logs.n".into(), "facts.logs.resources".into()])
    );
    // Our own side could not be read, or where another points.
    let mut resources = net_and_log();
    hide(&mut resources[0], "Id");
    assert_eq!(hidden(&related(&resources, &complete)).len(), 3);
    let mut resources = net_and_log();
    hide(&mut resources[2], "Targets");
    assert_eq!(hidden(&related(&resources, &complete)), ["facts.logs.n", "facts.logs.resources"]);
    // A field that is taken could not be read.
    let mut resources = net_and_log();
    hide(&mut resources[1], "State");
    assert_eq!(hidden(&related(&resources, &complete)), ["facts.logs.resources[*].State.Name"]);
}

#[test]
fn what_lies_in_another_region_or_account_is_not_related() {
    let complete = listed(ListOutcome::Complete { n_resources: 2 });
    let mut resources = net_and_log();
    resources[1].scope.resource_group = "us-east-1".into();
    assert_eq!(related(&resources, &complete).values["logs"]["any"], json!(false));
    resources[1].scope.resource_group = "global".into();
    assert_eq!(related(&resources, &complete).values["logs"]["any"], json!(true));
    resources[1].scope.account = "222222222222".into();
    assert_eq!(related(&resources, &complete).values["logs"]["any"], json!(false));
}

/// A trail of all regions whose log group has a filter, an alarm on its metric, and a topic with a subscriber.
fn watched() -> Vec<Resource> {
    vec![
        resource("AWS::IAM::Account", "account", json!({})),
        resource(
            "AWS::CloudTrail::Trail",
            "trail",
            json!({"IsMultiRegionTrail": true, "Status": {"IsLogging": true},
                "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-west-1:111111111111:log-group:trail:*"}),
        ),
        resource(
            "AWS::Logs::MetricFilter",
            "filter",
            json!({"LogGroupName": "trail", "FilterPattern": "{ $.eventName = DeleteTrail || $.eventName = StopLogging }",
                "MetricTransformations": [{"MetricNamespace": "Cis", "MetricName": "Trail"}]}),
        ),
        resource(
            "AWS::CloudWatch::Alarm",
            "alarm",
            json!({"Namespace": "Cis", "MetricName": "Trail", "ActionsEnabled": true, "AlarmActions": ["arn:aws:sns:eu-west-1:111111111111:t"]}),
        ),
        resource(
            "AWS::SNS::Subscription",
            "subscription",
            json!({"TopicArn": "arn:aws:sns:eu-west-1:111111111111:t", "SubscriptionArn": "arn:aws:sns:eu-west-1:111111111111:t:1"}),
        ),
    ]
}

/// Whether the two events of the probe reach somebody; `None` if that is not known.
fn trail_changes(resources: &[Resource], coverage: &[Coverage]) -> Option<bool> {
    let file: skywarden_content::FactFile = serde_json::from_value(json!({
        "id": "monitoring", "description": "d", "types": ["AWS::IAM::Account"], "fields": {"covered": {"*": "boolean"}},
        "probes": { "trail": [{"eventName": "StopLogging"}, {"eventName": "DeleteTrail"}] }
    }))
    .unwrap();
    let table = crate::compute(resources, coverage, Knowledge { probed: vec![&file], ..Knowledge::default() });
    let sheet = &table[&resources[0].id];
    let value = sheet.values["monitoring"]["covered"].get("trail").and_then(Value::as_bool);
    let is_hidden = sheet.unreadable.iter().any(|entry| entry.field.to_string() == "facts.monitoring.covered.trail");
    assert_ne!(value.is_some(), is_hidden);
    value
}

fn all_listed() -> Vec<Coverage> {
    let types = ["AWS::CloudTrail::Trail", "AWS::Logs::MetricFilter", "AWS::CloudWatch::Alarm", "AWS::SNS::Subscription"];
    let entry = |name: &&str| Coverage {
        type_name: (*name).into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        outcome: ListOutcome::Complete { n_resources: 1 },
        denied: Vec::new(),
    };
    types.iter().map(entry).collect()
}

#[test]
fn events_reach_somebody_through_trail_filter_alarm_and_topic() {
    assert_eq!(trail_changes(&watched(), &all_listed()), Some(true));
    for (place, field, value) in [
        (1, "IsMultiRegionTrail", json!(false)),
        (1, "Status", json!({"IsLogging": false})),
        (1, "CloudWatchLogsLogGroupArn", json!("arn:aws:logs:us-east-1:111111111111:log-group:trail:*")),
        (1, "EventSelectors", json!([{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": true}])),
        (2, "FilterPattern", json!("{ $.eventName = StopLogging }")),
        (2, "LogGroupName", json!("other")),
        (3, "MetricName", json!("Other")),
        (3, "ActionsEnabled", json!(false)),
        (3, "AlarmActions", json!([])),
        (4, "SubscriptionArn", json!("PendingConfirmation")),
    ] {
        let mut resources = watched();
        resources[place].properties[field] = value;
        assert_eq!(trail_changes(&resources, &all_listed()), Some(false), "{field}");
    }
}

#[test]
fn whether_events_reach_somebody_is_unknown_where_a_part_of_the_way_is() {
    assert_eq!(trail_changes(&watched(), &[]), Some(true), "what was found is enough");
    assert_eq!(trail_changes(&watched()[..2], &[]), None);
    for (place, field) in [(1, "Status"), (2, "FilterPattern"), (3, "AlarmActions")] {
        let mut resources = watched();
        hide(&mut resources[place], field);
        assert_eq!(trail_changes(&resources, &all_listed()), None, "{field}");
    }
    let mut resources = watched();
    resources[1].properties["CloudWatchLogsLogGroupArn"] = json!("arn:aws:logs:eu-west-1:222222222222:log-group:trail:*");
    assert_eq!(trail_changes(&resources, &all_listed()), None, "the log group of another account");
    let mut resources = watched();
    resources[2].properties["FilterPattern"] = json!("[columns]");
    assert_eq!(trail_changes(&resources, &all_listed()), None, "a pattern that is not understood");
}

#[test]
fn a_file_without_the_account_s_block_does_not_say_that_a_bucket_is_public() {
    let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}});
    let mut bucket = resource("AWS::S3::Bucket", "b", json!({"Policy": policy}));
    assert_eq!(first(&[bucket.clone()], "access", "public"), Some(json!(true)));
    bucket.carried = Carried::Only(
        ["properties.Policy", "properties.PublicAccessBlock", "properties.Acl"].map(|field| field.parse().unwrap()).into(),
    );
    assert_eq!(first(&[bucket.clone()], "access", "public"), None);
    let open = resource(
        "AWS::S3::AccountPublicAccessBlock",
        "a",
        json!({"PublicAccessBlockConfiguration": {"RestrictPublicBuckets": false}}),
    );
    assert_eq!(first(&[bucket, open], "access", "public"), Some(json!(true)));
}
