//! The verdicts of each resource in one short text, so that what a text finds is counted and sorted without reading the assessments.
//!
//! `resource_numbers.verdicts` holds a word for each assessment, a letter for the verdict and the number of the recommendation, with
//! spaces between them: `H3 U17 K204`. Whatever changes an assessment writes it anew, from the assessments, in the same transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use skywarden_model::Status;

use crate::{Store, StoreError, pool::on_pool, summary::RANKED};

/// Resources whose verdicts one statement writes.
pub(crate) const AT_ONCE: usize = 500;

/// Gives a recommendation a number, if it has none.
pub(crate) const NUMBER: &str = "INSERT INTO recommendation_numbers (number, recommendation)
    SELECT COALESCE(MAX(number), 0) + 1, $1 FROM recommendation_numbers
    HAVING NOT EXISTS (SELECT 1 FROM recommendation_numbers WHERE recommendation = $1)";

/// Writes the verdicts of the resources of a table of ids; of all resources without one.
pub(crate) fn writing(ids: Option<&str>) -> String {
    let wanted = ids.map_or_else(|| "1 = 1".to_owned(), |ids| format!("r.id IN (SELECT w.id FROM {ids} w)"));
    let letters = RANKED.map(|status| format!("WHEN '{status}' THEN '{}'", letter(status))).join(" ");
    format!(
        "INSERT INTO resource_numbers (id, slice, verdicts)
         SELECT r.id, r.slice, COALESCE((SELECT STRING_AGG(CASE a.status {letters} END || n.number, ' ')
             FROM assessments a CROSS JOIN recommendation_numbers n
             WHERE n.recommendation = a.recommendation AND a.resource = r.id), '')
         FROM resources r WHERE {wanted}
         ON CONFLICT (id) DO UPDATE SET slice = excluded.slice, verdicts = excluded.verdicts"
    )
}

/// Writes the verdicts of some resources anew, within the transaction `$tx` of either database; `$recommendations` are those of which
/// assessments may be new.
macro_rules! write_verdicts {
    ($tx:ident, $pool:expr, $resources:expr, $recommendations:expr, $doing:ident) => {
        let known: Vec<(String,)> = sqlx::query_as("SELECT recommendation FROM recommendation_numbers")
            .fetch_all(&mut *$tx)
            .await
            .map_err(StoreError::statement($doing))?;
        let known: std::collections::BTreeSet<String> = known.into_iter().map(|(recommendation,)| recommendation).collect();
        for recommendation in $recommendations {
            if !known.contains(recommendation) {
                sqlx::query($crate::verdicts::NUMBER)
                    .bind(recommendation)
                    .execute(&mut *$tx)
                    .await
                    .map_err(StoreError::statement($doing))?;
            }
        }
        let resources: Vec<[&str; 1]> = $resources.into_iter().map(|id| [id]).collect();
        for batch in resources.chunks($crate::verdicts::AT_ONCE) {
            sqlx::query(sqlx::AssertSqlSafe($crate::verdicts::writing(Some(&$pool.rows(1, &["id"])))))
                .bind($crate::commit::json(batch)?)
                .execute(&mut *$tx)
                .await
                .map_err(StoreError::statement($doing))?;
        }
    };
}
pub(crate) use write_verdicts;

/// What stands for a verdict.
pub(crate) fn letter(status: Status) -> char {
    match status {
        Status::Healthy => 'H',
        Status::Unhealthy => 'U',
        Status::Unknown => 'K',
        Status::NotApplicable => 'N',
    }
}

/// The verdicts of a text, each with the number of its recommendation.
///
/// # Errors
/// For each word that is no verdict.
pub(crate) fn verdicts(text: &str) -> impl Iterator<Item = Result<(Status, u32), StoreError>> {
    text.split_ascii_whitespace().map(|word| {
        let mut letters = word.chars();
        let first = letters.next();
        let status = RANKED.into_iter().find(|status| first == Some(letter(*status)));
        status.zip(letters.as_str().parse().ok()).ok_or_else(|| damaged(word))
    })
}

/// That a word stands in a text of verdicts, or before it, that no version writes.
pub(crate) fn damaged(word: &str) -> StoreError {
    StoreError::damaged("text of verdicts")(serde::de::Error::custom(format!("it holds `{word}`")))
}

impl Store {
    /// The recommendations by their numbers: all, or those of some.
    pub(crate) async fn numbered(&self, wanted: Option<&BTreeSet<String>>) -> Result<BTreeMap<u32, Arc<str>>, StoreError> {
        let rows: Vec<(i64, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT number, recommendation FROM recommendation_numbers")
                .fetch_all(pool).await.map_err(StoreError::statement("numbering recommendations"))?
        });
        let is_wanted = |(number, recommendation): (i64, String)| {
            let number = u32::try_from(number).ok()?;
            wanted.is_none_or(|wanted| wanted.contains(&recommendation)).then(|| (number, recommendation.into()))
        };
        Ok(rows.into_iter().filter_map(is_wanted).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read_from_their_text() {
        let found: Vec<(Status, u32)> = verdicts("H3 U17 K204 N1").map(Result::unwrap).collect();
        let expected = [(Status::Healthy, 3), (Status::Unhealthy, 17), (Status::Unknown, 204), (Status::NotApplicable, 1)];
        assert_eq!(found, expected);
        assert_eq!(verdicts("").count(), 0);
        for damaged in ["X3", "H", "U-1", "3"] {
            assert!(verdicts(damaged).next().unwrap().is_err(), "{damaged}");
        }
    }
}
