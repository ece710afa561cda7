//! The error answers of all of AWS's protocols.

use quick_xml::{Reader, events::Event};
use serde_json::Value;

use crate::clean_message;

/// Of an error answer at most this much is looked at.
const MAX_BYTES: usize = 64 << 10;

/// What an error answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The provider's code: `AccessDenied`; empty if the answer has none.
    pub code: String,
    /// The provider's message, shortened and free of credentials.
    pub message: String,
}

/// The code and message of an answer whose status is an error.
///
/// `error_type` is the header `x-amzn-errortype`, which the rest-json protocol uses instead of the body.
pub fn error_of(error_type: Option<&str>, body: &[u8]) -> ErrorAnswer {
    let text = String::from_utf8_lossy(body.get(..body.len().min(MAX_BYTES)).unwrap_or_default());
    let trimmed = text.trim_start();
    let (body_code, message) = if trimmed.starts_with('{') {
        from_json(trimmed)
    } else if trimmed.starts_with('<') {
        from_xml(trimmed)
    } else {
        (String::new(), trimmed.to_owned())
    };
    let code = error_type.map(bare_code).filter(|code| !code.is_empty()).unwrap_or(body_code);
    ErrorAnswer { code, message: clean_message(&message) }
}

fn from_json(text: &str) -> (String, String) {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let first = |names: &[&str]| {
        names.iter().find_map(|name| document.get(name).and_then(Value::as_str)).map(str::to_owned).unwrap_or_default()
    };
    (bare_code(&first(&["__type", "code", "Code"])), first(&["message", "Message", "errorMessage"]))
}

/// The first `Code` and the first `Message`, wherever they are: query has `ErrorResponse/Error`, ec2 `Response/Errors/Error`,
/// rest-xml `Error`.
fn from_xml(text: &str) -> (String, String) {
    let mut reader = Reader::from_str(text);
    let (mut code, mut message) = (None, None);
    let mut open: Option<(bool, String)> = None;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                open = match start.local_name().as_ref() {
                    "Code" if code.is_none() => Some((true, String::new())),
                    "Message" if message.is_none() => Some((false, String::new())),
                    _ => None,
                };
            }
            Event::Text(text) => {
                if let Some((_, content)) = &mut open {
                    content.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, content)) = &mut open {
                    let name = reference.xml10_content();
                    content.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap_or(" "));
                }
            }
            Event::End(_) => match open.take() {
                Some((true, content)) => code = Some(content.trim().to_owned()),
                Some((false, content)) => message = Some(content),
                None => {}
            },
            Event::Eof => break,
            _ => {}
        }
        if code.is_some() && message.is_some() {
            break;
        }
    }
    (code.unwrap_or_default(), message.unwrap_or_default())
}

/// `com.amazon.coral.service#AccessDeniedException:http://...` is `AccessDeniedException`.
fn bare_code(code: &str) -> String {
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    code.rsplit_once('#').map_or(code, |(_, code)| code).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(error_type: Option<&str>, body: &str, code: &str, message: &str) {
        assert_eq!(error_of(error_type, body.as_bytes()), ErrorAnswer { code: code.into(), message: message.into() });
    }

    #[test]
    fn every_protocol_s_errors_are_understood() {
        check(
            None,
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>\
             <Message>The user &quot;x&quot; is gone</Message></Error><RequestId>1</RequestId></ErrorResponse>",
            "NoSuchEntity",
            "The user \"x\" is gone",
        );
        check(
            None,
            "<?xml version=\"1.0\"?><Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>",
            "UnauthorizedOperation",
            "no",
        );
        check(None, "<Error><Code>NoSuchBucketPolicy</Code><BucketName>b</BucketName></Error>", "NoSuchBucketPolicy", "");
        check(None, "{\"__type\":\"com.amazonaws.kms#AccessDeniedException\",\"Message\":\"no\"}", "AccessDeniedException", "no");
        check(Some("ResourceNotFoundException:http://internal/"), "{\"Message\":\"gone\"}", "ResourceNotFoundException", "gone");
        check(None, "", "", "");
        check(None, "Bad gateway", "", "Bad gateway");
    }

    proptest! {
        #[test]
        fn no_body_breaks_it(body in proptest::collection::vec(any::<u8>(), 0..200), xml in "(<[a-zA-Z/]{1,8}>|&[a-z]{0,4};?|[^<]{0,4}){0,20}") {
            error_of(None, &body);
            error_of(None, xml.as_bytes());
        }
    }
}
