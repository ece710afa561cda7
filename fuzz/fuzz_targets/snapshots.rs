//! AWS Config's files, which come from a bucket that others write to.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skywarden_collect::{Specs, read_config_snapshot};
use skywarden_content::Catalog;
use skywarden_model::Timestamp;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().expect("the built-in content loads"));
static FOLDER: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("skywarden-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the file");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    // As it stands, as one item of a file, and packed.
    let item = [br#"{"configurationItems":["#, bytes, b"]}"].concat();
    for (name, content) in [("whole.json", bytes), ("item.json", &item), ("packed.json.gz", bytes)] {
        let file = FOLDER.join(name);
        std::fs::write(&file, content).expect("the file is written");
        if let Ok(snapshot) = read_config_snapshot(Specs::from(&*CATALOG), &file, &"file".into(), Timestamp::UNIX_EPOCH) {
            assert!(snapshot.resources.windows(2).all(|pair| pair[0].id < pair[1].id), "sorted, none twice");
        }
    }
});
