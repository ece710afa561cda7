use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Map, Value};

use super::{
    Aggregate, Column, Direction, Key, Query, Row, Stage,
    evaluate::{number, order, text},
};

/// What a query found.
pub(crate) enum Found<K> {
    /// Rows of the table, by their keys: what the query makes of one is made when it is asked for.
    Keys(Vec<K>),
    /// Rows that the query made of several.
    Made(Vec<Map<String, Value>>),
}

impl<K: Copy> Found<K> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Keys(keys) => keys.len(),
            Self::Made(rows) => rows.len(),
        }
    }

    /// The row at a place, with the query's columns.
    pub(crate) fn row<R: Row>(&self, query: &Query, place: usize, open: impl Fn(K) -> R) -> Option<Map<String, Value>> {
        match self {
            Self::Made(rows) => rows.get(place).cloned(),
            Self::Keys(keys) => {
                let base = open(*keys.get(place)?);
                let one_by_one: Vec<_> = query.stages.iter().filter(|stage| stage.is_of_one_row()).collect();
                Some(through(&one_by_one, Layered::over(&base))?.columns(&query.columns))
            }
        }
    }
}

/// Runs a query over the rows of its table.
pub(crate) fn run<K: Copy, R: Row>(query: &Query, keys: impl Iterator<Item = K>, open: impl Fn(K) -> R) -> Found<K> {
    let mut stages = query.stages.iter();
    // Those that look at one row at a time, so far.
    let mut one_by_one: Vec<&Stage> = Vec::new();
    let mut n_applied = 0;
    let mut keys: Vec<K> = keys.collect();
    let keep = |keys: &mut Vec<K>, one_by_one: &[&Stage], n_applied: &mut usize| {
        if one_by_one.iter().skip(*n_applied).any(|stage| matches!(stage, Stage::Where(_))) {
            keys.retain(|key| through(one_by_one, Layered::over(&open(*key))).is_some());
        }
        *n_applied = one_by_one.len();
    };
    while let Some(stage) = stages.next() {
        match stage {
            _ if stage.is_of_one_row() => one_by_one.push(stage),
            Stage::Order(by) => {
                keep(&mut keys, &one_by_one, &mut n_applied);
                let mut sortable: Vec<_> = keys
                    .iter()
                    .filter_map(|key| Some((values(by, &through(&one_by_one, Layered::over(&open(*key)))?), *key)))
                    .collect();
                sortable.sort_by(|(left, _), (right, _)| in_order(by, left, right));
                keys = sortable.into_iter().map(|(_, key)| key).collect();
            }
            Stage::Limit(limit) => {
                keep(&mut keys, &one_by_one, &mut n_applied);
                keys.truncate(*limit);
            }
            _ => {
                let made = group(stage, keys.iter(), |key, take| {
                    if let Some(row) = through(&one_by_one, Layered::over(&open(*key))) {
                        take(&row);
                    }
                });
                let rows = stages.fold(made, again);
                return Found::Made(rows.into_iter().map(|row| Layered::of(row).columns(&query.columns)).collect());
            }
        }
    }
    keep(&mut keys, &one_by_one, &mut n_applied);
    Found::Keys(keys)
}

impl Stage {
    fn is_of_one_row(&self) -> bool {
        matches!(self, Self::Where(_) | Self::Project(_) | Self::Away | Self::Extend(_))
    }
}

/// A row, and what the query has put over it.
struct Layered<'a> {
    base: Option<&'a dyn Row>,
    over: BTreeMap<String, Value>,
}

impl<'a> Layered<'a> {
    fn over(base: &'a dyn Row) -> Self {
        Self { base: Some(base), over: BTreeMap::new() }
    }

    fn of(row: Map<String, Value>) -> Self {
        Self { base: None, over: row.into_iter().collect() }
    }

    fn columns(&self, names: &[String]) -> Map<String, Value> {
        names.iter().map(|name| (name.clone(), self.column(name).into_owned())).collect()
    }

    fn made(&self, columns: &[Column]) -> BTreeMap<String, Value> {
        columns.iter().map(|column| (column.name.clone(), column.value.value(self).into_owned())).collect()
    }
}

impl Row for Layered<'_> {
    fn column(&self, name: &str) -> Cow<'_, Value> {
        match (self.over.get(name), self.base) {
            (Some(value), _) => Cow::Borrowed(value),
            (None, Some(base)) => base.column(name),
            (None, None) => Cow::Owned(Value::Null),
        }
    }
}

/// What stages that look at one row at a time make of one; `None` if it is not wanted.
fn through<'a>(stages: &[&Stage], mut row: Layered<'a>) -> Option<Layered<'a>> {
    for stage in stages {
        match stage {
            Stage::Where(condition) if !condition.holds(&row) => return None,
            Stage::Project(columns) => row = Layered { base: None, over: row.made(columns) },
            Stage::Extend(columns) => {
                let made = row.made(columns);
                row.over.extend(made);
            }
            // The parser no longer lets these columns be named, and the answer has none but the query's.
            _ => {}
        }
    }
    Some(row)
}

/// A stage over rows that the query made.
fn again(rows: Vec<Map<String, Value>>, stage: &Stage) -> Vec<Map<String, Value>> {
    let mut layered: Vec<Layered<'static>> = rows.into_iter().map(Layered::of).collect();
    match stage {
        Stage::Order(by) => layered.sort_by(|left, right| in_order(by, &values(by, left), &values(by, right))),
        Stage::Limit(limit) => layered.truncate(*limit),
        _ if stage.is_of_one_row() => layered = layered.into_iter().filter_map(|row| through(&[stage], row)).collect(),
        _ => return group(stage, layered.iter(), |row, take| take(row)),
    }
    layered.into_iter().map(|row| row.over.into_iter().collect()).collect()
}

/// `count`, `summarize` and `distinct`. Groups come in the order of their columns.
fn group<T>(
    stage: &Stage,
    items: impl Iterator<Item = T>,
    open: impl Fn(T, &mut dyn FnMut(&Layered<'_>)),
) -> Vec<Map<String, Value>> {
    let counted = [("Count".to_owned(), Aggregate::Count)];
    let (aggregates, by): (&[_], &[_]) = match stage {
        Stage::Summarize { aggregates, by } => (aggregates, by),
        Stage::Distinct(by) => (&[], by),
        _ => (&counted, &[]),
    };
    let mut groups: BTreeMap<String, (BTreeMap<String, Value>, Vec<Tally>)> = BTreeMap::new();
    if by.is_empty() {
        groups.insert(String::new(), (BTreeMap::new(), tallies(aggregates)));
    }
    for item in items {
        open(item, &mut |row| {
            let names = row.made(by);
            let key = if by.is_empty() { String::new() } else { serde_json::to_string(&names).unwrap_or_default() };
            let (_, tallies) = groups.entry(key).or_insert_with(|| (names, tallies(aggregates)));
            for ((_, aggregate), tally) in aggregates.iter().zip(tallies) {
                tally.add(aggregate, row);
            }
        });
    }
    let rows = groups.into_values().map(|(names, tallies)| {
        let results = aggregates.iter().zip(tallies).map(|((name, aggregate), tally)| (name.clone(), tally.result(aggregate)));
        names.into_iter().chain(results).collect()
    });
    rows.collect()
}

fn tallies(aggregates: &[(String, Aggregate)]) -> Vec<Tally> {
    aggregates.iter().map(|_| Tally::default()).collect()
}

#[derive(Default)]
struct Tally {
    count: u64,
    sum: f64,
    extreme: Option<Value>,
    seen: BTreeSet<String>,
}

impl Tally {
    fn add(&mut self, aggregate: &Aggregate, row: &Layered<'_>) {
        match aggregate {
            Aggregate::Count => self.count += 1,
            Aggregate::CountIf(condition) => self.count += u64::from(condition.holds(row)),
            Aggregate::Distinct(value) => {
                self.seen.insert(text(&value.value(row)).into_owned());
            }
            Aggregate::Sum(value) => self.sum += value.value(row).as_f64().unwrap_or_default(),
            Aggregate::Least(value) | Aggregate::Greatest(value) => {
                let value = value.value(row).into_owned();
                let is_better = self.extreme.as_ref().is_none_or(|best| match aggregate {
                    Aggregate::Least(_) => order(&value, best).is_lt(),
                    _ => order(&value, best).is_gt(),
                });
                if is_better && !value.is_null() {
                    self.extreme = Some(value);
                }
            }
        }
    }

    fn result(self, aggregate: &Aggregate) -> Value {
        match aggregate {
            Aggregate::Count | Aggregate::CountIf(_) => Value::from(self.count),
            Aggregate::Distinct(_) => Value::from(self.seen.len()),
            Aggregate::Sum(_) => number(self.sum),
            Aggregate::Least(_) | Aggregate::Greatest(_) => self.extreme.unwrap_or_default(),
        }
    }
}

fn values(by: &[Key], row: &Layered<'_>) -> Vec<Value> {
    by.iter().map(|key| key.value.value(row).into_owned()).collect()
}

fn in_order(by: &[Key], left: &[Value], right: &[Value]) -> std::cmp::Ordering {
    let pairs = by.iter().zip(left.iter().zip(right));
    let mut orders = pairs.map(|(key, (left, right))| match key.direction {
        Direction::Ascending => order(left, right),
        Direction::Descending => order(right, left),
    });
    orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}
