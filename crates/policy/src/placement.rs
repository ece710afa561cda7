use serde_json::Value;
use skywarden_rule::CompileError;

use crate::{
    reader::Reader,
    scope::{self, Scope},
};

/// Where a management group or a subscription lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The management group or subscription.
    pub child: Scope,
    /// The management group above it, or the tenant.
    pub parent: Scope,
    /// What people call it; empty if the document has no name.
    pub display_name: String,
}

/// Reads Azure's JSON of a management group: `{id, properties: {displayName, details: {parent: {id}}}}`, with what it says of its
/// `children` at any depth, or of a subscription in one: `GROUP/subscriptions/ID`.
///
/// # Errors
/// Every mistake found, each with its place.
pub(crate) fn placements(document: &Value) -> Result<Vec<Placement>, Vec<CompileError>> {
    let mut reader = Reader::default();
    let mut found = Vec::new();
    group(&mut reader, document, "", 0, &mut found);
    if reader.errors.is_empty() { Ok(found) } else { Err(reader.errors) }
}

/// Azure's limit is six levels below the root.
const MAX_DEPTH: usize = 10;

fn group(reader: &mut Reader, document: &Value, pointer: &str, depth: usize, found: &mut Vec<Placement>) -> Option<()> {
    let (properties, place) = reader.properties_below(document, pointer);
    let (id, id_place) = reader.required_text(document, "id", pointer)?;
    let own = scope(reader, id, &id_place)?;
    let display_name = reader.text(properties, "displayName", &place).map(|(text, _)| text.to_owned()).unwrap_or_default();
    if depth == 0 {
        let details = reader.member(properties, "details", &place);
        let (holder, holder_place) = details.unwrap_or((properties, place.clone()));
        if let Some((parent, parent_place)) = reader.member(holder, "parent", &holder_place)
            && let Some((parent, parent_place)) = reader.required_text(parent, "id", &parent_place)
        {
            let parent = scope(reader, parent, &parent_place)?;
            found.push(Placement { child: own.clone(), parent, display_name });
        } else if let Some((above, _)) = id.rsplit_once("/subscriptions/").filter(|(above, _)| !above.is_empty()) {
            let parent = scope(reader, above, &id_place)?;
            found.push(Placement { child: own.clone(), parent, display_name });
        } else {
            found.push(Placement { child: own.clone(), parent: Scope::Tenant, display_name });
        }
    }
    let Some((children, place)) = reader.list(properties, "children", &place) else { return Some(()) };
    if depth == MAX_DEPTH {
        return reader.error(&place, format!("management groups lie at most {MAX_DEPTH} deep"), None);
    }
    for (position, child) in children.iter().enumerate() {
        let place = format!("{place}/{position}");
        let Some((id, id_place)) = reader.required_text(child, "id", &place) else { continue };
        let Some(below) = scope(reader, id, &id_place) else { continue };
        let display_name = reader.text(child, "displayName", &place).map(|(text, _)| text.to_owned()).unwrap_or_default();
        found.push(Placement { child: below, parent: own.clone(), display_name });
        group(reader, child, &place, depth + 1, found);
    }
    Some(())
}

/// A management group or a subscription; one in a group by the id that the group gives it.
fn scope(reader: &mut Reader, text: &str, place: &str) -> Option<Scope> {
    let subscription = text.to_ascii_lowercase().find("/subscriptions/").and_then(|start| text.get(start..));
    match Scope::parse(subscription.unwrap_or(text)) {
        Some(found @ (Scope::Tenant | Scope::ManagementGroup(_) | Scope::Subscription(_))) => Some(found),
        _ => {
            let message = format!("`{text}` is no management group and no subscription");
            reader.error(place, message, Some(scope::HELP.to_owned()))
        }
    }
}
