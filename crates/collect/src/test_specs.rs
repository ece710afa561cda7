//! Runs the tests inside collector specs: the provider's answers in their documented shape, through the very engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use skywarden_content::{CollectorFile, CollectorTest, ExpectedResource, Protocol};
use skywarden_model::{Changed, RereadOutcome, Resource, Snapshot, Timestamp};

use crate::{
    AgainOptions, Answer, Call, CallFailure, CollectOptions, NoProgress, Specs, Transport,
    azure::run_spec_test as run_azure_test, collect_aws, collector::is_global, normalise::GLOBAL, read_again, template::member,
};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

/// What the tests inside the specs gave.
#[derive(Debug, Default)]
pub struct SpecReport {
    /// Tests whose resources came out as expected.
    pub n_passed: usize,
    /// The others.
    pub failures: Vec<SpecFailure>,
}

/// A test whose resources did not come out as expected.
#[derive(Debug)]
pub struct SpecFailure {
    /// The resource type.
    pub type_name: String,
    /// The test's name.
    pub test: String,
    /// What differs, a line each.
    pub differences: Vec<String>,
}

impl fmt::Display for SpecFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: `{}`", self.type_name, self.test)?;
        for difference in &self.differences {
            write!(out, "\n    {difference}")?;
        }
        Ok(())
    }
}

/// Runs every test of every collector.
pub async fn run_spec_tests<'a>(specs: impl Into<Specs<'a>>) -> SpecReport {
    let specs = specs.into();
    let mut report = SpecReport::default();
    for file in specs.collectors.values() {
        // Those with a record are detection's.
        for test in file.tests.iter().filter(|test| test.record.is_none()) {
            let differences = match &file.azure {
                Some(_) => run_azure_test(specs, file, test).await,
                None => run(specs, file, test).await,
            };
            if differences.is_empty() {
                report.n_passed += 1;
            } else {
                let failure = SpecFailure { type_name: file.type_name.clone(), test: test.name.clone(), differences };
                report.failures.push(failure);
            }
        }
    }
    report
}

async fn run(specs: Specs<'_>, file: &CollectorFile, test: &CollectorTest) -> Vec<String> {
    let mut collectors = BTreeMap::from([(file.type_name.clone(), file.clone())]);
    let mut lowest = file;
    while let Some(parent) = lowest.parent.as_ref().and_then(|parent| specs.collectors.get(&parent.type_name)) {
        if collectors.insert(parent.type_name.clone(), parent.clone()).is_some() {
            return vec![format!("{} lies below itself", parent.type_name)];
        }
        lowest = parent;
    }
    let mut protocols: BTreeMap<String, Protocol> = BTreeMap::new();
    for (id, service) in specs.services {
        protocols.insert(id.clone(), service.protocol);
    }
    let transport = Arc::new(Documented { answers: test.answers.clone(), protocols });
    let own = Specs { collectors: &collectors, ..specs };
    if let Some(fields) = &test.again {
        return again(own, file, test, fields, transport).await;
    }
    let options = CollectOptions { regions: Some(vec![REGION.to_owned()]), ..CollectOptions::new("test".into()) };
    let snapshot = match collect_aws(own, transport, options, &NoProgress, Timestamp::UNIX_EPOCH).await {
        Ok(snapshot) => snapshot,
        Err(error) => return vec![error.to_string()],
    };
    compare_snapshot(&snapshot, file, test)
}

/// What a snapshot has of a type, against what a test expects.
pub(crate) fn compare_snapshot(snapshot: &Snapshot, file: &CollectorFile, test: &CollectorTest) -> Vec<String> {
    let mut differences: Vec<String> = snapshot
        .coverage
        .iter()
        .filter(|entry| entry.type_name.as_str() == file.type_name)
        .filter_map(|entry| entry.list_failure().map(|reason| format!("the listing failed: {}", reason.sentence())))
        .collect();
    let found: Vec<&Resource> =
        snapshot.resources.iter().filter(|resource| resource.type_name.as_str() == file.type_name).collect();
    compare_all(test, &found, &mut differences);
    differences
}

/// Reads again what has some fields, of which nothing was known before.
async fn again(
    specs: Specs<'_>,
    file: &CollectorFile,
    test: &CollectorTest,
    fields: &BTreeMap<String, String>,
    transport: Arc<dyn Transport>,
) -> Vec<String> {
    let changed = Changed {
        account: ACCOUNT.to_owned(),
        type_name: file.type_name.as_str().into(),
        region: if is_global(file) { GLOBAL.to_owned() } else { REGION.to_owned() },
        fields: fields.clone(),
        calls: BTreeSet::new(),
    };
    let options = AgainOptions { connector: "test".into(), account: ACCOUNT.to_owned(), max_concurrency: 4, page_limit: 100 };
    let mut differences = Vec::new();
    for reread in read_again(specs, transport, &options, &[changed], &[]).await {
        match reread.outcome {
            RereadOutcome::Failed(reason) => differences.push(format!("it could not be read again: {}", reason.sentence())),
            RereadOutcome::Found(resources) => compare_all(test, &resources.iter().collect::<Vec<_>>(), &mut differences),
        }
    }
    differences
}

fn compare_all(test: &CollectorTest, found: &[&Resource], differences: &mut Vec<String>) {
    let ids: Vec<String> = found.iter().map(|resource| resource.id.to_string()).collect();
    let wanted: Vec<String> = test.expect.iter().map(|expected| expected.id.clone()).collect();
    if ids != wanted {
        differences.push(format!("expected the resources {wanted:?}, got {ids:?}"));
        return;
    }
    for (expected, resource) in test.expect.iter().zip(found) {
        compare(expected, resource, differences);
    }
}

fn compare(expected: &ExpectedResource, resource: &Resource, differences: &mut Vec<String>) {
    for (name, value) in &expected.properties {
        let found = name.split('.').try_fold(&resource.properties, member).unwrap_or(&Value::Null);
        if found != value {
            differences.push(format!("{}: {name} should be {value} and is {found}", resource.id));
        }
    }
    let unreadable: Vec<String> = resource.unreadable.iter().map(|entry| entry.field.to_string()).collect();
    for field in &expected.unreadable {
        if !unreadable.contains(field) {
            differences.push(format!("{}: {field} should be unreadable", resource.id));
        }
    }
    for entry in &resource.unreadable {
        let field = entry.field.to_string();
        if field != "tags" && !expected.unreadable.contains(&field) {
            differences.push(format!("{}: {field} is unreadable: {}", resource.id, entry.reason.sentence()));
        }
    }
}

/// A cloud made of a test's answers.
struct Documented {
    answers: BTreeMap<String, Value>,
    protocols: BTreeMap<String, Protocol>,
}

impl Documented {
    fn find(&self, call: &Call) -> Option<&Value> {
        let input = Value::Object(call.parameters.clone()).to_string();
        let fits = |key: &str| match key.split_once(' ') {
            None => key == call.operation,
            Some((operation, word)) => operation == call.operation && input.contains(word),
        };
        self.answers.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len()).map(|(_, answer)| answer)
    }
}

#[async_trait]
impl Transport for Documented {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        if call.is_identity() {
            let arn = format!("arn:aws:iam::{ACCOUNT}:user/test");
            return Ok(answer(
                200,
                format!(
                    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
                ),
            ));
        }
        if call.operation == "DescribeRegions" {
            let regions = format!("<regionInfo><item><regionName>{REGION}</regionName></item></regionInfo>");
            return Ok(answer(200, format!("<DescribeRegionsResponse>{regions}</DescribeRegionsResponse>")));
        }
        let not_told = || CallFailure {
            code: "NotRecorded".to_owned(),
            message: format!("the test has no answer for {} with {}", call.operation, Value::Object(call.parameters.clone())),
        };
        let found = self.find(call).ok_or_else(not_told)?;
        Ok(match (found.get("error").and_then(Value::as_str), found) {
            (Some(code), _) => self.refusal(call, code, found),
            (None, Value::String(text)) => answer(200, text.clone()),
            (None, other) => answer(200, other.to_string()),
        })
    }

    fn home_region(&self) -> String {
        REGION.to_owned()
    }
}

impl Documented {
    fn refusal(&self, call: &Call, code: &str, told: &Value) -> Answer {
        let status = told.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
        let message = told.get("message").and_then(Value::as_str).unwrap_or_default();
        let body = match self.protocols.get(&call.service) {
            Some(Protocol::Json | Protocol::RestJson) => json!({ "__type": code, "message": message }).to_string(),
            Some(Protocol::Ec2) => {
                format!("<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>")
            }
            Some(Protocol::Query) => {
                format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
            }
            Some(Protocol::RestXml) | None => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        };
        answer(status, body)
    }
}

pub(crate) fn answer(status: u16, body: String) -> Answer {
    Answer { status, content_type: None, error_type: None, bucket_region: None, body: Bytes::from(body) }
}

#[cfg(test)]
mod tests {
    use skywarden_content::AwsService;

    use super::*;

    fn report(collectors: Value) -> SpecReport {
        let services = json!([
            { "id": "sts", "protocol": "query", "endpoint_prefix": "sts", "signing_name": "sts", "api_version": "1", "rate": 1 },
            { "id": "ec2", "protocol": "ec2", "endpoint_prefix": "ec2", "signing_name": "ec2", "api_version": "1", "rate": 1 },
            { "id": "eks", "protocol": "rest-json", "endpoint_prefix": "eks", "signing_name": "eks", "rate": 1 },
            { "id": "cb", "protocol": "json", "endpoint_prefix": "cb", "signing_name": "cb", "target_prefix": "Cb", "rate": 1 },
        ]);
        let services: Vec<AwsService> = serde_json::from_value(services).unwrap();
        let services = services.into_iter().map(|service| (service.id.clone(), service)).collect();
        let collectors: Vec<CollectorFile> = serde_json::from_value(collectors).unwrap();
        let collectors = collectors.into_iter().map(|file| (file.type_name.clone(), file)).collect();
        let specs = Specs { collectors: &collectors, services: &services, secrets: &BTreeMap::new() };
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(run_spec_tests(specs))
    }

    /// A cluster, of which the list has only names, with node groups below it.
    fn clusters(answers: Value, expect: Value) -> SpecReport {
        report(json!([
            { "type": "T::Cluster", "description": "d", "service": "eks", "id": "{Arn}",
              "list": { "operation": "ListClusters", "permission": "eks:ListClusters", "rest": "GET /clusters", "items": "clusters", "scalar": "Name" },
              "reads": [{ "operation": "DescribeCluster", "permission": "eks:DescribeCluster", "rest": "GET /clusters/{Name}", "select": "cluster", "fills": ["Arn"] }],
              "fields": { "Name": "string", "Arn": "string" } },
            { "type": "T::Nodegroup", "description": "d", "service": "eks", "id": "{ClusterName}/{Name}",
              "parent": { "type": "T::Cluster", "take": { "ClusterName": "Name" } },
              "list": { "operation": "ListNodegroups", "permission": "eks:ListNodegroups", "rest": "GET /clusters/{ClusterName}/node-groups", "items": "nodegroups", "scalar": "Name" },
              "fields": { "ClusterName": "string", "Name": "string" },
              "tests": [{ "name": "t", "answers": answers, "expect": expect }] },
        ]))
    }

    #[test]
    fn a_type_below_another_is_listed_once_for_each_parent() {
        let answers = json!({
            "ListClusters": { "clusters": ["a", "b"] },
            "DescribeCluster": { "cluster": { "arn": "arn:x" } },
            "DescribeCluster clusters/b": { "cluster": { "arn": "arn:y" } },
            "ListNodegroups clusters/a/": { "nodegroups": ["n", "m"] },
            "ListNodegroups clusters/b/": { "nodegroups": ["n"] },
        });
        let expect = json!([{ "id": "a/m" }, { "id": "a/n", "properties": { "ClusterName": "a" } }, { "id": "b/n" }]);
        let report = clusters(answers, expect);
        assert_eq!((report.n_passed, report.failures.len()), (1, 0), "{:?}", report.failures);
    }

    #[test]
    fn what_differs_is_told() {
        let answers = json!({
            "ListClusters": { "clusters": ["a"] },
            "DescribeCluster": { "cluster": { "arn": "arn:x" } },
            "ListNodegroups": { "error": "AccessDeniedException", "status": 403 },
        });
        let report = clusters(answers, json!([]));
        let text: String = report.failures.iter().map(ToString::to_string).collect();
        assert!(text.contains("listing failed") && text.contains("eks:ListNodegroups"), "{text}");
    }

    fn projects(size: usize, answers: Value, expect: Value) -> SpecReport {
        report(json!([
            { "type": "T::Project", "description": "d", "service": "cb", "id": "{Name}",
              "list": { "operation": "ListProjects", "permission": "cb:ListProjects", "items": "projects", "scalar": "Name", "absent_on": ["NotHere: is not in use"] },
              "reads": [{ "operation": "BatchGetProjects", "permission": "cb:BatchGetProjects", "select": "projects", "fills": ["Privileged"],
                          "batch": { "size": size, "input": "names", "value": "{Name}", "key": "Name" } }],
              "fields": { "Name": "string", "Privileged": "boolean" },
              "tests": [{ "name": "t", "answers": answers, "expect": expect }] },
        ]))
    }

    #[test]
    fn a_batched_read_asks_about_many_in_one_call() {
        let answers = json!({
            "ListProjects": { "projects": ["a", "b", "c"] },
            "BatchGetProjects [\"a\",\"b\"]": { "projects": [{ "name": "b", "privileged": true }, { "name": "a", "privileged": false }] },
            "BatchGetProjects [\"c\"]": { "projects": [] },
        });
        let expect = json!([
            { "id": "a", "properties": { "Privileged": false } },
            { "id": "b", "properties": { "Privileged": true } },
            { "id": "c", "properties": { "Privileged": null }, "unreadable": ["properties.Privileged"] },
        ]);
        let report = projects(2, answers, expect);
        assert_eq!((report.n_passed, report.failures.len()), (1, 0), "{:?}", report.failures);
    }

    #[test]
    fn a_batch_asks_about_those_of_which_the_rest_of_the_input_is_the_same() {
        let answers = json!({
            "ListClusters": { "clusters": ["a", "b"] },
            "ListServices clusters/a": { "services": ["1", "2"] },
            "ListServices clusters/b": { "services": ["1"] },
            "DescribeServices \"cluster\":\"a\"": { "services": [{ "name": "1", "on": true }, { "name": "2", "on": false }] },
            "DescribeServices \"cluster\":\"b\"": { "services": [{ "name": "1", "on": false }] },
        });
        let expect = json!([
            { "id": "a/1", "properties": { "On": true } }, { "id": "a/2", "properties": { "On": false } }, { "id": "b/1", "properties": { "On": false } },
        ]);
        let report = report(json!([
            { "type": "T::Cluster", "description": "d", "service": "eks", "id": "{Name}",
              "list": { "operation": "ListClusters", "permission": "x", "rest": "GET /clusters", "items": "clusters", "scalar": "Name" },
              "fields": { "Name": "string" } },
            { "type": "T::Service", "description": "d", "service": "eks", "id": "{Cluster}/{Name}",
              "parent": { "type": "T::Cluster", "take": { "Cluster": "Name" } },
              "list": { "operation": "ListServices", "permission": "x", "rest": "GET /clusters/{Cluster}", "items": "services", "scalar": "Name" },
              "reads": [{ "operation": "DescribeServices", "permission": "x", "via": "cb", "select": "services", "fills": ["On"], "input": { "cluster": "{Cluster}" },
                          "batch": { "size": 10, "input": "services", "value": "{Name}", "key": "Name" } }],
              "fields": { "Cluster": "string", "Name": "string", "On": "boolean" },
              "tests": [{ "name": "t", "answers": answers, "expect": expect }] },
        ]));
        assert_eq!((report.n_passed, report.failures.len()), (1, 0), "{:?}", report.failures);
    }

    #[test]
    fn a_service_that_is_not_in_use_has_no_resources() {
        let refused = |message: &str| json!({ "ListProjects": { "error": "NotHere", "message": message } });
        assert_eq!(projects(1, refused("The service is not in use"), json!([])).n_passed, 1);
        assert_eq!(projects(1, refused("another"), json!([])).failures.len(), 1);
    }
}
