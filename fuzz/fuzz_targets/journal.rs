//! The journal of what was taken in, as it lies on the disk after a loss of power: the first byte says what the rest is, a whole file,
//! changes of bytes of one or of the first of two that the journal wrote, or what a frame holds with a checksum that fits, packed or not.
//! What is opened goes on: what was there comes again, then what is added.
#![no_main]

use std::{fs, path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::{About, Batch, End, IngestError, Journal, JournalBatch};

static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = skywarden_fuzz::folder();
    let mut journal = open(folder.path(), &mut Vec::new()).expect("a new journal");
    for n in 1..4 {
        journal.append(&vec![batch(); n]).expect("it can be written");
    }
    fs::read(folder.path().join(FIRST)).expect("a file")
});

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(skywarden_fuzz::folder);

const FIRST: &str = "00000000000000000000.journal";
const SECOND: &str = "00000000000000000006.journal";

fn batch() -> Batch {
    let about = About {
        input: "files".into(),
        stream: "a.log".to_owned(),
        source: "linux-auth".into(),
        received: skywarden_model::Timestamp::UNIX_EPOCH,
        position: Some(serde_json::json!({ "offset": 7 })),
        end: End::Open,
        refused: Vec::new(),
    };
    Batch { about, texts: ["one", "", "three"].into_iter().collect() }
}

fn open(folder: &Path, found: &mut Vec<JournalBatch>) -> Result<Journal, IngestError> {
    Journal::open(folder, 0, &mut |batch| {
        found.push(batch);
        Ok(())
    })
}

/// A frame's content with what stands before it.
fn framed(packed: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packed.len()).expect("an input is short");
    [&length.to_le_bytes(), &crc32fast::hash(packed).to_le_bytes(), packed].concat()
}

fn seeds() {
    let length =
        WRITTEN.get(..4).map(|length| u32::from_le_bytes([length[0], length[1], length[2], length[3]])).expect("a frame");
    let packed = &WRITTEN[8..8 + usize::try_from(length).expect("it is short")];
    let plain = zstd::bulk::decompress(packed, 1 << 16).expect("our own frame");
    skywarden_fuzz::seeds([
        [b"\0", &WRITTEN[..]].concat(),
        b"\x01\0\x10\xff".to_vec(),
        b"\x02\0\x10\xff".to_vec(),
        [b"\x03", packed].concat(),
        [b"\x04", &plain[..]].concat(),
    ]);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let file = match choice % 5 {
        0 => rest.to_vec(),
        1 | 2 => skywarden_fuzz::changed(&WRITTEN, rest),
        3 => framed(rest),
        _ => framed(&zstd::bulk::compress(rest, 1).expect("memory")),
    };
    let folder = FOLDER.path();
    for name in [FIRST, SECOND] {
        let _ = fs::remove_file(folder.join(name));
    }
    fs::write(folder.join(FIRST), file).expect("memory");
    if choice % 5 == 2 {
        fs::write(folder.join(SECOND), &WRITTEN[..]).expect("memory");
    }
    let mut before = Vec::new();
    let mut journal = match open(folder, &mut before) {
        Ok(journal) => journal,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for (place, (number, found)) in before.iter().enumerate() {
        assert_eq!(usize::try_from(*number), Ok(place), "no number is left out");
        assert!(found.as_ref().err().is_none_or(|reason| !reason.is_empty()));
    }
    assert_eq!(usize::try_from(journal.next()), Ok(before.len()));
    journal.append(&[batch(), batch()]).expect("memory can be written");
    drop(journal);
    let mut after = Vec::new();
    open(folder, &mut after).expect("what could be opened is opened again");
    let (first, added) = after.split_at(before.len());
    assert_eq!(first, before);
    assert_eq!(added.iter().map(|(_, found)| found.as_ref()).collect::<Vec<_>>(), [Ok(&batch()), Ok(&batch())]);
});
