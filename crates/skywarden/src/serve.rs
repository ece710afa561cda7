use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use skywarden_api::{Auth, AuthSettings, LimitSettings, Limits, Name, Passwords, Scheme, SignIn, TokenKey};
use skywarden_content::Catalog;
use skywarden_ingest::Desk;
use skywarden_store::{Store, Vault};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{arguments::KeySource, certificates::Certificates, data_dir::DataDir, master_key, settings::Settings};

/// A server that is bound to its address and not running yet.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    certificates: Certificates,
    names: Vec<Name>,
    limits: LimitSettings,
    one_time: String,
}

/// Secrets, and how people sign in.
pub(crate) struct People {
    vault: Vault,
    sign_in: SignIn,
    azure_clouds: Arc<[String]>,
}

impl People {
    /// Opens the secrets of a store and reads the settings.
    pub(crate) async fn open(store: &Store, data: &DataDir, key: &KeySource) -> anyhow::Result<Self> {
        let settings = Settings::read(&data.settings())?;
        let azure_clouds = settings.azure_clouds.as_slice().into();
        let providers = settings.identity_providers()?;
        let vault = store.open_vault(master_key::read(key, data)?).await?;
        let passwords = Passwords::new().context("the operating system gave no random bytes")?;
        Ok(Self { vault, sign_in: SignIn::new(passwords, providers), azure_clouds })
    }

    /// The secrets, for those who read clouds.
    pub(crate) fn vault(&self) -> Vault {
        self.vault.clone()
    }
}

/// The name of the secret that signs tokens.
const TOKEN_KEY: &str = "token-key";

/// The key that signs tokens, made on first use.
async fn token_key(vault: &Vault, data: &DataDir) -> anyhow::Result<TokenKey> {
    let file = data.token_key_file();
    let pem = match std::fs::read_to_string(&file) {
        Ok(pem) => pem,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => TokenKey::generate()?,
        Err(error) => {
            return Err(error).with_context(|| format!("could not read {}, the key that signs tokens", file.display()));
        }
    };
    let kept = vault.put_once(TOKEN_KEY, pem.as_bytes()).await?;
    if file.exists() {
        std::fs::remove_file(&file).with_context(|| format!("could not remove {}, whose key is a secret now", file.display()))?;
    }
    Ok(TokenKey::from_pem(&String::from_utf8_lossy(&kept))?)
}

impl Server {
    /// Takes the address; a port that is in use is an error that says so. It answers under the names, and its own address.
    pub(crate) async fn bind(
        address: SocketAddr,
        certificates: Certificates,
        names: Vec<Name>,
        limits: LimitSettings,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("could not listen on {address}; is another skywarden running? choose another address with --listen")
        })?;
        let address = listener.local_addr().context("could not read the address that was taken")?;
        let one_time = skywarden_api::random_token();
        anyhow::ensure!(!one_time.is_empty(), "the operating system gave no random bytes for the login token");
        Ok(Self { listener, address, certificates, names, limits, one_time })
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
    pub(crate) async fn run(
        self,
        store: Store,
        catalog: Arc<Catalog>,
        data: &DataDir,
        people: People,
        logs: Option<Desk>,
    ) -> anyhow::Result<()> {
        let api_token = data.api_token()?;
        let key = token_key(&people.vault, data).await?;
        let auth = Arc::new(Auth::new(AuthSettings {
            api_token: &api_token,
            one_time: &self.one_time,
            hosts: self.hosts(),
            scheme: self.certificates.scheme(),
            tenant: store.tenant().await?,
            key,
        }));
        let People { vault, sign_in, azure_clouds } = people;
        let state = skywarden_api::AppState {
            overviews: skywarden_store::Remembered::default(),
            store,
            catalog,
            vault,
            auth,
            sign_in: Arc::new(sign_in),
            limits: Arc::new(Limits::new(self.limits)),
            console: console(),
            logs,
            azure_clouds,
        };
        let router = skywarden_api::router(state);
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

/// Waits for Ctrl-C, or for what systemd and containers stop a service with.
async fn interrupted() {
    // Without a signal handler the process ends on the signal by itself, which the store survives.
    let told = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    let typed = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = told => {}
        () = typed => {}
    }
}
