use std::borrow::Cow;

/// What one field of an event holds. Numbers stand for their text too, as Sigma compares them.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// The event has no such field.
    #[default]
    Absent,
    /// The field is there and is null.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Several values: of a list, or of a path that goes through one. A test holds if it holds of any of them.
    List(Vec<Value<'a>>),
    /// An object; its members are fields of their own.
    Object,
}

impl<'a> Value<'a> {
    /// Adds a value to what is there already.
    pub(crate) fn push(&mut self, value: Self) {
        match self {
            Value::Absent => *self = value,
            Value::List(values) => values.push(value),
            _ => {
                let first = std::mem::take(self);
                *self = Value::List(vec![first, value]);
            }
        }
    }

    /// The same value, whose texts are borrowed from this one.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Absent => Value::Absent,
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(number) => Value::Int(*number),
            Value::Float(number) => Value::Float(*number),
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::List(values) => Value::List(values.iter().map(Value::borrowed).collect()),
            Value::Object => Value::Object,
        }
    }

    /// The value, or each of several.
    pub fn each(&self) -> &[Value<'a>] {
        match self {
            Value::List(values) => values,
            one => std::slice::from_ref(one),
        }
    }

    /// The text that the value is or stands for; `None` for what has none (objects, lists, null, absent).
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Int(number) => Some(Cow::Owned(number.to_string())),
            Value::Float(number) => Some(Cow::Owned(number.to_string())),
            Value::Bool(true) => Some(Cow::Borrowed("true")),
            Value::Bool(false) => Some(Cow::Borrowed("false")),
            Value::Absent | Value::Null | Value::List(_) | Value::Object => None,
        }
    }

    /// The first text among the values.
    pub fn first_text(&self) -> Option<Cow<'_, str>> {
        self.each().iter().find_map(Value::text)
    }

    /// The number that the value is or whose text it is.
    pub fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "compared with what a rule's author wrote, far below 2^53")]
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether the field is missing or null.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Value::Absent | Value::Null)
    }
}

impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(value: &'a serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => number_value(number),
            serde_json::Value::String(text) => Value::Text(Cow::Borrowed(text)),
            serde_json::Value::Array(values) => Value::List(values.iter().map(Value::from).collect()),
            serde_json::Value::Object(_) => Value::Object,
        }
    }
}

/// Whole numbers that `i64` can't hold stand as their text, so that no digit is lost.
fn number_value(number: &serde_json::Number) -> Value<'static> {
    match (number.as_i64(), number.is_u64()) {
        (Some(whole), _) => Value::Int(whole),
        (None, true) => Value::Text(Cow::Owned(number.to_string())),
        (None, false) => Value::Float(number.as_f64().unwrap_or_default()),
    }
}
