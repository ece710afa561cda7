use serde::{Deserialize, Serialize};

use crate::{Date, Timestamp};

/// What a person found about a control of a standard that nothing automatic covers.
///
/// Never changed once made, but for its withdrawal: a later one of the same control and scope takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// Unique in the installation (a UUID).
    pub id: String,
    /// The standard's id.
    pub standard: String,
    /// The control's id.
    pub control: String,
    /// For which accounts.
    pub scope: AttestationScope,
    /// What was found.
    pub state: AttestedState,
    /// What it rests on.
    pub evidence: AttestedEvidence,
    /// The day on which somebody looked.
    pub assessed_on: Date,
    /// From this instant on it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was taken back, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawal>,
}

/// The end of an attestation before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// What a person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttestedState {
    /// The control is met.
    Passed,
    /// It is not.
    Failed,
    /// It concerns nothing here.
    NotApplicable,
}

/// What an attestation rests on: a text, links, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttestedEvidence {
    /// What was seen, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Where it can be looked up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// Which accounts an attestation speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind", deny_unknown_fields)]
pub enum AttestationScope {
    /// The whole installation.
    Tenant,
    /// One account of a connector.
    Subscription {
        /// The connector.
        connector: String,
        /// The provider's account.
        account: String,
    },
}

/// A text of evidence may be this long, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// A link may be this long, in bytes.
const MAX_LINK: usize = 2048;

/// An attestation has at most this many links.
const MAX_LINKS: usize = 20;

/// Why an attestation can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// There is neither text nor link.
    #[error("an attestation needs evidence: a text, a link, or both")]
    NoEvidence,
    /// The text is too long.
    #[error("the text of the evidence has {0} bytes; at most {MAX_TEXT} are kept, so link to the document")]
    TextTooLong(usize),
    /// There are too many links.
    #[error("there are {0} links; an attestation has at most {MAX_LINKS}")]
    TooManyLinks(usize),
    /// A link is no `https` address.
    #[error("`{0}` is no https address of at most {MAX_LINK} bytes; put what is no link into the text")]
    Link(String),
    /// The day has not come yet.
    #[error("the assessment is dated {0}, which is in the future; give the day on which somebody looked")]
    Future(Date),
    /// It ends before it begins.
    #[error("the attestation would have expired at {0} already; give a later time or none")]
    Expired(Timestamp),
}

impl Attestation {
    /// Whether a new attestation can be taken.
    ///
    /// # Errors
    /// If it lacks evidence, a link is no `https` address, or its times make no sense at its creation.
    pub fn check(&self) -> Result<(), AttestationError> {
        let AttestedEvidence { text, links } = &self.evidence;
        if text.trim().is_empty() && links.is_empty() {
            return Err(AttestationError::NoEvidence);
        }
        if text.len() > MAX_TEXT {
            return Err(AttestationError::TextTooLong(text.len()));
        }
        if links.len() > MAX_LINKS {
            return Err(AttestationError::TooManyLinks(links.len()));
        }
        if let Some(link) = links.iter().find(|link| !is_https(link)) {
            return Err(AttestationError::Link(link.chars().take(200).collect()));
        }
        // Somewhere on earth it may be tomorrow already.
        let latest = jiff::tz::offset(14).to_datetime(self.created_at).date();
        if self.assessed_on > latest {
            return Err(AttestationError::Future(self.assessed_on));
        }
        match self.expires_at {
            Some(end) if end <= self.created_at => Err(AttestationError::Expired(end)),
            _ => Ok(()),
        }
    }

    /// Whether it was neither taken back nor has expired.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.withdrawn.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

fn is_https(link: &str) -> bool {
    let Some(rest) = link.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    link.len() <= MAX_LINK && !host.is_empty() && !link.chars().any(|letter| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attestation() -> Attestation {
        Attestation {
            id: "1".to_owned(),
            standard: "s".to_owned(),
            control: "c".to_owned(),
            scope: AttestationScope::Tenant,
            state: AttestedState::Passed,
            evidence: AttestedEvidence { text: "seen".to_owned(), links: vec!["https://wiki.example/a?b#c".to_owned()] },
            assessed_on: "2026-11-20".parse().unwrap(),
            expires_at: None,
            created_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            created_by: "me".to_owned(),
            withdrawn: None,
        }
    }

    #[test]
    fn evidence_is_a_text_or_https_links() {
        assert_eq!(attestation().check(), Ok(()));
        let with = |text: &str, links: &[&str]| {
            let links = links.iter().map(|link| (*link).to_owned()).collect();
            Attestation { evidence: AttestedEvidence { text: text.to_owned(), links }, ..attestation() }.check()
        };
        assert_eq!(with(" ", &[]), Err(AttestationError::NoEvidence));
        assert_eq!(with("", &["https://a.example"]), Ok(()));
        for wrong in ["http://a.example", "javascript:alert(1)", "https://", "https://a b", "https:///x"] {
            assert_eq!(with("seen", &[wrong]), Err(AttestationError::Link(wrong.to_owned())));
        }
    }

    #[test]
    fn it_is_of_a_day_that_came_and_ends_later() {
        let on = |day: &str| Attestation { assessed_on: day.parse().unwrap(), ..attestation() }.check();
        assert_eq!(on("2026-11-21"), Ok(()), "it is tomorrow in Kiribati");
        assert!(matches!(on("2026-11-22"), Err(AttestationError::Future(_))));
        let until = |end: &str| Attestation { expires_at: Some(end.parse().unwrap()), ..attestation() };
        assert!(matches!(until("2026-11-20T12:00:00Z").check(), Err(AttestationError::Expired(_))));
        let soon = until("2026-11-20T13:00:00Z");
        assert!(soon.holds("2026-11-20T12:59:59Z".parse().unwrap()));
        assert!(!soon.holds("2026-11-20T13:00:00Z".parse().unwrap()));
    }
}
