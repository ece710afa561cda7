//! Standards of Microsoft.Security: those that are built in, read at every place, and those that clients write, judged where they are
//! assigned.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_content::{ComplianceControl, Maturity, StandardFile};
use skywarden_model::Timestamp;
use skywarden_policy::{Library, ObjectKind, Scope};
use skywarden_posture::Standards;
use skywarden_store::{
    ArmObject, ArmRecommendation, ArmStandard, CUSTOM_RECOMMENDATIONS, OLDER_STANDARDS, OwnStandards, STANDARD_ASSIGNMENTS,
    ScopeFilter, StandardAssignment, StoreError, initiative_standard,
};

use super::{
    answer::Shown,
    behave::Draft,
    carried,
    check::{Mistake, refused},
    kind::Kind,
    target::Target,
};
use crate::{auth::hex_digest, error::ApiError, scoped::Scoped};

/// The standard that is in force without anybody's doing, as clients know it.
const DEFAULT: &str = "mcsb-v1";

/// What stands before the ids of what is built in.
pub(super) const BUILT_IN_AT: &str = "/providers/Microsoft.Security";

/// One standard: kept at a place, or built in and so at every place.
pub(super) async fn one(state: &Scoped, kind: &Kind, target: &Target, name: &str) -> Result<Option<Shown>, ApiError> {
    if let Some(kept) = state.store.arm_object(&state.filter, kind.collection, &target.scope, name).await? {
        return Ok(Some(Shown::kept(kept, None)));
    }
    Ok(built_in(state, kind, target).await?.into_iter().find(|own| own.name.eq_ignore_ascii_case(name)))
}

/// Every standard that can be assigned at a place. Of the older kind: those of the resource groups of a subscription.
pub(super) async fn all(state: &Scoped, kind: &Kind, target: &Target) -> Result<Vec<Shown>, ApiError> {
    let mut all = built_in(state, kind, target).await?;
    if kind.collection != OLDER_STANDARDS || target.group.is_some() {
        all.extend(carried::kept_above(state, kind, target).await?);
        return Ok(all);
    }
    for own in state.store.arm_objects(&state.filter, kind.collection).await? {
        let below = own.scope.path().strip_prefix(target.scope.path()).filter(|rest| rest.starts_with('/'));
        if let Some(below) = below {
            let (id, _) = target.prefix.split_once("/providers/").unwrap_or((&target.prefix, ""));
            let group = below.rsplit('/').next().unwrap_or_default();
            let prefix = format!("{id}/resourceGroups/{group}/providers/Microsoft.Security");
            all.push(Shown { prefix: Some(prefix), ..Shown::kept(own, None) });
        }
    }
    Ok(all)
}

/// What is kept of a standard: what it says, and what it is judged by.
pub(super) async fn prepared(
    state: &Scoped,
    kind: &Kind,
    target: &Target,
    draft: Draft<'_>,
) -> Result<Map<String, Value>, ApiError> {
    let Draft { name, mut properties, current } = draft;
    if current.is_some_and(|own| own.kept.is_none()) {
        return Err(built_in_stays(name));
    }
    let text = |member: &str| properties.get(member).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let (list, key) = if kind.collection == OLDER_STANDARDS { ("components", "key") } else { ("assessments", "assessmentKey") };
    let keys: Vec<String> =
        elements(&properties, list).filter_map(|own| own.get(key).and_then(Value::as_str)).map(str::to_owned).collect();
    if text("displayName").is_empty() {
        return Err(refused(vec![mistake(
            "properties.displayName",
            "`properties.displayName` is empty; standards are found by it",
        )]));
    }
    let judged = match (text("policySetDefinitionId"), keys.is_empty()) {
        (id, true) if !id.is_empty() => ArmStandard::Initiative(initiative(state, target, &id).await?),
        (id, false) if !id.is_empty() => {
            let message =
                format!("`properties` has both `policySetDefinitionId` and `{list}`; a standard is judged by one of them");
            return Err(refused(vec![mistake("properties.policySetDefinitionId", &message)]));
        }
        (_, true) => {
            let message =
                format!("`properties.{list}` names nothing, so nothing would be judged; name assessments, or an initiative");
            return Err(refused(vec![mistake(&format!("properties.{list}"), &message)]));
        }
        (_, false) => {
            let clouds = if kind.collection == OLDER_STANDARDS { "supportedClouds" } else { "cloudProviders" };
            ArmStandard::File(StandardFile {
                id: file_id(target, kind, name),
                title: text("displayName"),
                description: text("description"),
                version: "1".to_owned(),
                environments: environments(&properties, clouds),
                any_plan: false,
                controls: controls(state, target, &keys, (list, key)).await?,
            })
        }
    };
    properties.insert("standardType".to_owned(), "Custom".into());
    Ok(carried::document(state, properties, json!(judged), current))
}

/// Judges anew what is assigned of a standard that was written.
pub(super) async fn changed(state: &Scoped, before: Option<&ArmObject>, after: Option<&ArmObject>) -> Result<(), ApiError> {
    for own in [before, after].into_iter().flatten() {
        if let Some(ArmStandard::File(_)) = own.hidden()? {
            return roll_up(state).await;
        }
    }
    Ok(())
}

/// That a standard may be removed: it is nobody's assignment's, and not built in.
pub(super) async fn removable(
    state: &Scoped,
    kind: &Kind,
    target: &Target,
    name: &str,
    kept: Option<&ArmObject>,
) -> Result<(), ApiError> {
    let Some(kept) = kept else {
        let known = built_in(state, kind, target).await?;
        return if known.iter().any(|own| own.name.eq_ignore_ascii_case(name)) { Err(built_in_stays(name)) } else { Ok(()) };
    };
    let id = format!("{}/{}/{}", target.prefix, kind.collection, kept.name).to_lowercase();
    let mut users = Vec::new();
    for own in state.store.arm_objects(&ScopeFilter::All, STANDARD_ASSIGNMENTS).await? {
        let assignment: Option<StandardAssignment> = own.hidden()?;
        if assignment.is_some_and(|assignment| assignment.standard == id) {
            users.push(own);
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    // What lies elsewhere keeps it too, but is not named.
    let is_seen =
        |own: &&ArmObject| own.scope.account().is_some_and(|(connector, account)| state.filter.allows(connector, account));
    let named: Vec<String> = users
        .iter()
        .filter(is_seen)
        .take(5)
        .map(|own| format!("{}/providers/Microsoft.Security/{STANDARD_ASSIGNMENTS}/{}", own.scope.path(), own.name))
        .collect();
    let named = if named.is_empty() { String::new() } else { format!(", such as {}", named.join(", ")) };
    let message =
        format!("the standard `{name}` can't be removed: {} assignments name it{named}; remove these first", users.len());
    Err(ApiError::new(StatusCode::CONFLICT, "StandardInUse", message))
}

/// Notes how the standards stand by now; if a run holds the store, the run does.
pub(super) async fn roll_up(state: &Scoped) -> Result<(), ApiError> {
    match state.store.roll_up(&state.catalog, Timestamp::now()).await {
        Err(error @ StoreError::RunInProgress { .. }) => {
            tracing::warn!(%error, "a standard was changed and not rolled up anew");
            Ok(())
        }
        result => result.map(drop).map_err(ApiError::from),
    }
}

/// What is judged at a place without anybody writing it here: standards of the content and of the installation, and initiatives with
/// groups that can be assigned there.
async fn built_in(state: &Scoped, kind: &Kind, target: &Target) -> Result<Vec<Shown>, ApiError> {
    let own = of_place(state, target).await?;
    let standards = own.with(&state.catalog, Timestamp::now());
    let kept = state.store.policy_library().await?;
    let is_older = kind.collection == OLDER_STANDARDS;
    let shown = |name: String, properties: Map<String, Value>| Shown {
        name,
        kind: None,
        properties,
        kept: None,
        prefix: Some(BUILT_IN_AT.to_owned()),
    };
    let files = standards.files().filter(|file| !own.is_arm(&file.id) && !own.is_initiative(&file.id));
    let mut all: Vec<Shown> = files.map(|file| shown(file.id.clone(), described(&standards, file, is_older))).collect();
    for initiative in initiatives(&kept.library, &target.chain(state, &kept.library)) {
        let mut properties = Map::new();
        properties.insert("displayName".to_owned(), json!(initiative.display_name));
        properties.insert("description".to_owned(), json!(initiative.description));
        properties.insert("standardType".to_owned(), json!("Compliance"));
        if !is_older {
            properties.insert("policySetDefinitionId".to_owned(), json!(initiative.id));
        }
        all.push(shown(initiative_standard(initiative), properties));
    }
    Ok(all)
}

/// The standards of a place's account; of all that the caller sees at others.
pub(super) async fn of_place(state: &Scoped, target: &Target) -> Result<OwnStandards, ApiError> {
    let filter = target.account.clone().map_or_else(|| state.filter.clone(), |account| state.filter.narrowed([account]));
    Ok(state.store.own_standards(&filter).await?)
}

/// Initiatives with groups that lie in one of some scopes.
pub(super) fn initiatives<'a>(
    library: &'a Library,
    chain: &'a [Scope],
) -> impl Iterator<Item = &'a skywarden_policy::Initiative> {
    let is_in_reach = |id: &str| chain.contains(&ObjectKind::Initiative.place(id));
    library.governance.initiatives().filter(move |own| !own.groups.is_empty() && is_in_reach(&own.id))
}

fn described(standards: &Standards<'_>, file: &StandardFile, is_older: bool) -> Map<String, Value> {
    let keys = standards.checks_of(&file.id).into_iter().filter_map(|id| standards.catalog().recommendations.get(id));
    let keys: Vec<&str> = keys.map(|own| own.key.as_str()).collect();
    let clouds = CLOUDS.iter().filter(|(_, word)| file.environments.iter().any(|own| own == word)).map(|(cloud, _)| *cloud);
    let clouds: Vec<&str> = clouds.filter(|cloud| !is_older || *cloud != "Azure").collect();
    let standard_type = if file.id == DEFAULT { "Default" } else { "Compliance" };
    let mut properties = Map::new();
    properties.insert("displayName".to_owned(), json!(file.title));
    properties.insert("description".to_owned(), json!(file.description));
    properties.insert("standardType".to_owned(), json!(standard_type));
    let (list, key, of_clouds) =
        if is_older { ("components", "key", "supportedClouds") } else { ("assessments", "assessmentKey", "cloudProviders") };
    properties.insert(list.to_owned(), keys.iter().map(|own| json!({ key: own })).collect());
    properties.insert(of_clouds.to_owned(), json!(clouds));
    properties
}

/// Clouds as clients write them, and as standards do.
const CLOUDS: [(&str, &str); 3] = [("Azure", "azure"), ("AWS", "aws"), ("GCP", "gcp")];

/// For what a standard is: what it names, or everything.
fn environments(properties: &Map<String, Value>, clouds: &str) -> Vec<String> {
    let named: BTreeSet<&str> = elements(properties, clouds).filter_map(Value::as_str).collect();
    let known = CLOUDS.iter().filter(|(cloud, _)| named.contains(cloud)).map(|(_, word)| *word);
    let words: Vec<&str> = if named.is_empty() { vec!["azure", "aws", "gcp", "kubernetes", "host"] } else { known.collect() };
    words.into_iter().map(str::to_owned).collect()
}

/// One control for each assessment that a standard names.
async fn controls(
    state: &Scoped,
    target: &Target,
    keys: &[String],
    (list, key): (&str, &str),
) -> Result<Vec<ComplianceControl>, ApiError> {
    let own = recommendations_in_reach(state, target).await?;
    let (mut controls, mut mistakes): (Vec<ComplianceControl>, Vec<Mistake>) = (Vec::new(), Vec::new());
    for (index, wanted) in keys.iter().enumerate() {
        let place = format!("properties.{list}[{index}].{key}");
        let known = state.catalog.recommendations.values().find(|known| known.key.eq_ignore_ascii_case(wanted));
        let (id, title, check) = match (known, own.iter().find(|own| own.key.eq_ignore_ascii_case(wanted))) {
            (Some(known), _) if known.file.maturity != Maturity::Deprecated => {
                (known.file.id.clone(), known.file.title.clone(), known.file.id.clone())
            }
            (_, Some(own)) => (own.key.clone(), own.title.clone(), own.check_id()),
            _ => {
                let message =
                    format!("`{place}` is `{wanted}`, which is the key of no assessment here; `assessmentMetadata` has them");
                mistakes.push(mistake(&place, &message));
                continue;
            }
        };
        if controls.iter().any(|control| control.id == id) {
            mistakes.push(mistake(&place, &format!("`{place}` names `{wanted}` a second time")));
            continue;
        }
        controls.push(ComplianceControl { id, title, manual: None, checks: vec![check], controls: Vec::new() });
    }
    if mistakes.is_empty() { Ok(controls) } else { Err(refused(mistakes)) }
}

/// The custom recommendations at a place and above it.
async fn recommendations_in_reach(state: &Scoped, target: &Target) -> Result<Vec<ArmRecommendation>, ApiError> {
    let mut found = Vec::new();
    for (scope, _) in carried::scopes_above(state, target).await? {
        for own in state.store.all_arm_objects_at(&ScopeFilter::All, CUSTOM_RECOMMENDATIONS, &scope).await? {
            found.extend(own.hidden::<ArmRecommendation>()?);
        }
    }
    Ok(found)
}

/// The id of an initiative that a standard is to be.
async fn initiative(state: &Scoped, target: &Target, id: &str) -> Result<String, ApiError> {
    let kept = state.store.policy_library().await?;
    let place = "properties.policySetDefinitionId";
    let chain = target.chain(state, &kept.library);
    let known = kept.library.governance.initiative(id).filter(|own| chain.contains(&ObjectKind::Initiative.place(&own.id)));
    let Some(known) = known else {
        let message = format!("`{place}` is `{id}`; there is no such initiative at this scope or above it");
        return Err(refused(vec![mistake(place, &message)]));
    };
    if known.groups.is_empty() {
        let message =
            format!("the initiative `{id}` has no groups (`policyDefinitionGroups`), so it has no controls that could be shown");
        return Err(not_available(&message, place));
    }
    Ok(known.id.clone())
}

/// The id under which the roll-ups have a standard: its name, and what tells it from one of the same name elsewhere.
fn file_id(target: &Target, kind: &Kind, name: &str) -> String {
    let name = name.to_lowercase();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let digest: String = hex_digest(&format!("{}/{}/{name}", target.scope.path(), kind.collection)).chars().take(8).collect();
    format!("{plain}-{digest}")
}

pub(super) fn elements<'a>(properties: &'a Map<String, Value>, member: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    properties.get(member).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn mistake(target: &str, message: &str) -> Mistake {
    Mistake { target: target.to_owned(), message: message.to_owned() }
}

/// That what a body asks for can't be carried out here.
pub(super) fn not_available(message: &str, target: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "FeatureNotAvailable", message).with_target(target.to_owned())
}

fn built_in_stays(name: &str) -> ApiError {
    let message = format!(
        "the standard `{name}` is built in, kept under /api/v1/standards or an initiative, so it is neither written nor removed here; \
         choose another name"
    );
    ApiError::new(StatusCode::CONFLICT, "BuiltIn", message)
}
