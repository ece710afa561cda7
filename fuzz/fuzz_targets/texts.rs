//! Files of logs: the first byte says what records are in them, the rest is the file, plain, packed (gzip, zstd), UTF-16 or an event log.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::{MAX_LINE, TextKind, texts};

const KINDS: [TextKind; 4] = [TextKind::Lines, TextKind::Json, TextKind::Rows, TextKind::Document];

fn seeds() {
    let plain =
        ["one\ntwo\r\n\n", "{\"a\":1}\n{\"a\":2}", "[{\"a\":1},\n{\"b\":[2]}]", "{\"Records\":[{\"a\":1}]}", "a,b\n1,\"x\ny\"\n"];
    let mut files: Vec<Vec<u8>> = plain.iter().map(|text| text.as_bytes().to_vec()).collect();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    files.extend(plain.iter().map(|text| [&[0xff, 0xfe][..], &utf16(text)].concat()));
    files.extend(plain.iter().map(|text| zstd::bulk::compress(text.as_bytes(), 1).expect("memory")));
    // A member of gzip whose content is stored: "a\n".
    let member = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 0, 0xfd, 0xff, b'a', b'\n', 0x07, 0xa1, 0xea, 0xdd, 2, 0, 0, 0];
    files.push(member.to_vec());
    files.push([member, member].concat());
    files.push(b"ElfFile\0".to_vec());
    skywarden_fuzz::seeds(
        (0..4_u8).flat_map(|choice| files.iter().map(move |file| [&[choice], &file[..]].concat()).collect::<Vec<_>>()),
    );
}

fuzz_target!(init: seeds(), |input: &[u8]| {
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
