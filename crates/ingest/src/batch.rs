use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Texts (lines, or whole documents) of one stream, in order, and where to go on behind them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// What all texts have in common.
    pub about: About,
    /// The texts.
    pub texts: Texts,
}

/// Where texts come from and what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The id of the input.
    pub input: Arc<str>,
    /// The file, object or partition within the input; empty if there is only one.
    pub stream: String,
    /// The log source whose records the texts hold.
    pub source: Arc<str>,
    /// When the texts came.
    pub received: Timestamp,
    /// Where the input goes on with the stream once it has this batch, in its own words.
    pub position: Option<Value>,
    /// Whether more may come.
    #[serde(default)]
    pub end: End,
    /// What stood in the stream and can't be given as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedText>,
}

impl About {
    /// The stream as people know it: streams of files are known by inodes, and their positions say the path.
    pub(crate) fn shown_stream(&self) -> &str {
        let path = self.position.as_ref().and_then(|position| position.get("path")?.as_str());
        path.unwrap_or(&self.stream)
    }
}

/// Whether a stream goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum End {
    /// More may come.
    #[default]
    Open,
    /// An object or a rotated file: nothing more comes, what was remembered of its header can go.
    Ended,
}

/// What could not be given as text, as it is told in the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedText {
    /// Why.
    pub reason: String,
    /// How it begins.
    pub start: String,
}

/// Several texts in one piece of memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Adds one.
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Their length together, in bytes.
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            text
        })
    }

    /// Where each ends, and all bytes.
    pub(crate) fn parts(&self) -> (&[usize], &str) {
        (&self.ends, &self.bytes)
    }

    /// From its parts; `None` if an end is not one.
    pub(crate) fn from_parts(ends: Vec<usize>, bytes: String) -> Option<Self> {
        let mut last = 0;
        for end in &ends {
            if *end < last || !bytes.is_char_boundary(*end) {
                return None;
            }
            last = *end;
        }
        (last == bytes.len()).then_some(Texts { bytes, ends })
    }
}

impl<'t> FromIterator<&'t str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Self {
        let mut all = Texts::default();
        for text in texts {
            all.push(text);
        }
        all
    }
}
