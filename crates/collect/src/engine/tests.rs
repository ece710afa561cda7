//! Whole runs over a cloud made of texts.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Answer, Call, CallFailure, CollectError, CollectOptions, NoProgress, Progress, Recording, Replay, Specs, Transport,
    collect_aws, organization, permissions,
};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use skywarden_content::{AwsService, CollectorFile};
use skywarden_model::{Coverage, ListOutcome, Snapshot, Timestamp, UnreadableKind};

/// Answers by `service:Operation`, or `service:Operation REGION`, or with ` PARAMETER` in the parameters' text; the longest that fits.
#[derive(Default)]
struct Cloud {
    answers: BTreeMap<String, (u16, String)>,
    calls: Mutex<Vec<String>>,
}

impl Cloud {
    fn new() -> Self {
        Self::default()
            .with("sts:GetCallerIdentity", 200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
            .with("ec2:DescribeRegions", 200, "<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>us-east-1</regionName></item><item><regionName>me-south-1</regionName><optInStatus>not-opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>")
            .with("kms:ListKeys", 200, "{\"Keys\":[]}")
            .with("kms:ListKeys eu-west-1", 200, "{\"Keys\":[{\"KeyId\":\"1\",\"KeyArn\":\"arn:k:1\"},{\"KeyId\":\"2\",\"KeyArn\":\"arn:k:2\"}],\"Truncated\":false}")
            .with("kms:DescribeKey", 200, "{\"KeyMetadata\":{\"Enabled\":true,\"CreationDate\":1700000000,\"Secret\":\"x\"}}")
            .with("kms:GetKeyPolicy", 200, "{\"Policy\":\"{\\\"Version\\\":\\\"1\\\"}\"}")
            .with("kms:ListResourceTags", 200, "{\"Tags\":[{\"TagKey\":\"k\"}]}")
            .with("s3:ListBuckets", 200, "<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name><BucketRegion>eu-west-1</BucketRegion></Bucket></Buckets></ListAllMyBucketsResult>")
            .with("s3:GetBucketTagging", 404, "<Error><Code>NoSuchTagSet</Code><Message>none</Message></Error>")
    }

    fn with(mut self, call: &str, status: u16, body: &str) -> Self {
        self.answers.insert(call.to_owned(), (status, body.to_owned()));
        self
    }
}

#[async_trait]
impl Transport for Cloud {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let parameters = Value::Object(call.parameters.clone()).to_string();
        let name = format!("{}:{}", call.service, call.operation);
        self.calls.lock().unwrap().push(format!("{name} {} {parameters}", call.region));
        let fits = |key: &str| {
            let mut words = key.split(' ');
            words.next() == Some(&name) && words.all(|word| word == call.region || parameters.contains(word))
        };
        let found = self.answers.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len());
        let Some((_, (status, body))) = found else {
            return Err(CallFailure { code: "ConnectionFailed".into(), message: "cut".into() });
        };
        let status = *status;
        let bucket_region = (status == 301).then(|| "us-east-1".to_owned());
        Ok(Answer { status, content_type: None, error_type: None, bucket_region, body: Bytes::from(body.clone()) })
    }

    fn home_region(&self) -> String {
        "eu-west-1".to_owned()
    }
}

struct Content {
    collectors: BTreeMap<String, CollectorFile>,
    services: BTreeMap<String, AwsService>,
    secrets: BTreeMap<String, skywarden_content::SecretFile>,
}

fn content() -> Content {
    let services = json!([
        { "id": "sts", "protocol": "query", "endpoint_prefix": "sts", "signing_name": "sts", "api_version": "1", "rate": 1 },
        { "id": "ec2", "protocol": "ec2", "endpoint_prefix": "ec2", "signing_name": "ec2", "api_version": "1", "rate": 1 },
        { "id": "kms", "protocol": "json", "endpoint_prefix": "kms", "signing_name": "kms", "target_prefix": "TrentService", "rate": 1 },
        { "id": "organizations", "protocol": "json", "endpoint_prefix": "organizations", "signing_name": "organizations", "target_prefix": "O", "rate": 1 },
        { "id": "s3", "protocol": "rest-xml", "endpoint_prefix": "s3", "signing_name": "s3", "rate": 1 },
    ]);
    let collectors = json!([
        {
            "type": "AWS::KMS::Key", "description": "d", "service": "kms", "id": "{KeyArn}", "tags": "Tags",
            "list": { "operation": "ListKeys", "permission": "kms:ListKeys", "items": "Keys",
                      "paging": { "response": "NextMarker", "request": "Marker", "more": "Truncated", "size": { "Limit": 2 } } },
            "reads": [
                { "operation": "DescribeKey", "permission": "kms:DescribeKey", "input": { "KeyId": "{KeyArn}" }, "select": "KeyMetadata", "fills": ["Enabled", "CreationDate"] },
                { "operation": "GetKeyPolicy", "permission": "kms:GetKeyPolicy", "input": { "KeyId": "{KeyArn}" }, "select": "Policy", "into": "Policy", "absent_on": ["NotFoundException"] },
                { "operation": "ListResourceTags", "permission": "kms:ListResourceTags", "input": { "KeyId": "{KeyArn}" }, "select": "Tags", "into": "Tags" },
            ],
            "fields": { "KeyId": "string", "KeyArn": "string", "Enabled": "boolean", "CreationDate": "timestamp", "Policy": "json", "Tags": [{ "TagKey": "string" }] },
        },
        {
            "type": "AWS::S3::Bucket", "description": "d", "service": "s3", "placement": "global", "id": "arn:{partition}:s3:::{Name}", "name": "{Name}", "location": "{BucketRegion}", "tags": "TagSet",
            "list": { "operation": "ListBuckets", "permission": "s3:ListAllMyBuckets", "rest": "GET /", "items": "Buckets" },
            "reads": [{ "operation": "GetBucketTagging", "permission": "s3:GetBucketTagging", "rest": "GET /{Name}?tagging", "region": "{BucketRegion}", "select": "TagSet", "into": "TagSet", "absent_on": ["NoSuchTagSet"] }],
            "fields": { "Name": "string", "BucketRegion": "string", "TagSet": [{ "Key": "string", "Value": "string" }] },
        },
    ]);
    let services: Vec<AwsService> = serde_json::from_value(services).unwrap();
    let collectors: Vec<CollectorFile> = serde_json::from_value(collectors).unwrap();
    Content {
        collectors: collectors.into_iter().map(|collector| (collector.type_name.clone(), collector)).collect(),
        services: services.into_iter().map(|service| (service.id.clone(), service)).collect(),
        secrets: BTreeMap::new(),
    }
}

impl Content {
    fn specs(&self) -> Specs<'_> {
        Specs { collectors: &self.collectors, services: &self.services, secrets: &self.secrets }
    }
}

fn options() -> CollectOptions {
    CollectOptions::new("aws-1".into())
}

async fn collect(cloud: Cloud) -> Snapshot {
    run(Arc::new(cloud), options()).await.unwrap()
}

async fn run(transport: Arc<dyn Transport>, options: CollectOptions) -> Result<Snapshot, CollectError> {
    collect_aws(content().specs(), transport, options, &NoProgress, Timestamp::UNIX_EPOCH).await
}

fn coverage<'a>(snapshot: &'a Snapshot, type_name: &str, region: &str) -> &'a Coverage {
    let found = snapshot.coverage.iter().find(|coverage| coverage.type_name.as_str() == type_name && &*coverage.region == region);
    found.unwrap_or_else(|| panic!("no coverage of {type_name} in {region}: {:?}", snapshot.coverage))
}

#[tokio::test]
async fn an_account_is_listed_read_and_normalised() {
    let snapshot = collect(Cloud::new()).await;
    let shown: Vec<(&str, &str, &str)> =
        snapshot.resources.iter().map(|it| (it.id.as_str(), it.name.as_str(), &*it.scope.resource_group)).collect();
    assert_eq!(shown, [("arn:aws:s3:::b", "b", "eu-west-1"), ("arn:k:1", "1", "eu-west-1"), ("arn:k:2", "2", "eu-west-1")]);
    assert_eq!(
        snapshot.resources[1].properties,
        json!({
            "KeyId": "1", "KeyArn": "arn:k:1", "Enabled": true, "CreationDate": "2023-11-14T22:13:20Z", "Policy": { "Version": "1" },
            "Tags": [{ "TagKey": "k" }],
        })
    );
    assert!(snapshot.resources.iter().all(|resource| resource.unreadable.is_empty()));
    assert_eq!(coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").outcome, ListOutcome::Complete { n_resources: 2 });
    assert_eq!(coverage(&snapshot, "AWS::KMS::Key", "us-east-1").outcome, ListOutcome::Complete { n_resources: 0 });
    assert_eq!(coverage(&snapshot, "AWS::S3::Bucket", "global").outcome, ListOutcome::Complete { n_resources: 1 });
}

#[tokio::test]
async fn a_denied_read_makes_its_fields_unknown_and_nothing_else() {
    let denied =
        "{\"__type\":\"AccessDeniedException\",\"message\":\"not authorized to perform: kms:GetKeyPolicy on resource: arn:k:9\"}";
    let snapshot =
        collect(Cloud::new().with("kms:GetKeyPolicy", 400, denied).with("kms:ListResourceTags arn:k:1", 400, denied)).await;
    let first = &snapshot.resources[1];
    let fields: Vec<String> = first.unreadable.iter().map(|unreadable| unreadable.field.to_string()).collect();
    assert_eq!(fields, ["properties.Policy", "properties.Tags", "tags"]);
    assert_eq!(first.properties.get("Enabled"), Some(&json!(true)));
    assert_eq!(first.properties.get("Policy"), None);
    let reason = &first.unreadable[0].reason;
    assert_eq!((reason.kind, reason.permission.as_deref()), (UnreadableKind::Denied, Some("kms:GetKeyPolicy")));
    assert!(Arc::ptr_eq(reason, &snapshot.resources[2].unreadable[0].reason), "one reason for all");
    let coverage = coverage(&snapshot, "AWS::KMS::Key", "eu-west-1");
    assert!(coverage.is_complete());
    let denied: Vec<(&str, u64)> =
        coverage.denied.iter().map(|denied| (denied.reason.operation.as_str(), denied.n_resources)).collect();
    assert_eq!(denied, [("kms:GetKeyPolicy", 2), ("kms:ListResourceTags", 1)]);
}

#[tokio::test]
async fn an_error_that_is_a_fact_makes_a_field_absent() {
    let snapshot = collect(Cloud::new().with("kms:GetKeyPolicy", 400, "{\"__type\":\"NotFoundException\"}")).await;
    assert_eq!(snapshot.resources[1].properties.get("Policy"), None);
    assert!(snapshot.resources[1].unreadable.is_empty());
}

#[tokio::test]
async fn a_refused_listing_fails_and_the_others_go_on() {
    let snapshot = collect(Cloud::new().with("kms:ListKeys eu-west-1", 400, "{\"__type\":\"AccessDeniedException\"}")).await;
    let reason = coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").list_failure().unwrap();
    assert_eq!((reason.kind, reason.permission.as_deref()), (UnreadableKind::Denied, Some("kms:ListKeys")));
    assert!(coverage(&snapshot, "AWS::KMS::Key", "us-east-1").is_complete());
    assert_eq!(snapshot.resources.len(), 1);
}

#[tokio::test]
async fn malformed_answers_are_failures_not_empty_lists() {
    for body in ["", "{\"Keys\":[{\"KeyId\"", "<html/>", "{\"__type\":\"AccessDeniedException\"}"] {
        let snapshot = collect(Cloud::new().with("kms:ListKeys eu-west-1", 200, body)).await;
        let outcome = &coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").outcome;
        assert!(matches!(outcome, ListOutcome::Failed { reason } if reason.code == "MalformedAnswer"), "{body}: {outcome:?}");
    }
    let refused = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
    let identity = run(Arc::new(Cloud::new().with("sts:GetCallerIdentity", 200, refused)), options()).await;
    assert!(identity.unwrap_err().to_string().contains("`ErrorResponse`"));
    let snapshot = collect(Cloud::new().with("kms:GetKeyPolicy", 200, "{\"Policy\":\"{cut\"}")).await;
    let unreadable = &snapshot.resources[1].unreadable[0];
    assert_eq!((unreadable.field.to_string().as_str(), unreadable.reason.kind), ("properties.Policy", UnreadableKind::Failed));
}

fn page(key: u32, next: &str) -> String {
    format!("{{\"Keys\":[{{\"KeyId\":\"{key}\",\"KeyArn\":\"arn:k:{key}\"}}],\"Truncated\":true,\"NextMarker\":\"{next}\"}}")
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let cloud = Cloud::new().with("kms:ListKeys eu-west-1", 200, &page(1, "m2")).with(
        "kms:ListKeys eu-west-1 \"Marker\":\"m2\"",
        200,
        "{\"Keys\":[{\"KeyId\":\"2\",\"KeyArn\":\"arn:k:2\"}],\"Truncated\":false,\"NextMarker\":\"ignored\"}",
    );
    let snapshot = collect(cloud).await;
    assert_eq!(coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").outcome, ListOutcome::Complete { n_resources: 2 });
}

#[tokio::test]
async fn a_later_page_that_fails_leaves_a_partial_list() {
    let cloud = Cloud::new().with("kms:ListKeys eu-west-1", 200, &page(1, "m2")).with(
        "kms:ListKeys eu-west-1 \"Marker\":\"m2\"",
        400,
        "{\"__type\":\"ThrottlingException\"}",
    );
    let snapshot = collect(cloud).await;
    let outcome = &coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").outcome;
    assert!(
        matches!(outcome, ListOutcome::Partial { n_resources: 1, reason } if reason.kind == UnreadableKind::Throttled),
        "{outcome:?}"
    );
    assert_eq!(snapshot.resources.len(), 2);
}

#[tokio::test]
async fn endless_pages_end() {
    let is_cut = |snapshot: &Snapshot, n| {
        let outcome = &coverage(snapshot, "AWS::KMS::Key", "eu-west-1").outcome;
        assert!(
            matches!(outcome, ListOutcome::Partial { n_resources, reason } if *n_resources == n && reason.kind == UnreadableKind::Truncated),
            "{outcome:?}"
        );
    };
    let looping = Arc::new(Cloud::new().with("kms:ListKeys eu-west-1", 200, &page(1, "again")));
    is_cut(&run(looping.clone(), options()).await.unwrap(), 1);
    let n_lists = looping.calls.lock().unwrap().iter().filter(|call| call.starts_with("kms:ListKeys eu-west-1")).count();
    assert_eq!(n_lists, 2, "a token that comes again ends the list");
    let mut cloud = Cloud::new().with("kms:ListKeys eu-west-1", 200, &page(0, "m1"));
    for number in 1..9 {
        cloud = cloud.with(
            &format!("kms:ListKeys eu-west-1 \"Marker\":\"m{number}\""),
            200,
            &page(number, &format!("m{}", number + 1)),
        );
    }
    let snapshot = run(Arc::new(cloud), CollectOptions { page_limit: 5, ..options() }).await.unwrap();
    is_cut(&snapshot, 5);
    let no_token = "{\"Keys\":[],\"Truncated\":true}";
    is_cut(&collect(Cloud::new().with("kms:ListKeys eu-west-1", 200, no_token)).await, 0);
}

#[tokio::test]
async fn an_item_without_its_id_makes_the_list_partial() {
    let body = "{\"Keys\":[{\"KeyId\":\"1\",\"KeyArn\":\"arn:k:1\"},{\"KeyId\":\"2\"}]}";
    let snapshot = collect(Cloud::new().with("kms:ListKeys eu-west-1", 200, body)).await;
    let outcome = &coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").outcome;
    assert!(
        matches!(outcome, ListOutcome::Partial { n_resources: 1, reason } if reason.message.contains("KeyArn")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn regions_that_are_off_are_skipped_and_unknown_ones_told() {
    let wanted = CollectOptions { regions: Some(vec!["eu-west-1".into(), "ap-east-1".into()]), ..options() };
    let snapshot = run(Arc::new(Cloud::new()), wanted.clone()).await.unwrap();
    assert!(matches!(coverage(&snapshot, "AWS::KMS::Key", "ap-east-1").outcome, ListOutcome::Skipped { .. }));
    assert!(!snapshot.coverage.iter().any(|coverage| &*coverage.region == "us-east-1"));

    let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>";
    let blind = || Arc::new(Cloud::new().with("ec2:DescribeRegions", 403, denied));
    let snapshot = run(blind(), options()).await.unwrap();
    let reason = coverage(&snapshot, "AWS::KMS::Key", "*").list_failure().unwrap();
    assert_eq!(reason.permission.as_deref(), Some("ec2:DescribeRegions"));
    assert!(coverage(&snapshot, "AWS::KMS::Key", "eu-west-1").is_complete(), "the home region is listed all the same");
    let snapshot = run(blind(), wanted).await.unwrap();
    assert!(!snapshot.coverage.iter().any(|coverage| &*coverage.region == "*"), "the user has said which regions");
}

#[tokio::test]
async fn without_identity_there_is_no_run() {
    let invalid = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid</Message></Error></ErrorResponse>";
    let error = run(Arc::new(Cloud::new().with("sts:GetCallerIdentity", 403, invalid)), options()).await.unwrap_err().to_string();
    assert!(error.contains("InvalidClientTokenId") && error.contains("log in again"), "{error}");
}

#[tokio::test]
async fn a_bucket_is_asked_where_it_really_is() {
    let cloud =
        Arc::new(Cloud::new().with("s3:GetBucketTagging eu-west-1", 301, "<Error><Code>PermanentRedirect</Code></Error>").with(
            "s3:GetBucketTagging us-east-1",
            200,
            "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>",
        ));
    let snapshot = run(cloud, options()).await.unwrap();
    assert_eq!(snapshot.resources[0].tags.get("a").map(String::as_str), Some("1"));
}

#[tokio::test]
async fn collectors_with_the_same_list_call_share_it() {
    let mut content = content();
    let mut twin = content.collectors["AWS::KMS::Key"].clone();
    twin.type_name = "AWS::KMS::Twin".into();
    content.collectors.insert(twin.type_name.clone(), twin);
    let cloud = Arc::new(Cloud::new());
    let snapshot = collect_aws(content.specs(), cloud.clone(), options(), &NoProgress, Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(coverage(&snapshot, "AWS::KMS::Twin", "eu-west-1").outcome, ListOutcome::Complete { n_resources: 2 });
    let n_lists = cloud.calls.lock().unwrap().iter().filter(|call| call.starts_with("kms:ListKeys")).count();
    assert_eq!(n_lists, 2, "one for each region");
}

#[tokio::test]
async fn a_spec_that_names_no_service_fails_alone() {
    let mut content = content();
    content.collectors.get_mut("AWS::S3::Bucket").unwrap().service = Some("s4".into());
    let snapshot =
        collect_aws(content.specs(), Arc::new(Cloud::new()), options(), &NoProgress, Timestamp::UNIX_EPOCH).await.unwrap();
    let reason = coverage(&snapshot, "AWS::S3::Bucket", "global").list_failure().unwrap();
    assert!(reason.message.contains("services/s4.yaml"), "{}", reason.message);
    assert_eq!(snapshot.resources.len(), 2);
}

#[tokio::test]
async fn a_recorded_run_replays_to_the_same_snapshot_and_holes_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::new().with("kms:ListResourceTags", 200, "{\"Tags\":[\u{fffd}");
    let recording = Recording::new(Arc::new(cloud), folder.path(), "2026-01-02T03:04:05Z".parse().unwrap()).unwrap();
    let live = run(Arc::new(recording), options()).await.unwrap();
    let replayed = run(Arc::new(Replay::open(folder.path()).unwrap()), options()).await.unwrap();
    assert_eq!(replayed.taken_at.to_string(), "2026-01-02T03:04:05Z");
    assert_eq!((live.resources, live.coverage), (replayed.resources, replayed.coverage));

    let kms = folder.path().join("kms.jsonl");
    let text = std::fs::read_to_string(&kms).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains("\"operation\":\"GetKeyPolicy\"")).collect();
    std::fs::write(&kms, kept.join("\n")).unwrap();
    let holey = run(Arc::new(Replay::open(folder.path()).unwrap()), options()).await.unwrap();
    let unreadable = &holey.resources[1].unreadable[0];
    assert_eq!((unreadable.field.to_string().as_str(), unreadable.reason.code.as_str()), ("properties.Policy", "NotRecorded"));

    std::fs::write(&kms, "{\"service\":1}\n").unwrap();
    let error = Replay::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("kms.jsonl:1"), "{error}");
    assert!(Replay::open(tempfile::tempdir().unwrap().path()).is_err());
}

#[tokio::test]
async fn progress_counts_every_listing() {
    #[derive(Default)]
    struct Counter {
        planned: AtomicU64,
        done: AtomicU64,
        resources: AtomicU64,
    }
    impl Progress for Counter {
        fn planned(&self, n: u64) {
            self.planned.store(n, Ordering::SeqCst);
        }
        fn done(&self, _label: &str, n_resources: u64) {
            self.done.fetch_add(1, Ordering::SeqCst);
            self.resources.fetch_add(n_resources, Ordering::SeqCst);
        }
    }
    let counter = Counter::default();
    collect_aws(content().specs(), Arc::new(Cloud::new()), options(), &counter, Timestamp::UNIX_EPOCH).await.unwrap();
    let numbers = [&counter.planned, &counter.done, &counter.resources].map(|number| number.load(Ordering::SeqCst));
    assert_eq!(numbers, [3, 3, 3]);
}

#[test]
fn the_least_policy_names_every_action_once() {
    let policy = permissions(content().specs());
    assert_eq!(
        policy.pointer("/Statement/0/Action"),
        Some(&json!([
            "ec2:DescribeRegions",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListKeys",
            "kms:ListResourceTags",
            "s3:GetBucketTagging",
            "s3:ListAllMyBuckets",
            "sts:GetCallerIdentity",
        ]))
    );
}

#[test]
fn a_run_can_be_given_to_another_thread() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let content = content();
    drop(is_send(collect_aws(content.specs(), Arc::new(Cloud::new()), options(), &NoProgress, Timestamp::UNIX_EPOCH)));
}

async fn members(cloud: Cloud) -> Result<crate::Organization, CollectError> {
    let content = content();
    organization(content.specs(), Arc::new(cloud)).await
}

#[tokio::test]
async fn an_organisation_is_listed_page_by_page() {
    let first = r#"{"Accounts":[{"Id":"222222222222","Name":"dev","Status":"SUSPENDED"}],"NextToken":"t"}"#;
    let second = r#"{"Accounts":[{"Id":"111111111111","Name":"prod","State":"ACTIVE"}]}"#;
    let cloud =
        Cloud::new().with("organizations:ListAccounts", 200, first).with("organizations:ListAccounts NextToken", 200, second);
    let found = members(cloud).await.unwrap();
    assert_eq!((found.own_account.as_str(), found.partition.as_str()), ("123456789012", "aws"));
    let accounts: Vec<_> = found.accounts.iter().map(|one| (one.id.as_str(), one.name.as_str(), one.is_active)).collect();
    assert_eq!(accounts, [("111111111111", "prod", true), ("222222222222", "dev", false)]);
}

#[tokio::test]
async fn half_a_list_of_accounts_is_an_error() {
    let first = r#"{"Accounts":[{"Id":"222222222222","Name":"dev","Status":"ACTIVE"}],"NextToken":"t"}"#;
    let denied = r#"{"__type":"AccessDeniedException"}"#;
    let cases = [
        Cloud::new().with("organizations:ListAccounts", 200, first).with("organizations:ListAccounts NextToken", 400, denied),
        Cloud::new().with("organizations:ListAccounts", 200, r#"{"Accounts":[]}"#),
        Cloud::new().with("organizations:ListAccounts", 200, r#"{"Accounts":[{"Id":"1"}]}"#),
    ];
    for cloud in cases {
        let error = members(cloud).await.unwrap_err();
        assert!(matches!(error, CollectError::Organization { .. }), "{error}");
    }
}
