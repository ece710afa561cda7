//! Reading again over a cloud made of texts.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use skywarden_content::{AwsService, SecretFile};

use super::*;
use crate::{Answer, Call, CallFailure, CollectOptions, NoProgress, collect_aws};

/// Answers by `Operation` or `Operation WORD` with the word in the parameters; the longest that fits. Other calls fail.
struct Cloud {
    answers: BTreeMap<String, (u16, Value)>,
    calls: Mutex<Vec<String>>,
}

impl Cloud {
    /// Two functions, of which one has a policy.
    fn new() -> Self {
        let cloud = Self { answers: BTreeMap::new(), calls: Mutex::default() };
        let function = |name: &str| json!({ "Name": name, "Env": { "KEY": "AKIAIOSFODNN7EXAMPLE" } });
        cloud
            .with("List", 200, json!({ "Functions": [function("a"), function("b")] }))
            .with("List \"Names\":[\"a\"]", 200, json!({ "Functions": [function("a")] }))
            .with("List \"Names\":[\"gone\"]", 200, json!({ "Functions": [] }))
            .with("List \"Names\":[\"a\",\"b\",\"gone\"]", 200, json!({ "Functions": [function("a"), function("b")] }))
            .with("GetPolicy", 400, json!({ "__type": "NoPolicy" }))
            .with("GetPolicy \"a\"", 200, json!({ "Policy": "{\"Version\":\"1\"}" }))
            .with("GetTags", 200, json!({ "Tags": [{ "Key": "k", "Value": "v" }] }))
    }

    fn with(mut self, call: &str, status: u16, body: Value) -> Self {
        self.answers.insert(call.to_owned(), (status, body));
        self
    }

    /// The operations that were called since the last time.
    fn take_calls(&self) -> Vec<String> {
        let mut calls = std::mem::take(&mut *self.calls.lock().unwrap());
        calls.sort();
        calls
    }
}

#[async_trait]
impl Transport for Cloud {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let answer = |status, body: String| {
            Ok(Answer { status, content_type: None, error_type: None, bucket_region: None, body: Bytes::from(body) })
        };
        match call.operation.as_str() {
            "GetCallerIdentity" => {
                let own = "<Arn>arn:aws:iam::1:user/x</Arn><Account>1</Account>";
                return answer(
                    200,
                    format!(
                        "<GetCallerIdentityResponse><GetCallerIdentityResult>{own}</GetCallerIdentityResult></GetCallerIdentityResponse>"
                    ),
                );
            }
            "DescribeRegions" => {
                return answer(200, "<DescribeRegionsResponse><regionInfo><item><regionName>r</regionName></item></regionInfo></DescribeRegionsResponse>".into());
            }
            _ => self.calls.lock().unwrap().push(call.operation.clone()),
        }
        let parameters = Value::Object(call.parameters.clone()).to_string();
        let fits = |key: &str| {
            let (operation, word) = key.split_once(' ').unwrap_or((key, ""));
            operation == call.operation && parameters.contains(word)
        };
        match self.answers.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len()) {
            Some((_, (status, body))) => answer(*status, body.to_string()),
            None => Err(CallFailure { code: "ConnectionFailed".into(), message: "cut".into() }),
        }
    }

    fn home_region(&self) -> String {
        "r".to_owned()
    }
}

struct Content {
    collectors: BTreeMap<String, CollectorFile>,
    services: BTreeMap<String, AwsService>,
    secrets: BTreeMap<String, SecretFile>,
}

impl Content {
    fn new(again: Value) -> Self {
        let services = json!([
            { "id": "sts", "protocol": "query", "endpoint_prefix": "sts", "signing_name": "sts", "api_version": "1", "rate": 1 },
            { "id": "ec2", "protocol": "ec2", "endpoint_prefix": "ec2", "signing_name": "ec2", "api_version": "1", "rate": 1 },
            { "id": "fn", "protocol": "json", "endpoint_prefix": "fn", "signing_name": "fn", "target_prefix": "Fn", "rate": 1 },
        ]);
        let services: Vec<AwsService> = serde_json::from_value(services).unwrap();
        let collector = json!({
            "type": "T::Function", "description": "d", "service": "fn", "id": "{Name}", "tags": "Tags",
            "list": { "operation": "List", "permission": "fn:List", "items": "Functions" },
            "reads": [
                { "operation": "GetPolicy", "permission": "fn:GetPolicy", "input": { "Name": "{Name}" }, "select": "Policy", "into": "Policy",
                  "absent_on": ["NoPolicy"] },
                { "operation": "GetTags", "permission": "fn:GetTags", "input": { "Name": "{Name}" }, "select": "Tags", "into": "Tags" },
            ],
            "withheld": [{ "path": "Env", "kinds_into": "Kinds" }],
            "changes": { "again": again, "events": [] },
            "fields": { "Name": "string", "Env": { "*": "string" }, "Kinds": ["string"], "Policy": "json", "Tags": [{ "Key": "string", "Value": "string" }] },
        });
        let secret =
            json!({ "id": "aws-key", "title": "an access key", "pattern": "AKIA[A-Z0-9]{16}", "found": [], "not_found": [] });
        Self {
            collectors: BTreeMap::from([("T::Function".to_owned(), serde_json::from_value(collector).unwrap())]),
            services: services.into_iter().map(|service| (service.id.clone(), service)).collect(),
            secrets: BTreeMap::from([("aws-key".to_owned(), serde_json::from_value(secret).unwrap())]),
        }
    }

    fn narrowed() -> Self {
        Self::new(json!({ "input": { "Names": ["{Name}"] }, "many": 10 }))
    }

    fn specs(&self) -> Specs<'_> {
        Specs { collectors: &self.collectors, services: &self.services, secrets: &self.secrets }
    }

    async fn scan(&self, cloud: &Arc<Cloud>) -> Vec<Resource> {
        let (transport, options) = (Arc::clone(cloud) as Arc<dyn Transport>, CollectOptions::new("c".into()));
        let now = skywarden_model::Timestamp::UNIX_EPOCH;
        let snapshot = collect_aws(self.specs(), transport, options, &NoProgress, now).await.unwrap();
        cloud.take_calls();
        snapshot.resources
    }

    /// What is found of each change, by its outcome.
    async fn again(&self, cloud: &Arc<Cloud>, wanted: &[Changed], known: &[Resource]) -> Vec<Result<Vec<Resource>, String>> {
        let options = AgainOptions { connector: "c".into(), account: "1".to_owned(), max_concurrency: 4, page_limit: 10 };
        let rereads = read_again(self.specs(), Arc::clone(cloud) as Arc<dyn Transport>, &options, wanted, known).await;
        assert_eq!(rereads.iter().map(|own| &own.changed).collect::<Vec<_>>(), wanted.iter().collect::<Vec<_>>());
        let outcome = |reread: Reread| match reread.outcome {
            RereadOutcome::Found(found) => Ok(found),
            RereadOutcome::Failed(reason) => Err(reason.code.clone()),
        };
        rereads.into_iter().map(outcome).collect()
    }
}

fn changed(name: &str, calls: &[&str]) -> Changed {
    Changed {
        account: "1".to_owned(),
        type_name: "T::Function".into(),
        region: "r".to_owned(),
        fields: BTreeMap::from([("Name".to_owned(), name.to_owned())]),
        calls: calls.iter().map(|call| (*call).to_owned()).collect(),
    }
}

#[tokio::test]
async fn what_is_read_again_is_what_a_scan_reads() {
    let (content, cloud) = (Content::narrowed(), Arc::new(Cloud::new()));
    let scanned = content.scan(&cloud).await;
    assert_eq!(scanned[0].properties["Kinds"], json!(["an access key"]));
    let of = |id: &str| Ok(scanned.iter().filter(|own| own.id.as_str() == id).cloned().collect());
    for (known, calls) in
        [(&[][..], &[][..]), (&scanned, &[]), (&scanned, &["GetPolicy"]), (&scanned, &["List"]), (&scanned, &["List", "GetTags"])]
    {
        assert_eq!(content.again(&cloud, &[changed("a", calls)], known).await, [of("a")], "{calls:?}");
        let made = cloud.take_calls();
        let wanted = if known.is_empty() || calls.is_empty() { vec!["GetPolicy", "GetTags", "List"] } else { calls.to_vec() };
        assert_eq!(
            made.iter().collect::<BTreeSet<_>>(),
            wanted.iter().map(|own| (*own).to_owned()).collect::<BTreeSet<_>>().iter().collect()
        );
        assert_eq!(made.len(), wanted.len());
    }
    let all = [changed("a", &["List"]), changed("b", &["List"]), changed("gone", &["List"])];
    assert_eq!(content.again(&cloud, &all, &scanned).await, [of("a"), of("b"), Ok(Vec::new())]);
    assert_eq!(cloud.take_calls(), ["List"], "one call asks about all");
}

#[tokio::test]
async fn a_whole_type_is_one_list() {
    let (content, cloud) = (Content::narrowed(), Arc::new(Cloud::new()));
    let scanned = content.scan(&cloud).await;
    let whole = changed("", &[]).of_whole_type();
    assert_eq!(content.again(&cloud, &[whole], &scanned).await, [Ok(scanned.clone())]);
    assert_eq!(cloud.take_calls().iter().filter(|call| *call == "List").count(), 1);
}

#[tokio::test]
async fn a_read_that_fails_asks_the_list_whether_it_is_there_still() {
    let content = Content::narrowed();
    let scanned = content.scan(&Arc::new(Cloud::new())).await;
    let cloud =
        Cloud::new().with("GetPolicy \"a\"", 400, json!({ "__type": "NotFound" })).with("List", 200, json!({ "Functions": [] }));
    let cloud = Arc::new(cloud.with("List \"Names\":[\"a\"]", 200, json!({ "Functions": [] })));
    assert_eq!(content.again(&cloud, &[changed("a", &["GetPolicy"])], &scanned).await, [Ok(Vec::new())]);
    let cloud = Arc::new(Cloud::new().with("GetPolicy \"a\"", 403, json!({ "__type": "AccessDenied" })));
    let again = content.again(&cloud, &[changed("a", &["GetPolicy"])], &scanned).await;
    let [Ok(found)] = again.as_slice() else { panic!("{again:?}") };
    assert_eq!(found[0].unreadable.iter().map(|own| own.field.to_string()).collect::<Vec<_>>(), ["properties.Policy"]);
}

#[tokio::test]
async fn a_list_that_fails_says_nothing_about_what_is_there() {
    let (content, cloud) = (Content::narrowed(), Cloud::new());
    let cloud = Arc::new(cloud.with("List \"Names\":[\"a\"]", 403, json!({ "__type": "AccessDenied" })));
    assert_eq!(content.again(&cloud, &[changed("a", &[])], &[]).await, [Err("AccessDenied".to_owned())]);
}

#[tokio::test]
async fn a_read_that_stands_for_the_list_says_what_is_gone() {
    let content = Content::new(json!({ "with": "GetTags", "gone_on": ["NotFound"] }));
    let cloud = Arc::new(Cloud::new().with("GetTags \"a\"", 400, json!({ "__type": "NotFound" })));
    let outcomes = content.again(&cloud, &[changed("a", &[]), changed("b", &[])], &[]).await;
    assert_eq!(outcomes[0], Ok(Vec::new()));
    assert_eq!(outcomes[1].as_ref().unwrap()[0].id.as_str(), "b");
    let cloud = Arc::new(Cloud::new().with("GetTags \"a\"", 403, json!({ "__type": "AccessDenied" })));
    assert_eq!(content.again(&cloud, &[changed("a", &[])], &[]).await, [Err("AccessDenied".to_owned())]);
}

#[test]
fn inputs_about_several_resources_are_one() {
    let input = |id: &str| json!({ "Filter": [{ "Name": "group-id", "Value": [id] }], "Max": 5 });
    let both = json!({ "Filter": [{ "Name": "group-id", "Value": ["a", "b"] }], "Max": 5 });
    assert_eq!(united(united(input("a"), input("b")), input("a")), both);
}

#[test]
fn fields_are_removed_and_copied_by_their_paths() {
    let field = |path: &str| path.parse::<FieldPath>().unwrap();
    let Value::Object(from) = json!({ "A": { "B": 1, "C": 2 }, "D": 3 }) else { return };
    let mut to = from.clone();
    remove(&mut to, &field("properties.A.B"));
    remove(&mut to, &field("properties.D"));
    assert_eq!(Value::Object(to.clone()), json!({ "A": { "C": 2 } }));
    copy(&from, &mut to, &field("properties.A.B"));
    copy(&from, &mut to, &field("properties.D"));
    assert_eq!(to, from);
}

#[tokio::test]
async fn what_can_not_narrow_the_list_is_looked_for_in_the_whole_of_it() {
    let content = Content::new(json!({ "input": { "Names": ["{Name}"], "Owner": "{Owner}" }, "many": 10 }));
    let cloud = Arc::new(Cloud::new());
    let known = content.scan(&cloud).await;
    let found = content.again(&cloud, &[changed("a", &[]), changed("gone", &[])], &known).await;
    let names = |found: &Result<Vec<Resource>, String>| -> Vec<String> {
        found.as_ref().unwrap().iter().map(|own| own.name.clone()).collect()
    };
    assert_eq!((names(&found[0]), names(&found[1])), (vec!["a".to_owned()], Vec::new()));
    assert_eq!(cloud.take_calls().iter().filter(|call| *call == "List").count(), 1);
}
