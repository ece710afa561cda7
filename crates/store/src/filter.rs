//! What a reader may see, and how a statement of either database is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;
use skywarden_model::{Resource, Scope};

use crate::{
    StoreError,
    commit::{json, key},
    pool::Pool,
};

/// What a reader may see: accounts, resource groups of accounts, single resources. What is not among it is in no list, count or
/// score.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScopeFilter {
    /// Everything.
    All,
    /// Some accounts, or parts of them.
    Part(Arc<Part>),
}

/// What may be seen of some accounts, by (connector, account). An account of which nothing may be seen is not among them.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Part {
    accounts: BTreeMap<(String, String), Share>,
}

/// How much of an account may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Share {
    /// All of it, with what is known of it as a whole: its history, its listings.
    Whole,
    /// Only what lies in some places.
    Places(Places),
}

/// Places in an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Places {
    /// Resource groups (regions, where there are none), in small letters.
    pub groups: BTreeSet<String>,
    /// Resources beside those, by the ids that the store keeps them by, each with its group in small letters.
    pub resources: BTreeMap<String, String>,
}

/// A part of a statement with what its placeholders take, in order.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) sql: String,
    pub(crate) values: Vec<String>,
}

impl ScopeFilter {
    /// These shares of these accounts; shares without a place are left out.
    pub fn of(mut accounts: BTreeMap<(String, String), Share>) -> Self {
        accounts.retain(|_, share| match share {
            Share::Whole => true,
            Share::Places(places) => !places.groups.is_empty() || !places.resources.is_empty(),
        });
        Self::Part(Arc::new(Part { accounts }))
    }

    /// These (connector, account) pairs, each whole.
    pub fn accounts(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::of(pairs.into_iter().map(|pair| (pair, Share::Whole)).collect())
    }

    /// What this filter lets through of some (connector, account) pairs.
    #[must_use]
    pub fn narrowed(&self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let share = |pair: (String, String)| self.share(&pair.0, &pair.1).cloned().map(|share| (pair, share));
        Self::of(pairs.into_iter().filter_map(share).collect())
    }

    /// This filter with whole accounts in the place of parts: for what judges a part and is not shown itself.
    pub(crate) fn widened(&self) -> Self {
        match self {
            Self::All => Self::All,
            Self::Part(part) => Self::accounts(part.accounts.keys().cloned()),
        }
    }

    /// How much of an account may be seen; `None` is nothing.
    pub fn share(&self, connector: &str, account: &str) -> Option<&Share> {
        match self {
            Self::All => Some(&Share::Whole),
            Self::Part(part) => part.accounts.get(&(connector.to_owned(), account.to_owned())),
        }
    }

    /// Whether a whole account may be seen.
    pub fn allows(&self, connector: &str, account: &str) -> bool {
        matches!(self.share(connector, account), Some(Share::Whole))
    }

    /// Whether a whole resource group may be seen; its name in any case.
    pub fn allows_group(&self, connector: &str, account: &str, group: &str) -> bool {
        match self.share(connector, account) {
            None => false,
            Some(Share::Whole) => true,
            Some(Share::Places(places)) => places.groups.contains(&key(group)),
        }
    }

    /// Whether a resource may be seen.
    pub fn allows_resource(&self, resource: &Resource) -> bool {
        self.allows_in(&resource.scope, resource.id.as_str())
    }

    /// Whether the resource with an id that lies in a scope may be seen.
    pub(crate) fn allows_in(&self, scope: &Scope, id: &str) -> bool {
        let (connector, account) = (scope.connector.as_str(), &*scope.account);
        let is_single = matches!(self.share(connector, account), Some(Share::Places(own)) if own.resources.contains_key(id));
        is_single || self.allows_group(connector, account, &scope.resource_group)
    }

    /// Whether anything of an account may be seen.
    pub fn shows(&self, connector: &str, account: &str) -> bool {
        self.share(connector, account).is_some()
    }

    /// Whether anything of a connector may be seen.
    pub fn allows_connector(&self, connector: &str) -> bool {
        match self {
            Self::All => true,
            Self::Part(part) => {
                let first = part.accounts.range((connector.to_owned(), String::new())..).next();
                first.is_some_and(|((own, _), _)| own == connector)
            }
        }
    }

    /// The accounts that are seen in part, with what is seen of each.
    pub(crate) fn parts(&self) -> BTreeMap<&(String, String), &Places> {
        let Self::Part(part) = self else { return BTreeMap::new() };
        let mut parts = BTreeMap::new();
        for (pair, share) in &part.accounts {
            if let Share::Places(places) = share {
                parts.insert(pair, places);
            }
        }
        parts
    }

    /// This filter without the accounts that are seen whole.
    pub(crate) fn of_parts(&self) -> Self {
        let parts = self.parts().into_iter();
        Self::of(parts.map(|(pair, places)| (pair.clone(), Share::Places(places.clone()))).collect())
    }

    /// Only rows about resources that may be seen: `AND column IN (...)` over a column of their ids, with placeholders from `first`
    /// on; empty where everything may be seen. What is gone is not among them; see [`ScopeFilter::history`].
    pub(crate) fn resources(&self, pool: &Pool, column: &str, first: usize) -> Result<Condition, StoreError> {
        let Self::Part(part) = self else { return Ok(Condition::nothing_left_out()) };
        let mut found = Selects::new(pool, first);
        let in_account = "r.connector = w.connector AND r.account = w.account";
        found.add(&part.whole(), &["connector", "account"], |rows| {
            format!("SELECT r.id FROM {rows} w JOIN resources r ON {in_account}")
        })?;
        found.add(&part.groups(), &["connector", "account", "group_key"], |rows| {
            format!("SELECT r.id FROM {rows} w JOIN resources r ON {in_account} AND r.group_key = w.group_key")
        })?;
        found.add(&part.resources(), &["connector", "account", "id"], |rows| format!("SELECT w.id FROM {rows} w"))?;
        Ok(found.condition(column))
    }

    /// Only rows of slices of which all may be seen: `AND column IN (...)` over a column of their ids, with placeholders from `first` on;
    /// empty where everything may be seen. Resources that are seen one by one lie in none: they are [`ScopeFilter::singles`].
    pub(crate) fn slices(&self, pool: &Pool, column: &str, first: usize) -> Result<Condition, StoreError> {
        let Self::Part(part) = self else { return Ok(Condition::nothing_left_out()) };
        let mut found = Selects::new(pool, first);
        let in_account = "v.connector = w.connector AND v.account = w.account";
        found.add(&part.whole(), &["connector", "account"], |rows| {
            format!("SELECT v.id FROM {rows} w JOIN slices v ON {in_account}")
        })?;
        found.add(&part.groups(), &["connector", "account", "group_key"], |rows| {
            format!("SELECT v.id FROM {rows} w JOIN slices v ON {in_account} AND v.group_key = w.group_key")
        })?;
        Ok(found.condition(column))
    }

    /// The ids of resources that are seen one by one, beside those of [`ScopeFilter::slices`].
    pub(crate) fn singles(&self) -> Vec<&str> {
        let Self::Part(part) = self else { return Vec::new() };
        let mut singles = Vec::new();
        for (_, _, places) in part.places() {
            singles
                .extend(places.resources.iter().filter(|(_, group)| !places.groups.contains(*group)).map(|(id, _)| id.as_str()));
        }
        singles
    }

    /// Only rows of accounts that are seen whole, over columns of (connector, account).
    pub(crate) fn whole_accounts(&self, pool: &Pool, columns: &str, first: usize) -> Result<Condition, StoreError> {
        let Self::Part(part) = self else { return Ok(Condition::nothing_left_out()) };
        Condition::of_pairs(pool, &part.whole(), columns, first)
    }

    /// Only rows of accounts of which anything may be seen, over columns of (connector, account).
    pub(crate) fn any_accounts(&self, pool: &Pool, columns: &str, first: usize) -> Result<Condition, StoreError> {
        let Self::Part(part) = self else { return Ok(Condition::nothing_left_out()) };
        let pairs: Vec<[&str; 2]> = part.accounts.keys().map(|(connector, account)| [connector.as_str(), account]).collect();
        Condition::of_pairs(pool, &pairs, columns, first)
    }

    /// A table with columns (connector, account, group_key, resource) as far as its rows may be seen, those about what is gone too: to
    /// stand after FROM under the name `t`. `columns` are all that the statement wants of it, the table's key among them.
    pub(crate) fn history(&self, pool: &Pool, table: &str, columns: &[&str], first: usize) -> Result<Condition, StoreError> {
        let Self::Part(part) = self else { return Ok(Condition { sql: format!("{table} t"), values: Vec::new() }) };
        let own: Vec<String> = columns.iter().map(|column| format!("t.{column}")).collect();
        let own = own.join(", ");
        let in_account = "t.connector = w.connector AND t.account = w.account";
        let mut found = Selects::new(pool, first);
        found.add(&part.whole(), &["connector", "account"], |rows| {
            format!("SELECT {own} FROM {rows} w JOIN {table} t ON {in_account}")
        })?;
        found.add(&part.groups(), &["connector", "account", "group_key"], |rows| {
            format!("SELECT {own} FROM {rows} w JOIN {table} t ON {in_account} AND t.group_key = w.group_key")
        })?;
        found.add(&part.resources(), &["connector", "account", "id"], |rows| {
            format!("SELECT {own} FROM {rows} w JOIN {table} t ON t.resource = w.id AND {in_account}")
        })?;
        found.add_nothing(format!("SELECT {own} FROM {table} t WHERE 1 = 0"));
        // What moved may be told of both as a resource and as what lay in a group: once is enough.
        let is_told_twice = !part.groups().is_empty() && !part.resources().is_empty();
        let selects = found.selects.join(if is_told_twice { " UNION " } else { " UNION ALL " });
        Ok(Condition { sql: format!("({selects}) t"), values: found.values })
    }
}

impl Part {
    /// How much is seen of each (connector, account), in order.
    pub fn shares(&self) -> impl Iterator<Item = (&(String, String), &Share)> {
        self.accounts.iter()
    }

    fn whole(&self) -> Vec<[&str; 2]> {
        let whole = self.accounts.iter().filter(|(_, share)| **share == Share::Whole);
        whole.map(|((connector, account), _)| [connector.as_str(), account]).collect()
    }

    fn places(&self) -> impl Iterator<Item = (&str, &str, &Places)> {
        self.accounts.iter().filter_map(|((connector, account), share)| match share {
            Share::Whole => None,
            Share::Places(places) => Some((connector.as_str(), account.as_str(), places)),
        })
    }

    fn groups(&self) -> Vec<[&str; 3]> {
        let mut groups = Vec::new();
        for (connector, account, places) in self.places() {
            groups.extend(places.groups.iter().map(|group| [connector, account, group]));
        }
        groups
    }

    fn resources(&self) -> Vec<[&str; 3]> {
        let mut resources = Vec::new();
        for (connector, account, places) in self.places() {
            resources.extend(places.resources.keys().map(|id| [connector, account, id]));
        }
        resources
    }
}

impl Condition {
    fn nothing_left_out() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    fn of_pairs(pool: &Pool, pairs: &[[&str; 2]], columns: &str, first: usize) -> Result<Self, StoreError> {
        let mut found = Selects::new(pool, first);
        found.add(pairs, &["connector", "account"], |rows| format!("SELECT w.connector, w.account FROM {rows} w"))?;
        Ok(found.condition(&format!("({columns})")))
    }
}

/// Selects whose rows add up; each takes rows of texts as one JSON array, so that any number of them is one value.
struct Selects<'p> {
    pool: &'p Pool,
    next: usize,
    selects: Vec<String>,
    values: Vec<String>,
}

impl<'p> Selects<'p> {
    fn new(pool: &'p Pool, first: usize) -> Self {
        Self { pool, next: first, selects: Vec::new(), values: Vec::new() }
    }

    /// Adds a select over rows, written with the table of these; nothing without rows.
    fn add<R: Serialize>(&mut self, rows: &[R], columns: &[&str], select: impl FnOnce(&str) -> String) -> Result<(), StoreError> {
        if !rows.is_empty() {
            self.selects.push(select(&self.pool.rows(self.next, columns)));
            self.values.push(json(rows)?);
            self.next += 1;
        }
        Ok(())
    }

    /// Adds a select that has no rows, if there is none.
    fn add_nothing(&mut self, select: String) {
        if self.selects.is_empty() {
            self.selects.push(select);
        }
    }

    fn condition(self, columns: &str) -> Condition {
        let sql = match self.selects.as_slice() {
            [] => " AND 1 = 0".to_owned(),
            selects => format!(" AND {columns} IN ({})", selects.join(" UNION ALL ")),
        };
        Condition { sql, values: self.values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(connector: &str, account: &str) -> (String, String) {
        (connector.to_owned(), account.to_owned())
    }

    #[test]
    fn a_share_is_what_was_given_and_nothing_beside_it() {
        let places = Places { groups: ["eu".to_owned()].into(), resources: [("arn:x".to_owned(), "us".to_owned())].into() };
        let filter = ScopeFilter::of(BTreeMap::from([
            (pair("a", "1"), Share::Whole),
            (pair("a", "2"), Share::Places(places)),
            (pair("b", "1"), Share::Places(Places::default())),
        ]));
        let told = |connector: &str, account: &str| (filter.allows(connector, account), filter.shows(connector, account));
        assert_eq!((told("a", "1"), told("a", "2"), told("b", "1")), ((true, true), (false, true), (false, false)));
        assert!(
            filter.allows_group("a", "2", "EU") && !filter.allows_group("a", "2", "us") && filter.allows_group("a", "1", "us")
        );
        let scope = |group: &str| Scope { connector: "a".into(), account: "2".into(), resource_group: group.into() };
        assert!(filter.allows_in(&scope("us"), "arn:x") && filter.allows_in(&scope("eu"), "arn:y"));
        assert!(!filter.allows_in(&scope("us"), "arn:y"));
        assert!(filter.allows_connector("a") && !filter.allows_connector("b") && !filter.allows_connector(""));
        assert_eq!(filter.narrowed([pair("a", "1"), pair("c", "1")]), ScopeFilter::accounts([pair("a", "1")]));
        assert_eq!(filter.of_parts(), filter.narrowed([pair("a", "2")]));
    }
}
