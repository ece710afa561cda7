use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use skywarden_api::TokenKey;

/// The folder of an installation: the store, the API token, the certificates.
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// The folder given, or `$XDG_DATA_HOME/skywarden`, or `~/.local/share/skywarden`; created with mode 0700.
    pub(crate) fn open(given: Option<&Path>) -> anyhow::Result<Self> {
        let folder = match given {
            Some(folder) => folder.to_path_buf(),
            None => default_folder()?,
        };
        fs::create_dir_all(&folder)
            .with_context(|| format!("could not create the data folder {}; choose another with --data", folder.display()))?;
        if given.is_none() {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
                .with_context(|| format!("could not restrict the data folder {} to its owner", folder.display()))?;
        }
        Ok(Self(folder))
    }

    /// The SQLite file.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("skywarden.db")
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The API token, made on first use in a file of mode 0600.
    pub(crate) fn api_token(&self) -> anyhow::Result<String> {
        self.secret("api-token", "the API token", || {
            let token = skywarden_api::random_token();
            anyhow::ensure!(!token.is_empty(), "the operating system gave no random bytes for the API token");
            Ok(token)
        })
    }

    /// The key that signs tokens, made on first use in a file of mode 0600.
    pub(crate) fn token_key(&self) -> anyhow::Result<TokenKey> {
        let pem = self.secret("token-key.pem", "the key that signs tokens", || Ok(TokenKey::generate()?))?;
        TokenKey::from_pem(&pem).with_context(|| {
            format!(
                "{} holds no usable key; remove it, and a new one is made: tokens of the old one are void then",
                self.0.join("token-key.pem").display()
            )
        })
    }

    /// The content of a file of mode 0600, made if it is not there or empty.
    fn secret(&self, name: &str, what: &str, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<String> {
        let file = self.0.join(name);
        match fs::read_to_string(&file) {
            Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        }
        let text = make()?;
        let writing = || format!("could not write {what} to {}", file.display());
        let mut handle =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file).with_context(writing)?;
        writeln!(handle, "{}", text.trim()).with_context(writing)?;
        Ok(text.trim().to_owned())
    }
}

fn default_folder() -> anyhow::Result<PathBuf> {
    if let Some(data) = std::env::var_os("XDG_DATA_HOME").filter(|data| !data.is_empty()) {
        return Ok(PathBuf::from(data).join("skywarden"));
    }
    let home = std::env::var_os("HOME").context("neither XDG_DATA_HOME nor HOME is set; give the data folder with --data")?;
    Ok(PathBuf::from(home).join(".local/share/skywarden"))
}
