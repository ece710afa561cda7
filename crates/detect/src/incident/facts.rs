use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skywarden_content::{AlertLevel, Intent};

use crate::{Alert, Entity};

/// Most entities of an alert that are looked at.
const MAX_PARTIES: usize = 100;

/// What correlation needs to know of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertFacts {
    /// The alert's id.
    pub id: String,
    /// The detection's name for machines.
    pub detection: String,
    /// For people.
    pub title: String,
    /// The plan that it belongs to, of our own detections.
    pub plan: Option<String>,
    /// How much it matters.
    pub severity: AlertLevel,
    /// Steps of the kill chain.
    pub intents: BTreeSet<Intent>,
    /// ATT&CK techniques.
    pub techniques: BTreeSet<String>,
    /// Of the first event.
    pub start: Timestamp,
    /// Of the last event.
    pub end: Timestamp,
    /// Who did it.
    pub actor: Option<String>,
    /// Whom it is about; of more than 100 the first in order.
    pub entities: BTreeSet<Party>,
    /// Whose log it was found in.
    pub account: Option<String>,
    /// How many events there are.
    pub n_events: u64,
    /// The resource, host or account that is in danger.
    pub compromised: Option<String>,
}

/// Somebody or something that alerts are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Party {
    /// What it is: one of the kinds of an [`Entity`].
    #[serde(rename = "type")]
    pub kind: String,
    /// What tells it from others of its kind.
    pub id: String,
    /// What people call it, if that is another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<&Alert> for AlertFacts {
    fn from(alert: &Alert) -> Self {
        // The service that somebody signs in to is that of everybody.
        let service = alert.first.text("resource.uid").filter(|_| alert.first.class.name == "authentication");
        let is_service = |entity: &&Entity| entity.kind == "cloud-resource" && Some(&entity.id) == service.as_ref();
        AlertFacts {
            id: alert.id.clone(),
            detection: alert.detection.to_string(),
            title: alert.title.clone(),
            plan: alert.plan.clone(),
            severity: alert.severity,
            intents: alert.intents.iter().copied().collect(),
            techniques: alert.techniques.iter().cloned().collect(),
            start: alert.start,
            end: alert.end,
            actor: ["actor.user.uid", "actor.user.name"].iter().find_map(|field| alert.first.text(field)),
            entities: first_of(alert.entities.iter().filter(|entity| !is_service(entity)).map(Party::from)),
            account: alert.account.clone(),
            n_events: alert.n_events,
            compromised: alert.compromised.clone(),
        }
    }
}

impl From<&Entity> for Party {
    fn from(entity: &Entity) -> Self {
        Party { kind: entity.kind.to_owned(), id: entity.id.clone(), name: entity.more.get("name").cloned() }
    }
}

impl AlertFacts {
    /// The same alert as two saw it at different times: all that either knows, whichever came first.
    pub(super) fn merged(self, other: &AlertFacts) -> AlertFacts {
        let mut merged = self;
        merged.title = merged.title.min(other.title.clone());
        merged.plan = merged.plan.max(other.plan.clone());
        merged.severity = merged.severity.max(other.severity);
        merged.intents.extend(&other.intents);
        merged.techniques.extend(other.techniques.iter().cloned());
        merged.start = merged.start.min(other.start);
        merged.end = merged.end.max(other.end);
        merged.actor = merged.actor.max(other.actor.clone());
        merged.entities = first_of(merged.entities.into_iter().chain(other.entities.iter().cloned()));
        merged.account = merged.account.max(other.account.clone());
        merged.n_events = merged.n_events.max(other.n_events);
        merged.compromised = merged.compromised.max(other.compromised.clone());
        merged
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Party> {
        self.entities.iter().filter(move |party| party.kind == kind)
    }

    /// The earliest and the latest step of the kill chain that is known.
    pub(super) fn steps(&self) -> Option<(Intent, Intent)> {
        let mut known = self.intents.iter().copied().filter(|intent| *intent != Intent::Unknown);
        let first = known.next()?;
        Some((first, known.next_back().unwrap_or(first)))
    }

    /// What happened in one sentence.
    pub(super) fn sentence(&self) -> String {
        let named = |kind: &str| self.of_kind(kind).next().map(|party| party.name.as_ref().unwrap_or(&party.id).as_str());
        let parts = [("by", named("account")), ("from", named("ip")), ("on", self.compromised.as_deref())];
        let mut sentence = self.title.trim_end_matches('.').to_owned();
        for (word, name) in parts {
            if let Some(name) = name {
                sentence.push_str(&format!(" {word} {}", crate::source::shorten(name, 200)));
            }
        }
        sentence + "."
    }
}

/// Each party once, with a name if any knows one.
fn first_of(parties: impl Iterator<Item = Party>) -> BTreeSet<Party> {
    let mut names: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    for Party { kind, id, name } in parties {
        let held = names.entry((kind, id)).or_default();
        *held = match (held.take(), name) {
            (Some(held), Some(name)) => Some(held.min(name)),
            (held, name) => held.or(name),
        };
    }
    names.into_iter().take(MAX_PARTIES).map(|((kind, id), name)| Party { kind, id, name }).collect()
}
