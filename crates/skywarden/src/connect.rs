//! Connectors: `connect`, `disconnect`, `connectors`, and the reading of each.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment, Snapshot, Timestamp, setting};
use skywarden_store::{ScopeFilter, Store, Vault};

use crate::{
    Ending,
    arguments::{AwsLogin, Connect, ConnectAws, Disconnect, Read},
    azure, content,
    data_dir::DataDir,
    estate::{print_rows, with_store},
    organization,
    output::text_for_terminal,
    sample, scan,
    source::{self, HOST, SAMPLE, Walk},
};

/// `skywarden connect`.
pub(crate) fn connect(command: &Connect, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let aws = match command {
        Connect::Aws(aws) => aws,
        Connect::Azure(command) => return azure::connect(command, overlay),
    };
    let catalog = content::catalog(overlay)?;
    let data = DataDir::open(aws.data.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.store()).await?;
        let connector = connect_aws(aws, &catalog, &store).await?;
        if connector.is_organization() {
            let refreshed = organization::refresh(&store, &catalog, &connector, &login(&connector.settings)).await?;
            println!("The organisation has {} accounts to be read; new ones are picked up.", refreshed.joined.len());
        }
        println!(
            "Connected {} as `{}`. `skywarden up` assesses it now and on its schedule; `skywarden disconnect {}` removes it.",
            connector.display_name, connector.id, connector.id
        );
        Ok(Ending::Done)
    })
}

async fn connect_aws(aws: &ConnectAws, catalog: &Catalog, store: &Store) -> anyhow::Result<Connector> {
    let transport = source::live(&aws.aws).await?;
    let account = skywarden_collect::identify(catalog, transport).await?;
    let known = store.connectors(&ScopeFilter::All).await?;
    let is_organization = aws.organization.organization;
    let prefix = if is_organization { "organization" } else { "aws" };
    let id = aws.name.clone().unwrap_or_else(|| format!("{prefix}-{account}").into());
    let is_same = |connector: &&Connector| {
        connector.id != id
            && connector.is_organization() == is_organization
            && connector.settings.get("account") == Some(&account)
    };
    if let Some(taken) = known.iter().find(is_same) {
        anyhow::bail!(
            "the account {account} is connected as `{}` already; `skywarden disconnect {}` removes that",
            taken.id,
            taken.id
        );
    }
    let mut settings = settings(&aws.aws, &account);
    if is_organization {
        settings.extend(organization::settings(&aws.organization));
    }
    // Where it belongs and what clients of ARM said of it outlasts another login.
    if let Some(before) = known.iter().find(|connector| connector.id == id) {
        let kept = |(name, _): &(&String, &String)| [setting::HOME, setting::HOME_GROUP, setting::ARM].contains(&name.as_str());
        settings.extend(before.settings.iter().filter(kept).map(|(name, value)| (name.clone(), value.clone())));
    }
    let what = if is_organization { "AWS organisation of" } else { "AWS account" };
    let display_name = format!("{what} {account}");
    let connector = Connector { id, environment: Environment::Aws, display_name, sample: false, settings };
    store.put_connector(&connector).await?;
    Ok(connector)
}

/// What is kept of a login: where it leads, never a secret.
pub(crate) fn settings(login: &AwsLogin, account: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([("account".to_owned(), account.to_owned())]);
    let named = [
        ("profile", login.profile.clone()),
        ("role", login.role.clone()),
        ("externalId", login.external_id.clone()),
        ("endpointUrl", login.endpoint_url.clone()),
        ("regions", (!login.regions.is_empty()).then(|| login.regions.join(","))),
    ];
    settings.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    settings
}

/// The login that a connector keeps.
pub(crate) fn login(settings: &BTreeMap<String, String>) -> AwsLogin {
    let text = |name: &str| settings.get(name).cloned();
    AwsLogin {
        regions: text("regions").map(|regions| regions.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        profile: text("profile"),
        role: text("role"),
        external_id: text("externalId"),
        endpoint_url: text("endpointUrl"),
    }
}

/// This machine.
pub(crate) fn host() -> Connector {
    Connector {
        id: HOST.into(),
        environment: Environment::OnPremise,
        display_name: "This machine".to_owned(),
        sample: false,
        settings: BTreeMap::new(),
    }
}

/// Whether a connector is still what it was when somebody began to read it: one that was removed, or leads to another account by now, is
/// not. This machine is connected by being assessed.
pub(crate) async fn is_connected(store: &Store, connector: &Connector) -> anyhow::Result<bool> {
    let known = store.connectors(&ScopeFilter::All).await?;
    let is_same = |own: &Connector| own.id == connector.id && own.account() == connector.account();
    Ok(connector.id.as_str() == HOST || known.iter().any(is_same))
}

/// What reading a connector needs besides it: what was read before, and the secrets that logins are made of.
#[derive(Clone)]
pub(crate) struct Readers {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
}

/// Collects what a connector connects.
pub(crate) async fn read(
    readers: &Readers,
    catalog: &Catalog,
    connector: &Connector,
    walk: Walk,
    now: Timestamp,
) -> anyhow::Result<Snapshot> {
    let snapshot = match (connector.id.as_str(), connector.environment) {
        (HOST, _) => Ok(tokio::task::spawn_blocking(move || source::read_host(now, walk)).await?),
        (SAMPLE, _) => sample::read(catalog, now).await,
        (_, Environment::Aws) => read_aws(catalog, connector, now).await,
        (_, Environment::Azure) => azure::read(readers, catalog, connector, now).await,
        (_, other) => Err(anyhow::anyhow!("this version can't read {other:?} environments")),
    };
    snapshot.with_context(|| format!("could not read {} (`{}`)", connector.display_name, connector.id))
}

async fn read_aws(catalog: &Catalog, connector: &Connector, now: Timestamp) -> anyhow::Result<Snapshot> {
    let login = login(&connector.settings);
    let transport = source::live(&login).await?;
    let account = skywarden_collect::identify(catalog, std::sync::Arc::clone(&transport)).await?;
    // Another account's resources would make those of the connected one disappear.
    if let Some(expected) = connector.settings.get("account").filter(|expected| **expected != account) {
        anyhow::bail!(
            "the login now leads to the AWS account {account}, but {expected} was connected; log in to that, or connect this one"
        );
    }
    scan::read_account(catalog, connector.id.clone(), transport, &login.regions, now).await
}

/// `skywarden disconnect`.
pub(crate) fn disconnect(disconnect: &Disconnect) -> anyhow::Result<Ending> {
    let id = disconnect.connector.as_str();
    let was_there = with_store(disconnect.data.as_deref(), async |store| Ok(store.remove_connector(id).await?))?;
    anyhow::ensure!(was_there, "there is no connector `{}`; `skywarden connectors` lists them", text_for_terminal(id, 100));
    println!("Removed `{id}` with its resources, assessments and scores.");
    Ok(Ending::Done)
}

/// `skywarden connectors`.
pub(crate) fn list(read: &Read) -> anyhow::Result<Ending> {
    let connectors = with_store(read.data.as_deref(), async |store| Ok(store.connectors(&ScopeFilter::All).await?))?;
    let rows: Vec<Vec<String>> = connectors
        .iter()
        .map(|connector| {
            let told = connector.settings.iter().filter(|(name, _)| *name != setting::ARM);
            let settings: Vec<String> = told.map(|(name, value)| format!("{name}={value}")).collect();
            let kind = if connector.sample { "sample data".to_owned() } else { format!("{:?}", connector.environment) };
            vec![connector.id.to_string(), kind, connector.display_name.clone(), settings.join(" ")]
        })
        .collect();
    print_rows(read, &["Name", "Environment", "What", "Settings"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_removed_meanwhile_is_not_connected() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("store.db")).await.unwrap();
        let of = |account: &str| Connector {
            id: "aws".into(),
            settings: BTreeMap::from([(setting::ACCOUNT.to_owned(), account.to_owned())]),
            ..host()
        };
        store.put_connector(&of("1")).await.unwrap();
        assert!(is_connected(&store, &of("1")).await.unwrap());
        assert!(!is_connected(&store, &of("2")).await.unwrap(), "another account under the same name");
        store.remove_connector("aws").await.unwrap();
        assert!(!is_connected(&store, &of("1")).await.unwrap());
        assert!(is_connected(&store, &host()).await.unwrap(), "this machine needs no row");
    }

    #[test]
    fn a_login_survives_the_store() {
        let given = AwsLogin {
            regions: vec!["eu-central-1".to_owned(), "us-east-1".to_owned()],
            role: Some("arn:aws:iam::123456789012:role/skywarden".to_owned()),
            external_id: Some("x=,y".to_owned()),
            ..AwsLogin::default()
        };
        let read = login(&settings(&given, "123456789012"));
        assert_eq!((read.regions, read.role, read.external_id), (given.regions, given.role, given.external_id));
        assert_eq!((read.profile, read.endpoint_url), (None, None));
    }
}
