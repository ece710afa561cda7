//! What attestations make of a control that nothing automatic covers.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use skywarden_content::StandardFile;
use skywarden_model::{Attestation, AttestationScope, AttestedState, Timestamp};

use crate::{
    ComplianceState, Standards,
    standards::{AccountScope, Attestations},
};

/// A control that people attested somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attested<'a> {
    /// Its state in the accounts together.
    pub(crate) state: ComplianceState,
    /// What the state rests on, the newest first.
    pub(crate) by: Vec<&'a Attestation>,
}

/// Whether an attestation counts, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationStanding {
    /// The control's state rests on it.
    Holds,
    /// Its time is up: the control has to be looked at again.
    Expired,
    /// It was taken back.
    Withdrawn,
    /// A later one of the same control and accounts has its place.
    Superseded,
    /// There is no such control any more, or checks judge it by now.
    Overtaken,
}

impl fmt::Display for AttestationStanding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Holds => "holds",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Overtaken => "overtaken",
        })
    }
}

impl Standards<'_> {
    /// Whether an attestation counts `now`, or why not.
    pub fn standing_of(&self, attestation: &Attestation, now: Timestamp) -> AttestationStanding {
        if attestation.withdrawn.is_some() {
            return AttestationStanding::Withdrawn;
        }
        if !attestation.holds(now) {
            return AttestationStanding::Expired;
        }
        if self.attestable(&attestation.standard, &attestation.control).is_err() {
            return AttestationStanding::Overtaken;
        }
        let key = (attestation.standard.as_str(), attestation.control.as_str());
        let mut holding = self.attestations.holding.get(&key).into_iter().flatten();
        match holding.find(|own| own.scope == attestation.scope) {
            Some(newest) if newest.id != attestation.id => AttestationStanding::Superseded,
            _ => AttestationStanding::Holds,
        }
    }
}

impl<'a> Attestations<'a> {
    /// What was attested of a control, over the accounts that the standard is for; `None` where nothing holds.
    ///
    /// An attestation of one account goes before one of the whole installation there, and of two a later one before an earlier.
    /// One account without keeps the control from passing: there, nobody has looked.
    pub(crate) fn of_control(&self, file: &StandardFile, control: &'a str) -> Option<Attested<'a>> {
        let holding = self.holding.get(&(file.id.as_str(), control))?;
        let is_due = |own: &&AccountScope| {
            file.environments.iter().any(|environment| environment == own.environment.word())
                || holding.iter().any(|attestation| is_of(attestation, own))
        };
        let accounts: Vec<&AccountScope> = self.accounts.iter().filter(is_due).collect();
        let of_all = holding.iter().find(|attestation| attestation.scope == AttestationScope::Tenant).copied();
        let found: Vec<Option<&Attestation>> = match accounts.as_slice() {
            // No account is known that it would be due in.
            [] => vec![Some(of_all?)],
            accounts => accounts
                .iter()
                .map(|own| holding.iter().find(|attestation| is_of(attestation, own)).copied().or(of_all))
                .collect(),
        };
        let ids: BTreeSet<&str> = found.iter().flatten().map(|attestation| attestation.id.as_str()).collect();
        let by: Vec<&Attestation> = holding.iter().filter(|attestation| ids.contains(attestation.id.as_str())).copied().collect();
        let states: BTreeSet<Option<AttestedState>> =
            found.iter().map(|found| found.map(|attestation| attestation.state)).collect();
        let state = if states.contains(&Some(AttestedState::Failed)) {
            ComplianceState::Failed
        } else if states.contains(&None) {
            ComplianceState::Manual
        } else if states.contains(&Some(AttestedState::Passed)) {
            ComplianceState::Passed
        } else {
            ComplianceState::NotApplicable
        };
        Some(Attested { state, by })
    }
}

fn is_of(attestation: &Attestation, own: &AccountScope) -> bool {
    match &attestation.scope {
        AttestationScope::Tenant => false,
        AttestationScope::Subscription { connector, account } => *connector == own.connector && *account == own.account,
    }
}
