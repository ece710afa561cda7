use serde_json::Value;

use crate::narrowing::Condition;

/// A policy document of IAM or of a resource.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    pub(crate) principals: Principals,
    pub(crate) actions: Patterns,
    pub(crate) resources: Patterns,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) position: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// Whom a statement is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Principals {
    Only(Vec<Principal>),
    /// `NotPrincipal`: everyone else.
    AllBut,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    Anyone,
    /// An AWS principal of this account.
    Account(String),
    /// A service, a federation or an id of a deleted principal.
    Other,
}

/// `Action`, `NotAction`, `Resource`, `NotResource`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Patterns {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Document {
    /// Parses a document that is an object or the text of one (percent-encoded too, as IAM answers).
    pub(crate) fn parse(value: &Value) -> Result<Self, &'static str> {
        let parsed;
        let object = match value {
            Value::String(text) => {
                let decoded = if text.starts_with('%') { percent_decoded(text) } else { text.clone() };
                parsed = serde_json::from_str::<Value>(&decoded).map_err(|_| "the policy is not JSON")?;
                &parsed
            }
            other => other,
        };
        let statements = match object.get("Statement") {
            Some(Value::Array(items)) => items.iter().collect(),
            Some(item @ Value::Object(_)) => vec![item],
            // An empty document allows nothing.
            None if object.as_object().is_some_and(serde_json::Map::is_empty) => Vec::new(),
            _ => return Err("the policy has no statements"),
        };
        let statements = statements.into_iter().enumerate().map(|(position, item)| Statement::parse(item, position));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    /// Statements with that effect.
    pub(crate) fn with(&self, effect: Effect) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.effect == effect)
    }
}

impl Statement {
    fn parse(item: &Value, position: usize) -> Result<Self, &'static str> {
        let effect = match item.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err("a statement neither allows nor denies"),
        };
        let principals = match (item.get("Principal"), item.get("NotPrincipal")) {
            (Some(value), _) => Principals::Only(principals(value)?),
            (None, Some(_)) => Principals::AllBut,
            (None, None) => Principals::Only(Vec::new()),
        };
        Ok(Self {
            effect,
            principals,
            actions: patterns(item, "Action", "NotAction")?,
            resources: patterns(item, "Resource", "NotResource")?,
            conditions: Condition::parse_all(item.get("Condition"))?,
            position,
        })
    }

    pub(crate) fn is_about_anyone(&self) -> bool {
        match &self.principals {
            Principals::Only(list) => list.contains(&Principal::Anyone),
            Principals::AllBut => true,
        }
    }
}

impl Patterns {
    /// Whether everything that the pattern `other` matches is matched.
    pub(crate) fn cover(&self, other: &str) -> bool {
        match self {
            Self::Only(patterns) => patterns.iter().any(|pattern| glob(pattern, other)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| glob(pattern, other) || glob(other, pattern)),
        }
    }

    pub(crate) fn cover_all_of(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Only(patterns)) => patterns.iter().all(|pattern| self.cover(pattern)),
            (Self::Only(_), Self::AllBut(_)) => self.cover("*"),
            (Self::AllBut(mine), Self::AllBut(theirs)) => {
                mine.iter().all(|pattern| theirs.iter().any(|their| glob(their, pattern)))
            }
        }
    }

    /// How the patterns are written, for people.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Only(patterns) => patterns.clone(),
            Self::AllBut(patterns) => vec![format!("not {}", patterns.join(", "))],
        }
    }
}

/// Whether `*` and `?` patterns match, without case; linear in the text for each `*`.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(have) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(want) if *want == b'?' || want.eq_ignore_ascii_case(have) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == b'*')
}

/// A string or a list of strings.
pub(crate) fn strings(value: &Value) -> Result<Vec<String>, &'static str> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err("a list of strings holds something else"),
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}

fn patterns(item: &Value, key: &str, not_key: &str) -> Result<Patterns, &'static str> {
    match (item.get(key), item.get(not_key)) {
        (Some(value), _) => strings(value).map(Patterns::Only),
        (None, Some(value)) => strings(value).map(Patterns::AllBut),
        // A trust policy names no resource: it is about itself.
        (None, None) => Ok(Patterns::Only(vec!["*".to_owned()])),
    }
}

fn principals(value: &Value) -> Result<Vec<Principal>, &'static str> {
    if value.as_str() == Some("*") {
        return Ok(vec![Principal::Anyone]);
    }
    let mut list = Vec::new();
    for (kind, value) in value.as_object().ok_or("a principal is neither `*` nor an object")? {
        for text in strings(value)? {
            list.push(match (kind.as_str(), text.as_str()) {
                ("AWS" | "CanonicalUser", "*") => Principal::Anyone,
                ("AWS", text) => account_of(text).map_or(Principal::Other, |account| Principal::Account(account.to_owned())),
                _ => Principal::Other,
            });
        }
    }
    Ok(list)
}

/// The account id of an ARN, or the text itself if it is one.
pub(crate) fn account_of(text: &str) -> Option<&str> {
    let account = if text.starts_with("arn:") { text.split(':').nth(4)? } else { text };
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?')),
                _ => bytes.push(b'?'),
            },
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
