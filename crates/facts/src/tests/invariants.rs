use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_model::Resource;

use super::{bucket, compute, estate, hide, resource, user};

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
                for (field, value) in fields {
                    // What could not be told before cannot be told now; what is told is what was told.
                    prop_assert_eq!(Some(value), before[id].field(fact, field), "{} {} {}", id, fact, field);
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
