use serde_json::{Value, json};
use skywarden_model::Carried;

use super::{bucket, first, hide, resource};

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
