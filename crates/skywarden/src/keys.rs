//! `skywarden keys ...`: the keys under which secrets are kept.

use skywarden_model::Timestamp;
use skywarden_store::{Store, Vault};
use skywarden_vault::SecretKey;

use crate::{
    Ending,
    access::note,
    arguments::{Data, KeySource, Keys},
    data_dir::DataDir,
    estate::with_store,
    master_key,
};

/// `skywarden keys ...`.
pub(crate) fn run(command: &Keys) -> anyhow::Result<Ending> {
    match command {
        Keys::List { data, source } => with_vault(data, source, async |_, _, vault| {
            for (id, created_at, n_secrets) in vault.keys().await? {
                println!("{id}  made {created_at}  seals {n_secrets}");
            }
            Ok(())
        }),
        Keys::Rotate { data, source } => with_vault(data, source, async |_, store, vault| {
            let rotated = vault.rotate(Timestamp::now()).await?;
            note(store, "Skywarden.Secrets/keys/rotate/action", &rotated.key).await?;
            println!("{} secrets are sealed under the new key {}", rotated.n_sealed, rotated.key);
            Ok(())
        }),
        Keys::ChangeMaster { new_key_file, new_key_command, data, source } => {
            with_vault(data, source, async |folder, store, vault| {
                let new = match (new_key_file, new_key_command) {
                    (Some(file), _) => master_key::of_file(file)?,
                    (None, Some(command)) => master_key::of_command(command)?,
                    (None, None) => {
                        anyhow::ensure!(
                            master_key::is_own(source),
                            "the master key is not the data folder's own; say where the new one is with --new-key-file or --new-key-command"
                        );
                        folder.propose_master_key()?
                    }
                };
                let id = new.id().to_owned();
                vault.change_master(new).await?;
                if new_key_file.is_none() && new_key_command.is_none() {
                    folder.take_proposed_master_key()?;
                }
                note(store, "Skywarden.Secrets/masterKey/write", &id).await?;
                println!(
                    "the secrets open with the master key {id} now; a server that runs goes on, and needs it when it starts again"
                );
                Ok(())
            })
        }
        Keys::New => {
            println!("{}", SecretKey::generate()?.to_text());
            Ok(Ending::Done)
        }
    }
}

/// Does something with the secrets of a data folder's store.
fn with_vault(
    data: &Data,
    source: &KeySource,
    work: impl AsyncFnOnce(&DataDir, &Store, &Vault) -> anyhow::Result<()>,
) -> anyhow::Result<Ending> {
    let folder = data.folder.as_deref();
    with_store(folder, async |store| {
        let folder = DataDir::open(folder)?;
        let vault = store.open_vault(master_key::read(source, &folder)?).await?;
        work(&folder, store, &vault).await?;
        Ok(Ending::Done)
    })
}
