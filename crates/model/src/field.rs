use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A member of an object, by name. Names compare without ASCII case when a path is resolved.
    Key(Box<str>),
    /// `[*]`: every element of a list.
    Each,
}

/// The place of a value inside a resource: `properties.a.b[*].c`, `tags.env`, `facts.exposure.internet`.
///
/// A key that itself holds a dot or a bracket is quoted: `tags['a.b']`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

/// Why a text is not a field path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a field path: {problem}")]
pub struct FieldPathError {
    path: String,
    problem: &'static str,
}

impl FieldPath {
    /// The steps from the resource down.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// A path from its steps.
    pub fn from_segments(segments: Vec<Segment>) -> Self {
        Self(segments)
    }

    /// Whether `self` is `other` or lies above it, so that an unreadable `self` makes `other` unreadable.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.len() <= other.0.len() && self.0.iter().zip(&other.0).all(|(mine, theirs)| same_step(mine, theirs))
    }
}

fn same_step(left: &Segment, right: &Segment) -> bool {
    match (left, right) {
        (Segment::Key(left), Segment::Key(right)) => left.eq_ignore_ascii_case(right),
        (Segment::Each, Segment::Each) => true,
        _ => false,
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(path: &str) -> Result<Self, FieldPathError> {
        let fail = |problem| FieldPathError { path: path.to_owned(), problem };
        let mut segments = Vec::new();
        let mut rest = path;
        let mut after_dot = true;
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix("[*]") {
                if segments.is_empty() {
                    return Err(fail("it begins with `[*]`"));
                }
                segments.push(Segment::Each);
                rest = tail;
                after_dot = false;
            } else if let Some(tail) = rest.strip_prefix("['") {
                let (key, tail) = tail.split_once("']").ok_or_else(|| fail("a `['` is not closed by `']`"))?;
                segments.push(Segment::Key(key.into()));
                rest = tail;
                after_dot = false;
            } else if !after_dot && let Some(tail) = rest.strip_prefix('.') {
                rest = tail;
                after_dot = true;
                if rest.is_empty() {
                    return Err(fail("it ends with a dot"));
                }
            } else if after_dot {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (key, tail) = rest.split_at(end);
                if key.is_empty() {
                    return Err(fail("a name between two dots is empty"));
                }
                segments.push(Segment::Key(key.into()));
                rest = tail;
                after_dot = false;
            } else {
                return Err(fail("a `.` or `[` is missing between two names"));
            }
        }
        if segments.is_empty() {
            return Err(fail("it is empty"));
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Each => out.write_str("[*]")?,
                Segment::Key(key) if key.is_empty() || key.contains(['.', '[']) => write!(out, "['{key}']")?,
                Segment::Key(key) if position == 0 => out.write_str(key)?,
                Segment::Key(key) => write!(out, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for FieldPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        path.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FieldPath {
        text.parse().unwrap()
    }

    #[test]
    fn paths_print_as_they_were_written() {
        for text in ["properties.a.b", "properties.list[*].x", "tags['a.b']", "properties.m[*][*]", "id"] {
            assert_eq!(path(text).to_string(), text);
        }
    }

    #[test]
    fn broken_paths_say_what_is_wrong() {
        for text in ["", "a..b", "a.", "[*]", "a[*]b", "a['b", ".a"] {
            assert!(text.parse::<FieldPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_covers_itself_and_what_lies_below() {
        assert!(path("properties.A").covers(&path("properties.a.b")));
        assert!(path("properties.a").covers(&path("properties.a")));
        assert!(!path("properties.a.b").covers(&path("properties.a")));
        assert!(!path("properties.a").covers(&path("properties.ab")));
    }
}
