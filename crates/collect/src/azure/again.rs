//! Reads again what a log says has changed, by the ids that it names.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use skywarden_content::AzurePlane;
use skywarden_model::{Changed, ListOutcome, Reread, RereadOutcome, Resource, UnreadableKind, UnreadableReason};

use super::{
    AzureOptions, Found, Spec, Work,
    complete::{fail, put, read_all},
    estate::Estate,
    listing::{list_type, with_version},
    normalise::Common,
    run::{Asked, Run},
};
use crate::{NoProgress, Specs, Transport, withhold::Secrets};

/// What there is of a change: nothing, if it is gone.
type Outcome = Result<Vec<Resource>, Arc<UnreadableReason>>;

/// What Resource Graph adds to properties: the state of power of a machine, the generation of its hypervisor.
const GRAPHS_OWN: [&str; 1] = ["extended"];

/// Reads again the resources of a tenant that changed, each by its id. `known` are those of their types, and of types that lie
/// below them, as they were read last.
///
/// Resource Graph learns of a change seconds or minutes late, so Azure Resource Manager is asked. Only its 404 means that something
/// is gone; whatever else goes wrong is told in the outcome, and fails no other.
pub async fn read_azure_again<'a>(
    specs: impl Into<Specs<'a>>,
    transport: Arc<dyn Transport>,
    options: &AzureOptions,
    wanted: &[Changed],
    known: &[Resource],
) -> Vec<Reread> {
    let specs = specs.into();
    let run = Run::new(&*transport, Secrets::new(specs.secrets.values()), options.max_concurrency, options.page_limit);
    let tenant: Arc<str> = options.tenant.as_deref().unwrap_or_default().into();
    let estate =
        Estate { tenant: Arc::clone(&tenant), subscriptions: BTreeMap::new(), gone: BTreeSet::new(), unseen: BTreeMap::new() };
    let spec_of: BTreeMap<String, Spec<'_>> =
        specs.collectors.values().filter_map(Spec::of).map(|spec| (spec.file.type_name.to_lowercase(), spec)).collect();
    let common = Common { connector: &options.connector, tenant, secrets: &run.secrets };
    let work = Work { run: &run, common, estate: &estate, specs: &spec_of, options, progress: &NoProgress };

    let mut reads = Vec::with_capacity(wanted.len());
    for changed in wanted {
        reads.push(async { (changed.clone(), read(&work, changed).await) });
    }
    let mut outcomes: BTreeMap<Changed, Outcome> =
        stream::iter(reads).buffer_unordered(options.max_concurrency.clamp(1, 1000)).collect().await;
    keep_listed(&work, &mut outcomes, known);
    group_children(&work, &mut outcomes, known);
    let rereads = outcomes.into_iter().map(|(changed, outcome)| {
        let outcome = match outcome {
            Ok(found) => RereadOutcome::Found(found),
            Err(reason) => RereadOutcome::Failed(reason),
        };
        Reread { changed, outcome }
    });
    rereads.collect()
}

async fn read(work: &Work<'_>, changed: &Changed) -> Outcome {
    let spec = work.specs.get(&changed.type_name.as_str().to_lowercase());
    let permission =
        spec.map_or_else(|| format!("{}/read", changed.type_name), |spec| spec.azure.permission(&spec.file.type_name));
    let asked = |address| Asked { plane: AzurePlane::Arm, address, permission: &permission, account: &changed.account };
    let unmade = |message: &str| Err(work.run.share(asked("").unmade(message)));
    let Some(spec) = spec.filter(|spec| spec.azure.plane == AzurePlane::Arm) else {
        return unmade("no collector says how one of the type is read");
    };
    let Some(id) = changed.id() else { return read_type(work, *spec, changed).await };
    let Some(version) = spec.azure.api_version.as_deref() else {
        return unmade("its collector has no `api_version`, with which one of the type is read");
    };
    let address = with_version(id, Some(version));
    let row = match work.run.find(asked(&address)).await {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(Vec::new()),
        Err(reason) => return Err(work.run.share(reason)),
    };
    let resource = work.common.resource(Some(spec.file), row);
    let resource = resource.map_err(|problem| work.run.share(asked(&address).malformed(&problem)))?;
    if resource.id.as_str() != id {
        return Err(work.run.share(asked(&address).malformed(&format!("it is about {}", resource.id))));
    }
    let mut found = Found { resources: [resource].into_iter().collect(), ..Found::default() };
    read_all(work, &mut found).await;
    Ok(found.resources.into_resources())
}

/// Very many of a type changed: all of it in the account, by the list that stands for Resource Graph.
async fn read_type(work: &Work<'_>, spec: Spec<'_>, changed: &Changed) -> Outcome {
    if spec.azure.list.is_none() || spec.azure.below.is_some() {
        let asked = Asked { plane: AzurePlane::Arm, address: "", permission: "", account: &changed.account };
        return Err(work.run.share(asked.unmade("so many of the type changed that the next scan lists them")));
    }
    let listed = list_type(work, spec, &Arc::from(changed.account.as_str())).await;
    match listed.outcome {
        ListOutcome::Partial { reason, .. } | ListOutcome::Failed { reason } => Err(reason),
        _ => {
            let mut found = Found { resources: listed.resources.into_iter().collect(), ..Found::default() };
            read_all(work, &mut found).await;
            Ok(found.resources.into_resources())
        }
    }
}

/// Members of properties that only queries and lists of very many tell stay as they were read last: what Resource Graph adds, and what is
/// joined.
fn keep_listed(work: &Work<'_>, outcomes: &mut BTreeMap<Changed, Outcome>, known: &[Resource]) {
    for resource in outcomes.values_mut().filter_map(|outcome| outcome.as_mut().ok()).flatten() {
        let Some(spec) = work.specs.get(&resource.type_name.as_str().to_lowercase()) else { continue };
        let of_graph =
            GRAPHS_OWN.into_iter().filter(|member| spec.azure.table.is_some() && spec.file.fields.contains_key(*member));
        for member in of_graph.chain(spec.azure.joins.iter().map(|join| join.into.as_str())) {
            if resource.properties.get(member).is_some() {
                continue;
            }
            let before = known.iter().find(|own| own.id == resource.id);
            let field = format!("properties.{member}");
            let unread = before.and_then(|own| own.unreadable.iter().find(|entry| entry.field.to_string() == field));
            if let Some(unread) = unread {
                resource.unreadable.push(unread.clone());
            } else if let Some(before) = before {
                put(resource, member, before.properties.get(member).cloned());
            } else {
                let permission = spec.azure.permission(&spec.file.type_name);
                let asked =
                    Asked { plane: AzurePlane::Arm, address: "", permission: &permission, account: &resource.scope.account };
                let message = "a list of all alone has it, which the next scan asks for";
                fail(work, resource, member, asked.reason(UnreadableKind::NotYetKnown, "NotListedYet", message));
            }
        }
        resource.unreadable.sort_by(|one, other| one.field.cmp(&other.field));
    }
}

/// Puts what lies below resources beside what they say themselves: what is known of it, and what was read again just now.
fn group_children(work: &Work<'_>, outcomes: &mut BTreeMap<Changed, Outcome>, known: &[Resource]) {
    let mut below: BTreeMap<String, Resource> = known.iter().map(|own| (own.id.to_string(), own.clone())).collect();
    for (changed, outcome) in &*outcomes {
        let Ok(found) = outcome else { continue };
        below.retain(|_, own| !changed.speaks_of(own));
        below.extend(found.iter().map(|own| (own.id.to_string(), own.clone())));
    }
    for resource in outcomes.values_mut().filter_map(|outcome| outcome.as_mut().ok()).flatten() {
        let Some(spec) = work.specs.get(&resource.type_name.as_str().to_lowercase()) else { continue };
        let before = known.iter().find(|own| own.id == resource.id);
        for children in &spec.azure.children {
            let field = format!("properties.{}", children.into);
            let unread = before.and_then(|own| own.unreadable.iter().find(|entry| entry.field.to_string() == field));
            if let Some(unread) = unread {
                // They could not all be listed, and are not listed now.
                resource.unreadable.push(unread.clone());
                continue;
            }
            let above = format!("{}/", resource.id);
            let own = below.range(above.clone()..).take_while(|(id, _)| id.starts_with(&above)).map(|(_, own)| own);
            let own = own.filter(|own| own.type_name.as_str().eq_ignore_ascii_case(&children.type_name));
            let own: Vec<Value> = own.map(|own| json!({ "name": own.name, "properties": own.properties })).collect();
            put(resource, &children.into, Some(Value::Array(own)));
        }
        resource.unreadable.sort_by(|one, other| one.field.cmp(&other.field));
    }
}
