//! What the forms of the report say with the same words.

use skywarden_model::{AttestationScope, AttestedState, Timestamp};

/// Which accounts an attestation speaks of.
pub fn of_scope(scope: &AttestationScope) -> String {
    match scope {
        AttestationScope::Tenant => "whole installation".to_owned(),
        AttestationScope::Subscription { connector, account } => format!("account {account} of {connector}"),
    }
}

/// What was found.
pub fn of_attested(state: AttestedState) -> &'static str {
    match state {
        AttestedState::Passed => "passed",
        AttestedState::Failed => "failed",
        AttestedState::NotApplicable => "not applicable",
    }
}

/// An instant to the second.
pub fn of_instant(at: Timestamp) -> String {
    let text = format!("{at:.0}");
    text.replace('T', " ").replace('Z', " UTC")
}
