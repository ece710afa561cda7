//! A bucket that is listed. Below folders of years (`2026/11/29/`, `year=2026/month=11/day=29/`) only those are listed from two days before the
//! newest object on; where there are none, all is listed and objects that were written before are passed over.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::Offset};
use serde::{Deserialize, Serialize};
use skywarden_cloud::{AwsClient, OperationError, S3Address, S3Listed, S3Listing, S3Page};
use tokio::{task::JoinSet, time::Instant};

use super::{
    BucketSettings, Filter,
    object::{ObjectError, SharedObjects},
};
use crate::{
    RefusedText,
    inputs::{
        Context, InputError, Start,
        remembered::{id_of, start_of},
    },
};

/// Objects that were written up to a day before the newest may be listed late; in milliseconds. Which of them were read is remembered.
const MARGIN: i64 = 24 * 3_600_000;

/// Folders of days are listed from two days before the newest object on, in milliseconds: a file lies in the folder of its events' day.
const DAYS_BACK: i64 = 48 * 3_600_000;

/// Folders are looked for so deep below the prefix, and so many.
const MAX_FOLDERS: (usize, usize) = (10, 20_000);

/// Streams of roots begin so.
const STREAM: &str = "list:";

/// New folders (accounts, regions) are looked for so often.
const FOLDERS_EVERY: Duration = Duration::from_secs(3600);

/// A part of a bucket that is listed by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Root {
    prefix: String,
    order: Order,
}

/// How its keys follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// In any order.
    Any,
    /// Folders `2026/11/29/`.
    Plain,
    /// Folders `year=2026/month=11/day=29/`.
    Named,
}

/// Where a root stands. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    /// All objects that were written before this, less a day, were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    /// Objects that were written before are not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    /// A listing goes on behind this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// The newest object of that listing so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<i64>,
    /// When that listing began: what was written later may lie before where it was by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<i64>,
}

/// What lists.
struct Lister<'l> {
    name: &'l str,
    client: &'l AwsClient,
    objects: &'l SharedObjects,
    filter: &'l Filter,
    context: &'l Context,
}

/// Lists a bucket again and again until it is told to stop.
pub(super) async fn run(
    settings: &BucketSettings,
    client: &AwsClient,
    objects: &SharedObjects,
    filter: &Filter,
    context: &Context,
) -> Result<(), InputError> {
    let lister = Lister { name: &settings.name, client, objects, filter, context };
    let mut stop = context.stop.clone();
    let is_first = context.intake.positions(&context.id).is_empty();
    let from = (is_first && settings.start == Start::End).then(|| Timestamp::now().as_millisecond());
    let mut roots = BTreeSet::new();
    let mut found: Option<Instant> = None;
    loop {
        if found.is_none_or(|found| found.elapsed() >= FOLDERS_EVERY) {
            roots = lister.roots().await?;
            if found.is_none()
                && let Some(from) = from
            {
                lister.begin(&roots, from).await?;
            }
            found = Some(Instant::now());
        }
        let mut failures = 0;
        let known = lister.known()?;
        for root in &roots {
            failures += lister.pass(root, &known).await?;
            if stop.is_said() {
                return Ok(());
            }
        }
        context.intake.statuses.change(&context.id, |status| {
            status.behind = Some(failures);
            if failures == 0 {
                status.problem = None;
            }
        });
        objects.tidy().await?;
        // Not at once even if it should: a bucket is no queue.
        let wait = Duration::from_secs(u64::from(settings.minutes) * 60).max(Duration::from_millis(200));
        if stop.within(wait).await {
            return Ok(());
        }
    }
}

impl Lister<'_> {
    /// The parts of the bucket that are listed by themselves.
    async fn roots(&self) -> Result<BTreeSet<Root>, InputError> {
        let (max_depth, max_folders) = MAX_FOLDERS;
        let mut roots = BTreeSet::new();
        let mut open = vec![(self.filter.prefix.clone(), 0)];
        let mut n = 0;
        while let Some((prefix, depth)) = open.pop() {
            n += 1;
            let (mut folders, mut has_objects, mut token): (Vec<String>, bool, Option<String>) = (Vec::new(), false, None);
            loop {
                let page = self.page(&prefix, "", "/", token.as_deref()).await?;
                has_objects |= page.objects.iter().any(|object| !object.key.ends_with('/'));
                folders.extend(page.folders.into_iter().filter(|folder| !folder.ends_with("/CloudTrail-Digest/")));
                token = page.next;
                if token.is_none() || has_objects || folders.len() > max_folders {
                    break;
                }
            }
            let is_too_much = depth >= max_depth || n + open.len() + folders.len() > max_folders;
            if has_objects || folders.is_empty() {
                roots.insert(Root { prefix, order: Order::Any });
            } else if let Some(order) = order_of_all(&prefix, &folders) {
                roots.insert(Root { prefix, order });
            } else if is_too_much {
                roots.insert(Root { prefix, order: Order::Any });
            } else {
                open.extend(folders.into_iter().map(|folder| (folder, depth + 1)));
            }
        }
        Ok(roots)
    }

    /// Notes for roots that nothing is known of that only what comes is wanted.
    async fn begin(&self, roots: &BTreeSet<Root>, from: i64) -> Result<(), InputError> {
        for root in roots {
            if self.standing(root)? == Standing::default() {
                self.note(root, &Standing { from: Some(from), since: Some(from), ..Standing::default() }).await?;
            }
        }
        Ok(())
    }

    /// Reads what is new in a part of the bucket; how many objects could not be read.
    async fn pass(&self, root: &Root, known: &[(String, Standing)]) -> Result<u64, InputError> {
        let around: Vec<&(String, Standing)> =
            known.iter().filter(|(prefix, _)| prefix.starts_with(&root.prefix) || root.prefix.starts_with(prefix)).collect();
        let before = self.standing(root)?;
        let mut standing = before.clone();
        let after = standing.after.clone().unwrap_or_else(|| root.first(standing.since));
        let mut token: Option<String> = None;
        let (mut all_failures, mut newest) = (0, standing.newest);
        let began = standing.began.unwrap_or_else(|| Timestamp::now().as_millisecond());
        loop {
            let page = self.page(&root.prefix, &after, "", token.as_deref()).await?;
            let wanted: Vec<S3Listed> = page.objects.iter().filter(|object| self.is_wanted(object, &around)).cloned().collect();
            let (n_taken, n_failures) = self.take(wanted).await?;
            if self.context.stop.is_said() {
                return Ok(all_failures);
            }
            all_failures += n_failures;
            newest = page.objects.iter().map(|object| object.modified.as_millisecond()).max().max(newest);
            let is_whole = all_failures == 0;
            token = page.next;
            if token.is_none() {
                let since = newest.map(|newest| newest.min(began)).max(standing.since);
                standing = if is_whole { Standing { since, from: standing.from, ..Standing::default() } } else { standing };
                if standing != before {
                    self.note(root, &standing).await?;
                }
                return Ok(all_failures);
            }
            if is_whole && n_taken > 0 {
                standing.after = page.objects.last().map(|object| object.key.clone());
                (standing.newest, standing.began) = (newest, Some(began));
                self.note(root, &standing).await?;
            }
        }
    }

    /// Whether an object was written since it was listed last, as part of whichever root: where an object or a folder appears beside folders,
    /// other parts of the bucket are listed by themselves than before.
    fn is_wanted(&self, object: &S3Listed, around: &[&(String, Standing)]) -> bool {
        let modified = object.modified.as_millisecond();
        let mut over = around.iter().filter(|(prefix, _)| object.key.starts_with(prefix)).map(|(_, standing)| standing);
        let is_new = over.all(|standing| {
            standing.since.is_none_or(|since| modified >= since - MARGIN) && standing.from.is_none_or(|from| modified >= from)
        });
        is_new && self.filter.wants(&object.key)
    }

    /// Reads objects, several at once; how many are safe now, and how many could not be read.
    async fn take(&self, wanted: Vec<S3Listed>) -> Result<(u64, u64), InputError> {
        let (mut n_taken, mut n_failures) = (0, 0);
        let mut left = u64::try_from(wanted.len()).unwrap_or_default();
        let (mut tasks, mut broken) = (JoinSet::new(), None);
        for object in wanted {
            let objects = Arc::clone(self.objects);
            let region = self.client.home_region().to_owned();
            let address = S3Address { region, bucket: self.name.to_owned(), key: object.key };
            tasks.spawn(async move {
                let taken = objects.take(&address, Some(object.etag.as_str()).filter(|etag| !etag.is_empty())).await;
                (address, taken)
            });
        }
        while let Some(ended) = tasks.join_next().await {
            left -= 1;
            let (address, taken) = match ended {
                Ok(ended) => ended,
                Err(error) => {
                    broken = Some(InputError::Failed(format!("reading objects ended: {error}")));
                    self.objects.halt();
                    continue;
                }
            };
            match taken {
                Ok(_) => n_taken += 1,
                Err(ObjectError::Gone(reason)) => {
                    let id = id_of(&["gone", &address.bucket, &address.key]);
                    let told = self.objects.tell(id, RefusedText { reason, start: start_of(&address.key) }).await;
                    broken = told.err().map(InputError::Ingest).or(broken);
                }
                Err(ObjectError::Failed(reason)) => {
                    n_failures += 1;
                    tracing::warn!(input = %self.context.id, reason, "an object is tried again");
                    self.context.intake.statuses.change(&self.context.id, |status| status.fail(reason));
                }
                Err(ObjectError::Stopped) => {}
                Err(ObjectError::Ingest(error)) => broken = Some(InputError::Ingest(error)),
            }
            if broken.is_some() {
                // The others end soon, and what of them is on its way is kept.
                self.objects.halt();
            }
            self.context.intake.statuses.change(&self.context.id, |status| status.behind = Some(left));
        }
        broken.map_or(Ok((n_taken, n_failures)), Err)
    }

    async fn page(&self, prefix: &str, after: &str, delimiter: &str, token: Option<&str>) -> Result<S3Page, InputError> {
        let region = self.client.home_region();
        let listing = S3Listing { region, bucket: self.name, prefix, after, delimiter, token };
        self.client.list_objects(&listing).await.map_err(|error| self.failed(&error))
    }

    /// Where all roots stand that there ever were, by prefix.
    fn known(&self) -> Result<Vec<(String, Standing)>, InputError> {
        let mut known = Vec::new();
        for (stream, position) in self.context.intake.positions(&self.context.id) {
            if let Some(prefix) = stream.strip_prefix(STREAM) {
                known.push((prefix.to_owned(), self.context.read_position(&stream, position)?));
            }
        }
        Ok(known)
    }

    fn standing(&self, root: &Root) -> Result<Standing, InputError> {
        Ok(self.context.position(&root.stream())?.unwrap_or_default())
    }

    async fn note(&self, root: &Root, standing: &Standing) -> Result<(), InputError> {
        let position = serde_json::to_value(standing).map_err(|error| InputError::Failed(error.to_string()))?;
        Ok(self.objects.note(root.stream(), position).await?)
    }

    fn failed(&self, error: &OperationError) -> InputError {
        let advice = match error.code() {
            "NoSuchBucket" => "; check its name and region",
            _ if error.is_denied() => "; give the role s3:ListBucket on it",
            _ => "",
        };
        InputError::Failed(format!("the bucket {} can't be listed: {error}{advice}", self.name))
    }
}

impl Root {
    fn stream(&self) -> String {
        format!("{STREAM}{}", self.prefix)
    }

    /// Keys up to this one need not be listed if all that was written up to a time was read.
    fn first(&self, since: Option<i64>) -> String {
        let start = since.and_then(|since| Timestamp::from_millisecond(since - DAYS_BACK).ok());
        let Some(date) = start.map(|start| Offset::UTC.to_datetime(start).date()) else { return String::new() };
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self.order {
            Order::Any => String::new(),
            Order::Plain => format!("{}{year:04}/{month:02}/{day:02}", self.prefix),
            Order::Named => format!("{}year={year:04}/month={month:02}/day={day:02}", self.prefix),
        }
    }
}

/// How keys below a prefix follow each other, if all folders there are those of years: of others, what is new may lie before.
fn order_of_all(prefix: &str, folders: &[String]) -> Option<Order> {
    let mut orders = folders.iter().map(|folder| order_of(folder.strip_prefix(prefix)?));
    let first = orders.next()??;
    orders.all(|order| order == Some(first)).then_some(first)
}

/// What a folder says of the order of those beside it, if it is that of a year.
fn order_of(folder: &str) -> Option<Order> {
    let name = folder.strip_suffix('/')?;
    let (order, year) = match name.strip_prefix("year=") {
        Some(year) => (Order::Named, year),
        None => (Order::Plain, name),
    };
    let is_year = year.len() == 4
        && year.bytes().all(|byte| byte.is_ascii_digit())
        && ["19", "20", "21"].iter().any(|century| year.starts_with(century));
    is_year.then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_years_tell_their_order() {
        for (folder, order) in [
            ("2026/", Some(Order::Plain)),
            ("year=2026/", Some(Order::Named)),
            ("2026", None),
            ("4711/", None),
            ("20260/", None),
            ("123456789012/", None),
            ("year=x/", None),
        ] {
            assert_eq!(order_of(folder), order, "{folder}");
        }
    }

    #[test]
    fn only_where_all_folders_are_years_the_last_days_are_enough() {
        let order =
            |folders: &[&str]| order_of_all("a/", &folders.iter().map(|folder| format!("a/{folder}")).collect::<Vec<_>>());
        assert_eq!(order(&["2025/", "2026/"]), Some(Order::Plain));
        assert_eq!(order(&["year=2026/"]), Some(Order::Named));
        for folders in [&["2026/", "0old/"][..], &["2026/", "year=2026/"], &["x/"], &[]] {
            assert_eq!(order(folders), None, "{folders:?}");
        }
    }

    #[test]
    fn days_are_listed_from_two_before_the_newest_on() {
        let since = "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
        let root = |order| Root { prefix: "a/".into(), order };
        assert_eq!(root(Order::Plain).first(Some(since)), "a/2026/02/27");
        assert_eq!(root(Order::Named).first(Some(since)), "a/year=2026/month=02/day=27");
        assert_eq!((root(Order::Any).first(Some(since)), root(Order::Plain).first(None)), (String::new(), String::new()));
        assert!(root(Order::Plain).first(Some(since)).as_str() < "a/2026/02/27/00/x.gz");
    }
}
