use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::{Assessment, CauseCode, Status, Timestamp, TrackedState, Transition, TransitionKind};

/// What changed between the remembered states and the assessments of a run; sorted by resource, then recommendation.
///
/// An assessment that is remembered but not among `current` is gone with its resource: the caller leaves in `current` whatever
/// belongs to a listing that failed (see [`crate::unlisted`]).
pub fn transitions(previous: &[TrackedState], current: &[Assessment], at: Timestamp) -> Vec<Transition> {
    let before: BTreeMap<(&str, &str), &TrackedState> =
        previous.iter().map(|state| ((state.resource.as_str(), state.recommendation.as_ref()), state)).collect();
    let mut now = BTreeSet::new();
    let mut changes = Vec::new();
    for assessment in current {
        let key = (assessment.resource.as_str(), assessment.recommendation.as_ref());
        now.insert(key);
        let state = before.get(&key);
        if let Some(kind) = change(state.copied(), assessment) {
            changes.push(Transition {
                recommendation: assessment.recommendation.clone(),
                resource: assessment.resource.clone(),
                from: state.map(|state| state.status),
                to: Some(assessment.status),
                kind,
                at,
            });
        }
    }
    for (key, state) in before {
        if !now.contains(&key) {
            changes.push(Transition {
                recommendation: state.recommendation.clone(),
                resource: state.resource.clone(),
                from: Some(state.status),
                to: None,
                kind: TransitionKind::Gone,
                at,
            });
        }
    }
    changes.sort_by(|left, right| (&left.resource, &left.recommendation).cmp(&(&right.resource, &right.recommendation)));
    changes
}

fn change(state: Option<&TrackedState>, assessment: &Assessment) -> Option<TransitionKind> {
    let Some(state) = state else {
        return (assessment.status == Status::Unhealthy).then_some(TransitionKind::Opened);
    };
    if state.status == assessment.status {
        return None;
    }
    if assessment.cause.as_ref().is_some_and(|cause| cause.code == CauseCode::NotListed) {
        return Some(TransitionKind::Stale);
    }
    // A verdict that could not be had for a while is compared with the last one that was: a refused read resolves nothing,
    // and being able to read again opens nothing.
    let known = if state.status == Status::Unknown { state.last_known } else { Some(state.status) };
    Some(match assessment.status {
        Status::Unhealthy if known == Some(Status::Unhealthy) => TransitionKind::Changed,
        Status::Unhealthy if state.was_resolved => TransitionKind::Reopened,
        Status::Unhealthy => TransitionKind::Opened,
        Status::Healthy if known == Some(Status::Unhealthy) => TransitionKind::Resolved,
        _ => TransitionKind::Changed,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use skywarden_model::Cause;

    use super::*;

    fn state(status: Status, was_resolved: bool) -> TrackedState {
        let start = Timestamp::UNIX_EPOCH;
        TrackedState {
            recommendation: "r".into(),
            resource: "a".into(),
            status,
            last_known: None,
            was_resolved,
            first_evaluated_at: start,
            status_changed_at: start,
        }
    }

    fn assessment(status: Status, cause: Option<CauseCode>) -> Assessment {
        let cause = cause.map(|code| Arc::new(Cause { code, message: String::new(), permissions: Vec::new() }));
        Assessment {
            recommendation: "r".into(),
            resource: "a".into(),
            status,
            cause,
            evidence: Arc::default(),
            findings: Box::default(),
        }
    }

    fn kinds(previous: &[TrackedState], current: &[Assessment]) -> Vec<TransitionKind> {
        transitions(previous, current, Timestamp::UNIX_EPOCH).into_iter().map(|transition| transition.kind).collect()
    }

    #[test]
    fn a_violation_opens_resolves_and_reopens() {
        assert_eq!(kinds(&[], &[assessment(Status::Unhealthy, None)]), [TransitionKind::Opened]);
        assert_eq!(kinds(&[state(Status::Unhealthy, false)], &[assessment(Status::Healthy, None)]), [TransitionKind::Resolved]);
        assert_eq!(kinds(&[state(Status::Healthy, true)], &[assessment(Status::Unhealthy, None)]), [TransitionKind::Reopened]);
        assert_eq!(kinds(&[state(Status::Unhealthy, true)], &[assessment(Status::Unhealthy, None)]), []);
    }

    #[test]
    fn what_was_not_listed_is_stale_and_what_is_missing_is_gone() {
        let not_listed = assessment(Status::Unknown, Some(CauseCode::NotListed));
        assert_eq!(kinds(&[state(Status::Healthy, false)], &[not_listed]), [TransitionKind::Stale]);
        assert_eq!(kinds(&[state(Status::Healthy, false)], &[]), [TransitionKind::Gone]);
    }

    #[test]
    fn a_read_that_was_refused_for_a_while_neither_resolves_nor_opens() {
        let unknown = |last_known| TrackedState { last_known, ..state(Status::Unknown, false) };
        let after = |last_known, status| kinds(&[unknown(last_known)], &[assessment(status, None)]);
        assert_eq!(kinds(&[state(Status::Unhealthy, false)], &[assessment(Status::Unknown, None)]), [TransitionKind::Changed]);
        assert_eq!(after(Some(Status::Unhealthy), Status::Unhealthy), [TransitionKind::Changed]);
        assert_eq!(after(Some(Status::Unhealthy), Status::Healthy), [TransitionKind::Resolved]);
        assert_eq!(after(Some(Status::Healthy), Status::Unhealthy), [TransitionKind::Opened]);
        assert_eq!(after(None, Status::Unhealthy), [TransitionKind::Opened]);
    }

    #[test]
    fn what_becomes_not_applicable_is_not_resolved() {
        let exempt = assessment(Status::NotApplicable, Some(CauseCode::Exempt));
        assert_eq!(kinds(&[state(Status::Unhealthy, false)], &[exempt]), [TransitionKind::Changed]);
        assert_eq!(kinds(&[], &[assessment(Status::Unknown, None)]), []);
    }
}
