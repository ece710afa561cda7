//! `hostile STORE`: puts an estate with hostile names into a store, for the tests of what shows them.
//!
//! Its connector is of a kind that this version can't read, so that `skywarden up` leaves what is here as it is.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde_json::json;
use skywarden_content::Catalog;
use skywarden_model::{Carried, Connector, Coverage, Environment, ListOutcome, Resource, Scope, Snapshot, Timestamp};
use skywarden_store::Store;

fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).context("give the store's file")?;
    let catalog = Catalog::embedded().map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let connector = Connector {
        id: "hostile".into(),
        environment: Environment::Azure,
        display_name: "<b>hostile</b>".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    };
    let now = Timestamp::now();
    let resources: Vec<Resource> = names().into_iter().enumerate().map(|(number, name)| bucket(number, name)).collect();
    let coverage = vec![Coverage {
        type_name: "AWS::S3::Bucket".into(),
        account: "<i>1</i>".into(),
        region: "global".into(),
        outcome: ListOutcome::Complete { n_resources: resources.len() as u64 },
        denied: Vec::new(),
    }];
    let snapshot = Snapshot { connector: connector.id.clone(), taken_at: now, resources, coverage };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(Path::new(&file)).await?;
        store.assess(&catalog, &connector, snapshot, now).await?;
        anyhow::Ok(())
    })
}

fn names() -> Vec<String> {
    vec![
        "<img src=x onerror=\"window.wasRun=1\">".to_owned(),
        "=HYPERLINK(\"http://127.0.0.1/\",\"click\")".to_owned(),
        "\u{1b}[2J\u{1b}]0;title\u{7}bell".to_owned(),
        "right\u{202e}tfel".to_owned(),
        "quote\"'`\\ and \n line".to_owned(),
        "javascript:window.wasRun=1".to_owned(),
        "x".repeat(300),
    ]
}

fn bucket(number: usize, name: String) -> Resource {
    let long = "y".repeat(64 * 1024);
    Resource {
        id: format!("hostile-{number}-{name}").into(),
        type_name: "AWS::S3::Bucket".into(),
        scope: Scope { connector: "hostile".into(), account: "<i>1</i>".into(), resource_group: "<u>r</u>".into() },
        location: None,
        tags: BTreeMap::from([("<script>window.wasRun=1</script>".to_owned(), name.clone()), ("long".to_owned(), long)]),
        envelope: serde_json::Map::new(),
        properties: json!({ "Name": name, "Policy": { "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": name }] } }),
        unreadable: Vec::new(),
        carried: Carried::All,
        name,
    }
}
