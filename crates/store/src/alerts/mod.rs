//! Alerts as they are kept: what detection found, and what people did with it.

mod incidents;
mod keep;
mod query;

use serde::Serialize;
use skywarden_content::AlertLevel;
use skywarden_detect::Alert;
use skywarden_model::Timestamp;

pub use incidents::{IncidentQuery, KeptIncident};
pub use query::{AlertCount, AlertQuery};

/// The kind of [`crate::ArmObject`] that suppresses alerts.
pub const SUPPRESSION_RULES: &str = "alertsSuppressionRules";

/// What people did with an alert, in the words of Defender's alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum AlertStatus {
    /// Nothing yet.
    Active,
    /// Somebody looks at it.
    InProgress,
    /// It is dealt with.
    Resolved,
    /// It is of no interest.
    Dismissed,
}

/// An alert with where it belongs and what became of it.
#[derive(Debug, Clone)]
pub struct KeptAlert {
    /// What was found.
    pub alert: Alert,
    /// The connector of the account that it belongs to.
    pub connector: String,
    /// The account.
    pub account: String,
    /// The resource group (region, where there are none) of its resource; empty if none is known.
    pub group: String,
    /// The resource that it is about, if it is in the inventory: its native id.
    pub resource: Option<String>,
    /// How severe it is where it happened: one step more than the alert itself if anything raises it.
    pub severity: AlertLevel,
    /// What raised its severity, as clauses about the resource.
    pub raised: Vec<String>,
    /// What would raise it and could not be judged, since what tells of it was not read or the resource is not in the inventory: titles of
    /// risk factors.
    pub unknown: Vec<String>,
    /// What people did with it.
    pub status: AlertStatus,
    /// The name of the rule that suppressed it.
    pub suppressed_by: Option<String>,
    /// The incident that it is part of.
    pub incident: Option<String>,
    /// When it was first kept.
    pub kept_at: Timestamp,
    /// When its status last changed.
    pub status_changed_at: Timestamp,
    /// Who changed it.
    pub status_changed_by: Option<String>,
}

impl AlertStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::InProgress, Self::Resolved, Self::Dismissed];

    /// The word.
    pub fn text(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::InProgress => "InProgress",
            Self::Resolved => "Resolved",
            Self::Dismissed => "Dismissed",
        }
    }

    /// The status of a word, in any case.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.text().eq_ignore_ascii_case(word))
    }
}

/// The status of a row.
fn status_of(word: &str) -> Result<AlertStatus, crate::StoreError> {
    AlertStatus::named(word).ok_or_else(|| {
        let error = <serde_json::Error as serde::de::Error>::custom(format!("`{word}` is no status"));
        crate::StoreError::damaged("alert")(error)
    })
}

/// The number by which severities are kept and compared.
fn severity_number(severity: AlertLevel) -> i64 {
    match severity {
        AlertLevel::Informational => 0,
        AlertLevel::Low => 1,
        AlertLevel::Medium => 2,
        AlertLevel::High | AlertLevel::Critical => 3,
    }
}

fn severity_of(number: i64) -> AlertLevel {
    match number {
        0 => AlertLevel::Informational,
        1 => AlertLevel::Low,
        2 => AlertLevel::Medium,
        _ => AlertLevel::High,
    }
}
