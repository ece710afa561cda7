//! Logins that are kept open for changes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use skywarden_collect::Transport;
use skywarden_content::Catalog;
use skywarden_model::{Connector, Environment};
use tokio::sync::Mutex;

use crate::{
    azure,
    connect::{self, Readers},
    source,
};

/// A login is opened anew, and asked for its account, after so long.
const HOLDS: Duration = Duration::from_secs(3600);

/// The logins of connectors.
pub(crate) struct Logins {
    readers: Readers,
    /// By connector.
    known: Mutex<BTreeMap<String, Login>>,
}

/// A login that leads to its account.
struct Login {
    transport: Arc<dyn Transport>,
    since: Instant,
    account: String,
}

impl Logins {
    pub(crate) fn new(readers: Readers) -> Self {
        Self { readers, known: Mutex::default() }
    }

    /// A login to the connector's account.
    ///
    /// # Errors
    /// If it can't be opened, or leads to another account.
    pub(crate) async fn get(&self, catalog: &Catalog, connector: &Connector) -> anyhow::Result<Arc<dyn Transport>> {
        let account = connector.account().unwrap_or_default();
        let is_good = |own: &&Login| own.since.elapsed() < HOLDS && own.account == account;
        let known = self.known.lock().await.get(connector.id.as_str()).filter(is_good).map(|own| Arc::clone(&own.transport));
        if let Some(known) = known {
            return Ok(known);
        }
        let transport = if connector.environment == Environment::Azure {
            // It logs in to the tenant that the connector names, and to no other.
            azure::login(&self.readers, connector).await?
        } else {
            let transport = source::live(&connect::login(&connector.settings)).await?;
            let own = skywarden_collect::identify(catalog, Arc::clone(&transport)).await?;
            anyhow::ensure!(
                own == account,
                "the login of `{}` leads to the AWS account {own} now, and not to {account}",
                connector.id
            );
            transport
        };
        let login = Login { transport: Arc::clone(&transport), since: Instant::now(), account: account.to_owned() };
        self.known.lock().await.insert(connector.id.to_string(), login);
        Ok(transport)
    }

    /// Opens it anew the next time.
    pub(crate) async fn forget(&self, connector: &Connector) {
        self.known.lock().await.remove(connector.id.as_str());
    }
}
