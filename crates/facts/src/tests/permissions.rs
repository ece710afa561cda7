use serde_json::{Value, json};
use skywarden_model::Resource;

use super::{CATALOG, first, resource, user};
use crate::Knowledge;

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
    let table = super::facts_of(std::slice::from_ref(&reader), &[], knowledge);
    assert_eq!(table[&reader.id].field("permissions", "escalations"), None);
    assert_eq!(first(&[reader], "permissions", "escalations"), Some(json!([])));
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
