//! Files of logs: the first byte says what records are in them, the rest is the file, plain, packed (gzip, zstd), UTF-16 or an event log.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::{MAX_LINE, TextKind, texts};

const KINDS: [TextKind; 4] = [TextKind::Lines, TextKind::Json, TextKind::Rows, TextKind::Document];

fuzz_target!(|input: &[u8]| {
    let Some((choice, file)) = input.split_first() else { return };
    let kind = KINDS[usize::from(*choice) % KINDS.len()];
    let is_plain = !(file.starts_with(&[0x1f, 0x8b]) || file.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || file.starts_with(b"ElfFile"));
    let (mut n_texts, mut n_bytes) = (0, 0);
    let outcome = texts(Cursor::new(file.to_vec()), kind, &mut |text| {
        n_texts += 1;
        match text {
            Ok(text) => {
                assert!(!text.is_empty());
                assert!(kind != TextKind::Lines || text.len() <= 3 * (MAX_LINE + 1));
                n_bytes += text.len();
            }
            Err(reason) => assert!(!reason.is_empty()),
        }
    });
    if is_plain {
        assert!(outcome.is_ok(), "what is in memory can be read: {outcome:?}");
        // A byte that is no letter becomes one of three bytes.
        assert!(n_texts <= file.len() && n_bytes <= 3 * file.len(), "{n_texts} texts of {n_bytes} bytes");
    }
});
