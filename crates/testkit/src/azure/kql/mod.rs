//! The small part of Kusto's language that Resource Graph's clients ask in.
//!
//! Not a full Kusto: no `join`, `union`, `mv-expand`, `let` or regular expressions. A query with them is refused at the place where
//! it can't be read, as Resource Graph refuses what it can't.

mod evaluate;
mod lex;
mod parse;
mod run;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

pub(crate) use parse::parse;
pub(crate) use run::{Found, run};

/// A query that has been read: which table, and what is done with its rows one after the other.
pub(crate) struct Query {
    /// In lower case.
    pub(crate) table: String,
    stages: Vec<Stage>,
    /// The columns of the answer, in their order.
    pub(crate) columns: Vec<String>,
    /// Whether `limit`, `take` or `top` is in it: such an answer has no next page.
    pub(crate) is_limited: bool,
}

/// Why a query can't be read, and where.
#[derive(Debug, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) token: String,
    /// From 1.
    pub(crate) line: usize,
    /// In letters, from 1.
    pub(crate) column: usize,
}

/// What a row of a table answers.
pub(crate) trait Row {
    /// The value of a column, null if it has none.
    fn column(&self, name: &str) -> Cow<'_, Value>;
}

enum Stage {
    Where(Expression),
    Project(Vec<Column>),
    /// `project-away`: the parser lets those columns be named no more.
    Away,
    Extend(Vec<Column>),
    Order(Vec<Key>),
    Limit(usize),
    Count,
    Summarize {
        aggregates: Vec<(String, Aggregate)>,
        by: Vec<Column>,
    },
    Distinct(Vec<Column>),
}

struct Column {
    name: String,
    value: Expression,
}

struct Key {
    value: Expression,
    direction: Direction,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

enum Aggregate {
    Count,
    CountIf(Expression),
    Distinct(Expression),
    Sum(Expression),
    Least(Expression),
    Greatest(Expression),
}

enum Expression {
    Literal(Value),
    Column(String),
    Member(Box<Self>, String),
    Element(Box<Self>, usize),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    In(Membership, Box<Self>, Vec<Self>),
    Call(Function, Vec<Self>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    EqualFolded,
    NotEqual,
    NotEqualFolded,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
    HasNot,
    Contains,
    ContainsNot,
    StartsWith,
    StartsNotWith,
    EndsWith,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Membership {
    case: Case,
    /// `!in`.
    sense: Sense,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Kept,
    Folded,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sense {
    Within,
    Outside,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    ToString,
    ToLower,
    ToUpper,
    ToNumber,
    IsEmpty,
    IsNotEmpty,
    IsNull,
    IsNotNull,
    ArrayLength,
    StringLength,
    Concatenate,
    Coalesce,
    /// `todynamic`, `parse_json`: what the text says.
    ParseJson,
    /// `todatetime`: the text of a time with seven digits after the point, so that texts compare as times.
    ToDateTime,
}
