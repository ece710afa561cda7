//! Standards and recommendations that clients write through ARM, and where the standards are assigned: what judging takes from the
//! documents of these objects.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use skywarden_content::StandardFile;
use skywarden_model::{Attestation, Exemption, Scope as Place, Severity, Timestamp};
use skywarden_policy::{Hierarchy, Scope};
use skywarden_posture::AccountScope;

use crate::{ArmObject, ScopeFilter, Store, StoreError};

/// The kind of [`ArmObject`] that is a standard.
pub const SECURITY_STANDARDS: &str = "securityStandards";

/// The same as api-version 2021-08-01-preview calls it.
pub const OLDER_STANDARDS: &str = "standards";

/// The kind that puts a standard in force, exempts or attests.
pub const STANDARD_ASSIGNMENTS: &str = "standardAssignments";

/// The kind that is a recommendation of one's own.
pub const CUSTOM_RECOMMENDATIONS: &str = "customRecommendations";

/// The member of the documents of these kinds that says what they do here; clients neither see nor write it.
pub const HIDDEN: &str = "skywarden";

/// What a standard of ARM is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "of")]
pub enum ArmStandard {
    /// Its own controls.
    File(StandardFile),
    /// The initiative with this id.
    Initiative(String),
}

/// What an assignment of ARM does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandardAssignment {
    /// The id in small letters of the standard that it names; empty if it names none.
    pub standard: String,
    /// What it does.
    pub effect: AssignmentEffect,
}

/// What is made of an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "of")]
pub enum AssignmentEffect {
    /// A standard with its own controls is shown in the accounts that the assignment covers.
    Standard {
        /// The standard's id in the roll-ups.
        file: String,
        /// What lies below the scope and is left out.
        excluded: Vec<String>,
        /// From this instant on it no longer holds.
        until: Option<Timestamp>,
    },
    /// A policy assignment of an initiative: its document.
    Policy(Value),
    /// An exemption.
    Exemption(Exemption),
    /// An attestation.
    Attestation(Attestation),
}

/// What a recommendation of ARM is judged by: policy objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmRecommendation {
    /// The GUID under which standards name it.
    pub key: String,
    /// What it asks for.
    pub title: String,
    /// How bad it is if it is not met.
    pub severity: Severity,
    /// The policy definition's document.
    pub definition: Value,
    /// The policy assignment's document.
    pub assignment: Value,
}

/// Standards with their own controls, and where they are in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArmStandards {
    files: Vec<StandardFile>,
    assigned: Vec<Assigned>,
}

#[derive(Debug, Clone)]
struct Assigned {
    file: String,
    accounts: BTreeSet<AccountScope>,
    until: Option<Timestamp>,
}

impl ArmStandards {
    pub(crate) fn files(&self) -> impl Iterator<Item = &StandardFile> {
        self.files.iter()
    }

    /// Each standard with the accounts in which it is in force `now`.
    pub(crate) fn places(&self, now: Timestamp) -> BTreeMap<&str, BTreeSet<AccountScope>> {
        let mut places: BTreeMap<&str, BTreeSet<AccountScope>> =
            self.files.iter().map(|file| (file.id.as_str(), BTreeSet::new())).collect();
        for own in self.assigned.iter().filter(|own| own.until.is_none_or(|end| now < end)) {
            if let Some(accounts) = places.get_mut(own.file.as_str()) {
                accounts.extend(own.accounts.iter().cloned());
            }
        }
        places
    }
}

impl ArmRecommendation {
    /// What controls name it by.
    pub fn check_id(&self) -> String {
        format!("custom:{}", self.key)
    }

    /// The id of the policy definition.
    pub fn definition_id(&self) -> &str {
        self.definition.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The id of the policy assignment.
    pub fn assignment_id(&self) -> &str {
        self.assignment.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

impl ArmObject {
    /// What the object does here; `None` if its document does not say.
    ///
    /// # Errors
    /// If what it says can't be read.
    pub fn hidden<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        let hidden = self.document.get(HIDDEN).filter(|own| !own.is_null());
        hidden.map(|own| T::deserialize(own).map_err(StoreError::damaged("object"))).transpose()
    }
}

impl Store {
    /// The standards of ARM that have their own controls, with those of some accounts in which they are in force.
    pub(crate) async fn arm_standards(&self, accounts: &BTreeSet<AccountScope>) -> Result<ArmStandards, StoreError> {
        let mut found = ArmStandards::default();
        for kind in [SECURITY_STANDARDS, OLDER_STANDARDS] {
            for own in self.arm_objects(&ScopeFilter::All, kind).await? {
                if let Some(ArmStandard::File(file)) = own.hidden()? {
                    found.files.push(file);
                }
            }
        }
        if found.files.is_empty() {
            return Ok(found);
        }
        let kept = self.policy_library().await?;
        let hierarchy = &kept.library.governance.hierarchy;
        for own in self.arm_objects(&ScopeFilter::All, STANDARD_ASSIGNMENTS).await? {
            let Some(StandardAssignment { effect: AssignmentEffect::Standard { file, excluded, until }, .. }) = own.hidden()?
            else {
                continue;
            };
            let environments = found.files.iter().find(|known| known.id == file).map(|known| known.environments.as_slice());
            let Some(environments) = environments else { continue };
            let excluded: BTreeSet<Scope> = excluded.iter().filter_map(|text| Scope::parse(text)).collect();
            let is_meant = |account: &&AccountScope| {
                environments.iter().any(|own| own == account.environment.word()) && lies_in(hierarchy, &own, account, &excluded)
            };
            let accounts = accounts.iter().filter(is_meant).cloned().collect();
            found.assigned.push(Assigned { file, accounts, until });
        }
        Ok(found)
    }

    /// The recommendations of ARM whose policy is still assigned.
    pub(crate) async fn arm_recommendations(&self) -> Result<Vec<ArmRecommendation>, StoreError> {
        let mut found = Vec::new();
        let kept = self.policy_library().await?;
        for own in self.arm_objects(&ScopeFilter::All, CUSTOM_RECOMMENDATIONS).await? {
            let recommendation: Option<ArmRecommendation> = own.hidden()?;
            found.extend(recommendation.filter(|own| kept.library.governance.assignment(own.assignment_id()).is_some()));
        }
        Ok(found)
    }
}

/// Whether an account lies in the scope of an assignment, and in nothing that this leaves out.
fn lies_in(hierarchy: &Hierarchy, assignment: &ArmObject, account: &AccountScope, excluded: &BTreeSet<Scope>) -> bool {
    let place = Place {
        connector: account.connector.as_str().into(),
        account: account.account.as_str().into(),
        resource_group: "".into(),
    };
    let chain = hierarchy.of_parts("", &place);
    let is_inside = match assignment.scope.account() {
        Some(own) => own == (account.connector.as_str(), account.account.as_str()),
        None => Scope::parse(assignment.scope.path()).is_some_and(|scope| chain.contains(&scope)),
    };
    is_inside && !chain.iter().any(|scope| excluded.contains(scope))
}
