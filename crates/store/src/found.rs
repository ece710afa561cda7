//! What a text finds that very many resources have: counted, and the keys of a page of it, in one pass over their verdicts.

use std::{
    collections::{BTreeMap, BinaryHeap, HashSet},
    sync::Arc,
};

use skywarden_model::Status;

use crate::{
    AssessmentQuery, AssessmentRow, ScopeFilter, Store, StoreError,
    conditions::Conditions,
    pages::{FOUND, Position, Source, has_trigrams, phrase},
    pool::{IDS_AT_ONCE, Pool, rows_of},
    read::{page_size, position},
    summary::RANKED,
    verdicts::{damaged, verdicts},
};

/// Numbers of resources of which one statement gives the verdicts.
const AT_ONCE: i64 = 100_000;

/// Resources of a part of the estate, of which so many at most are met one by one instead of by what they have in their names.
const SMALL: u64 = 50_000;

/// What a query with a text finds.
#[derive(Debug)]
pub(crate) struct Found {
    /// Assessments by verdict, whatever the cursor and the limit.
    pub(crate) counts: BTreeMap<Status, u64>,
    /// Those of the page and one more, if there is one.
    keys: Vec<Key>,
}

/// An assessment in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The verdict's place in [`RANKED`].
    rank: usize,
    recommendation: Arc<str>,
    /// Of the resource.
    number: i64,
}

/// Which of the resources that have the text are meant.
struct Meant {
    /// Slices that a query is about; `None` is all.
    places: Option<HashSet<i64>>,
    /// Slices that are seen; `None` is all.
    visible: Option<HashSet<i64>>,
    /// Numbers of the resources that are seen one by one.
    singles: HashSet<i64>,
}

impl Meant {
    fn has(&self, number: i64, slice: i64) -> bool {
        let is_in = |slices: &Option<HashSet<i64>>| slices.as_ref().is_none_or(|slices| slices.contains(&slice));
        is_in(&self.places) && (is_in(&self.visible) || self.singles.contains(&number))
    }
}

/// What is found, as far as it was looked through.
struct Finding<'q> {
    status: Option<Status>,
    recommendations: BTreeMap<u32, Arc<str>>,
    meant: Meant,
    after: Option<&'q Key>,
    /// How many keys are wanted.
    n: usize,
    counts: BTreeMap<Status, u64>,
    /// The first keys, the last of them on top.
    first: BinaryHeap<Key>,
}

impl Finding<'_> {
    /// Adds resources from a text of theirs, `number slice verdicts`, with semicolons between them.
    fn add_all(&mut self, text: &str) -> Result<(), StoreError> {
        for resource in text.split(';').filter(|own| !own.is_empty()) {
            let mut words = resource.splitn(3, ' ');
            let mut number = || words.next()?.parse::<i64>().ok();
            let (Some(number), Some(slice)) = (number(), number()) else { return Err(damaged(resource)) };
            if self.meant.has(number, slice) {
                self.add(number, words.next().unwrap_or_default())?;
            }
        }
        Ok(())
    }

    fn add(&mut self, resource: i64, text: &str) -> Result<(), StoreError> {
        for verdict in verdicts(text) {
            let (status, number) = verdict?;
            // Not asked for, or newer than the version of the estate that this answers for.
            let Some(recommendation) = self.recommendations.get(&number) else { continue };
            if self.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            *self.counts.entry(status).or_default() += 1;
            let Some(rank) = RANKED.iter().position(|own| *own == status) else { continue };
            let own = (rank, &**recommendation, resource);
            let is_full = self.first.len() >= self.n;
            let is_before = |last: &Key| own < (last.rank, &*last.recommendation, last.number);
            let is_wanted = !is_full || self.first.peek().is_some_and(is_before);
            let is_behind = |after: &Key| own > (after.rank, &*after.recommendation, after.number);
            if is_wanted && self.after.is_none_or(is_behind) {
                self.first.push(Key { rank, recommendation: Arc::clone(recommendation), number: resource });
                if is_full {
                    self.first.pop();
                }
            }
        }
        Ok(())
    }
}

impl Store {
    /// What a query with a text finds, looked for anew when the estate has changed.
    pub(crate) async fn found(&self, filter: &ScopeFilter, query: &AssessmentQuery) -> Result<Arc<Found>, StoreError> {
        let key = (filter.clone(), query.clone());
        self.found.get(self, &key, self.looked_for(filter, query)).await
    }

    async fn looked_for(&self, filter: &ScopeFilter, query: &AssessmentQuery) -> Result<Found, StoreError> {
        let after: Option<Position> = position(query.cursor.as_deref())?;
        let after = after.map(|after| {
            // Of a list that began with few, all of the recommendation may be left.
            let number = if after.source == Source::Numbers { after.slice } else { 0 };
            Key { rank: after.rank, recommendation: after.recommendation.into(), number }
        });
        let (meant, n_visible) = self.meant(filter, query).await?;
        let mut finding = Finding {
            status: query.status,
            recommendations: self.numbered(query.recommendations.as_ref()).await?,
            meant,
            after: after.as_ref(),
            n: usize::try_from(page_size(query.limit)).unwrap_or(usize::MAX).saturating_add(1),
            counts: BTreeMap::new(),
            first: BinaryHeap::new(),
        };
        let text = query.text().unwrap_or_default();
        let is_indexed = matches!(self.pool, Pool::Sqlite(_)) && has_trigrams(text);
        if is_indexed && n_visible.is_none_or(|n| n > SMALL) {
            self.add_by_trigrams(text, &mut finding).await?;
        } else {
            self.add_by_slices(text, filter, &mut finding).await?;
        }
        Ok(Found { counts: finding.counts, keys: finding.first.into_sorted_vec() })
    }

    async fn add_by_trigrams(&self, text: &str, finding: &mut Finding<'_>) -> Result<(), StoreError> {
        let wanted = Conditions::new(&self.pool);
        let last: Vec<(i64,)> =
            rows_of!(self, DOING, "SELECT COALESCE(MAX(number), 0) FROM resource_numbers".to_owned(), [], wanted);
        let last = last.first().map_or(0, |(last,)| *last);
        let mut from = 0;
        while from <= last {
            let mut wanted = Conditions::new(&self.pool);
            let phrase = wanted.bind(&phrase(text));
            let to = from + AT_ONCE;
            let statement = format!(
                "SELECT {JOINED} FROM {FOUND} WHERE resource_texts MATCH ${phrase} AND t.rowid >= {from} AND t.rowid < {to}"
            );
            let rows: Vec<(Option<String>,)> = rows_of!(self, DOING, statement, [], wanted);
            for (text,) in rows {
                finding.add_all(text.as_deref().unwrap_or_default())?;
            }
            from = to;
        }
        Ok(())
    }

    async fn add_by_slices(&self, text: &str, filter: &ScopeFilter, finding: &mut Finding<'_>) -> Result<(), StoreError> {
        let grouped = format!("GROUP BY n.number / {AT_ONCE}");
        let mut wanted = Conditions::new(&self.pool);
        wanted.contains(["r.id", "r.name"], Some(text));
        wanted.and(filter.slices(&self.pool, "r.slice", wanted.next())?);
        let statement = format!(
            "SELECT {JOINED} FROM resources r JOIN resource_numbers n ON n.id = r.id WHERE 1 = 1{} {grouped}",
            wanted.sql
        );
        let mut rows: Vec<(Option<String>,)> = rows_of!(self, DOING, statement, [], wanted);
        // `add_all` leaves out what is no single of the reader's, and each is in one of the two.
        let singles: Vec<&str> = filter.singles();
        for batch in singles.chunks(IDS_AT_ONCE) {
            let mut wanted = Conditions::new(&self.pool);
            let ids = wanted.rows(batch.iter().copied(), "id")?;
            wanted.contains(["r.id", "r.name"], Some(text));
            let statement = format!(
                "SELECT {JOINED} FROM {ids} w JOIN resources r ON r.id = w.id JOIN resource_numbers n ON n.id = r.id
                 WHERE 1 = 1{} {grouped}",
                wanted.sql
            );
            let own: Vec<(Option<String>,)> = rows_of!(self, DOING, statement, [], wanted);
            rows.extend(own);
        }
        for (text,) in rows {
            finding.add_all(text.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }

    /// What a query is about of what a reader sees, and how many resources lie in the slices that are seen if not all are.
    async fn meant(&self, filter: &ScopeFilter, query: &AssessmentQuery) -> Result<(Meant, Option<u64>), StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        query.places().on("s", &mut wanted);
        let has_places = !wanted.sql.is_empty();
        let places = if has_places { Some(self.slices_where(wanted).await?) } else { None };
        let places = places.map(|slices| slices.into_iter().map(|(id, _)| id).collect());
        if *filter == ScopeFilter::All {
            return Ok((Meant { places, visible: None, singles: HashSet::new() }, None));
        }
        let mut wanted = Conditions::new(&self.pool);
        wanted.and(filter.slices(&self.pool, "s.id", wanted.next())?);
        let visible = self.slices_where(wanted).await?;
        let n_visible = visible.iter().map(|(_, n)| u64::try_from(*n).unwrap_or(0)).sum();
        let mut wanted = Conditions::new(&self.pool);
        let ids = wanted.rows(filter.singles().into_iter(), "id")?;
        let statement = format!("SELECT n.number FROM {ids} w JOIN resource_numbers n ON n.id = w.id");
        let singles: Vec<(i64,)> = rows_of!(self, DOING, statement, [], wanted);
        let visible = Some(visible.into_iter().map(|(id, _)| id).collect());
        Ok((Meant { places, visible, singles: singles.into_iter().map(|(number,)| number).collect() }, Some(n_visible)))
    }

    /// The ids of slices, and how many resources each has.
    async fn slices_where(&self, wanted: Conditions<'_>) -> Result<Vec<(i64, i64)>, StoreError> {
        let statement = format!("SELECT s.id, s.n_resources FROM slices s WHERE 1 = 1{}", wanted.sql);
        Ok(rows_of!(self, DOING, statement, [], wanted))
    }

    /// The rows of what was found, each with its position.
    pub(crate) async fn rows_of_found(&self, found: &Found) -> Result<Vec<(Position, AssessmentRow)>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        let numbers: Vec<String> = found.keys.iter().map(|key| key.number.to_string()).collect();
        let own = wanted.rows(numbers.iter().map(String::as_str), "number")?;
        let statement = format!(
            "SELECT n.number, n.id FROM resource_numbers n WHERE n.number IN (SELECT CAST(w.number AS BIGINT) FROM {own} w)"
        );
        let ids: Vec<(i64, String)> = rows_of!(self, DOING, statement, [], wanted);
        let ids: BTreeMap<i64, String> = ids.into_iter().collect();
        let mut names = Vec::with_capacity(found.keys.len());
        for key in &found.keys {
            if let Some(id) = ids.get(&key.number) {
                names.push((key, (key.recommendation.to_string(), id.clone())));
            }
        }
        let known: Vec<(String, String)> = names.iter().map(|(_, own)| own.clone()).collect();
        let mut known = self.assessments_at(&known).await?;
        let mut rows = Vec::with_capacity(names.len());
        for (key, own) in names {
            // Gone since it was found.
            let Some(row) = known.remove(&own) else { continue };
            let (recommendation, resource) = own;
            let position = Position { rank: key.rank, source: Source::Numbers, recommendation, slice: key.number, resource };
            rows.push((position, row));
        }
        Ok(rows)
    }
}

const DOING: &str = "looking for assessments";

/// What [`Finding::add_all`] takes, of `resource_numbers n`.
const JOINED: &str = "STRING_AGG(n.number || ' ' || n.slice || ' ' || n.verdicts, ';')";
