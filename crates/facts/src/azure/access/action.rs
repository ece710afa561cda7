/// An action that somebody may ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    /// In lower case.
    action: String,
    plane: Plane,
}

/// What an action is done to: the resource as Azure Resource Manager holds it, or what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plane {
    Control,
    Data,
}

impl Right {
    /// Of the control plane.
    pub(crate) fn control(action: &str) -> Self {
        Self { action: action.to_ascii_lowercase(), plane: Plane::Control }
    }

    /// Of the data plane.
    pub(crate) fn data(action: &str) -> Self {
        Self { action: action.to_ascii_lowercase(), plane: Plane::Data }
    }

    pub(crate) fn action(&self) -> &str {
        &self.action
    }

    pub(crate) fn plane(&self) -> Plane {
        self.plane
    }
}

/// Which actions are meant: `Microsoft.Compute/*/read`. A `*` stands for any text, slashes too; case does not matter.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// As written, in lower case.
    text: String,
    /// Where the text has a star; a pattern of one star at its end, the most common, needs no search.
    stars: Stars,
}

#[derive(Debug, Clone, Copy)]
enum Stars {
    None,
    Last,
    Some,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let stars = match text.find('*') {
            None => Stars::None,
            Some(first) if first + 1 == text.len() => Stars::Last,
            Some(_) => Stars::Some,
        };
        Self { text, stars }
    }

    /// Whether an action in lower case is meant. A pattern as the action asks whether everything that it means is meant.
    pub(crate) fn matches(&self, action: &str) -> bool {
        match self.stars {
            Stars::None => self.text == action,
            Stars::Last => self.text.strip_suffix('*').is_some_and(|head| action.starts_with(head)),
            Stars::Some => spans(&self.text, action),
        }
    }

    /// Whether it means every action.
    pub(crate) fn is_everything(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte == b'*' || byte == b'/')
    }

    /// The pattern of those of its actions that end like this; none if it has no such.
    pub(crate) fn ending_in(&self, verb: &str) -> Option<String> {
        if self.text.ends_with('*') {
            return Some(format!("{}{verb}", self.text));
        }
        self.text.ends_with(verb).then(|| self.text.clone())
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

fn spans(pattern: &str, action: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == action };
    let Some(mut left) = action.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some((_, below)) = left.split_once(part) else { return false };
        left = below;
    }
    left.ends_with(tail)
}
