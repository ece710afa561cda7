use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use skywarden_api::{Auth, AuthSettings, Name, Scheme};
use skywarden_content::Catalog;
use skywarden_store::Store;
use tokio::net::TcpListener;

use crate::{certificates::Certificates, data_dir::DataDir};

/// A server that is bound to its address and not running yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificates: Certificates,
    names: Vec<Name>,
    one_time: String,
}

impl Server {
    /// Takes the address; a port that is in use is an error that says so. It answers under the names, and its own address.
    pub(crate) async fn bind(address: SocketAddr, certificates: Certificates, names: Vec<Name>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("could not listen on {address}; is another skywarden running? choose another address with --listen")
        })?;
        let address = listener.local_addr().context("could not read the address that was taken")?;
        let one_time = skywarden_api::random_token();
        anyhow::ensure!(!one_time.is_empty(), "the operating system gave no random bytes for the login token");
        Ok(Self { listener, address, certificates, names, one_time })
    }

    /// The address that opens the first session (works once), and how to know that it is this server that answers there.
    pub(crate) fn greeting(&self) -> anyhow::Result<Vec<String>> {
        let token = &self.one_time;
        let host = self.hosts().into_iter().next().unwrap_or_else(|| self.address.to_string());
        let mut lines = vec![format!("Open {}/login?token={token}", self.certificates.scheme().address(&host))];
        lines.extend(self.certificates.lines()?);
        Ok(lines)
    }

    /// Serves until it is interrupted.
    pub(crate) async fn run(self, store: Store, catalog: Arc<Catalog>, data: &DataDir) -> anyhow::Result<()> {
        let api_token = data.api_token()?;
        let auth = Arc::new(Auth::new(AuthSettings {
            api_token: &api_token,
            one_time: &self.one_time,
            hosts: self.hosts(),
            scheme: self.certificates.scheme(),
            tenant: store.tenant().await?,
            key: data.token_key()?,
        }));
        let router = skywarden_api::router(skywarden_api::AppState { store, catalog, auth, console: console() });
        skywarden_api::serve(self.listener, self.certificates.protection, router, interrupted())
            .await
            .context("the server stopped")
    }

    /// The values of `Host` that are meant for this server.
    fn hosts(&self) -> Vec<String> {
        let port = self.address.port();
        let of_name = |name: &Name| match name {
            Name::Ip(address) => SocketAddr::new(*address, port).to_string(),
            Name::Dns(name) => format!("{name}:{port}"),
        };
        let mut hosts: Vec<String> = self.names.iter().map(of_name).collect();
        // Browsers leave out the port that belongs to the scheme.
        let usual = if self.certificates.scheme() == Scheme::Https { 443 } else { 80 };
        if port == usual {
            let bare =
                hosts.iter().filter_map(|host| host.strip_suffix(&format!(":{port}")).map(str::to_owned)).collect::<Vec<_>>();
            hosts.extend(bare);
        }
        hosts
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
