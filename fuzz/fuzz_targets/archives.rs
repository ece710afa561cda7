//! Files of the archive, which lie in storage that others write to: what is listed is read or refused with a reason, and joining files
//! loses nothing. The first byte says what the rest is: a file as it stands, changes of bytes of one that the archive wrote (where, as
//! two bytes, and what), or names with line feeds between.
#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use object_store::{ObjectStore, ObjectStoreExt as _, memory::InMemory, path::Path};
use skywarden_archive::{Archive, ArchivedEvent, Batch, Layout, Row};

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| Layout::new(["actor", "src_ip"]).expect("a layout"));

/// A file of the archive.
static WRITTEN: LazyLock<Bytes> = LazyLock::new(|| {
    runtime().block_on(async {
        let store = Arc::new(InMemory::new());
        let mut batch = Batch::new(&LAYOUT);
        for seq in 0..9 {
            let columns = [(seq % 2 == 0).then_some("anna"), None];
            let row = Row {
                seq,
                time: seq * 60_000,
                received: 7,
                source: "dns-query",
                event_id: "e",
                class: "dns_activity",
                columns: &columns,
                raw: "{\"a\":1}",
            };
            batch.add(&row).expect("rows can be packed");
        }
        archive(&store).put(1, &batch.pack().expect("rows can be packed")).await.expect("memory can be written");
        let path = Path::from(FIRST);
        store.get(&path).await.expect("it was put there").bytes().await.expect("memory can be read")
    })
});

const FIRST: &str = "source=dns-query/date=1970-01-01/hour=00/000000000001.parquet";
const SECOND: &str = "source=dns-query/date=1970-01-01/hour=00/000000000002.parquet";

/// Reading ends after so many events: a few bytes may stand for very many that are alike.
const MAX_EVENTS: usize = 20_000;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn archive(store: &Arc<InMemory>) -> Archive {
    let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(store);
    Archive::in_storage(store, LAYOUT.clone())
}

/// All events, in order of their numbers; `None` if they are refused or too many.
async fn events(archive: &Archive) -> Option<Vec<ArchivedEvent>> {
    let mut found = Vec::new();
    let mut take = |event| {
        found.push(event);
        found.len() <= MAX_EVENTS
    };
    if let Err(error) = archive.replay(None, i64::MIN..i64::MAX, &mut take).await {
        assert!(!error.to_string().is_empty());
        return None;
    }
    // A damaged file may give several the same number.
    let whole = |event: &ArchivedEvent| {
        (event.seq, event.time, event.received, event.event_id.clone(), event.columns.clone(), event.raw.clone())
    };
    found.sort_by_cached_key(whole);
    (found.len() <= MAX_EVENTS).then_some(found)
}

/// A file twice in an hour: joined, both say what they said before.
async fn file(bytes: Bytes) {
    let store = Arc::new(InMemory::new());
    for path in [FIRST, SECOND] {
        store.put(&Path::from(path), bytes.clone().into()).await.expect("memory can be written");
    }
    let archive = archive(&store);
    let Some(before) = events(&archive).await else { return };
    match archive.compact(i64::MAX, u64::MAX, 2).await {
        Ok(done) => {
            assert_eq!((done.n_before, done.n_after), (2, 1));
            assert!(events(&archive).await == Some(before), "joining changed events");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Files with names of anybody: those that are listed lie where the list says.
async fn names(names: &str) {
    let store = Arc::new(InMemory::new());
    for name in names.lines() {
        if let Ok(path) = Path::parse(name) {
            store.put(&path, WRITTEN.clone().into()).await.expect("memory can be written");
        }
    }
    let archive = archive(&store);
    for file in archive.files(None).await.expect("memory can be listed") {
        assert!(store.head(&file.path()).await.is_ok(), "nothing lies at {}", file.path());
    }
    archive.sources().await.expect("memory can be listed");
    assert!(events(&archive).await.is_some(), "files of the archive can be read, whatever lies beside them");
}

/// The fuzzer ends with every panic; those of the library are caught by the archive, which tells that a file is damaged.
fn forgive_the_library() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("/parquet-")) {
            usual(panic);
        }
    }));
}

fn seeds() {
    forgive_the_library();
    let names =
        format!("{FIRST}\n{SECOND}\nsource=dns-query/date=1970-01-01/hour=00/000000000001-000000000002.parquet\nx/y.parquet");
    skywarden_fuzz::seeds([[b"\0", &WRITTEN[..]].concat(), b"\x01\0\x10\xff".to_vec(), [b"\x02", names.as_bytes()].concat()]);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    runtime().block_on(async {
        match choice % 3 {
            0 => file(Bytes::copy_from_slice(rest)).await,
            1 => file(skywarden_fuzz::changed(&WRITTEN, rest).into()).await,
            _ => names(&String::from_utf8_lossy(rest)).await,
        }
    });
});
