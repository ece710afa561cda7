//! What other programs hand over: entries of the systemd journal, messages of Kafka and NATS, the data of Pub/Sub's. The first byte says
//! which of these the rest is.
#![no_main]

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use skywarden_ingest::{
    TextKind,
    inputs::{Gathered, JournalEntries, message_text},
};
use tokio::io::{AsyncRead, ReadBuf};

const KINDS: [TextKind; 4] = [TextKind::Lines, TextKind::Json, TextKind::Rows, TextKind::Document];

/// Gives so many bytes at once.
struct Parts<'b>(&'b [u8], usize);

impl AsyncRead for Parts<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (part, rest) = self.0.split_at(self.1.min(self.0.len()).min(buffer.remaining()));
        buffer.put_slice(part);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

fn entries(written: &[u8], at_once: usize) -> JournalEntries {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(JournalEntries::read(Parts(written, at_once))).expect("memory can be read")
}

fn journal(written: &[u8]) {
    let found = entries(written, 4_096);
    assert_eq!(entries(written, 1), found, "how it is read changes nothing");
    let n_lines = written.iter().filter(|byte| **byte == b'\n').count();
    assert!(found.texts.len() + found.refused.len() <= n_lines);
    assert_eq!(found.cursor.is_some(), !found.texts.is_empty());
    assert!(found.refused.iter().all(|refused| !refused.reason.is_empty() && refused.start.len() <= 3 * 200));
}

/// Words of a text: what is blank says nothing.
fn words<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    texts.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

fn message(payload: &[u8], kind: TextKind) {
    let mut gathered = Gathered::default();
    gathered.add(payload, kind, || "7".to_owned());
    let (texts, refused) = gathered.into_parts();
    assert!(refused.is_empty() && texts.iter().all(|text| !text.trim().is_empty()));
    assert_eq!(words(texts.iter()), words([&*String::from_utf8_lossy(payload)].into_iter()));
}

fn seeds() {
    skywarden_fuzz::seeds([
        "\0{\"__CURSOR\":\"s=1;i=2\",\"MESSAGE\":\"Accepted publickey for ann\",\"_COMM\":\"sshd\"}\n{\"MESSAGE\":[65,255]}\n",
        "\x01{\"a\":1}\n{\"a\":2}\r\n",
        "\x02{\"insertId\":\"x\",\"protoPayload\":{}}",
        "\x03eyJhIjoxfQ==",
    ]);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    match choice % 4 {
        0 => journal(rest),
        1 => KINDS.into_iter().for_each(|kind| message(rest, kind)),
        2 => match message_text(&STANDARD.encode(rest)) {
            Ok(text) => assert_eq!(text, String::from_utf8_lossy(rest)),
            Err(reason) => assert!(rest.is_empty() && !reason.is_empty()),
        },
        _ => match message_text(&String::from_utf8_lossy(rest)) {
            Ok(text) => assert!(text.len() <= 3 * rest.len()),
            Err(reason) => assert!(!reason.is_empty()),
        },
    }
});
