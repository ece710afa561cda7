//! Azure: logins as people name them and as connectors keep them, what the login may read, and reading a tenant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use skywarden_cloud::{
    Secret,
    azure::{AzureClient, AzureCloud, AzureIdentity, AzureLogin, AzureOptions as LoginOptions},
};
use skywarden_collect::{AzureNeeds, AzureOptions, AzureProbe, AzureRights, LiveAzure, Transport, collect_azure, probe_azure};
use skywarden_content::Catalog;
use skywarden_inventory::Packs;
use skywarden_model::{Connector, ConnectorId, Environment, Snapshot, Timestamp, TypeName, setting};
use skywarden_store::{ScopeFilter, Store, connector_secret};

use crate::{
    Ending,
    arguments::{AzureArguments, AzureWay, ConnectAzure},
    connect::Readers,
    content,
    data_dir::DataDir,
    master_key,
    progress::Bar,
};

/// A secret may be so long.
const MAX_SECRET: u64 = 16 << 10;

/// `skywarden connect azure`.
pub(crate) fn connect(command: &ConnectAzure, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let data = DataDir::open(command.data.as_deref())?;
    let secret = secret_of(&command.azure)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let transport = live(&command.azure, secret.clone()).await?;
        let options = what_to_look_at(&command.azure, "azure".into(), BTreeMap::new());
        let probe = probe_azure(&catalog, transport, &options).await?;
        print_probe(&catalog, &probe);
        let store = Store::open_file(&data.store()).await?;
        let vault = store.open_vault(master_key::read(&command.key, &data)?).await?;
        let connector = connector(command, &probe.tenant, &store).await?;
        // The secret first: a connector without one could not be read, a secret without a connector harms nobody.
        if let Some(secret) = &secret {
            vault.put(&connector_secret(connector.id.as_str()), secret.text().as_bytes()).await?;
        }
        store.put_connector(&connector).await?;
        println!(
            "Connected {} as `{}`. `skywarden up` assesses it now and on its schedule; `skywarden disconnect {}` removes it.",
            connector.display_name, connector.id, connector.id
        );
        Ok(Ending::Done)
    })
}

/// Collects what a connector of Azure connects.
pub(crate) async fn read(
    readers: &Readers,
    catalog: &Catalog,
    connector: &Connector,
    now: Timestamp,
) -> anyhow::Result<Snapshot> {
    let (transport, mut options) = transport_of(readers, connector).await?;
    let mut known: BTreeMap<Arc<str>, BTreeSet<TypeName>> = BTreeMap::new();
    for entry in readers.store.coverage_of(&ScopeFilter::All, connector.id.as_str()).await? {
        known.entry(entry.account).or_default().insert(entry.type_name);
    }
    options.known = known;
    Ok(read_tenant(catalog, transport, options, now).await?.with(Packs::into_resources))
}

/// Azure as a connector leads to it, and what of it is looked at.
pub(crate) async fn transport_of(readers: &Readers, connector: &Connector) -> anyhow::Result<(Arc<dyn Transport>, AzureOptions)> {
    let transport = login(readers, connector).await?;
    Ok((transport, what_to_look_at(&arguments_of(&connector.settings), connector.id.clone(), BTreeMap::new())))
}

/// The login that a connector keeps, with its secret from the vault.
pub(crate) async fn login(readers: &Readers, connector: &Connector) -> anyhow::Result<Arc<dyn Transport>> {
    let name = connector_secret(connector.id.as_str());
    let secret = readers.vault.get(&name).await?.map(|secret| Secret::new(String::from_utf8_lossy(&secret)));
    live(&arguments_of(&connector.settings), secret).await
}

/// Reads a tenant with a bar on the terminal.
pub(crate) async fn read_tenant(
    catalog: &Catalog,
    transport: Arc<dyn Transport>,
    options: AzureOptions,
    now: Timestamp,
) -> anyhow::Result<Snapshot<Packs>> {
    let bar = Bar::new(options.connector.as_str());
    let snapshot = collect_azure(catalog, transport, options, &bar, now).await;
    bar.finish();
    snapshot.context("could not read Azure")
}

/// Azure itself, answering to a login.
pub(crate) async fn live(arguments: &AzureArguments, secret: Option<Secret>) -> anyhow::Result<Arc<dyn Transport>> {
    let client_id = arguments.client_id.clone();
    let login = match (arguments.azure_login, client_id, &arguments.client_certificate, secret) {
        (Some(AzureWay::ManagedIdentity), client_id, _, _) => {
            AzureLogin::ManagedIdentity(client_id.map_or(AzureIdentity::System, AzureIdentity::ClientId))
        }
        (Some(AzureWay::WorkloadIdentity), client_id, _, _) => AzureLogin::WorkloadIdentity { client_id, token_file: None },
        (Some(AzureWay::Az), _, _, _) => AzureLogin::AzureCli,
        (None, Some(client_id), Some(file), _) => AzureLogin::ClientCertificate { client_id, file: file.clone(), password: None },
        (None, Some(client_id), None, Some(secret)) => AzureLogin::ClientSecret { client_id, secret },
        (None, Some(_), None, None) => anyhow::bail!(
            "an application logs in with --client-secret-file or --client-certificate; the identity of this machine with --azure-login managed-identity"
        ),
        (None, None, _, _) => AzureLogin::Default,
    };
    let cloud = match &arguments.cloud {
        None => AzureCloud::default(),
        Some(name) => AzureCloud::by_name(name).with_context(|| {
            format!("`{name}` is no cloud: public, government, china, or the URL of an Azure Resource Manager")
        })?,
    };
    let options = LoginOptions { login, tenant: arguments.tenant.clone(), cloud };
    Ok(Arc::new(LiveAzure::new(AzureClient::new(&options).await?)))
}

/// The secret that the arguments lead to.
pub(crate) fn secret_of(arguments: &AzureArguments) -> anyhow::Result<Option<Secret>> {
    let Some(file) = &arguments.client_secret_file else { return Ok(None) };
    let mut text = String::new();
    let failed = || format!("could not read the client secret from {}", file.display());
    if file.as_os_str() == "-" {
        std::io::stdin().take(MAX_SECRET).read_to_string(&mut text).with_context(failed)?;
    } else {
        fs::File::open(file).and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text)).with_context(failed)?;
    }
    let text = text.trim();
    anyhow::ensure!(!text.is_empty(), "{}: it is empty", failed());
    Ok(Some(Secret::new(text)))
}

/// What a run looks at; `known` is what earlier ones saw.
pub(crate) fn what_to_look_at(
    arguments: &AzureArguments,
    connector: ConnectorId,
    known: BTreeMap<Arc<str>, BTreeSet<TypeName>>,
) -> AzureOptions {
    // A domain name can't be compared with what the answers say; they say the id.
    let is_id = |tenant: &&String| tenant.len() == 36 && !tenant.contains('.');
    AzureOptions {
        tenant: arguments.tenant.as_ref().filter(is_id).cloned(),
        subscriptions: arguments.subscriptions.iter().cloned().collect(),
        management_group: arguments.management_group.clone(),
        known,
        ..AzureOptions::new(connector)
    }
}

/// `skywarden permissions azure`.
pub(crate) fn print_permissions(catalog: &Catalog, scopes: &[String]) -> anyhow::Result<Ending> {
    let needs = AzureNeeds::of(catalog);
    let placeholder = ["/subscriptions/SUBSCRIPTION-ID".to_owned()];
    let scopes = if scopes.is_empty() { placeholder.as_slice() } else { scopes };
    println!("{}", serde_json::to_string_pretty(&needs.role(scopes))?);
    if !needs.directory.is_empty() {
        let permissions: Vec<&str> = needs.directory.keys().map(String::as_str).collect();
        eprintln!("Permissions of Microsoft Graph (application, with an administrator's consent): {}", permissions.join(", "));
    }
    Ok(Ending::Done)
}

async fn connector(command: &ConnectAzure, tenant: &str, store: &Store) -> anyhow::Result<Connector> {
    let id = command.name.clone().unwrap_or_else(|| format!("azure-{tenant}").as_str().into());
    let known = store.connectors(&ScopeFilter::All).await?;
    let mut settings = settings_of(&command.azure, tenant);
    // Where it belongs and what clients of ARM said of it outlasts another login.
    if let Some(before) = known.iter().find(|connector| connector.id == id) {
        let outlasting = [setting::HOME, setting::HOME_GROUP, setting::ARM, setting::POLL_SECONDS];
        let kept = |(name, _): &(&String, &String)| outlasting.contains(&name.as_str());
        settings.extend(before.settings.iter().filter(kept).map(|(name, value)| (name.clone(), value.clone())));
    }
    settings.extend(command.poll_seconds.map(|seconds| (setting::POLL_SECONDS.to_owned(), seconds.to_string())));
    let display_name = format!("Azure tenant {tenant}");
    Ok(Connector { id, environment: Environment::Azure, display_name, sample: false, settings })
}

/// What is kept of a login: where it leads, never a secret.
fn settings_of(arguments: &AzureArguments, tenant: &str) -> BTreeMap<String, String> {
    let way = arguments.azure_login.map(|way| match way {
        AzureWay::ManagedIdentity => "managed-identity",
        AzureWay::WorkloadIdentity => "workload-identity",
        AzureWay::Az => "az",
    });
    let certificate = arguments.client_certificate.as_ref();
    let named = [
        (setting::ACCOUNT, Some(tenant.to_owned())),
        (setting::CLIENT_ID, arguments.client_id.clone()),
        (
            setting::CERTIFICATE,
            certificate.map(|file| fs::canonicalize(file).unwrap_or_else(|_| file.clone()).display().to_string()),
        ),
        (setting::LOGIN, way.map(str::to_owned)),
        (setting::CLOUD, arguments.cloud.clone()),
        (setting::SUBSCRIPTIONS, (!arguments.subscriptions.is_empty()).then(|| arguments.subscriptions.join(","))),
        (setting::MANAGEMENT_GROUP, arguments.management_group.clone()),
    ];
    named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The login that a connector keeps.
fn arguments_of(settings: &BTreeMap<String, String>) -> AzureArguments {
    let text = |name: &str| settings.get(name).cloned();
    AzureArguments {
        tenant: text(setting::ACCOUNT),
        client_id: text(setting::CLIENT_ID),
        client_secret_file: None,
        client_certificate: text(setting::CERTIFICATE).map(Into::into),
        azure_login: text(setting::LOGIN).and_then(|way| match way.as_str() {
            "managed-identity" => Some(AzureWay::ManagedIdentity),
            "workload-identity" => Some(AzureWay::WorkloadIdentity),
            "az" => Some(AzureWay::Az),
            _ => None,
        }),
        cloud: text(setting::CLOUD),
        subscriptions: text(setting::SUBSCRIPTIONS).map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        management_group: text(setting::MANAGEMENT_GROUP),
    }
}

/// What the login may read, what it may not, and what stays unknown for it.
fn print_probe(catalog: &Catalog, probe: &AzureProbe) {
    let needs = AzureNeeds::of(catalog);
    let n_judged = |types: &BTreeSet<String>| -> usize {
        types.iter().map(|type_name| catalog.recommendations_for(type_name).count()).sum()
    };
    println!("Tenant {}", probe.tenant);
    for (id, rights) in &probe.subscriptions {
        match rights {
            AzureRights::Unknown(reason) => println!("  subscription {id}: its rights can't be told: {}", reason.sentence()),
            AzureRights::Missing(missing) if missing.is_empty() => println!("  subscription {id}: everything can be read"),
            AzureRights::Missing(missing) => {
                println!("  subscription {id}: {} of {} actions are missing", missing.len(), needs.actions.len());
                for action in missing {
                    let n = needs.actions.get(action).map(n_judged).unwrap_or_default();
                    println!("    {action}: {n} recommendations stay unknown");
                }
            }
        }
    }
    for (id, reason) in &probe.unseen {
        println!("  subscription {id}: {}", reason.sentence());
    }
    for (permission, failure) in &probe.directory {
        match failure {
            None => println!("  Microsoft Graph {permission}: granted"),
            Some(reason) => {
                let n = needs.directory.get(permission).map(n_judged).unwrap_or_default();
                println!("  Microsoft Graph {permission}: {}; {n} recommendations stay unknown", reason.sentence());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_survives_the_store_without_its_secret() {
        let given = AzureArguments {
            tenant: Some("contoso.example".to_owned()),
            client_id: Some("app".to_owned()),
            client_secret_file: Some("/run/secrets/x".into()),
            subscriptions: vec!["a".to_owned(), "b".to_owned()],
            cloud: Some("china".to_owned()),
            ..AzureArguments::default()
        };
        let settings = settings_of(&given, "22222222-2222-2222-2222-222222222222");
        assert!(!settings.values().any(|value| value.contains("secrets")), "{settings:?}");
        let read = arguments_of(&settings);
        assert_eq!(read.tenant.as_deref(), Some("22222222-2222-2222-2222-222222222222"));
        assert_eq!((read.client_id, read.subscriptions, read.cloud), (given.client_id, given.subscriptions, given.cloud));
        for way in [AzureWay::ManagedIdentity, AzureWay::WorkloadIdentity, AzureWay::Az] {
            let given = AzureArguments { azure_login: Some(way), ..AzureArguments::default() };
            assert!(arguments_of(&settings_of(&given, "t")).azure_login == Some(way));
        }
    }

    #[test]
    fn an_application_needs_something_to_log_in_with() {
        let given = AzureArguments { client_id: Some("app".to_owned()), ..AzureArguments::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = runtime.block_on(live(&given, None)).err().map(|error| error.to_string()).unwrap();
        assert!(error.contains("--client-secret-file"), "{error}");
    }
}
