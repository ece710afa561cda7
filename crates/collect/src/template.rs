//! Templates of specs: `arn:{partition}:ec2:{region}:{account}:instance/{InstanceId}`.

use serde_json::Value;

/// What a template may name: the run's own words, then the fields of an item.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variables<'a> {
    pub(crate) partition: &'a str,
    pub(crate) dns_suffix: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    /// The listed item; `Null` before there is one.
    pub(crate) item: &'a Value,
}

/// A name that a template uses and that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

impl Variables<'_> {
    /// The template with every `{NAME}` replaced; `encode` is applied to each value.
    pub(crate) fn fill(&self, template: &str, encode: fn(&str) -> String) -> Result<String, Missing> {
        fill(template, |name| self.value(name).map(|value| encode(&value)))
    }

    /// The template with values as they are.
    pub(crate) fn text(&self, template: &str) -> Result<String, Missing> {
        self.fill(template, str::to_owned)
    }

    /// A value with every text in it, at any depth, filled.
    pub(crate) fn value_of(&self, template: &Value) -> Result<Value, Missing> {
        Ok(match template {
            Value::String(text) => Value::String(self.text(text)?),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value_of(item)).collect::<Result<_, _>>()?),
            Value::Object(members) => Value::Object(
                members.iter().map(|(name, value)| Ok((name.clone(), self.value_of(value)?))).collect::<Result<_, Missing>>()?,
            ),
            other => other.clone(),
        })
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "partition" => Some(self.partition.to_owned()),
            "dns_suffix" => Some(self.dns_suffix.to_owned()),
            "account" => Some(self.account.to_owned()),
            "region" => Some(self.region.to_owned()),
            path => {
                // `{QueueUrl|after:/}` is what stands behind the last slash.
                let (path, mark) = path.split_once("|after:").map_or((path, None), |(path, mark)| (path, Some(mark)));
                let value = scalar(path.split('.').try_fold(self.item, member)?)?;
                Some(match mark.and_then(|mark| value.rsplit_once(mark)) {
                    Some((_, tail)) => tail.to_owned(),
                    None => value,
                })
            }
        }
    }
}

/// The template with every `{NAME}` replaced by what `value` has for it.
pub(crate) fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, Missing> {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').ok_or_else(|| Missing(after.to_owned()))?;
        filled.push_str(before);
        filled.push_str(&value(name).ok_or_else(|| Missing(name.to_owned()))?);
        rest = tail;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A value as a template writes it; nothing for what is empty or no single value.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A member by name; exactly if possible, else without case.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// RFC 3986: everything but letters, digits and `-._~`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(template: &str, expect: Result<&str, &str>) {
        let item = json!({ "InstanceId": "i-1", "Size": 8, "A": { "B": "x y" }, "Empty": "", "List": [] });
        let variables = Variables { partition: "aws", dns_suffix: "amazonaws.com", account: "1", region: "r", item: &item };
        let expect = expect.map(str::to_owned).map_err(|name| Missing(name.to_owned()));
        assert_eq!(variables.text(template), expect);
    }

    #[test]
    fn names_are_replaced_by_values() {
        check("arn:{partition}:ec2:{region}:{account}:instance/{InstanceId}", Ok("arn:aws:ec2:r:1:instance/i-1"));
        check("{instanceid}-{Size}", Ok("i-1-8"));
        check("{A.B}", Ok("x y"));
        check("{A.B|after: }", Ok("y"));
        check("{InstanceId|after:/}", Ok("i-1"));
        check("plain", Ok("plain"));
    }

    #[test]
    fn a_name_without_value_is_told() {
        check("{Gone}", Err("Gone"));
        check("{Empty}", Err("Empty"));
        check("{List}", Err("List"));
        check("{A.B.C}", Err("A.B.C"));
        check("{open", Err("open"));
    }

    #[test]
    fn encoding_leaves_only_unreserved_characters() {
        assert_eq!(percent_encode("arn:aws/ü+~"), "arn%3Aaws%2F%C3%BC%2B~");
    }
}
