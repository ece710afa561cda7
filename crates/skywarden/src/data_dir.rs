use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

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
        let file = self.0.join("api-token");
        match fs::read_to_string(&file) {
            Ok(token) if !token.trim().is_empty() => return Ok(token.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("could not read {}", file.display())),
        }
        let token = skywarden_api::random_token();
        anyhow::ensure!(!token.is_empty(), "the operating system gave no random bytes for the API token");
        let mut handle = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("could not write the API token to {}", file.display()))?;
        writeln!(handle, "{token}").with_context(|| format!("could not write the API token to {}", file.display()))?;
        Ok(token)
    }
}

fn default_folder() -> anyhow::Result<PathBuf> {
    if let Some(data) = std::env::var_os("XDG_DATA_HOME").filter(|data| !data.is_empty()) {
        return Ok(PathBuf::from(data).join("skywarden"));
    }
    let home = std::env::var_os("HOME").context("neither XDG_DATA_HOME nor HOME is set; give the data folder with --data")?;
    Ok(PathBuf::from(home).join(".local/share/skywarden"))
}
