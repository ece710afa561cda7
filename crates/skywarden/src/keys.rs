//! `skywarden keys ...`: the keys under which secrets are kept.

use anyhow::Context as _;
use skywarden_model::Timestamp;
use skywarden_store::Store;
use skywarden_vault::SecretKey;

use crate::{
    Ending,
    access::note,
    arguments::{Data, KeySource, Keys},
    data_dir::DataDir,
    master_key,
};

/// `skywarden keys ...`.
pub(crate) fn run(command: &Keys) -> anyhow::Result<Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Keys::List { data, source } => {
                let (_, store, key) = open(data, source).await?;
                let vault = store.open_vault(key).await?;
                for (id, created_at, n_secrets) in vault.keys().await? {
                    println!("{id}  made {created_at}  seals {n_secrets}");
                }
            }
            Keys::Rotate { data, source } => {
                let (_, store, key) = open(data, source).await?;
                let rotated = store.open_vault(key).await?.rotate(Timestamp::now()).await?;
                note(&store, "Skywarden.Secrets/keys/rotate/action", &rotated.key).await?;
                println!("{} secrets are sealed under the new key {}", rotated.n_sealed, rotated.key);
            }
            Keys::ChangeMaster { new_key_file, new_key_command, data, source } => {
                let (folder, store, key) = open(data, source).await?;
                let vault = store.open_vault(key).await?;
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
                note(&store, "Skywarden.Secrets/masterKey/write", &id).await?;
                println!("the secrets open with the master key {id} now; a server that runs goes on, and needs it when it starts again");
            }
            Keys::New => println!("{}", SecretKey::generate()?.to_text()),
        }
        Ok(Ending::Done)
    })
}

async fn open(data: &Data, source: &KeySource) -> anyhow::Result<(DataDir, Store, SecretKey)> {
    let folder = DataDir::open(data.folder.as_deref())?;
    let file = folder.store();
    anyhow::ensure!(file.exists(), "there is no store at {}; run `skywarden up` first", file.display());
    let store = Store::open_file(&file).await.context("could not open the store")?;
    let key = master_key::read(source, &folder)?;
    Ok((folder, store, key))
}
