//! One answer's body, parsed, and the parts of it that a spec's paths name.

use serde_json::Value;
use skywarden_content::Protocol;
use skywarden_model::Segment;

use crate::{
    decode::{Decoder, find, list_items},
    shape::{Shape, WireNames},
    template::member,
    xml::Element,
};

/// A parsed body.
#[derive(Debug)]
pub(crate) enum Document {
    Json(Value),
    /// The element that holds the answer's members.
    Xml {
        root: Element,
        /// In rest-xml the root element itself may be the member that a path begins with.
        root_is_member: RootIsMember,
    },
}

/// Whether a path may begin with the name of the root element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RootIsMember {
    Possible,
    Never,
}

/// A path inside an answer: `Reservations[*].Instances`.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnswerPath(Vec<Step>);

#[derive(Debug, Clone)]
struct Step {
    name: Box<str>,
    wire: WireNames,
    /// Followed by `[*]`, or the last one of a path to a list.
    is_list: bool,
}

impl AnswerPath {
    /// A path as written in a spec; empty: the whole answer.
    pub(crate) fn parse(text: &str) -> Self {
        let step = |part: &str| {
            let (name, is_list) = part.strip_suffix("[*]").map_or((part, false), |name| (name, true));
            let wire = if is_list { WireNames::of_list(name) } else { WireNames::of(name) };
            Step { name: name.into(), wire, is_list }
        };
        Self(text.split('.').filter(|part| !part.is_empty()).map(step).collect())
    }

    /// The same path, of which the end is a list that may be spelled as lists are.
    pub(crate) fn into_list(mut self) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.wire = WireNames::of_list(&last.name);
        }
        self
    }
}

impl Document {
    /// Parses a body.
    ///
    /// # Errors
    /// Why it is not what the protocol answers: cut, or of another kind.
    pub(crate) fn parse(protocol: Protocol, operation: &str, body: &[u8]) -> Result<Self, String> {
        match protocol {
            Protocol::Json | Protocol::RestJson => {
                let root: Value = serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))?;
                // Some proxies answer an error as if it were a result; without its list it would pass for an empty one.
                let error = root.get("__type").and_then(Value::as_str);
                match error {
                    Some(code) => Err(format!("it is the error {code} and no answer of {operation}")),
                    None if root.is_object() => Ok(Self::Json(root)),
                    None => Err("it is JSON but no object".to_owned()),
                }
            }
            Protocol::Query | Protocol::Ec2 => {
                let root = Element::parse(text(body)?)?;
                // A proxy's or portal's page, or an error, must not pass for an answer without resources.
                if *root.name != *format!("{operation}Response") {
                    return Err(format!("its root element is `{}`, which is no response of {operation}", root.name));
                }
                let result = format!("{operation}Result");
                let wrapper = root.children.iter().position(|child| *child.name == *result);
                let root = match wrapper {
                    Some(position) => root.children.into_iter().nth(position).unwrap_or_default(),
                    None => root,
                };
                Ok(Self::Xml { root, root_is_member: RootIsMember::Never })
            }
            Protocol::RestXml => {
                let text = text(body)?;
                // A few operations answer with a bare document: a bucket's policy.
                if text.trim_start().starts_with('{') {
                    let root = Element { text: text.to_owned(), ..Element::default() };
                    return Ok(Self::Xml { root, root_is_member: RootIsMember::Possible });
                }
                let root = Element::parse(text)?;
                if ["html", "Error"].iter().any(|other| root.name.eq_ignore_ascii_case(other)) {
                    return Err(format!("its root element is `{}`, which is no answer of {operation}", root.name));
                }
                Ok(Self::Xml { root, root_is_member: RootIsMember::Possible })
            }
        }
    }

    /// The texts of some members: paging tokens and the like.
    pub(crate) fn text(&self, path: &AnswerPath) -> Option<String> {
        let text = match self {
            Self::Json(root) => match path.json(root).first()? {
                Value::String(text) => text.clone(),
                Value::Null => return None,
                other => other.to_string(),
            },
            Self::Xml { .. } => self.elements(path).first()?.text.clone(),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// The items of the list at a path, each decoded on its own, with a decoder that holds its problems.
    pub(crate) fn items(&self, path: &AnswerPath, shape: &Shape, place: &[Segment]) -> Vec<(Option<Value>, Decoder)> {
        let mut items = Vec::new();
        match self {
            Self::Json(root) => {
                for found in path.json(root) {
                    // With an empty path the answer is the one item.
                    let single = std::slice::from_ref(found);
                    for value in found.as_array().map_or(single, Vec::as_slice) {
                        let mut decoder = Decoder::at(place.to_vec());
                        items.push((decoder.json(value, shape), decoder));
                    }
                }
            }
            Self::Xml { .. } => {
                for element in self.elements(path) {
                    let single = vec![element];
                    for element in if path.0.is_empty() { single } else { list_items(element, shape) } {
                        let mut decoder = Decoder::at(place.to_vec());
                        items.push((decoder.xml(element, shape), decoder));
                    }
                }
            }
        }
        items
    }

    /// The value at a path; lists that a `[*]` spreads are put together again.
    pub(crate) fn value(&self, path: &AnswerPath, shape: &Shape, place: &[Segment]) -> (Option<Value>, Decoder) {
        let mut decoder = Decoder::at(place.to_vec());
        let value = match self {
            Self::Json(root) => match (path.json(root).as_slice(), shape) {
                ([], _) => None,
                ([one], _) => decoder.json(one, shape),
                (several, Shape::List(_)) => {
                    let parts = several.iter().filter_map(|part| decoder.json(part, shape));
                    let items = parts.flat_map(|part| if let Value::Array(items) = part { items } else { Vec::new() }).collect();
                    Some(Value::Array(items))
                }
                ([first, ..], _) => decoder.json(first, shape),
            },
            Self::Xml { .. } => decoder.xml_all(&self.elements(path), shape),
        };
        (value, decoder)
    }

    fn elements(&self, path: &AnswerPath) -> Vec<&Element> {
        let Self::Xml { root, root_is_member } = self else { return Vec::new() };
        let mut steps = path.0.as_slice();
        if *root_is_member == RootIsMember::Possible
            && let [first, rest @ ..] = steps
            // A bare document has no root element; it is the one member there is.
            && (first.wire.has(&root.name) || root.name.is_empty())
        {
            steps = rest;
        }
        let mut found = vec![root];
        for (position, step) in steps.iter().enumerate() {
            let is_last = position + 1 == steps.len();
            found = found.into_iter().flat_map(|element| find(element, &step.wire, &[])).collect();
            if step.is_list && !is_last {
                found = found.into_iter().flat_map(|element| list_items(element, &step_shape(steps, position))).collect();
            }
        }
        found
    }
}

impl AnswerPath {
    /// Every value at the path.
    fn json<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![root];
        for (position, step) in self.0.iter().enumerate() {
            let is_last = position + 1 == self.0.len();
            found = found.into_iter().filter_map(|value| member(value, &step.name)).collect();
            if step.is_list && !is_last {
                found = found.into_iter().filter_map(Value::as_array).flatten().collect();
            }
        }
        found
    }
}

/// What is known of a spread list's items: that they have the member that the path goes on with.
fn step_shape(steps: &[Step], position: usize) -> Shape {
    let next = steps.get(position + 1).map(|step| &*step.name);
    Shape::of_texts(next.as_slice())
}

fn text(body: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(body).map_err(|error| format!("it is no UTF-8: {error}"))
}
