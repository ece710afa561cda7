//! From a row or an element of a list to a resource.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use skywarden_content::{AzureCollector, CollectorFile};
use skywarden_model::{Carried, ConnectorId, ENVELOPE, Resource, ResourceId, Scope, Unreadable};

use crate::{
    normalise::GLOBAL,
    withhold::{Secrets, withhold},
};

/// What every row of Resource Graph or element of a list has besides.
const KNOWN: [&str; 12] = [
    "id",
    "name",
    "type",
    "location",
    "tags",
    "properties",
    "subscriptionId",
    "resourceGroup",
    "tenantId",
    "apiVersion",
    "systemData",
    "etag",
];

/// What the resources of a run have in common.
#[derive(Clone)]
pub(crate) struct Common<'a> {
    pub(crate) connector: &'a ConnectorId,
    pub(crate) tenant: Arc<str>,
    pub(crate) secrets: &'a Secrets,
}

/// Whether nothing of a type is read or put beside what its list says.
pub(crate) fn is_all_listed(azure: &AzureCollector) -> bool {
    azure.reads.is_empty() && azure.joins.is_empty() && azure.children.is_empty()
}

impl Common<'_> {
    /// The resource of a row; `spec` is that of its type.
    ///
    /// # Errors
    /// What it lacks, in words: without an id it can't be told from others.
    pub(crate) fn resource(&self, spec: Option<&CollectorFile>, row: Value) -> Result<Resource, String> {
        let Value::Object(mut row) = row else { return Err("an element is no object".to_owned()) };
        let word = spec.and_then(|spec| spec.azure.as_ref()?.word.as_deref());
        let mut resource = match word {
            Some(word) => self.directory_object(spec, word, row),
            None => self.arm_resource(spec, &mut row),
        }?;
        if let Some(spec) = spec.filter(|spec| spec.azure.as_ref().is_none_or(is_all_listed)) {
            self.withhold(spec, &mut resource);
        }
        Ok(resource)
    }

    /// Takes out what may be secret; to be called when all is read, of what is not all in its list.
    pub(crate) fn withhold(&self, spec: &CollectorFile, resource: &mut Resource) {
        let parts = spec.withheld.iter();
        let hidden: Vec<Unreadable> = parts.filter_map(|part| withhold(part, self.secrets, &mut resource.properties)).collect();
        resource.unreadable.extend(hidden);
    }

    /// Whose a resource is by its id: a subscription, else the tenant.
    pub(crate) fn scope(&self, id: &str) -> Scope {
        let mut steps = id.split('/').skip(1);
        let mut after = |name: &str| (steps.next() == Some(name)).then(|| steps.next()).flatten().filter(|step| !step.is_empty());
        let account = after("subscriptions").map_or_else(|| Arc::clone(&self.tenant), Arc::from);
        let resource_group = after("resourcegroups").unwrap_or(GLOBAL).into();
        Scope { connector: self.connector.clone(), account, resource_group }
    }

    fn arm_resource(&self, spec: Option<&CollectorFile>, row: &mut Map<String, Value>) -> Result<Resource, String> {
        let text = |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text(row, "id").filter(|id| id.starts_with('/')).ok_or("an element has no ARM `id`")?;
        let id = id.trim_end_matches('/').to_lowercase();
        let type_name = match spec {
            Some(spec) => spec.type_name.clone(),
            None => text(row, "type").ok_or_else(|| format!("`{id}` has no `type`"))?,
        };
        let named = text(row, "name").or_else(|| text(row, "displayName"));
        let name = named.unwrap_or_else(|| id.rsplit('/').next().unwrap_or(&id).to_owned());
        let location = text(row, "location").map(|location| location.to_lowercase().replace(' ', ""));
        let location = location.filter(|location| !location.is_empty());
        let tags = match row.get_mut("tags").map(Value::take) {
            Some(Value::Object(tags)) => tags
                .into_iter()
                .map(|(key, value)| (key, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect(),
            _ => BTreeMap::new(),
        };
        let mut envelope = Map::new();
        for member in ENVELOPE {
            let own = row.get_mut(member).map(Value::take).filter(|own| !own.is_null() && own.as_str() != Some(""));
            envelope.extend(own.map(|own| (member.to_owned(), own)));
        }
        let properties = match row.get_mut("properties").map(Value::take) {
            Some(Value::Object(properties)) => properties,
            // What has none is described at its top: a subscription, a tenant.
            _ => {
                let own = std::mem::take(row).into_iter();
                own.filter(|(name, _)| !KNOWN.contains(&name.as_str()) && !ENVELOPE.contains(&name.as_str())).collect()
            }
        };
        Ok(Resource {
            scope: self.scope(&id),
            id: ResourceId::from(id),
            type_name: type_name.as_str().into(),
            name,
            location,
            tags,
            envelope,
            properties: Value::Object(properties),
            unreadable: Vec::new(),
            carried: Carried::All,
        })
    }

    fn directory_object(&self, spec: Option<&CollectorFile>, word: &str, row: Map<String, Value>) -> Result<Resource, String> {
        let own = row.get("id").and_then(Value::as_str).ok_or("an element has no `id`")?;
        let id = format!("/tenants/{}/{word}/{own}", self.tenant).to_lowercase();
        let member = spec.and_then(|spec| spec.azure.as_ref()?.name.as_deref()).unwrap_or("displayName");
        let name = row.get(member).and_then(Value::as_str).filter(|name| !name.is_empty()).unwrap_or(own).to_owned();
        let resource_group = GLOBAL.into();
        Ok(Resource {
            id: ResourceId::from(id),
            type_name: spec.map(|spec| spec.type_name.as_str()).unwrap_or_default().into(),
            name,
            scope: Scope { connector: self.connector.clone(), account: Arc::clone(&self.tenant), resource_group },
            location: None,
            tags: BTreeMap::new(),
            envelope: Map::new(),
            properties: Value::Object(row),
            unreadable: Vec::new(),
            carried: Carried::All,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(spec: Value, row: Value) -> Result<Resource, String> {
        let spec: Option<CollectorFile> = serde_json::from_value(spec).unwrap();
        let secrets = Secrets::default();
        let common = Common { connector: &"c".into(), tenant: "t".into(), secrets: &secrets };
        common.resource(spec.as_ref(), row)
    }

    #[test]
    fn ids_are_folded_and_types_are_spelled_as_the_collector_spells_them() {
        let spec =
            json!({ "type": "Microsoft.Sql/servers", "description": "d", "fields": {}, "azure": { "table": "resources" } });
        let row = json!({
            "id": "/subscriptions/S1/resourceGroups/RG/providers/Microsoft.Sql/servers/Main", "name": "Main",
            "type": "microsoft.sql/servers", "location": "West Europe", "kind": "v12.0", "sku": null, "managedBy": "",
            "tags": { "Env": "prod" }, "properties": { "minimalTlsVersion": "1.2" }, "resourceGroup": "RG",
        });
        let resource = resource(spec, row).unwrap();
        assert_eq!(resource.id.as_str(), "/subscriptions/s1/resourcegroups/rg/providers/microsoft.sql/servers/main");
        assert_eq!((resource.type_name.as_str(), resource.name.as_str()), ("Microsoft.Sql/servers", "Main"));
        assert_eq!((&*resource.scope.account, &*resource.scope.resource_group), ("s1", "rg"));
        assert_eq!(resource.location.as_deref(), Some("westeurope"));
        assert_eq!(Value::Object(resource.envelope), json!({ "kind": "v12.0" }));
        assert_eq!(resource.properties, json!({ "minimalTlsVersion": "1.2" }));
        assert_eq!(resource.tags["Env"], "prod");
    }

    #[test]
    fn what_has_no_properties_is_described_at_its_top() {
        let row =
            json!({ "id": "/subscriptions/s1", "type": "x", "subscriptionId": "s1", "displayName": "Shop", "state": "Enabled" });
        let resource = resource(Value::Null, row).unwrap();
        assert_eq!((resource.name.as_str(), &*resource.scope.resource_group), ("Shop", "global"));
        assert_eq!(resource.properties, json!({ "displayName": "Shop", "state": "Enabled" }));
    }

    #[test]
    fn what_lies_in_no_subscription_is_the_tenants() {
        let row =
            json!({ "id": "/providers/Microsoft.Management/managementGroups/Top", "name": "Top", "type": "x", "properties": {} });
        assert_eq!(&*resource(Value::Null, row).unwrap().scope.account, "t");
    }

    #[test]
    fn directory_objects_get_an_id_of_the_tenant() {
        let spec = json!({ "type": "Microsoft.Graph/users", "description": "d", "fields": {},
                           "azure": { "list": "/v1.0/users", "plane": "graph", "level": "tenant", "word": "users", "name": "userPrincipalName" } });
        let resource = resource(spec, json!({ "id": "AB-1", "userPrincipalName": "ana@x.test" })).unwrap();
        assert_eq!((resource.id.as_str(), resource.name.as_str()), ("/tenants/t/users/ab-1", "ana@x.test"));
        assert_eq!(resource.properties["id"], "AB-1");
    }

    #[test]
    fn without_an_id_it_is_no_resource() {
        for row in [json!({ "name": "n" }), json!("x"), json!({ "id": "n", "type": "x" })] {
            assert!(resource(Value::Null, row).is_err());
        }
    }
}
