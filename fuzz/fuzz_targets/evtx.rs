//! Event log files of Windows: whatever stands in a chunk or in a record's BinXML, reading ends, and each text is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_evtx::{
    Reader,
    writer::{Content, Datum, Element, Left, LogWriter, Part},
};

fn read(file: &[u8]) {
    let Ok(reader) = Reader::open(file) else { return };
    let mut n = 0;
    for found in reader {
        if let Ok(record) = found {
            assert!(serde_json::from_str::<serde_json::Value>(&record.json).is_ok(), "{}", record.json);
        }
        n += 1;
    }
    assert!(n < file.len() / 28 + 10, "{n} things were found in {} bytes", file.len());
}

/// What stands behind the header of a chunk: records, and the head of a file.
fn seeds() {
    let mut log = LogWriter::starting_at(1);
    for n in 1..4 {
        let template =
            Element::new("Event", vec![Part::Hole(0), Part::Element(Element::new("Data", vec![Part::OptionalHole(1)]))]);
        log.add(n, &Content::Instance(template, vec![Datum::Raw(0x01, b"a\0b\0".to_vec()), Datum::Raw(0x08, vec![1, 2, 3, 4])]));
    }
    let file = log.file(Left::Closed);
    skywarden_fuzz::seeds([
        &file[..2048],
        &file[4096..4096 + 2048],
        &file[4096 + 512..4096 + 2048],
        &file[4096 + 600..4096 + 1600],
    ]);
}

fuzz_target!(init: seeds(), |bytes: &[u8]| {
    read(bytes);
    // As records of a chunk whose header is not to be trusted.
    let mut log = LogWriter::starting_at(1);
    let template = Element::new("Event", vec![Part::Hole(0), Part::Element(Element::new("Data", vec![Part::OptionalHole(1)]))]);
    let kind = bytes.first().copied().unwrap_or(0);
    log.add(1, &Content::Instance(template, vec![Datum::Raw(0x21, bytes.to_vec()), Datum::Raw(kind, bytes.to_vec())]));
    let mut file = log.file(Left::Closed);
    read(&file);
    let n = bytes.len().min(60_000);
    file[4096 + 200] ^= 1;
    file[4096 + 600..4096 + 600 + n].copy_from_slice(&bytes[..n]);
    read(&file);
});
