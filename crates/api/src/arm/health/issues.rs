//! Why something could not be read, each way of failing once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skywarden_content::{Catalog, Maturity};
use skywarden_model::{Coverage, Timestamp, Unreadable, UnreadableKind, UnreadableReason};

/// A way of failing, with what it keeps from being known.
pub(super) struct Issue {
    name: String,
    pub(super) description: String,
    steps: String,
    /// What can't be said because of it.
    values: BTreeSet<String>,
    touched: BTreeMap<&'static str, BTreeSet<String>>,
}

/// The issues of one report.
pub(super) struct Issues<'a> {
    catalog: &'a Catalog,
    /// What the connector is called.
    title: &'a str,
    /// By what tells one way of failing from another.
    found: BTreeMap<[String; 4], Issue>,
    types: BTreeSet<String>,
}

impl Issue {
    pub(super) fn value(&self) -> Value {
        let key =
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("skywarden:healthReports/issues/{}", self.name).as_bytes());
        let more: BTreeMap<&str, String> =
            self.touched.iter().map(|(name, own)| (*name, own.iter().cloned().collect::<Vec<_>>().join(", "))).collect();
        json!({
            "issueKey": key.to_string(),
            "issueName": self.name,
            "securityValues": self.values,
            "issueDescription": self.description,
            "remediationSteps": self.steps,
            "issueAdditionalData": more,
        })
    }

    fn touch(&mut self, name: &'static str, own: impl Into<String>) {
        self.touched.entry(name).or_default().insert(own.into());
    }
}

impl<'a> Issues<'a> {
    pub(super) fn of(catalog: &'a Catalog, title: &'a str) -> Self {
        Self { catalog, title, found: BTreeMap::new(), types: BTreeSet::new() }
    }

    /// Whatever failed of a listing and inside it.
    pub(super) fn add_listing(&mut self, entry: &Coverage) {
        let type_name = entry.type_name.as_str();
        if let Some(reason) = entry.list_failure() {
            let values = self.judged(type_name);
            let own = self.issue("resources could not be listed", reason);
            own.values.extend(values);
            own.touch("types", type_name);
            own.touch("regions", &*entry.region);
            self.types.insert(type_name.to_owned());
        }
        for read in &entry.denied {
            let own = self.issue("fields could not be read", &read.reason);
            own.touch("types", type_name);
            own.touch("regions", &*entry.region);
            for field in &read.fields {
                own.touch("fields", format!("{type_name} {field}"));
            }
            self.types.insert(type_name.to_owned());
        }
    }

    /// That the last reading of the whole connector failed.
    pub(super) fn add_attempt(&mut self, at: Timestamp, error: &str) {
        let issue = Issue {
            name: "the last reading failed".to_owned(),
            description: format!("{} could not be read at {at}: {error}", self.title),
            steps: format!(
                "Mend what the error names: the login of {}, or the way to it. What is shown was read before; the next scan reads it anew.",
                self.title
            ),
            values: BTreeSet::new(),
            touched: BTreeMap::new(),
        };
        self.found.insert(["attempt".to_owned(), String::new(), String::new(), String::new()], issue);
    }

    /// That the last run did not see a resource, although nothing says that it is gone.
    pub(super) fn add_stale(&mut self, type_name: &str) {
        let issue = Issue {
            name: "the resource was not listed".to_owned(),
            description: format!(
                "the listing of {type_name} failed in the last scan, so whether the resource is still there is not known; what is shown of it was read before"
            ),
            steps: "The health report of the subscription says why the listing failed and what to do.".to_owned(),
            values: self.judged(type_name),
            touched: BTreeMap::new(),
        };
        self.types.insert(type_name.to_owned());
        self.found.insert(["stale".to_owned(), String::new(), String::new(), String::new()], issue);
    }

    /// A field of a resource that could not be read.
    pub(super) fn add_field(&mut self, type_name: &str, field: &Unreadable) {
        let own = self.issue("fields could not be read", &field.reason);
        own.touch("fields", field.field.to_string());
        self.types.insert(type_name.to_owned());
    }

    /// The types of which something could not be read.
    pub(super) fn types(&self) -> &BTreeSet<String> {
        &self.types
    }

    /// All of them, in a fixed order.
    pub(super) fn ended(self) -> Vec<Issue> {
        self.found.into_values().collect()
    }

    fn issue(&mut self, what: &str, reason: &UnreadableReason) -> &mut Issue {
        let permission = reason.permission.clone().unwrap_or_default();
        let key = [what.to_owned(), reason.operation.clone(), reason.code.clone(), permission];
        let title = self.title;
        self.found.entry(key).or_insert_with(|| {
            let code = if reason.code.is_empty() { String::new() } else { format!(" ({})", reason.code) };
            Issue {
                name: format!("{what} with {}{code}", reason.operation),
                description: reason.sentence(),
                steps: steps(reason, title),
                values: BTreeSet::new(),
                touched: BTreeMap::new(),
            }
        })
    }

    /// The titles of the recommendations that judge a type.
    fn judged(&self, type_name: &str) -> BTreeSet<String> {
        let files = self.catalog.recommendations.values().map(|known| &known.file);
        let own = files.filter(|file| file.type_name == type_name && file.maturity == Maturity::Stable);
        own.map(|file| file.title.clone()).collect()
    }
}

/// What a person does about a failed read.
fn steps(reason: &UnreadableReason, title: &str) -> String {
    match (reason.kind, &reason.permission) {
        (UnreadableKind::Denied, Some(permission)) => {
            format!("Allow `{permission}` to the login of {title}; the next scan reads it.")
        }
        (UnreadableKind::Denied, None) => {
            format!("Find out why the login of {title} is refused {}, and allow it; the next scan reads it.", reason.operation)
        }
        (UnreadableKind::Throttled, _) => {
            "The next scan tries again. If it goes on, scan when less else calls the provider, or have its rate limit raised."
                .to_owned()
        }
        (UnreadableKind::Failed | UnreadableKind::Truncated, _) => {
            "The next scan tries again. If it goes on, mend what the message names: what is missing there, the provider, or the way to it."
                .to_owned()
        }
        (UnreadableKind::NotCarried, _) => {
            format!("What {title} was read from does not carry this; connect the environment itself to have it read.")
        }
        (UnreadableKind::NotYetKnown, _) => "The value is not known yet; a later scan reads it.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(type_name: &str, region: &str, outcome: Value) -> Coverage {
        let reason = json!({ "kind": "denied", "operation": "s3:GetBucketPolicy", "permission": "s3:GetBucketPolicy",
            "code": "AccessDenied", "message": "" });
        serde_json::from_value(json!({ "type": type_name, "account": "1", "region": region, "outcome": outcome,
            "denied": [{ "fields": ["properties.Policy"], "nResources": 2, "reason": reason }] }))
        .unwrap()
    }

    #[test]
    fn one_way_of_failing_is_one_issue_and_says_what_to_do() {
        let catalog = Catalog::default();
        let mut issues = Issues::of(&catalog, "AWS account 1");
        let complete = json!({ "state": "complete", "nResources": 2 });
        let throttled = json!({ "state": "failed", "reason": { "kind": "throttled", "operation": "s3:ListBuckets", "code": "SlowDown", "message": "" } });
        issues.add_listing(&listing("AWS::S3::Bucket", "eu", complete.clone()));
        issues.add_listing(&listing("AWS::S3::Bucket", "us", complete));
        issues.add_listing(&listing("AWS::S3::AccessPoint", "us", throttled));
        assert_eq!(issues.types().iter().map(String::as_str).collect::<Vec<_>>(), ["AWS::S3::AccessPoint", "AWS::S3::Bucket"]);
        let found: Vec<Value> = issues.ended().iter().map(Issue::value).collect();
        let names: Vec<&str> = found.iter().map(|own| own["issueName"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "fields could not be read with s3:GetBucketPolicy (AccessDenied)",
                "resources could not be listed with s3:ListBuckets (SlowDown)"
            ]
        );
        assert_eq!(found[0]["issueAdditionalData"]["regions"], "eu, us");
        assert_eq!(
            found[0]["remediationSteps"],
            "Allow `s3:GetBucketPolicy` to the login of AWS account 1; the next scan reads it."
        );
        assert_ne!(found[0]["issueKey"], found[1]["issueKey"]);
    }
}
