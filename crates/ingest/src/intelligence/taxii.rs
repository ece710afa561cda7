//! A collection of a TAXII 2.1 server: what was added since it was last asked, page by page (TAXII 2.1, sections 3.4, 3.5 and 5.4).

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use skywarden_detect::{
    Intelligence,
    indicators::{Feed, read},
};

use super::{
    FeedPace, FeedSettings, Look, Reading, TaxiiSettings,
    client::{Client, Refusal},
    kept::{Kept, Mark},
};

/// A collection is read in at most so many pages at once.
const MAX_PAGES: usize = 10_000;

/// So many pages without an object may come one after the other.
const MAX_EMPTY: usize = 50;

/// All pages together may take so long; what is left is fetched the next time.
const MAX_TIME: Duration = Duration::from_secs(30 * 60);

/// A server that asks for more time gets at most so much: a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);

/// A collection, and what is known of it.
pub(super) struct Taxii {
    id: String,
    labels: Vec<String>,
    least_confidence: u8,
    settings: TaxiiSettings,
    url: reqwest::Url,
    file: PathBuf,
    every: Duration,
    pace: FeedPace,
    n_failures: u32,
    /// How far the collection was fetched; `None` before anything was, or if what was kept is lost.
    mark: Option<Mark>,
    /// Whether anything of it is in force.
    is_known: bool,
}

/// What asking for several pages came to.
struct Fetched {
    objects: Kept,
    /// When the last object of the last whole page was added to the collection.
    last_added: Option<String>,
    /// Why not all pages came.
    broken_off: Option<Refusal>,
}

impl Taxii {
    pub(super) fn new(feed: &FeedSettings, settings: &TaxiiSettings, file: PathBuf, pace: FeedPace) -> Result<Self, String> {
        Ok(Taxii {
            id: feed.id.clone(),
            labels: feed.labels(),
            least_confidence: feed.min_confidence,
            url: settings.objects_url()?,
            settings: settings.clone(),
            file,
            every: pace.minute * settings.every_minutes,
            pace,
            n_failures: 0,
            mark: None,
            is_known: false,
        })
    }

    /// Reads what was kept of the collection; asks nobody. `None` if nothing was, or another collection's, which is of no use.
    pub(super) fn remembered(&mut self, room: usize) -> Option<Look> {
        match Kept::read(&self.file) {
            Ok(Some(kept)) if kept.mark.url == self.url.as_str() => {
                self.mark = Some(kept.mark.clone());
                Some(Look { reading: Some(self.reading(&kept, room)), problem: None, wait: Duration::ZERO })
            }
            Ok(_) => None,
            Err(error) => Some(Look::failed(
                format!("what was kept of it in {} can't be read: {error}; it is fetched anew", self.file.display()),
                Duration::ZERO,
            )),
        }
    }

    /// Asks for what is new.
    ///
    /// `None` if the server is stopping.
    pub(super) async fn look(mut self: Box<Self>, room: usize) -> Option<(Box<Self>, Look)> {
        let began = Timestamp::now();
        // As of when everything was fetched, and after what to ask; without the latter for everything.
        let whole = self.mark.as_ref().and_then(|mark| mark.whole).filter(|whole| !self.is_over(*whole, began));
        let after = self.mark.as_ref().and_then(|mark| mark.added_after.clone()).filter(|_| whole.is_some());
        let fetched = match Client::new(&self.settings, &self.url).await {
            Ok(client) => fetch(&client, after.as_deref()).await,
            Err(refusal) => Fetched { objects: Kept::default(), last_added: None, broken_off: Some(refusal) },
        };
        // Reading millions of indicators takes a while.
        let read = tokio::task::spawn_blocking(move || {
            let look = self.finish(fetched, began, (whole, after), room);
            (self, look)
        });
        read.await.ok()
    }

    /// Keeps and reads what was fetched, and says when to ask again.
    fn finish(
        &mut self,
        fetched: Fetched,
        began: Timestamp,
        (whole, after): (Option<Timestamp>, Option<String>),
        room: usize,
    ) -> Look {
        let broken_off = fetched.broken_off.as_ref().map(|refusal| (refusal.to_string(), refusal.wait));
        let kept = self.take(fetched, began, whole, after);
        let (reading, problem) = match kept {
            Ok(kept) => (kept.map(|kept| self.reading(&kept, room)), None),
            Err(reason) => (None, Some((reason, None))),
        };
        match broken_off.or(problem) {
            None => {
                self.n_failures = 0;
                Look { reading, problem: None, wait: self.every }
            }
            Some((reason, wait)) => {
                let backed_off = self.pace.first_retry.saturating_mul(2_u32.saturating_pow(self.n_failures)).min(self.every);
                self.n_failures = self.n_failures.saturating_add(1);
                let wait = wait.unwrap_or_default().min(LONGEST_WAIT).max(backed_off);
                let stays = if self.is_known { "what was fetched before stays in force" } else { "nothing of it is known" };
                Look { reading, problem: Some(format!("{reason}; {stays}, and it is asked again")), wait }
            }
        }
    }

    fn is_over(&self, whole: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(whole);
        SignedDuration::try_from(self.pace.whole).is_ok_and(|longest| age >= longest || age.is_negative())
    }

    /// Keeps what was fetched. Gives all that is kept if that is other than before.
    fn take(
        &mut self,
        fetched: Fetched,
        began: Timestamp,
        whole: Option<Timestamp>,
        after: Option<String>,
    ) -> Result<Option<Kept>, String> {
        let too_much = |reason| format!("the collection {reason}");
        let is_complete = fetched.broken_off.is_none();
        if fetched.objects.len() == 0 && (!is_complete || (after.is_some() && self.mark.is_some())) {
            return Ok(None);
        }
        let held = match &self.mark {
            None => None,
            Some(_) => match Kept::read(&self.file) {
                Ok(Some(held)) => Some(held),
                lost => {
                    self.mark = None;
                    let why = lost.err().map_or_else(|| "it is gone".to_owned(), |error| error.to_string());
                    return Err(format!(
                        "could not read {}, where the objects are kept: {why}; all of the collection is fetched anew",
                        self.file.display()
                    ));
                }
            },
        };
        let mut kept = Kept::default();
        let has_changed = match held {
            // All of it came anew: what is not there any more goes.
            Some(held) if is_complete && after.is_none() => {
                kept.add_all(fetched.objects).map_err(too_much)?;
                !kept.holds_the_same(&held)
            }
            Some(held) => {
                kept = held;
                kept.add_all(fetched.objects).map_err(too_much)?
            }
            None => {
                kept.add_all(fetched.objects).map_err(too_much)?;
                true
            }
        };
        let mark = self.mark.clone().unwrap_or_default();
        kept.mark = Mark {
            url: self.url.to_string(),
            added_after: match (is_complete, fetched.last_added) {
                (true, last) => last.or(after),
                // What was added in the same instant may lie on the page that did not come.
                (false, Some(last)) if whole.is_some() || self.mark.is_none() => shortly_before(&last).or(after),
                (false, _) => mark.added_after,
            },
            whole: match whole {
                Some(whole) => Some(whole),
                // The first pages of a collection of which nothing is known: it goes on behind them.
                None if is_complete || self.mark.is_none() => Some(began),
                None => mark.whole,
            },
            read: began,
        };
        kept.write(&self.file).map_err(|error| {
            let file = self.file.display();
            format!("could not write {file}, where the objects are kept: {error}; make room there, or let skywarden write it")
        })?;
        self.mark = Some(kept.mark.clone());
        Ok(has_changed.then_some(kept))
    }

    fn reading(&mut self, kept: &Kept, room: usize) -> Reading {
        self.is_known = true;
        let mut known = Intelligence::at_least(self.least_confidence).with_room_for(room);
        let text = kept.text();
        let loaded = read(text.as_bytes(), Feed { name: &self.id, labels: &self.labels }, &mut known);
        Reading { known, loaded, at: kept.mark.read }
    }
}

/// Asks for all pages.
async fn fetch(client: &Client<'_>, after: Option<&str>) -> Fetched {
    let mut fetched = Fetched { objects: Kept::default(), last_added: None, broken_off: None };
    let (began, mut n_empty) = (Instant::now(), 0);
    let (mut after, mut next) = (after.map(str::to_owned), None::<String>);
    for _ in 0..MAX_PAGES {
        let page = match client.page(after.as_deref(), next.as_deref()).await {
            Ok(page) => page,
            Err(refusal) => {
                fetched.broken_off = Some(refusal);
                return fetched;
            }
        };
        n_empty = if page.objects.is_empty() { n_empty + 1 } else { 0 };
        for object in &page.objects {
            if let Err(reason) = fetched.objects.add(object) {
                fetched.broken_off = Some(client.refusal(&reason));
                return fetched;
            }
        }
        let has_moved = page.last_added.is_some() && page.last_added != after;
        fetched.last_added = page.last_added.clone().or(fetched.last_added);
        match page.next {
            _ if !page.more => return fetched,
            Some(token) => next = Some(token),
            // A server without names for pages goes on behind the last object.
            None if has_moved => (after, next) = (page.last_added, None),
            None => {
                fetched.broken_off = Some(client.refusal("says that there is more and not where"));
                return fetched;
            }
        }
        if n_empty >= MAX_EMPTY || began.elapsed() >= MAX_TIME {
            fetched.broken_off = Some(client.refusal("has more pages than could be fetched in half an hour, or empty ones"));
            return fetched;
        }
    }
    fetched.broken_off = Some(client.refusal(&format!("has more than {MAX_PAGES} pages")));
    fetched
}

/// A time a little before another, in the form that every server reads.
fn shortly_before(time: &str) -> Option<String> {
    let before = time.parse::<Timestamp>().ok()?.checked_sub(SignedDuration::from_millis(1)).ok()?;
    Some(format!("{before:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_shortly_before_another_has_microseconds() {
        assert_eq!(shortly_before("2026-01-01T00:00:00Z").as_deref(), Some("2025-12-31T23:59:59.999000Z"));
        assert_eq!(shortly_before("2026-01-01T00:00:00.000123Z").as_deref(), Some("2025-12-31T23:59:59.999123Z"));
        assert_eq!(shortly_before("soon"), None);
    }
}
