use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    CertificateError, Name, Names,
    authority::{Facts, Pair, RENEWAL, new_authority, new_server},
    certificate_file::{read_chain, read_key, read_pair},
};

/// The CA's certificate, which clients have to trust.
pub const AUTHORITY_FILE: &str = "ca.pem";

const AUTHORITY_KEY: &str = "ca.key";
const SERVER: &str = "server.pem";
const SERVER_KEY: &str = "server.key";

/// A server certificate that is good for the names and will be for a while.
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) renew_at: SystemTime,
}

/// Makes what is missing, ending or no longer fitting in `folder`: a CA, and a server certificate that it signs.
pub(crate) fn issue(folder: &Path, names: &Names, now: SystemTime) -> Result<Issued, CertificateError> {
    let _turn = prepare(folder)?;
    let authority_file = folder.join(AUTHORITY_FILE);
    let (certificate, key) = (folder.join(SERVER), folder.join(SERVER_KEY));
    let authority = match known_authority(&authority_file, names, now)? {
        Some(authority) => authority,
        None => {
            let pair = new_authority(names, now)?;
            write(&folder.join(AUTHORITY_KEY), &pair.key, 0o600)?;
            write(&authority_file, &pair.certificate, 0o644)?;
            authority_facts(&authority_file)?
        }
    };
    let host = names.host_name().filter(|host| authority.permits(host));
    let wanted: BTreeSet<Name> = names.required().into_iter().chain(host).collect();
    if let Some(end) = usable_until(folder, &wanted, now)? {
        return Ok(Issued { certificate, key, renew_at: end - RENEWAL });
    }
    let pair = new_server(&authority_pair(folder, now)?, &wanted, now, authority.end)?;
    write(&key, &pair.key, 0o600)?;
    write(&certificate, &pair.certificate, 0o644)?;
    let end = usable_until(folder, &wanted, now)?.unwrap_or(now);
    Ok(Issued { certificate, key, renew_at: end - RENEWAL })
}

/// Makes the folder, and waits for another process that is at work in it.
fn prepare(folder: &Path) -> Result<File, CertificateError> {
    let told = |source| CertificateError::Write { path: folder.to_path_buf(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(told)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(told)?;
    let lock = folder.join("lock");
    let told = |source| CertificateError::Write { path: lock.clone(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock).map_err(told)?;
    file.lock().map_err(told)?;
    Ok(file)
}

/// The CA that is there, if it lasts and may sign for everything that was asked for.
fn known_authority(path: &Path, names: &Names, now: SystemTime) -> Result<Option<Facts>, CertificateError> {
    let facts = match authority_facts(path) {
        Err(CertificateError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
        facts => facts?,
    };
    if !facts.has_long_to_go(now) {
        tracing::warn!("the CA {} ends; a new one was made, which has to be trusted anew", path.display());
        return Ok(None);
    }
    if let Some(name) = names.required().iter().find(|name| !facts.permits(name)) {
        tracing::warn!("the CA {} may not sign for {name}; a new one was made, which has to be trusted anew", path.display());
        return Ok(None);
    }
    Ok(Some(facts))
}

fn authority_facts(path: &Path) -> Result<Facts, CertificateError> {
    let chain = read_chain(path)?;
    let first =
        chain.first().ok_or_else(|| CertificateError::Read { path: path.to_path_buf(), source: io::Error::other("empty") })?;
    Facts::of(path, first)
}

/// The CA with its key, to sign with.
fn authority_pair(folder: &Path, now: SystemTime) -> Result<Pair, CertificateError> {
    let (certificate, key) = (folder.join(AUTHORITY_FILE), folder.join(AUTHORITY_KEY));
    if !key.exists() {
        return Err(CertificateError::NoAuthorityKey { key, certificate });
    }
    read_pair(&certificate, &key, now)?;
    let told = |source| CertificateError::Read { path: certificate.clone(), source };
    Ok(Pair { certificate: fs::read_to_string(&certificate).map_err(told)?, key: read_key(&key)? })
}

/// When the server certificate ends; `None` if it has to be made anew.
fn usable_until(folder: &Path, wanted: &BTreeSet<Name>, now: SystemTime) -> Result<Option<SystemTime>, CertificateError> {
    let (certificate, key) = (folder.join(SERVER), folder.join(SERVER_KEY));
    match read_pair(&certificate, &key, now) {
        Ok(_) => {}
        // A key that others could read is for a person to judge; an unreadable file will not be better when it is written.
        Err(error @ CertificateError::Exposed { .. }) => return Err(error),
        Err(CertificateError::Read { path, source }) if source.kind() != ErrorKind::NotFound => {
            return Err(CertificateError::Read { path, source });
        }
        Err(_) => return Ok(None),
    }
    let chain = read_chain(&certificate)?;
    let authority = read_chain(&folder.join(AUTHORITY_FILE))?;
    let Some(first) = chain.first() else { return Ok(None) };
    let facts = Facts::of(&certificate, first)?;
    let is_good = facts.has_long_to_go(now) && facts.names == *wanted && chain.get(1) == authority.first();
    Ok(is_good.then_some(facts.end))
}

/// Writes a file so that it is there whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let fresh = path.with_added_extension("new");
    let written = || {
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    written().map_err(|source| CertificateError::Write { path: path.to_path_buf(), source })
}
