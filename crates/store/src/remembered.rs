//! Answers about the estate that hold until it changes.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{ScopeFilter, Store, StoreError, pool::on_pool};

/// How many answers are kept: those of the readers who asked last.
const KEPT: usize = 64;

/// What was answered to questions, such as the scopes of a reader, each answer with the version of the estate that it was worked out from.
#[derive(Debug)]
pub struct Remembered<T, K = ScopeFilter> {
    answers: Arc<Mutex<VecDeque<Answer<T, K>>>>,
    /// Held while an answer is worked out, each for some of the questions.
    at_work: Arc<[tokio::sync::Mutex<()>; 8]>,
}

#[derive(Debug)]
struct Answer<T, K> {
    version: i64,
    question: K,
    value: Arc<T>,
}

impl<T, K> Default for Remembered<T, K> {
    fn default() -> Self {
        Self { answers: Arc::default(), at_work: Arc::default() }
    }
}

impl<T, K> Clone for Remembered<T, K> {
    fn clone(&self) -> Self {
        Self { answers: Arc::clone(&self.answers), at_work: Arc::clone(&self.at_work) }
    }
}

impl<T, K: Clone + Eq + Hash> Remembered<T, K> {
    /// The answer to a question, worked out if the estate changed since; of several who ask at once one works it out.
    ///
    /// # Errors
    /// Those of `work`, and if the version of the estate can't be read.
    pub async fn get<E: From<StoreError>>(
        &self,
        store: &Store,
        question: &K,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        // Read first: what is worked out may be newer than this says, never older.
        let version = store.estate_version().await?;
        if let Some(known) = self.known(version, question) {
            return Ok(known);
        }
        let mut hasher = DefaultHasher::new();
        question.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % 8).unwrap_or_default();
        let _turn = match self.at_work.get(place) {
            Some(own) => Some(own.lock().await),
            None => None,
        };
        if let Some(known) = self.known(version, question) {
            return Ok(known);
        }
        let value = Arc::new(work.await?);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.version >= version && answer.question != *question);
        answers.push_front(Answer { version, question: question.clone(), value: Arc::clone(&value) });
        answers.truncate(KEPT);
        Ok(value)
    }

    fn known(&self, version: i64, question: &K) -> Option<Arc<T>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = answers.iter().find(|answer| answer.version >= version && answer.question == *question);
        known.map(|answer| Arc::clone(&answer.value))
    }
}

impl Store {
    /// A number that grows with every change of what is known of the estate, whichever process makes it.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn estate_version(&self) -> Result<i64, StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT version FROM estate_version")
                .fetch_one(pool).await.map_err(StoreError::statement("reading the version of the estate"))
        })
    }
}

impl Store {
    /// Says that the estate changed, after a change of one statement.
    pub(crate) async fn estate_changed(&self) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query(CHANGED).execute(pool).await.map_err(StoreError::statement("counting the version of the estate"))?;
        });
        Ok(())
    }
}

/// Says that the estate changed: part of the transaction that changes it.
pub(crate) const CHANGED: &str = "UPDATE estate_version SET version = version + 1";
