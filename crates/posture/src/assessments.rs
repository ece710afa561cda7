use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Serialize, Serializer};
use skywarden_model::{Assessment, AssessmentRef, Cause, Evidence, Finding, ResourceId, Status};

/// The assessments of a run in twelve bytes each: which recommendation, which resource, and on what grounds.
///
/// Thousands rest on the same grounds, of which there is one. Ids of a resource are kept once for all of its assessments if these
/// are put in one after the other.
#[derive(Debug, Clone, Default)]
pub struct Assessments {
    recommendations: Vec<Arc<str>>,
    resources: Vec<ResourceId>,
    grounds: Vec<Grounds>,
    rows: Vec<Row>,
    numbers: BTreeMap<Arc<str>, u32>,
    known: HashMap<Alike, u32>,
}

/// Places in the lists of [`Assessments`].
#[derive(Debug, Clone, Copy)]
struct Row {
    recommendation: u32,
    resource: u32,
    grounds: u32,
}

#[derive(Debug, Clone)]
struct Grounds {
    status: Status,
    cause: Option<Arc<Cause>>,
    evidence: Arc<[Evidence]>,
    findings: Box<[Finding]>,
}

/// What is the same for grounds without findings that share cause and evidence: their addresses, which stay as long as the grounds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Alike {
    status: Status,
    cause: usize,
    evidence: usize,
}

/// So many grounds are looked for among those that are there: causes and evidence of more than these are no longer shared either.
const MAX_KNOWN: usize = 20_000;

impl Assessments {
    /// With room for so many.
    pub fn with_capacity(n_assessments: usize) -> Self {
        Self { rows: Vec::with_capacity(n_assessments), ..Self::default() }
    }

    /// Puts one behind the others.
    pub fn push(&mut self, assessment: Assessment) {
        let Assessment { recommendation, resource, status, cause, evidence, findings } = assessment;
        if self.resources.last() != Some(&resource) {
            self.resources.push(resource);
        }
        let row = Row {
            resource: number(self.resources.len() - 1),
            recommendation: self.number_of(recommendation),
            grounds: self.grounds_of(Grounds { status, cause, evidence, findings }),
        };
        self.rows.push(row);
    }

    fn number_of(&mut self, recommendation: Arc<str>) -> u32 {
        if let Some(known) = self.numbers.get(&recommendation) {
            return *known;
        }
        let own = number(self.recommendations.len());
        self.recommendations.push(Arc::clone(&recommendation));
        self.numbers.insert(recommendation, own);
        own
    }

    fn grounds_of(&mut self, grounds: Grounds) -> u32 {
        let alike = grounds.findings.is_empty().then(|| Alike {
            status: grounds.status,
            cause: grounds.cause.as_ref().map_or(0, |cause| Arc::as_ptr(cause).addr()),
            // None is like none, wherever it is kept.
            evidence: if grounds.evidence.is_empty() { 0 } else { grounds.evidence.as_ptr().addr() },
        });
        if let Some(known) = alike.as_ref().and_then(|alike| self.known.get(alike)) {
            return *known;
        }
        let own = number(self.grounds.len());
        self.grounds.push(grounds);
        if let Some(alike) = alike
            && self.known.len() < MAX_KNOWN
        {
            self.known.insert(alike, own);
        }
        own
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = AssessmentRef<'_>> {
        self.rows.iter().filter_map(|row| self.at(*row))
    }

    fn at(&self, row: Row) -> Option<AssessmentRef<'_>> {
        let Grounds { status, cause, evidence, findings } = self.grounds.get(row.grounds as usize)?;
        Some(AssessmentRef {
            recommendation: self.recommendations.get(row.recommendation as usize)?,
            resource: self.resources.get(row.resource as usize)?,
            status: *status,
            cause: cause.as_deref(),
            evidence,
            findings,
        })
    }

    /// Brings them in order of (resource, recommendation).
    pub(crate) fn sort(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        let of = |row: &Row| self.at(*row).map(|own| (own.resource, own.recommendation));
        rows.sort_by(|left, right| of(left).cmp(&of(right)));
        self.rows = rows;
    }

    /// Leaves out those of which this is not so; what they rest on stays in memory.
    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(AssessmentRef<'_>) -> bool) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|row| self.at(*row).is_some_and(&mut is_kept));
        rows.shrink_to_fit();
        self.rows = rows;
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.rows.shrink_to_fit();
        self.resources.shrink_to_fit();
        self.grounds.shrink_to_fit();
    }
}

#[expect(clippy::expect_used, reason = "so many rows are 48 GB: memory ends long before")]
fn number(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 assessments")
}

impl Extend<Assessment> for Assessments {
    fn extend<I: IntoIterator<Item = Assessment>>(&mut self, assessments: I) {
        for assessment in assessments {
            self.push(assessment);
        }
    }
}

impl FromIterator<Assessment> for Assessments {
    fn from_iter<I: IntoIterator<Item = Assessment>>(assessments: I) -> Self {
        let mut own = Self::default();
        own.extend(assessments);
        own
    }
}

/// Whole ones, for those who change them.
impl IntoIterator for Assessments {
    type Item = Assessment;
    type IntoIter = Box<dyn Iterator<Item = Assessment>>;

    fn into_iter(self) -> Self::IntoIter {
        let Self { recommendations, resources, grounds, rows, .. } = self;
        Box::new(rows.into_iter().filter_map(move |row| {
            let Grounds { status, cause, evidence, findings } = grounds.get(row.grounds as usize)?.clone();
            Some(Assessment {
                recommendation: Arc::clone(recommendations.get(row.recommendation as usize)?),
                resource: resources.get(row.resource as usize)?.clone(),
                status,
                cause,
                evidence,
                findings,
            })
        }))
    }
}

impl<'a> IntoIterator for &'a Assessments {
    type Item = AssessmentRef<'a>;
    type IntoIter = Box<dyn Iterator<Item = AssessmentRef<'a>> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl PartialEq for Assessments {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Serialize for Assessments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use skywarden_model::{Actual, CauseCode, Severity};

    use super::*;

    fn cause(code: CauseCode) -> Arc<Cause> {
        Arc::new(Cause { code, message: "m".to_owned(), permissions: Vec::new() })
    }

    fn evidence(field: &str) -> Arc<[Evidence]> {
        [Evidence { field: field.into(), expected: "equals true".into(), actual: Actual::Absent, source: None }].into()
    }

    fn assessment(recommendation: u8, resource: u8, grounds: u8, shared: &(Arc<Cause>, Arc<[Evidence]>)) -> Assessment {
        let finding = |status| Finding {
            id: "f".into(),
            title: "F".into(),
            severity: Severity::Low,
            status,
            cause: None,
            evidence: Arc::default(),
        };
        let mut own = Assessment {
            recommendation: format!("rule-{recommendation}").into(),
            resource: format!("/resource/{resource}").as_str().into(),
            status: Status::Healthy,
            cause: None,
            evidence: Arc::default(),
            findings: Box::default(),
        };
        match grounds {
            0 => {}
            1 => (own.status, own.evidence) = (Status::Unhealthy, Arc::clone(&shared.1)),
            2 => (own.status, own.evidence) = (Status::Unhealthy, evidence("other")),
            3 => (own.status, own.cause) = (Status::NotApplicable, Some(Arc::clone(&shared.0))),
            4 => (own.status, own.cause) = (Status::Unknown, Some(cause(CauseCode::Unreadable))),
            5 => (own.status, own.findings) = (Status::Unhealthy, [finding(Status::Unhealthy)].into()),
            _ => (own.status, own.findings) = (Status::Healthy, [finding(Status::Healthy)].into()),
        }
        own
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(picks in proptest::collection::vec((0..4_u8, 0..4_u8, 0..7_u8), 0..60)) {
            let shared = (cause(CauseCode::DoesNotApply), evidence("properties.a"));
            let whole: Vec<Assessment> =
                picks.iter().map(|(rule, resource, grounds)| assessment(*rule, *resource, *grounds, &shared)).collect();
            let mut kept: Assessments = whole.iter().cloned().collect();
            prop_assert!(kept.iter().eq(whole.iter().map(AssessmentRef::from)));
            prop_assert_eq!(serde_json::to_string(&kept).unwrap(), serde_json::to_string(&whole).unwrap());
            prop_assert_eq!(kept.clone().into_iter().collect::<Vec<_>>(), whole.clone());

            let mut sorted = whole.clone();
            sorted.sort_by(|left, right| (&left.resource, &left.recommendation).cmp(&(&right.resource, &right.recommendation)));
            kept.sort();
            prop_assert!(kept.iter().eq(sorted.iter().map(AssessmentRef::from)), "equal ones keep their order");

            let is_kept = |status| status == Status::Unhealthy;
            sorted.retain(|own| is_kept(own.status));
            kept.retain(|own| is_kept(own.status));
            kept.extend(whole.clone());
            sorted.extend(whole);
            prop_assert!(kept.iter().eq(sorted.iter().map(AssessmentRef::from)));
        }
    }

    #[test]
    fn a_thousand_on_the_same_grounds_have_one() {
        let shared = (cause(CauseCode::DoesNotApply), evidence("properties.a"));
        let kept: Assessments = (0..1000).map(|number: u32| assessment(0, (number % 200) as u8, 1, &shared)).collect();
        assert_eq!((kept.len(), kept.grounds.len(), kept.recommendations.len()), (1000, 1, 1));
    }
}
