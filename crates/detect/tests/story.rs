//! An attack that shows in four logs becomes one incident, and what happens beside it stays outside.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use skywarden_content::{AlertLevel, Catalog, Intent};
use skywarden_detect::{Alert, AlertFacts, BadRecord, Change, Clock, Correlator, Detect, Kinds, Run, correlate, own_rules};

const SCRIPT: &str = "Boto3/1.35.5 md/Botocore#1.35.5 ua/2.0 os/linux#6.1.0 lang/python#3.11.2 Botocore/1.35.5";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const INSTANCE: &str = "i-0a1b2c3d4e5f60718";

/// Who calls AWS: the account, the user, the key, the address.
#[derive(Clone, Copy)]
struct Caller<'a> {
    account: &'a str,
    user: &'a str,
    key: &'a str,
    ip: &'a str,
}

fn at(minute: u32) -> String {
    format!("2026-03-01T10:{minute:02}:00Z")
}

fn call(minute: u32, caller: Caller<'_>, service: &str, name: &str, request: &Value, response: &Value) -> String {
    let Caller { account, user, key, ip } = caller;
    let is_login = name == "ConsoleLogin";
    let record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": format!("AIDAEXAMPLE{user}"), "arn": format!("arn:aws:iam::{account}:user/{user}"),
            "accountId": account, "userName": user, "accessKeyId": (!is_login).then_some(key),
        },
        "eventTime": at(minute), "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": ip, "userAgent": if is_login { BROWSER } else { SCRIPT },
        "requestParameters": request, "responseElements": response,
        "eventID": format!("{account}-{minute}-{user}-{name}-{request}"),
        "eventType": if is_login { "AwsConsoleSignIn" } else { "AwsApiCall" },
        "recipientAccountId": account, "eventCategory": "Management", "managementEvent": true,
        "additionalEventData": is_login.then(|| json!({ "MFAUsed": "No", "MobileVersion": "No" })),
    });
    record.to_string()
}

fn login(minute: u32, caller: Caller<'_>) -> String {
    call(minute, caller, "signin", "ConsoleLogin", &Value::Null, &json!({ "ConsoleLogin": "Success" }))
}

fn risky_sign_in(minute: u32, user: &str, ip: &str) -> String {
    json!({
        "time": at(minute), "operationName": "Sign-in activity", "category": "SignInLogs", "resultType": "0",
        "tenantId": "99999999-8888-7777-6666-555555555555", "callerIpAddress": ip,
        "properties": {
            "id": format!("{minute}-{user}"), "createdDateTime": at(minute),
            "userPrincipalName": format!("{user}@fernhollow.example"),
            "userId": format!("55555555-aaaa-4bbb-8ccc-{user:0>12}"), "appDisplayName": "Azure Portal", "ipAddress": ip,
            "status": { "errorCode": 0 }, "clientAppUsed": "Browser", "userAgent": BROWSER,
            "riskLevelDuringSignIn": "high", "riskState": "atRisk",
            "resourceDisplayName": "Windows Azure Service Management API", "resourceId": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
            "uniqueTokenIdentifier": format!("token-of-{user}-{minute}"),
        },
    })
    .to_string()
}

fn opened_to_anonymous(minute: u32, cluster: &str, user: &str, ip: &str) -> String {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
        "verb": "create",
        "auditID": format!("{cluster}-{minute}"), "cluster_name": cluster,
        "requestURI": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "user": { "username": user, "groups": ["system:authenticated"] }, "sourceIPs": [ip], "userAgent": "kubectl/v1.31.2",
        "objectRef": { "resource": "clusterrolebindings", "name": "anon", "apiGroup": "rbac.authorization.k8s.io" },
        "responseStatus": { "code": 201 },
        "requestObject": {
            "kind": "ClusterRoleBinding", "metadata": { "name": "anon" },
            "subjects": [{ "kind": "User", "name": "system:anonymous" }],
            "roleRef": { "kind": "ClusterRole", "name": "cluster-admin" },
        },
        "requestReceivedTimestamp": at(minute), "stageTimestamp": at(minute),
    })
    .to_string()
}

fn odd_account(minute: u32, host: &str, name: &str) -> String {
    let time = at(minute);
    format!(
        "{time} {host} useradd[2071]: new user: name={name}, UID=1002, GID=1002, home=/home/{name}, shell=/bin/bash, from=/dev/pts/0"
    )
}

/// Anna's password is guessed; a key of Ben's takes the story on, from another address.
fn attack() -> Vec<(&'static str, String)> {
    let anna = Caller { account: "111122223333", user: "anna", key: "", ip: "203.0.113.66" };
    let anna_key = Caller { key: "AKIAEXAMPLEANNA000001", ..anna };
    let ben = Caller { account: "111122223333", user: "ben", key: "AKIAEXAMPLEBEN0000001", ip: "192.0.2.99" };
    let made = json!({ "accessKey": { "accessKeyId": ben.key, "userName": "ben", "status": "Active" } });
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::444455556666:root" }, "Action": "sts:AssumeRole",
    }] })
    .to_string();
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::444455556666:root" }, "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::customer-files-example/*"],
    }] });
    let image = json!({ "items": [{ "imageId": "ami-0123456789abcdef0", "minCount": 1, "maxCount": 1 }] });
    let started = json!({ "instancesSet": image, "instanceType": "p4d.24xlarge" });
    let instance = json!({ "instancesSet": { "items": [{ "instanceId": INSTANCE }] } });
    let trail = json!({ "name": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/main" });
    let mut lines = vec![
        ("entra-signin", risky_sign_in(0, "anna", anna.ip)),
        ("aws-cloudtrail", login(1, anna)),
        ("aws-cloudtrail", call(5, anna_key, "iam", "CreateAccessKey", &json!({ "userName": "ben" }), &made)),
        (
            "aws-cloudtrail",
            call(
                12,
                ben,
                "iam",
                "UpdateAssumeRolePolicy",
                &json!({ "roleName": "web-role", "policyDocument": trust }),
                &Value::Null,
            ),
        ),
        ("aws-cloudtrail", call(20, ben, "ec2", "RunInstances", &started, &instance)),
        ("linux-auth", odd_account(25, INSTANCE, "r00t")),
        ("kubernetes-audit", opened_to_anonymous(30, "shop", "platform-admin", ben.ip)),
    ];
    lines.extend((0..10).map(|number| {
        let request = json!({ "secretId": format!("arn:aws:secretsmanager:eu-central-1:111122223333:secret:s{number}") });
        ("aws-cloudtrail", call(35, ben, "secretsmanager", "GetSecretValue", &request, &Value::Null))
    }));
    lines.push((
        "aws-cloudtrail",
        call(
            45,
            ben,
            "s3",
            "PutBucketPolicy",
            &json!({ "bucketName": "customer-files-example", "bucketPolicy": policy }),
            &Value::Null,
        ),
    ));
    lines.push(("aws-cloudtrail", call(50, ben, "cloudtrail", "StopLogging", &trail, &Value::Null)));
    lines
}

/// Ten things that happen to others in the same hour.
fn beside() -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = (0..5)
        .map(|number| {
            let (account, user, ip) =
                (format!("2222333344{number:02}"), format!("visitor{number}"), format!("198.51.100.{number}"));
            ("aws-cloudtrail", login(10 + number, Caller { account: &account, user: &user, key: "", ip: &ip }))
        })
        .collect();
    lines.push(("entra-signin", risky_sign_in(15, "carl", "198.51.100.50")));
    lines.push(("entra-signin", risky_sign_in(40, "dora", "198.51.100.51")));
    lines.push(("kubernetes-audit", opened_to_anonymous(33, "lab", "tester", "198.51.100.60")));
    lines.push(("linux-auth", odd_account(18, "web-01", "sshd2")));
    lines.push(("linux-auth", odd_account(19, "web-02", "hacker1")));
    lines
}

fn feed(detect: &Detect, lines: &[(&str, String)]) -> Vec<Alert> {
    let mut run = Run::default();
    let mut inputs = BTreeMap::new();
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    for (source, line) in lines {
        let input = inputs.entry(*source).or_insert_with(|| detect.input(source).unwrap());
        detect.feed(&mut run, input, line, Clock::OfRecords(now), &mut |bad: BadRecord| panic!("{}: {}", bad.reason, bad.start));
    }
    run.alerts.all().into_iter().cloned().collect()
}

#[test]
fn an_attack_in_four_logs_is_one_incident_and_others_stay_outside() {
    let catalog = Catalog::embedded_with_threats().unwrap();
    let kinds = Kinds::new(catalog.incidents.values());
    let wanted = ["aws-cloudtrail", "entra-signin", "kubernetes-audit", "linux-auth"];
    let (rules, _) = own_rules(&catalog);
    let (detect, refused) =
        Detect::of_sources(wanted.iter().map(|source| &catalog.log_sources[*source]), rules, &Default::default());
    assert!(refused.is_empty(), "{refused:?}");

    let alerts = feed(&detect, &attack());
    let names: Vec<&str> = alerts.iter().map(|alert| alert.detection.as_ref()).collect();
    for name in [
        "entra-risky-sign-in-allowed",
        "aws-console-login-without-mfa",
        "aws-access-key-for-other-user",
        "aws-role-trust-opened",
        "aws-huge-instance-started",
        "suspicious-account-creation-detected-linux",
        "kubernetes-anonymous-access-granted",
        "aws-secrets-many-read",
        "aws-bucket-policy-foreign",
        "aws-cloudtrail-stopped",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let strangers = feed(&detect, &beside());
    let names: Vec<&str> =
        strangers.iter().filter(|alert| alert.severity > AlertLevel::Low).map(|alert| &*alert.detection).collect();
    assert_eq!(names.len(), 10, "{names:?}");

    let all: Vec<Alert> = alerts.iter().chain(&strangers).cloned().collect();
    let incidents = correlate(&all, &kinds);
    let [incident] = incidents.as_slice() else { panic!("{} incidents: {incidents:#?}", incidents.len()) };
    let mut expected: Vec<&Alert> = alerts.iter().collect();
    expected.sort_by_key(|alert| (alert.start, &alert.id));
    assert_eq!(incident.alerts, expected.iter().map(|alert| alert.id.clone()).collect::<Vec<_>>());
    assert_eq!(incident.severity, AlertLevel::High);
    assert!(incident.kind.is_some());
    assert!(incident.timeline.is_sorted_by_key(|moment| moment.time));
    let place = |intent: Intent| incident.intents.iter().position(|one| *one == intent).unwrap_or_else(|| panic!("{intent:?}"));
    let steps =
        [Intent::InitialAccess, Intent::Persistence, Intent::Impact, Intent::Exfiltration, Intent::DefenseEvasion].map(place);
    assert!(steps.is_sorted(), "{:?}", incident.intents);

    // The same alerts as they come, the other way round.
    let mut correlator = Correlator::new(kinds);
    let mut changes = Vec::new();
    for alert in all.iter().rev() {
        changes.extend(correlator.add(&AlertFacts::from(alert)));
    }
    let grown = correlator.incidents();
    assert_eq!(grown.len(), 1);
    assert_eq!((&grown[0].alerts, &grown[0].kind), (&incident.alerts, &incident.kind));
    assert!(changes.iter().any(|change| matches!(change, Change::Opened(_))));

    // Without the key the two halves of it have nothing to do with each other.
    let key = |alert: &Alert| alert.detection.as_ref() == "aws-access-key-for-other-user";
    let without: Vec<Alert> = alerts.iter().filter(|alert| !key(alert)).cloned().collect();
    assert!(correlate(&without, &Kinds::default()).iter().all(|incident| incident.alerts.len() < without.len()));
}
