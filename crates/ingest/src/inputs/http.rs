use std::io::Cursor;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Context, InputError, LogInput,
    queue::{BATCH, Gathered},
};
use crate::{
    Batch, RefusedText, TextKind,
    text::{texts, unpacked},
};

/// A body may be so long when it is unpacked, in bytes.
const MAX_UNPACKED: usize = 64 << 20;

/// What is posted to the server itself, by whoever holds a role that allows it: JSON lines, JSON, CloudEvents, audit events of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpSettings {}

/// A body that somebody posted.
#[derive(Debug, Clone, Default)]
pub struct Posted {
    /// What `Content-Type` says, with its parameters.
    pub content_type: Option<String>,
    /// The body; it may be packed (gzip, zstd), whatever the header says.
    pub body: Vec<u8>,
}

/// A body of which nothing can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// It is not what its type says.
    #[error("nothing of the body was taken: {0}")]
    Unreadable(String),
}

/// Waits until it is told to stop: what is posted comes by another door.
pub(super) struct Http;

#[async_trait::async_trait]
impl LogInput for Http {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        context.stop.clone().said().await;
        Ok(())
    }
}

impl Posted {
    /// The texts of the body and what of it can't be given, each in its order; at most 64 MiB are unpacked.
    ///
    /// # Errors
    /// If nothing can be told apart in it.
    pub fn texts(self, kind: TextKind) -> Result<(Vec<String>, Vec<RefusedText>), PostError> {
        let (mut given, mut refused) = (Vec::new(), Vec::new());
        self.gather(kind, &mut |gathered| {
            let (texts, told) = gathered.into_parts();
            given.extend(texts.iter().map(str::to_owned));
            refused.extend(told);
        })?;
        Ok((given, refused))
    }

    /// The same in batches.
    pub(crate) fn batches(self, context: &Context) -> Result<Vec<Batch>, PostError> {
        let mut full = Vec::new();
        self.gather(context.kind, &mut |gathered| full.push(gathered.batch(context, "", None)))?;
        Ok(full)
    }

    fn gather(self, kind: TextKind, full: &mut dyn FnMut(Gathered)) -> Result<(), PostError> {
        let media = self.content_type.as_deref().unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = unpacked(Cursor::new(self.body), MAX_UNPACKED)
            .map_err(|error| PostError::Unreadable(format!("it can't be unpacked: {error}")))?;
        let mut gathered = Gathered::default();
        let mut next = |gathered: &mut Gathered| {
            if gathered.n_bytes() >= BATCH {
                full(std::mem::take(gathered));
            }
        };
        match media.as_str() {
            "application/cloudevents+json" => gathered.add_event(&document(&body, &media)?, kind, 1),
            "application/cloudevents-batch+json" => {
                let Value::Array(events) = document(&body, &media)? else {
                    return Err(PostError::Unreadable(format!("{media} is a list of events, and this is no list")));
                };
                for (event, number) in events.iter().zip(1..) {
                    gathered.add_event(event, kind, number);
                    next(&mut gathered);
                }
            }
            _ => {
                let mut each = |text: Result<&str, String>| {
                    match text {
                        Ok(text) => gathered.push(text),
                        Err(reason) => gathered.refuse(reason, String::new()),
                    }
                    next(&mut gathered);
                };
                let unreadable = |error: std::io::Error| PostError::Unreadable(error.to_string());
                texts(Cursor::new(body), kind, &mut each).map_err(unreadable)?;
            }
        }
        if !gathered.is_empty() {
            full(gathered);
        }
        Ok(())
    }
}

impl Gathered {
    /// Adds what a CloudEvent carries: its `data` or `data_base64`, which is the record of the log source.
    fn add_event(&mut self, event: &Value, kind: TextKind, number: u64) {
        let start = || event.to_string().chars().take(200).collect();
        let Some(members) = event.as_object().filter(|members| members.contains_key("specversion")) else {
            return self.refuse(format!("the event {number} has no `specversion`: it is no CloudEvent"), start());
        };
        match payload(members) {
            Ok(payload) => self.add(&payload, kind, || number.to_string()),
            Err(reason) => self.refuse(format!("the event {number} {reason}"), start()),
        }
    }
}

fn payload(event: &Map<String, Value>) -> Result<Vec<u8>, String> {
    if let Some(packed) = event.get("data_base64") {
        let text = packed.as_str().ok_or("has a `data_base64` that is no text")?;
        return base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)
            .map_err(|error| format!("has a `data_base64` that can't be read: {error}"));
    }
    match event.get("data") {
        None | Some(Value::Null) => Err("has no `data`".to_owned()),
        // Text is the record itself; anything else is a record of JSON.
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(other) => Ok(other.to_string().into_bytes()),
    }
}

fn document(body: &[u8], media: &str) -> Result<Value, PostError> {
    serde_json::from_slice(body).map_err(|error| PostError::Unreadable(format!("it should be {media}, but is no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Intake, Statuses, inputs::Stop};

    fn context(kind: TextKind) -> Context {
        let (intake, _) = Intake::new(Default::default(), Statuses::default());
        Context { id: "i".into(), source: "s".into(), kind, intake, stop: Stop::new().1 }
    }

    fn read(content_type: &str, body: &[u8]) -> Result<(Vec<String>, Vec<String>), PostError> {
        let posted = Posted { content_type: Some(content_type.to_owned()), body: body.to_vec() };
        let (given, refused) = posted.texts(TextKind::Json)?;
        Ok((given, refused.into_iter().map(|refused| refused.reason).collect()))
    }

    #[test]
    fn lines_and_documents_are_taken_packed_or_not() {
        let lines = b"{\"a\":1}\n\n{\"a\":2}\r\n";
        let expected = Ok((vec!["{\"a\":1}".to_owned(), "{\"a\":2}".to_owned()], Vec::new()));
        let packed = zstd::encode_all(lines.as_slice(), 3).unwrap();
        for (content_type, body) in
            [("application/x-ndjson; charset=utf-8", lines.as_slice()), ("", lines), ("application/json", packed.as_slice())]
        {
            assert_eq!(read(content_type, body), expected, "{content_type}");
        }
        let document = "{\n \"kind\": \"EventList\",\n \"items\": []\n}";
        assert_eq!(read("application/json", document.as_bytes()).unwrap().0, [document]);
        assert_eq!(read("application/json", b"").unwrap(), (Vec::new(), Vec::new()));
        let cut = packed.get(..packed.len() - 6).unwrap();
        assert!(matches!(read("application/json", cut), Err(PostError::Unreadable(_))));
    }

    #[test]
    fn a_cloud_event_gives_its_data_and_what_has_none_is_told() {
        let batch = br#"[
            {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": {"a": 1}},
            {"specversion": "1.0", "id": "2", "source": "s", "type": "t", "data": "{\"a\":2}\n{\"a\":3}"},
            {"specversion": "1.0", "id": "3", "source": "s", "type": "t", "data_base64": "eyJhIjo0fQ=="},
            {"specversion": "1.0", "id": "4", "source": "s", "type": "t"},
            {"specversion": "1.0", "id": "5", "source": "s", "type": "t", "data_base64": "!"},
            {"a": 5}, 7]"#;
        let (given, refused) = read("application/cloudevents-batch+json", batch).unwrap();
        assert_eq!(given, ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "{\"a\":4}"]);
        let expected = [
            "the event 4 has no `data`",
            "the event 5 has a `data_base64` that can't be read: Invalid symbol 33, offset 0.",
            "the event 6 has no `specversion`: it is no CloudEvent",
            "the event 7 has no `specversion`: it is no CloudEvent",
        ];
        assert_eq!(refused, expected);
        let (given, _) = read("application/cloudevents+json", br#"{"specversion": "1.0", "data": {"a": 1}}"#).unwrap();
        assert_eq!(given, ["{\"a\":1}"]);
        let no_list = read("application/cloudevents-batch+json", b"{}").unwrap_err().to_string();
        assert_eq!(
            no_list,
            "nothing of the body was taken: application/cloudevents-batch+json is a list of events, and this is no list"
        );
        assert!(read("application/cloudevents+json", b"{").is_err());
    }

    #[test]
    fn a_body_becomes_several_batches_and_one_that_unpacks_to_too_much_is_refused() {
        let posted = |body: Vec<u8>| Posted { content_type: None, body };
        let lines = b"{\"a\":\"0123456789\"}\n".repeat(150_000);
        let batches = posted(lines).batches(&context(TextKind::Json)).unwrap();
        let n_texts: usize = batches.iter().map(|batch| batch.texts.len()).sum();
        assert_eq!((batches.len(), n_texts), (3, 150_000));
        let bomb = zstd::encode_all(vec![b' '; MAX_UNPACKED + 1].as_slice(), 1).unwrap();
        let refused = posted(bomb).batches(&context(TextKind::Json)).unwrap_err().to_string();
        assert_eq!(refused, "nothing of the body was taken: it can't be unpacked: it is longer than 64 MiB");
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..300), media in 0..3) {
            let media = ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"][usize::try_from(media).unwrap()];
            let _ = read(media, &body);
        }
    }
}
