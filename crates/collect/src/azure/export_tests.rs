use std::io::Write as _;

use skywarden_content::CollectorFile;

use super::*;

const ID: &str = "/subscriptions/S/resourceGroups/Shop/providers/Microsoft.Storage/storageAccounts/fern";

fn read(name: &str, content: &[u8]) -> Result<Snapshot, String> {
    let spec = json!({ "type": "Microsoft.Storage/storageAccounts", "description": "d", "fields": { "blobServices": "json" },
                       "azure": { "table": "resources", "reads": [{ "get": "{id}/x", "api_version": "1", "permission": "p", "into": "blobServices" }] } });
    let spec: CollectorFile = serde_json::from_value(spec).unwrap();
    let collectors = BTreeMap::from([(spec.type_name.clone(), spec)]);
    let specs = Specs { collectors: &collectors, services: &BTreeMap::new(), secrets: &BTreeMap::new() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    File::create(&path).unwrap().write_all(content).unwrap();
    read_azure_export(specs, &path, &"file".into(), Timestamp::UNIX_EPOCH).map_err(|error| error.to_string())
}

fn unread(resource: &Resource) -> Vec<String> {
    resource.unreadable.iter().map(|entry| entry.field.to_string()).collect()
}

fn row() -> Value {
    json!({ "id": ID, "name": "fern", "type": "microsoft.storage/storageaccounts", "kind": "StorageV2", "location": "westeurope",
            "tags": null, "sku": null, "identity": null, "plan": null, "zones": null, "managedBy": "", "extendedLocation": null,
            "properties": { "supportsHttpsTrafficOnly": true } })
}

#[test]
fn rows_of_resource_graph_lack_only_what_further_calls_read() {
    for document in [
        json!([row()]),
        json!({ "count": 1, "data": [row()], "skip_token": null, "total_records": 1 }),
        json!({ "value": [row()] }),
    ] {
        let snapshot = read("export.json", document.to_string().as_bytes()).unwrap();
        let [account] = snapshot.resources.as_slice() else { panic!("{document}") };
        assert_eq!(account.id.as_str(), ID.to_lowercase());
        assert_eq!(
            (&account.properties, account.envelope["kind"].as_str()),
            (&json!({ "supportsHttpsTrafficOnly": true }), Some("StorageV2"))
        );
        assert_eq!(unread(account), ["properties.blobServices"]);
        assert_eq!(snapshot.coverage[0].outcome, ListOutcome::Complete { n_resources: 1 });
    }
}

#[test]
fn a_page_of_several_is_not_all() {
    for document in [
        json!({ "count": 1, "data": [row()], "skip_token": "T" }),
        json!({ "data": [row()], "count": 1, "totalRecords": 2 }),
        json!({ "value": [row()], "nextLink": "https://x" }),
    ] {
        let snapshot = read("export.json", document.to_string().as_bytes()).unwrap();
        assert!(matches!(snapshot.coverage[0].outcome, ListOutcome::Partial { .. }), "{document}");
    }
}

#[test]
fn a_list_without_properties_knows_nothing_of_them() {
    let mut flat = row();
    flat.as_object_mut().unwrap().remove("properties");
    flat["enableHttpsTrafficOnly"] = json!(false);
    flat.as_object_mut().unwrap().remove("identity");
    let snapshot = read("resources.json", json!([flat]).to_string().as_bytes()).unwrap();
    assert_eq!(unread(&snapshot.resources[0]), ["identity", "properties"]);
    assert_eq!(snapshot.resources[0].properties, json!({}));
}

#[test]
fn a_table_is_read_as_the_portal_writes_it() {
    let csv = format!(
        "\u{feff}ID,NAME,TYPE,LOCATION,KIND,TAGS,PROPERTIES\n{ID},fern,microsoft.storage/storageaccounts,westeurope,StorageV2,\"{{\"\"env\"\":\"\"prod\"\"}}\",\"{{\"\"supportsHttpsTrafficOnly\"\":false}}\"\n"
    );
    let snapshot = read("export.csv", csv.as_bytes()).unwrap();
    let [account] = snapshot.resources.as_slice() else { panic!() };
    assert_eq!((&account.properties, account.tags["env"].as_str()), (&json!({ "supportsHttpsTrafficOnly": false }), "prod"));
    assert!(unread(account).contains(&"sku".to_owned()), "a column that the query left out is not known");
}

#[test]
fn tags_that_were_cut_are_not_none() {
    let csv =
        format!("id,name,type,tags,properties\n{ID},fern,microsoft.storage/storageaccounts,\"{{\"\"env\"\": \"\"pr\",\"{{}}\"\n");
    let snapshot = read("export.csv", csv.as_bytes()).unwrap();
    assert!(unread(&snapshot.resources[0]).contains(&"tags".to_owned()), "{:?}", snapshot.resources[0]);
}

#[test]
fn a_template_carries_what_it_names() {
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0",
        "parameters": { "account_name": { "defaultValue": "fern", "type": "String" } },
        "resources": [
            { "type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-05-01", "name": "[parameters('account_name')]",
              "location": "westeurope", "properties": { "minimumTlsVersion": "TLS1_2" } },
        ]
    });
    let snapshot = read("shop.json", template.to_string().as_bytes()).unwrap();
    let [account] = snapshot.resources.as_slice() else { panic!() };
    assert!(
        account.id.as_str().ends_with("/resourcegroups/shop/providers/microsoft.storage/storageaccounts/fern"),
        "{}",
        account.id
    );
    let Carried::Only(carried) = &account.carried else { panic!() };
    let carried: Vec<String> = carried.iter().map(ToString::to_string).collect();
    assert!(carried.contains(&"properties.minimumTlsVersion".to_owned()) && !carried.contains(&"tags".to_owned()), "{carried:?}");
}

#[test]
fn states_of_policies_tell_which_resources_there_are() {
    let state = json!({ "resourceId": ID, "resourceType": "Microsoft.Storage/storageAccounts", "resourceLocation": "westeurope",
                        "policyDefinitionId": "/x", "complianceState": "NonCompliant" });
    let snapshot = read("states.json", json!([state, state]).to_string().as_bytes()).unwrap();
    let [account] = snapshot.resources.as_slice() else { panic!() };
    assert!(unread(account).contains(&"properties".to_owned()));
}

#[test]
fn what_is_no_export_is_told_with_its_place() {
    for (content, told) in [
        ("[{\"id\": 1}]", "no ARM `id`"),
        ("[{\"name\": \"x\"}]", "no `id`"),
        ("[{\"id\": \"/x\",", "line 1"),
        ("{\"a\": 1}", "`data`"),
        ("NAME,TYPE\nx,y\n", "column `id`"),
        ("", "column `id`"),
        ("{\"resources\": [{\"type\": \"x\"}]}", "resources/0"),
    ] {
        let error = read("x.json", content.as_bytes()).unwrap_err();
        assert!(error.contains(told) && error.contains("x.json"), "{content}: {error}");
    }
}
