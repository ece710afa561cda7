use serde_json::Value;

/// Stands in a template for what the name of a resource group ends with.
const SUFFIX: char = '\u{E000}';

/// The first of the letters that stand in a template for a subscription.
const FIRST_SUBSCRIPTION: u32 = 0xE001;

/// The last of them: a tenant has at most so many written subscriptions.
const LAST_SUBSCRIPTION: u32 = 0xE0FF;

/// A text in which resource groups and subscriptions are left open, so that a copy of it can be made.
#[derive(Debug, Default)]
pub(crate) struct Text(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Fixed(Box<str>),
    Suffix,
    /// By its place among the written ones.
    Subscription(usize),
}

impl Text {
    /// A text in which the names are open already.
    pub(crate) fn new(open: &str) -> Self {
        let mut pieces = Vec::new();
        let mut fixed = String::new();
        for letter in open.chars() {
            let piece = match letter {
                SUFFIX => Piece::Suffix,
                _ => match subscription_place(letter) {
                    Some(place) => Piece::Subscription(place),
                    None => {
                        fixed.push(letter);
                        continue;
                    }
                },
            };
            if !fixed.is_empty() {
                pieces.push(Piece::Fixed(std::mem::take(&mut fixed).into()));
            }
            pieces.push(piece);
        }
        if !fixed.is_empty() {
            pieces.push(Piece::Fixed(fixed.into()));
        }
        Self(pieces)
    }

    /// The text of one copy.
    pub(crate) fn closed(&self, suffix: &str, subscription: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Suffix => text.push_str(suffix),
                Piece::Subscription(place) => text.push_str(&subscription(*place)),
            }
        }
        text
    }
}

/// Opens the names of resource groups and subscriptions wherever they stand in a value.
pub(crate) fn open(value: &mut Value, subscriptions: &[String]) {
    match value {
        Value::String(text) => *text = opened(text, subscriptions),
        Value::Array(items) => items.iter_mut().for_each(|item| open(item, subscriptions)),
        Value::Object(fields) => fields.values_mut().for_each(|field| open(field, subscriptions)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text with its names of resource groups and subscriptions open.
pub(crate) fn opened(text: &str, subscriptions: &[String]) -> String {
    let mut text = text.to_owned();
    for (place, subscription) in subscriptions.iter().enumerate() {
        if let Some(letter) = subscription_letter(place) {
            text = replaced(&text, subscription, &letter.to_string());
        }
    }
    let mut opened = String::with_capacity(text.len() + 8);
    let mut rest = text.as_str();
    const MARK: &str = "/resourcegroups/";
    while let Some(at) = rest.to_ascii_lowercase().find(MARK) {
        let (before, after) = rest.split_at(at + MARK.len());
        let end = after.find(['/', '"', ' ']).unwrap_or(after.len());
        let (name, others) = after.split_at(end);
        opened.push_str(before);
        opened.push_str(name);
        if !name.is_empty() {
            opened.push(SUFFIX);
        }
        rest = others;
    }
    opened.push_str(rest);
    opened
}

/// What a resource group's own name is in a template.
pub(crate) fn open_name(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

pub(crate) fn subscription_letter(place: usize) -> Option<char> {
    let letter = FIRST_SUBSCRIPTION + u32::try_from(place).ok()?;
    char::from_u32(letter).filter(|_| letter <= LAST_SUBSCRIPTION)
}

fn subscription_place(letter: char) -> Option<usize> {
    let letter = u32::from(letter);
    (FIRST_SUBSCRIPTION..=LAST_SUBSCRIPTION).contains(&letter).then(|| (letter - FIRST_SUBSCRIPTION) as usize)
}

/// A text with another in it replaced, whatever its case. Both are ASCII where they meet.
fn replaced(text: &str, what: &str, with: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find(what) {
        let (before, after) = rest.split_at(at);
        result.push_str(before);
        result.push_str(with);
        rest = after.split_at(what.len()).1;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_differ_in_groups_and_subscriptions_only() {
        let text = "/subscriptions/0A-1/resourceGroups/web/providers/X/y/z and /subscriptions/0a-1/resourcegroups/WEB";
        let template = Text::new(&opened(text, &["0a-1".to_owned()]));
        let copy = template.closed("-k1", |place| format!("sub{place}"));
        assert_eq!(
            copy,
            "/subscriptions/sub0/resourceGroups/web-k1/providers/X/y/z and /subscriptions/sub0/resourcegroups/WEB-k1"
        );
        assert_eq!(template.closed("", |_| "0A-1".to_owned()), text.replace("0a-1", "0A-1"));
    }
}
