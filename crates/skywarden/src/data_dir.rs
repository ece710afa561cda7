use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use skywarden_vault::SecretKey;

/// The folder of an installation: the store, the API token, the certificates.
pub(crate) struct DataDir(PathBuf);

/// The file of the master key.
const MASTER_KEY: &str = "master-key";
/// The file of one that does not hold yet.
const PROPOSED_MASTER_KEY: &str = "master-key.new";

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

    /// The settings file, which need not be there.
    pub(crate) fn settings(&self) -> PathBuf {
        self.0.join("settings.toml")
    }

    /// The master key, made on first use in a file of mode 0600.
    pub(crate) fn master_key(&self) -> anyhow::Result<SecretKey> {
        let text = self.secret(MASTER_KEY, "the master key", || Ok(SecretKey::generate()?.to_text()))?;
        SecretKey::from_text(&text).with_context(|| {
            format!(
                "{} holds no key; restore it from a backup: secrets can't be read without it",
                self.0.join(MASTER_KEY).display()
            )
        })
    }

    /// A new master key beside the one that holds.
    pub(crate) fn propose_master_key(&self) -> anyhow::Result<SecretKey> {
        let text = self.secret(PROPOSED_MASTER_KEY, "the new master key", || Ok(SecretKey::generate()?.to_text()))?;
        Ok(SecretKey::from_text(&text)?)
    }

    /// Puts the new master key in the place of the old one.
    pub(crate) fn take_proposed_master_key(&self) -> anyhow::Result<()> {
        let (from, to) = (self.0.join(PROPOSED_MASTER_KEY), self.0.join(MASTER_KEY));
        fs::rename(&from, &to)
            .with_context(|| format!("the new master key holds, but {} could not be renamed to {}", from.display(), to.display()))
    }

    /// The key that signs tokens as older versions kept it.
    pub(crate) fn token_key_file(&self) -> PathBuf {
        self.0.join("token-key.pem")
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
