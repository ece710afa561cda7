use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use skywarden_content::Catalog;
use skywarden_model::{DefenderPart, DefenderScore, DefenderView, Ratio, Timestamp, UnreadableKind, UnreadableReason};

use crate::{Agreement, OwnVerdict, TakeOver, agreement, take_over};

/// What Defender for Cloud said of the subscriptions of a connector, beside what is said here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BesideDefender {
    /// The connector.
    pub connector: String,
    /// When Defender was asked.
    pub taken_at: Timestamp,
    /// How far both agree.
    pub agreement: Agreement,
    /// The scores of each subscription, in order.
    pub scores: Vec<ScoresBeside>,
    /// Azure's exemptions, each once, and what they would be here.
    pub exemptions: Vec<TakeOver>,
    /// What could not be read of a subscription, with the reason in words.
    pub unread: BTreeMap<Arc<str>, BTreeMap<DefenderPart, String>>,
}

/// The two scores of a subscription.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoresBeside {
    /// The subscription.
    pub account: Arc<str>,
    /// Defender's; absent if it gave none or it could not be read.
    pub theirs: Option<DefenderScore>,
    /// Ours; absent if it was not assessed here.
    pub ours: Option<Ratio>,
    /// The least and the most that ours may be, by what is unknown.
    pub range: Option<[Ratio; 2]>,
}

/// Puts what Defender said beside our verdicts and our scores (with their ranges) by subscription; at most `most` differences of each
/// recommendation are named.
pub fn beside_defender(
    catalog: &Catalog,
    (connector, taken_at): (&str, Timestamp),
    views: &BTreeMap<Arc<str>, DefenderView>,
    verdicts: &[OwnVerdict],
    scores: &BTreeMap<Arc<str>, (Ratio, [Ratio; 2])>,
    most: usize,
    now: Timestamp,
) -> BesideDefender {
    let both = views.iter().map(|(account, view)| {
        let own = scores.get(account).copied();
        let (ours, range) = (own.map(|(ratio, _)| ratio), own.map(|(_, range)| range));
        ScoresBeside { account: Arc::clone(account), theirs: view.score, ours, range }
    });
    let words = |reason: &UnreadableReason| match &reason.permission {
        Some(permission) if reason.kind == UnreadableKind::Denied => format!("the login lacks {permission}"),
        _ => reason.sentence(),
    };
    let reasons = |view: &DefenderView| view.unread.iter().map(|(part, reason)| (*part, words(reason))).collect();
    let unread = views.iter().filter(|(_, view)| !view.unread.is_empty());
    // One at a management group is told for each of its subscriptions.
    let exemptions = views.values().flat_map(|view| take_over(catalog, view, now));
    let exemptions: BTreeMap<String, TakeOver> = exemptions.map(|own| (own.theirs.id.clone(), own)).collect();
    BesideDefender {
        connector: connector.to_owned(),
        taken_at,
        agreement: agreement(catalog, views, verdicts, most),
        scores: both.collect(),
        exemptions: exemptions.into_values().collect(),
        unread: unread.map(|(account, view)| (Arc::clone(account), reasons(view))).collect(),
    }
}
