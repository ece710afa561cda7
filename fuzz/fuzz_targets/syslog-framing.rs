//! Messages in a stream of bytes: what comes out does not depend on how the bytes were read, and little is held.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::inputs::syslog::framing::{Framed, Framer};

const MAX: usize = 256;

fn all<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> Vec<Framed> {
    let (mut framer, mut found) = (Framer::new(MAX), Vec::new());
    for part in parts {
        framer.feed(part, &mut |framed| found.push(framed));
        assert!(framer.n_held() <= 2 * MAX, "{} bytes are held", framer.n_held());
    }
    framer.finish(&mut |framed| found.push(framed));
    found
}

fn seeds() {
    skywarden_fuzz::seeds([
        "11 <34>1 hello\n5 <1>ab",
        "<34>Oct 11 22:14:15 host su: x\n<13>b\r\n\0",
        "3 abc999 too short",
        "0 \n\n",
    ]);
}

fuzz_target!(init: seeds(), |bytes: &[u8]| {
    let at_once = all([bytes]);
    let size = usize::from(bytes.first().copied().unwrap_or(1)).max(1);
    assert_eq!(all(bytes.chunks(1)), at_once);
    assert_eq!(all(bytes.chunks(size)), at_once);
    for framed in at_once {
        match framed {
            Framed::Message(text) => assert!(!text.is_empty() && text.len() <= MAX),
            Framed::Refused(reason, _) => assert!(!reason.is_empty()),
        }
    }
});
