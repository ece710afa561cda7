//! Runs the tests inside collectors of Azure, through the very engine.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::{Value, json};
use skywarden_content::{CollectorFile, CollectorTest, GraphTable};
use skywarden_inventory::Packs;
use skywarden_model::Timestamp;

use super::{AzureOptions, collect_azure};
use crate::{
    Answer, Call, CallFailure, NoProgress, Specs, Transport, WireRequest,
    test_specs::{answer, compare_snapshot},
};

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";
const TENANT: &str = "22222222-2222-2222-2222-222222222222";

/// What differs from what a test expects, a line each.
pub(crate) async fn run_spec_test(specs: Specs<'_>, file: &CollectorFile, test: &CollectorTest) -> Vec<String> {
    let mut collectors = BTreeMap::from([(file.type_name.clone(), file.clone())]);
    let mut lowest = file;
    while let Some(parent) = lowest.azure.as_ref().and_then(|own| own.below.as_ref()) {
        let Some(above) = specs.collectors.get(&parent.type_name) else {
            return vec![format!("there is no collector of its parent {}", parent.type_name)];
        };
        if collectors.insert(above.type_name.clone(), above.clone()).is_some() {
            return vec![format!("{} lies below itself", above.type_name)];
        }
        lowest = above;
    }
    for below in file.azure.iter().flat_map(|own| &own.children) {
        let Some(child) = specs.collectors.get(&below.type_name) else {
            return vec![format!("there is no collector of {}, which lies below it", below.type_name)];
        };
        collectors.insert(child.type_name.clone(), child.clone());
    }
    let transport = Arc::new(Documented { answers: test.answers.clone() });
    let own = Specs { collectors: &collectors, ..specs };
    match collect_azure(own, transport, AzureOptions::new("test".into()), &NoProgress, Timestamp::UNIX_EPOCH).await {
        Ok(snapshot) => compare_snapshot(&snapshot.with(Packs::into_resources), file, test),
        Err(error) => vec![error.to_string()],
    }
}

/// A tenant made of a test's answers.
struct Documented {
    answers: BTreeMap<String, Value>,
}

impl Documented {
    /// The answer under the longest key that an address ends with; its query counts only if the key has one.
    fn find(&self, address: &str) -> Option<&Value> {
        let whole = address.to_lowercase();
        let path = whole.split('?').next().unwrap_or_default();
        let fits =
            |key: &str| key.starts_with('/') && (path.ends_with(&key.to_lowercase()) || whole.ends_with(&key.to_lowercase()));
        self.answers.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len()).map(|(_, answer)| answer)
    }

    fn rows(&self, query: &str) -> Answer {
        let table = query.split_whitespace().next().unwrap_or_default();
        let rows = self.answers.get(table).cloned().unwrap_or_else(|| json!([]));
        match rows {
            Value::Array(_) => answer(200, json!({ "data": rows, "resultTruncated": "false" }).to_string()),
            told => refusal(&told),
        }
    }
}

#[async_trait]
impl Transport for Documented {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let WireRequest::Azure(request) = &call.request else {
            return Err(CallFailure { code: "NotRecorded".to_owned(), message: "the test is of Azure".to_owned() });
        };
        if let Some(query) = request.body.as_ref().and_then(|body| body.get("query")?.as_str()) {
            return Ok(self.rows(query));
        }
        if let Some(told) = self.find(&request.address) {
            return Ok(match told.get("error") {
                Some(Value::String(_)) => refusal(told),
                _ => answer(200, told.to_string()),
            });
        }
        let path = request.address.split('?').next().unwrap_or_default();
        if path == "/subscriptions" {
            let own = json!({ "id": format!("/subscriptions/{SUBSCRIPTION}"), "subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "displayName": "Test", "state": "Enabled" });
            return Ok(answer(200, json!({ "value": [own] }).to_string()));
        }
        if path.ends_with("/providers/Microsoft.Authorization/permissions") {
            return Ok(answer(200, json!({ "value": [{ "actions": ["*"], "notActions": [] }] }).to_string()));
        }
        let tables = GraphTable::ALL.map(GraphTable::name).join(", ");
        let message = format!(
            "the test has no answer for {} (keys of `answers` are ends of paths, beginning with `/`, or tables: {tables})",
            request.address
        );
        Err(CallFailure { code: "NotRecorded".to_owned(), message })
    }

    fn home_region(&self) -> String {
        String::new()
    }
}

/// `{ error: CODE, status: 404, message: TEXT }` as ARM and Microsoft Graph say it.
fn refusal(told: &Value) -> Answer {
    let status = told.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    answer(status, json!({ "error": { "code": text("error"), "message": text("message") } }).to_string())
}
