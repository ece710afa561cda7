use std::io::Write as _;

use proptest::prelude::*;
use serde_json::json;
use skywarden_content::SecretFile;

use super::*;

fn collectors() -> BTreeMap<String, CollectorFile> {
    let files: Vec<CollectorFile> = serde_json::from_value(json!([
        {
            "type": "AWS::S3::Bucket", "description": "d", "placement": "global", "id": "arn:{partition}:s3:::{Name}", "name": "{Name}",
            "fields": { "Name": "string", "Policy": "json", "Versioning": { "Status": "string" }, "PublicAccessBlock": { "IgnorePublicAcls": "boolean" }, "Acl": "json" },
            "aws_config": {
                "names": { "Policy": "supplementaryConfiguration.BucketPolicy.policyText",
                           "Versioning.Status": "supplementaryConfiguration.BucketVersioningConfiguration.status",
                           "PublicAccessBlock": "supplementaryConfiguration.PublicAccessBlockConfiguration" },
                "always": ["PublicAccessBlock"],
            },
        },
        {
            "type": "AWS::EC2::SecurityGroup", "description": "d", "id": "arn:{partition}:ec2:{region}:{account}:security-group/{GroupId}",
            "fields": { "GroupId": "string", "IpPermissions": [{ "FromPort": "integer", "IpRanges": [{ "CidrIp": "string" }] }] },
            "aws_config": { "rename": { "ipv4Ranges": "IpRanges" } },
        },
        {
            "type": "AWS::Lambda::Function", "description": "d", "id": "{FunctionArn}",
            "withheld": [{ "path": "Environment.Variables", "kinds_into": "Environment.SecretKinds" }],
            "fields": { "FunctionArn": "string", "Runtime": "string", "Environment": { "Variables": { "*": "string" }, "SecretKinds": ["string"] } },
        },
    ]))
    .unwrap();
    files.into_iter().map(|file| (file.type_name.clone(), file)).collect()
}

fn read(name: &str, body: &[u8]) -> Result<Snapshot, ConfigSnapshotError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, body).unwrap();
    let collectors = collectors();
    let secrets: BTreeMap<String, SecretFile> = BTreeMap::new();
    let specs = Specs { collectors: &collectors, services: &BTreeMap::new(), secrets: &secrets };
    read_config_snapshot(specs, &file, &"file".into(), Timestamp::UNIX_EPOCH)
}

fn item(type_name: &str, region: &str, more: Value) -> Value {
    let mut item = json!({
        "configurationItemVersion": "1.3", "configurationItemStatus": "OK", "awsAccountId": "111111111111", "awsRegion": region,
        "resourceType": type_name, "resourceId": "x", "ARN": "arn:aws:x:::x", "relationships": [], "tags": {"team": "a"},
    });
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

fn document(items: &[Value]) -> Vec<u8> {
    json!({ "fileVersion": "1.0", "configSnapshotId": "i", "configurationItems": items }).to_string().into_bytes()
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn bucket(supplementary: Value) -> Value {
    item("AWS::S3::Bucket", "eu-west-1", json!({ "configuration": { "name": "b" }, "supplementaryConfiguration": supplementary }))
}

#[test]
fn an_item_becomes_the_resource_that_the_engine_would_make() {
    let policy = json!({ "policyText": "{\"Version\":\"2012-10-17\"}" }).to_string();
    let body = document(&[bucket(json!({ "BucketPolicy": policy, "BucketVersioningConfiguration": { "status": "Enabled" } }))]);
    let snapshot = read("1_Config_eu-west-1_ConfigSnapshot_20261124T101530Z_id.json.gz", &packed(&body)).unwrap();
    assert_eq!(snapshot.taken_at.to_string(), "2026-11-24T10:15:30Z");
    let found = &snapshot.resources[0];
    assert_eq!((found.id.as_str(), found.name.as_str()), ("arn:aws:s3:::b", "b"));
    assert_eq!((&*found.scope.account, &*found.scope.resource_group), ("111111111111", "eu-west-1"));
    assert_eq!(found.tags["team"], "a");
    assert_eq!(
        found.properties,
        json!({ "Name": "b", "Policy": { "Version": "2012-10-17" }, "Versioning": { "Status": "Enabled" } })
    );
    assert_eq!(snapshot.coverage[0].outcome, ListOutcome::Complete { n_resources: 1 });
}

#[test]
fn what_the_item_does_not_speak_of_is_not_carried() {
    let snapshot = read("s.json", &document(&[bucket(json!({}))])).unwrap();
    let Carried::Only(carried) = &snapshot.resources[0].carried else { panic!("it carries all") };
    let names: Vec<String> = carried.iter().map(ToString::to_string).collect();
    // The policy may be there or not; the block is known to be absent.
    assert_eq!(names, ["properties.Name", "properties.PublicAccessBlock", "tags"]);
}

#[test]
fn names_inside_lists_are_those_of_the_schema() {
    let permission = json!({ "fromPort": 22, "ipRanges": ["0.0.0.0/0"], "ipv4Ranges": [{ "cidrIp": "0.0.0.0/0" }] });
    let configuration = json!({ "groupId": "sg-1", "ipPermissions": [permission] }).to_string();
    let group = item("AWS::EC2::SecurityGroup", "eu-west-1", json!({ "configuration": configuration }));
    let snapshot = read("s.json", &document(&[group])).unwrap();
    let found = &snapshot.resources[0];
    assert_eq!(found.id.as_str(), "arn:aws:ec2:eu-west-1:111111111111:security-group/sg-1");
    assert_eq!(found.properties["IpPermissions"], json!([{ "FromPort": 22, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]));
    assert!(found.unreadable.is_empty());
}

#[test]
fn secrets_are_withheld_and_a_type_without_schema_keeps_no_properties() {
    let configuration = json!({ "functionArn": "arn:f", "environment": { "variables": { "KEY": "hunter2" } } });
    let function = item("AWS::Lambda::Function", "eu-west-1", json!({ "configuration": configuration }));
    let other = item("AWS::X::Y", "eu-west-1", json!({ "configuration": { "password": "hunter2" }, "ARN": "arn:y" }));
    let snapshot = read("s.json", &document(&[function, other])).unwrap();
    assert!(!format!("{:?}", snapshot.resources).contains("hunter2"));
    assert_eq!(snapshot.resources.len(), 2);
}

#[test]
fn deleted_items_are_gone_and_what_is_not_understood_makes_the_list_partial() {
    let deleted = item("AWS::S3::Bucket", "eu-west-1", json!({ "configurationItemStatus": "ResourceDeleted" }));
    let broken = item("AWS::S3::Bucket", "eu-west-1", json!({ "configuration": "{", "ARN": null }));
    let snapshot = read("s.json", &document(&[deleted, broken, bucket(json!({}))])).unwrap();
    assert_eq!(snapshot.resources.len(), 1);
    assert!(matches!(snapshot.coverage[0].outcome, ListOutcome::Partial { n_resources: 1, .. }));
}

#[test]
fn a_value_that_does_not_fit_is_unreadable() {
    let permissions = json!({ "groupId": "sg-1", "ipPermissions": [{ "fromPort": "many" }] });
    let snapshot = read("s.json", &document(&[item("AWS::EC2::SecurityGroup", "r", json!({ "configuration": permissions }))]));
    assert_eq!(snapshot.unwrap().resources[0].unreadable[0].field.to_string(), "properties.IpPermissions[*].FromPort");
}

#[test]
fn what_is_no_snapshot_is_refused_with_its_place() {
    for body in [
        "",
        "[]",
        "{}",
        "{\"configurationItems\":{}}",
        "{\"configurationItems\":[{\"awsAccountId\":1}]}",
        "{\"configurationItems\":[]} x",
    ] {
        let error = read("s.json", body.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("s.json is no configuration snapshot") && error.contains("line"), "{body}: {error}");
    }
    let mut cut = packed(&document(&[bucket(json!({}))]));
    cut.truncate(cut.len() / 2);
    assert!(read("s.json.gz", &cut).is_err());
    assert!(matches!(files(tempfile::tempdir().unwrap().path()), Err(ConfigSnapshotError::Empty { .. })));
}

proptest! {
    #[test]
    fn no_file_breaks_the_reader(text in "\\PC{0,60}", type_name in "(AWS::S3::Bucket|AWS::EC2::SecurityGroup|x)", number in any::<i64>()) {
        let _ = read("s.json", text.as_bytes());
        let odd = item(&type_name, "", json!({ "configuration": { "groupId": number, "ipPermissions": text }, "supplementaryConfiguration": text }));
        prop_assert!(read("s.json", &document(&[odd])).is_ok());
    }
}
