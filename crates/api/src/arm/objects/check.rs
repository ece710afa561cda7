//! Whether a body is what its kind describes.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_model::Timestamp;

use super::kind::{Field, Need, Shape};
use crate::error::ApiError;

/// Something in a body that is not as it has to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Where: `properties.pricingTier`.
    pub(crate) target: String,
    /// What is wrong and what is allowed.
    pub(crate) message: String,
}

/// Elements of one list at most.
pub(super) const MAX_ELEMENTS: usize = 10_000;

/// The members that clients may write, in the spelling of the description; those of the server are left out.
///
/// # Errors
/// Every mistake, in order of the members.
pub(crate) fn checked(fields: &[Field], given: &Map<String, Value>, at: &str) -> Result<Map<String, Value>, Vec<Mistake>> {
    let (mut members, mut mistakes) = (Map::new(), Vec::new());
    for field in fields {
        let target = format!("{at}.{}", field.name);
        let value = given.get(field.name).filter(|value| !value.is_null());
        match (value, field.need) {
            (_, Need::ReadOnly) | (None, Need::Optional) => {}
            (None, Need::Required) => {
                let message = format!("`{target}` is missing; it is {}", words(&field.shape));
                mistakes.push(Mistake { target, message });
            }
            (Some(value), _) => match fitting(&field.shape, value, &target) {
                Ok(value) => drop(members.insert(field.name.to_owned(), value)),
                Err(own) => mistakes.extend(own),
            },
        }
    }
    for name in given.keys().filter(|name| fields.iter().all(|field| field.name != name.as_str())) {
        let target = format!("{at}.{name}");
        let known: Vec<&str> = fields.iter().filter(|field| field.need != Need::ReadOnly).map(|field| field.name).collect();
        mistakes.push(Mistake { message: format!("there is no `{target}`; members of `{at}` are {}", known.join(", ")), target });
    }
    if mistakes.is_empty() { Ok(members) } else { Err(mistakes) }
}

fn fitting(shape: &Shape, value: &Value, target: &str) -> Result<Value, Vec<Mistake>> {
    let wrong = || {
        let message = format!("`{target}` is {}, not {}", words(shape), shortened(value));
        vec![Mistake { target: target.to_owned(), message }]
    };
    match (shape, value) {
        (Shape::Text(max), Value::String(text)) if text.len() <= *max && !text.contains('\0') => Ok(value.clone()),
        (Shape::Addresses, Value::String(text)) if text.split(';').all(|own| own.trim().is_empty() || is_address(own.trim())) => {
            Ok(value.clone())
        }
        (Shape::Flag, Value::Bool(_)) | (Shape::Free, Value::Object(_)) => Ok(value.clone()),
        (Shape::Whole(from, to), Value::Number(number)) if number.as_i64().is_some_and(|own| (*from..=*to).contains(&own)) => {
            Ok(value.clone())
        }
        // In one spelling: what can be read has more of them than clients know.
        (Shape::Instant, Value::String(text)) => text.parse::<Timestamp>().map(|at| json!(at)).map_err(|_| wrong()),
        (Shape::OneOf(allowed), Value::String(text)) => {
            allowed.iter().find(|own| own.eq_ignore_ascii_case(text)).map(|own| json!(own)).ok_or_else(wrong)
        }
        (Shape::Object(fields), Value::Object(members)) => checked(fields, members, target).map(Value::Object),
        (Shape::List(shape), Value::Array(elements)) if elements.len() <= MAX_ELEMENTS => {
            let (mut fit, mut mistakes) = (Vec::new(), Vec::new());
            for (index, element) in elements.iter().enumerate() {
                match fitting(shape, element, &format!("{target}[{index}]")) {
                    Ok(element) => fit.push(element),
                    Err(own) => mistakes.extend(own),
                }
            }
            if mistakes.is_empty() { Ok(Value::Array(fit)) } else { Err(mistakes) }
        }
        _ => Err(wrong()),
    }
}

/// As far as one can tell without sending something there.
fn is_address(text: &str) -> bool {
    let (local, domain) = text.split_once('@').unwrap_or_default();
    !local.is_empty() && domain.contains('.') && text.len() <= 254 && !text.contains(char::is_whitespace) && !domain.contains('@')
}

/// What a value of a shape is, for people.
pub(super) fn words(shape: &Shape) -> String {
    match shape {
        Shape::Text(max) => format!("a text of at most {max} bytes"),
        Shape::Addresses => "e-mail addresses with `;` between them".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Whole(from, to) => format!("a whole number from {from} to {to}"),
        Shape::Instant => "a time as `2026-11-28T12:00:00Z`".to_owned(),
        Shape::OneOf(allowed) => format!("one of {}", allowed.join(", ")),
        Shape::Object(_) | Shape::Free => "an object".to_owned(),
        Shape::List(_) => format!("a list of at most {MAX_ELEMENTS} elements"),
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    let is_long = text.chars().count() > 60;
    text.chars().take(60).chain(is_long.then_some('…')).collect()
}

/// The answer to a body with mistakes.
pub(crate) fn refused(mistakes: Vec<Mistake>) -> ApiError {
    let message = match mistakes.as_slice() {
        [single] => single.message.clone(),
        several => {
            let first = several.first().map(|own| own.message.as_str()).unwrap_or_default();
            format!("{first} (and {} more)", several.len().saturating_sub(1))
        }
    };
    let target = mistakes.first().map(|own| own.target.clone()).unwrap_or_default();
    let details = mistakes.into_iter().map(|own| json!({ "code": CODE, "target": own.target, "message": own.message })).collect();
    ApiError::new(StatusCode::BAD_REQUEST, CODE, message).with_target(target).with_details(details)
}

const CODE: &str = "InvalidRequestContent";

#[cfg(test)]
mod tests {
    use super::{
        super::kind::{optional, read_only, required},
        *,
    };

    const FIELDS: &[Field] = &[
        required("tier", Shape::OneOf(&["Free", "Standard"])),
        optional("mails", Shape::Addresses),
        optional("on", Shape::Flag),
        optional("at", Shape::Instant),
        optional("parts", Shape::List(&Shape::Object(&[required("name", Shape::Text(3))]))),
        read_only("since"),
    ];

    fn check(given: Value) -> Result<Value, Vec<(String, String)>> {
        let checked = checked(FIELDS, given.as_object().unwrap(), "properties");
        checked.map(Value::Object).map_err(|own| own.into_iter().map(|own| (own.target, own.message)).collect())
    }

    #[test]
    fn what_fits_is_spelled_as_described_and_what_the_server_says_is_passed_over() {
        let given = json!({ "tier": "standard", "mails": "a@b.c; d@e.f;", "on": null, "at": "2026-12-01 13:00:00+01:00",
                             "parts": [{ "name": "abc" }], "since": 5 });
        let wanted =
            json!({ "tier": "Standard", "mails": "a@b.c; d@e.f;", "at": "2026-12-01T12:00:00Z", "parts": [{ "name": "abc" }] });
        assert_eq!(check(given), Ok(wanted));
    }

    #[test]
    fn every_mistake_names_its_place_and_what_is_allowed() {
        let given = json!({ "tier": "Gold", "mails": "a@b", "on": "true", "at": "noon", "parts": [{ "name": "a" }, { "name": "abcd" }, {}, 1], "x": 1 });
        let mistakes = check(given).unwrap_err();
        let targets: Vec<&str> = mistakes.iter().map(|(target, _)| target.as_str()).collect();
        let wanted = ["tier", "mails", "on", "at", "parts[1].name", "parts[2].name", "parts[3]", "x"]
            .map(|own| format!("properties.{own}"));
        assert_eq!(targets, wanted);
        assert_eq!(mistakes[0].1, "`properties.tier` is one of Free, Standard, not \"Gold\"");
        assert_eq!(mistakes[7].1, "there is no `properties.x`; members of `properties` are tier, mails, on, at, parts");
    }
}
