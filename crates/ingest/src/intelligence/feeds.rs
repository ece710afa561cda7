use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use skywarden_detect::{Intelligence, Knowledge};
use tokio::task::JoinHandle;

use super::{BadFeed, FeedFacts, FeedKind, FeedPace, FeedSettings, FeedStatuses, Look, check, files::Files, taxii::Taxii};
use crate::{InForce, inputs::Stop};

/// The feeds of a server.
pub struct Feeds {
    sources: Vec<Source>,
    shared: Shared,
}

enum Source {
    Files(Box<Files>),
    Taxii(Box<Taxii>),
}

/// What all feeds change.
#[derive(Clone, Default)]
struct Shared {
    in_force: InForce,
    /// What each feed gave last.
    known: Arc<Mutex<Vec<Arc<Intelligence>>>>,
    statuses: FeedStatuses,
}

impl Feeds {
    /// Reads files, and what was kept of servers in a folder; asks no server yet. It blocks while it reads.
    ///
    /// # Errors
    /// If the settings can't be used. Files that can't be read are told in the status of their feed.
    pub fn open(settings: &[FeedSettings], folder: &Path, pace: FeedPace) -> Result<Self, BadFeed> {
        check(settings)?;
        let facts = |feed: &FeedSettings| FeedFacts { id: feed.id.as_str().into(), kind: feed.from.name() };
        let shared = Shared {
            in_force: InForce::default(),
            known: Arc::new(Mutex::new(vec![Arc::default(); settings.len()])),
            statuses: FeedStatuses::new(settings.iter().map(facts).collect()),
        };
        let mut sources = Vec::new();
        for (number, feed) in settings.iter().enumerate() {
            let room = shared.room(number);
            let (source, look) = match &feed.from {
                FeedKind::Files(files) => {
                    let mut files = Files::new(feed, files, pace.files);
                    let look = files.look(room);
                    (Source::Files(Box::new(files)), Some(look))
                }
                FeedKind::Taxii(taxii) => {
                    let bad = |reason| BadFeed { place: format!("the feed `{}`", feed.id), reason };
                    let file = folder.join(format!("{}.jsonl", feed.id));
                    let mut taxii = Taxii::new(feed, taxii, file, pace).map_err(bad)?;
                    let look = taxii.remembered(room);
                    (Source::Taxii(Box::new(taxii)), look)
                }
            };
            if let Some(look) = look {
                shared.take(number, look);
            }
            sources.push(source);
        }
        Ok(Feeds { sources, shared })
    }

    /// What is known to be bad, at any time.
    pub fn in_force(&self) -> InForce {
        self.shared.in_force.clone()
    }

    /// How each feed is doing, at any time.
    pub fn statuses(&self) -> FeedStatuses {
        self.shared.statuses.clone()
    }

    /// Looks at each feed again and again until it is told to stop.
    pub fn watch(self, stop: &Stop) -> Vec<JoinHandle<()>> {
        let Feeds { sources, shared } = self;
        let tasks = sources.into_iter().enumerate();
        tasks.map(|(number, source)| tokio::spawn(watch(source, number, shared.clone(), stop.clone()))).collect()
    }
}

async fn watch(mut source: Source, number: usize, shared: Shared, mut stop: Stop) {
    let mut wait = match &source {
        Source::Files(files) => files.every(),
        Source::Taxii(_) => Duration::ZERO,
    };
    while !stop.within(wait).await {
        let looked = tokio::select! {
            looked = source.look(shared.room(number)) => looked,
            () = stop.said() => return,
        };
        let Some((again, look)) = looked else { return };
        (source, wait) = (again, look.wait);
        shared.take(number, look);
    }
}

impl Source {
    /// `None` if the server is stopping.
    async fn look(self, room: usize) -> Option<(Self, Look)> {
        match self {
            Source::Taxii(taxii) => taxii.look(room).await.map(|(taxii, look)| (Source::Taxii(taxii), look)),
            Source::Files(mut files) => {
                let read = tokio::task::spawn_blocking(move || {
                    let look = files.look(room);
                    (Source::Files(files), look)
                });
                read.await.ok()
            }
        }
    }
}

impl Shared {
    /// How many values a feed may have beside those of the others.
    fn room(&self, number: usize) -> usize {
        let known = lock(&self.known);
        let others = known.iter().enumerate().filter(|(other, _)| *other != number);
        Intelligence::MOST.saturating_sub(others.map(|(_, feed)| feed.len()).sum())
    }

    /// Puts what a feed holds now in force, and notes how it is doing.
    fn take(&self, number: usize, look: Look) {
        self.statuses.note(number, &look);
        let Some(reading) = look.reading else { return };
        let mut known = lock(&self.known);
        if let Some(held) = known.get_mut(number) {
            *held = Arc::new(reading.known);
        }
        self.in_force.put(Knowledge::new(known.clone()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
