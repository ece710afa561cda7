//! What inputs from queues have in common.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Context;
use crate::{About, Batch, End, MAX_LINE, RefusedText, TextKind, Texts, text::is_record};

/// A batch holds about so many bytes.
pub(super) const BATCH: usize = 1 << 20;

/// Or what came within so long.
pub(super) const TOGETHER: Duration = Duration::from_millis(200);

/// So much of a message that can't be given is told, in characters.
const START: usize = 200;

/// Where to begin with what is in a queue when the input is first run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueStart {
    /// With the oldest that is there.
    #[default]
    Beginning,
    /// With what comes.
    New,
}

/// Messages on their way into a batch.
#[derive(Debug, Default)]
pub struct Gathered {
    texts: Texts,
    refused: Vec<RefusedText>,
}

impl Gathered {
    /// Adds what a message says: one text, or one for each line if its lines are records by themselves. An empty message says nothing.
    /// `place` is where it stands in the queue.
    pub fn add(&mut self, payload: &[u8], kind: TextKind, place: impl FnOnce() -> String) {
        if payload.len() > MAX_LINE {
            let start = payload.get(..START).map(|start| String::from_utf8_lossy(start).into_owned());
            let reason = format!("the message {} is longer than {} MiB", place(), MAX_LINE >> 20);
            return self.refuse(reason, start.unwrap_or_default());
        }
        let text = String::from_utf8_lossy(payload);
        let first = text.trim_start().lines().next().unwrap_or_default();
        if kind == TextKind::Document || (kind == TextKind::Json && !is_record(first.as_bytes())) {
            self.push(&text);
        } else {
            for line in text.lines() {
                self.push(line);
            }
        }
    }

    /// Adds something that can't be given.
    pub(super) fn refuse(&mut self, reason: String, start: String) {
        self.refused.push(RefusedText { reason, start });
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.refused.is_empty()
    }

    /// The length of all texts, in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.texts.n_bytes()
    }

    /// A batch of all that was gathered.
    pub(super) fn batch(self, context: &Context, stream: &str, position: Option<Value>) -> Batch {
        let about = About {
            input: context.id.clone(),
            stream: stream.to_owned(),
            source: context.source.clone(),
            received: Timestamp::now(),
            position,
            end: End::Open,
            refused: self.refused,
        };
        Batch { about, texts: self.texts }
    }

    /// The texts, and what can't be given.
    pub fn into_parts(self) -> (Texts, Vec<RefusedText>) {
        (self.texts, self.refused)
    }

    /// Adds a text, without the end of its line; a blank one says nothing.
    pub(super) fn push(&mut self, text: &str) {
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.trim().is_empty() {
            self.texts.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(payload: &[u8], kind: TextKind) -> Vec<String> {
        let mut gathered = Gathered::default();
        gathered.add(payload, kind, String::new);
        assert!(gathered.refused.is_empty());
        gathered.texts.iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_message_is_one_text_unless_its_lines_are_records() {
        assert_eq!(texts(b"{\"a\":1}\n{\"a\":2}\r\n\n", TextKind::Json), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(texts(b"{\n \"a\": 1\n}\n", TextKind::Json), ["{\n \"a\": 1\n}"]);
        assert_eq!(texts(b"no JSON\n{}", TextKind::Json), ["no JSON\n{}"]);
        assert_eq!(texts(b"one\ntwo", TextKind::Lines), ["one", "two"]);
        assert_eq!(texts(b"one\ntwo", TextKind::Document), ["one\ntwo"]);
        assert_eq!(texts(b" \n", TextKind::Json), [""; 0]);
        assert_eq!(texts(b"a\xffb", TextKind::Lines), ["a\u{fffd}b"]);
    }

    #[test]
    fn a_message_that_is_too_long_is_told_with_its_place() {
        let mut gathered = Gathered::default();
        gathered.add(&vec![b'x'; MAX_LINE + 1], TextKind::Lines, || "7 of s".to_owned());
        assert_eq!(gathered.refused[0].reason, "the message 7 of s is longer than 16 MiB");
        assert_eq!((gathered.refused[0].start.len(), gathered.texts.len()), (START, 0));
    }

    proptest! {
        #[test]
        fn no_line_is_lost(payload in prop::collection::vec(any::<u8>(), 0..200), kind in 0..3) {
            let kind = [TextKind::Lines, TextKind::Json, TextKind::Document][usize::try_from(kind).unwrap()];
            let lossy = String::from_utf8_lossy(&payload).into_owned();
            let letters = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(letters(&texts(&payload, kind).join("\n")), letters(&lossy));
        }
    }
}
