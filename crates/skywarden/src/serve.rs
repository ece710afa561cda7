use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use skywarden_api::{Auth, AuthSettings, Scheme};
use skywarden_content::Catalog;
use skywarden_store::Store;
use tokio::net::TcpListener;

use crate::data_dir::DataDir;

/// A server that is bound to its address and not running yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    one_time: String,
}

impl Server {
    /// Takes the address; a port that is in use is an error that says so.
    pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("could not listen on {address}; is another skywarden running? choose another address with --listen")
        })?;
        let address = listener.local_addr().context("could not read the address that was taken")?;
        let one_time = skywarden_api::random_token();
        anyhow::ensure!(!one_time.is_empty(), "the operating system gave no random bytes for the login token");
        Ok(Self { listener, address, one_time })
    }

    /// The address that opens the first session; works once.
    pub(crate) fn login_url(&self) -> String {
        format!("http://{}/login?token={}", self.address, self.one_time)
    }

    /// Serves until it is interrupted.
    pub(crate) async fn run(self, store: Store, catalog: Arc<Catalog>, data: &DataDir) -> anyhow::Result<()> {
        let mut hosts = vec![self.address.to_string()];
        if self.address.ip().is_loopback() {
            hosts.push(format!("localhost:{}", self.address.port()));
        }
        let api_token = data.api_token()?;
        let auth = Arc::new(Auth::new(AuthSettings {
            api_token: &api_token,
            one_time: &self.one_time,
            hosts,
            scheme: Scheme::Http,
            tenant: store.tenant().await?,
            key: data.token_key()?,
        }));
        let router = skywarden_api::router(skywarden_api::AppState { store, catalog, auth, console: console() });
        skywarden_api::serve(self.listener, router, interrupted()).await.context("the server stopped")
    }
}

#[cfg(feature = "console")]
fn console() -> Option<skywarden_api::Console> {
    Some(|path| {
        let file = skywarden_console::file(path)?;
        Some(skywarden_api::StaticFile { content_type: file.content_type, gzip: file.gzip })
    })
}

#[cfg(not(feature = "console"))]
fn console() -> Option<skywarden_api::Console> {
    None
}

async fn interrupted() {
    // Without a signal handler the process ends on the signal by itself, which the store survives.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
