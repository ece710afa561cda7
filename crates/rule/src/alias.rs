//! Where an alias of Azure points: at `properties`, but for what is said here.
//!
//! Azure's catalogue of aliases is a tenant's to list and not published as a whole; these are its rules and the exceptions that its
//! own definitions use.

use skywarden_model::FieldPath;

/// Members of every ARM resource that stand beside `properties`.
const BESIDE: [&str; 7] = ["sku", "kind", "identity", "zones", "plan", "managedBy", "extendedLocation"];

/// Types that have a `sku` of their own inside `properties`.
const OWN_SKU: [&str; 8] = [
    "Microsoft.Cache/Redis",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/azureFirewalls",
    "Microsoft.Network/firewallPolicies",
    "Microsoft.Network/virtualNetworkGateways",
    "Microsoft.Web/sites",
    "Microsoft.Web/sites/slots",
];

/// Lists of resources inside a resource, by provider: what describes an element stands in its own `properties`. The lists of an
/// empty provider are those of all.
const NESTED: [(&str, &str); 23] = [
    ("", "privateEndpointConnections"),
    ("Microsoft.Compute", "extensions"),
    ("Microsoft.Network", "applicationRuleCollections"),
    ("Microsoft.Network", "backendAddressPools"),
    ("Microsoft.Network", "backendHttpSettingsCollection"),
    ("Microsoft.Network", "defaultSecurityRules"),
    ("Microsoft.Network", "delegations"),
    ("Microsoft.Network", "frontendEndpoints"),
    ("Microsoft.Network", "frontendIPConfigurations"),
    ("Microsoft.Network", "gatewayIPConfigurations"),
    ("Microsoft.Network", "httpListeners"),
    ("Microsoft.Network", "inboundNatRules"),
    ("Microsoft.Network", "ipConfigurations"),
    ("Microsoft.Network", "loadBalancingRules"),
    ("Microsoft.Network", "manualPrivateLinkServiceConnections"),
    ("Microsoft.Network", "natRuleCollections"),
    ("Microsoft.Network", "networkRuleCollections"),
    ("Microsoft.Network", "privateLinkServiceConnections"),
    ("Microsoft.Network", "probes"),
    ("Microsoft.Network", "routes"),
    ("Microsoft.Network", "securityRules"),
    ("Microsoft.Network", "subnets"),
    ("Microsoft.Network", "virtualNetworkPeerings"),
];

/// What stands beside the `properties` of such an element.
const OF_ELEMENT: [&str; 4] = ["id", "name", "type", "etag"];

/// Aliases that point elsewhere than their name says.
const ELSEWHERE: [(&str, &str); 15] = [
    ("Microsoft.Compute/virtualMachines/imageOffer", "properties.storageProfile.imageReference.offer"),
    ("Microsoft.Compute/virtualMachines/imagePublisher", "properties.storageProfile.imageReference.publisher"),
    ("Microsoft.Compute/virtualMachines/imageSku", "properties.storageProfile.imageReference.sku"),
    ("Microsoft.Compute/virtualMachines/osDisk.Uri", "properties.storageProfile.osDisk.vhd.uri"),
    ("Microsoft.Compute/virtualMachines/sku.name", "properties.hardwareProfile.vmSize"),
    (
        "Microsoft.MachineLearningServices/workspaces/computes/osImageMetadata.isLatestOsImageVersion",
        "properties.properties.osImageMetadata.isLatestOsImageVersion",
    ),
    ("Microsoft.MachineLearningServices/workspaces/computes/subnet.id", "properties.properties.subnet.id"),
    (
        "Microsoft.Compute/VirtualMachineScaleSets/osDisk.imageUrl",
        "properties.virtualMachineProfile.storageProfile.osDisk.image.uri",
    ),
    (
        "Microsoft.Compute/VirtualMachineScaleSets/osDisk.vhdContainers",
        "properties.virtualMachineProfile.storageProfile.osDisk.vhdContainers",
    ),
    (
        "Microsoft.Compute/VirtualMachineScaleSets/securityProfile.uefiSettings",
        "properties.virtualMachineProfile.securityProfile.uefiSettings",
    ),
    ("Microsoft.Insights/diagnosticSettings/logs.enabled", "properties.logs[*].enabled"),
    ("Microsoft.Insights/diagnosticSettings/metrics.enabled", "properties.metrics[*].enabled"),
    ("Microsoft.Storage/storageAccounts/enableBlobEncryption", "properties.encryption.services.blob.enabled"),
    ("Microsoft.Storage/storageAccounts/enableFileEncryption", "properties.encryption.services.file.enabled"),
    ("Microsoft.Sql/servers/dnsAliases.azureDnsRecord", "properties.azureDnsRecord"),
];

/// Machines, whose aliases of images bear the provider's name only.
const MACHINES: &str = "Microsoft.Compute/virtualMachines";

/// Scale sets, of which some aliases of machines are aliases too.
const SCALE_SETS: &str = "Microsoft.Compute/virtualMachineScaleSets";

/// Aliases of the image that machines and scale sets are made from, by what follows in its reference.
const OF_IMAGE: [(&str, &str); 4] = [
    ("Microsoft.Compute/imageId", "id"),
    ("Microsoft.Compute/imageOffer", "offer"),
    ("Microsoft.Compute/imagePublisher", "publisher"),
    ("Microsoft.Compute/imageSku", "sku"),
];

/// The type of which an alias points elsewhere than it does for all others, with its path there, as text.
pub fn elsewhere(name: &str) -> Option<(&'static str, String)> {
    let (_, field) = OF_IMAGE.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name))?;
    Some((SCALE_SETS, format!("properties.virtualMachineProfile.storageProfile.imageReference.{field}")))
}

/// The alias of a path in resources of a type: the inverse of what [`crate::field_path`] does; `None` if no alias leads there.
pub fn alias_of(type_name: &str, path: &FieldPath) -> Option<String> {
    let leads_there = |name: &String| crate::field_path(name).is_ok_and(|found| found == *path);
    let steps = path.to_string();
    let plain = steps.strip_prefix("properties.").unwrap_or(&steps);
    // Elements of nested resources hide their `properties` in the alias.
    let candidates = [plain.replace("[*].properties.", "[*]."), plain.to_owned()];
    let of_type = candidates.into_iter().map(|property| format!("{type_name}/{property}"));
    let is_own = |(name, _): &&(&str, &str)| name.rsplit_once('/').is_some_and(|(of, _)| of.eq_ignore_ascii_case(type_name));
    let of_image = OF_IMAGE.iter().filter(|_| type_name.eq_ignore_ascii_case(MACHINES));
    let named = ELSEWHERE.iter().filter(is_own).chain(of_image).map(|(name, _)| (*name).to_owned());
    named.chain(of_type).find(leads_there)
}

/// The path, as text, of an alias of a type: `Microsoft.X/types` and `a.b`.
pub(crate) fn path_of(type_name: &str, property: &str) -> String {
    let is = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
    if let Some((_, field)) =
        OF_IMAGE.iter().find(|(name, _)| name.split_once('/').is_some_and(|(of, rest)| is(of, type_name) && is(rest, property)))
    {
        return format!("properties.storageProfile.imageReference.{field}");
    }
    let of_type = |name: &str| name.get(..type_name.len()).is_some_and(|start| is(start, type_name));
    let named = |name: &str| {
        of_type(name)
            && name.get(type_name.len()..).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| is(rest, property))
    };
    if let Some((_, path)) = ELSEWHERE.iter().find(|(name, _)| named(name)) {
        return (*path).to_owned();
    }
    let provider = type_name.split('/').next().unwrap_or_default();
    let first = property.split(['.', '[']).next().unwrap_or_default();
    let is_beside = BESIDE.iter().any(|own| is(own, first)) && !provider.to_ascii_lowercase().ends_with(".data");
    if is_beside && !(is(first, "sku") && OWN_SKU.iter().any(|own| is(own, type_name))) {
        return property.to_owned();
    }
    // Names on data planes spell `properties` out.
    let property = property.strip_prefix("properties.").unwrap_or(property);
    let start = if is(provider, "Microsoft.Compute") && is(first, "extensionProfile") {
        "properties.virtualMachineProfile."
    } else {
        "properties."
    };
    let mut path = start.to_owned();
    let mut parts = property.split("[*].").peekable();
    while let Some(part) = parts.next() {
        path.push_str(part);
        let Some(next) = parts.peek() else { break };
        path.push_str("[*].");
        let list = part.rsplit('.').next().unwrap_or_default();
        let is_nested = NESTED.iter().any(|(of, name)| is(name, list) && (of.is_empty() || is(of, provider)));
        let field = next.split(['.', '[']).next().unwrap_or_default();
        if is_nested && !OF_ELEMENT.iter().any(|own| is(own, field) && !is_type_of_extension(list, field)) {
            path.push_str("properties.");
        }
    }
    path
}

/// The `type` of a machine's extension is what kind of extension it is, not the type of a resource.
fn is_type_of_extension(list: &str, field: &str) -> bool {
    list.eq_ignore_ascii_case("extensions") && field.eq_ignore_ascii_case("type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_point_where_azures_catalogue_has_them() {
        for (type_name, property, path) in [
            ("Microsoft.Storage/storageAccounts", "supportsHttpsTrafficOnly", "properties.supportsHttpsTrafficOnly"),
            ("Microsoft.Storage/storageAccounts", "networkAcls.ipRules[*].value", "properties.networkAcls.ipRules[*].value"),
            ("Microsoft.Storage/storageAccounts", "sku.name", "sku.name"),
            ("Microsoft.Compute/disks", "zones[*]", "zones[*]"),
            ("Microsoft.Compute/disks", "managedBy", "managedBy"),
            ("microsoft.network/virtualnetworkgateways", "sku.tier", "properties.sku.tier"),
            ("Microsoft.Compute/virtualMachines", "sku.name", "properties.hardwareProfile.vmSize"),
            ("Microsoft.Compute/virtualMachines/extensions", "type", "properties.type"),
            (
                "Microsoft.Compute/virtualMachineScaleSets",
                "extensionProfile.extensions[*].type",
                "properties.virtualMachineProfile.extensionProfile.extensions[*].properties.type",
            ),
            (
                "Microsoft.Network/networkSecurityGroups",
                "securityRules[*].sourcePortRanges[*]",
                "properties.securityRules[*].properties.sourcePortRanges[*]",
            ),
            (
                "Microsoft.Network/networkInterfaces",
                "ipconfigurations[*].publicIpAddress.id",
                "properties.ipconfigurations[*].properties.publicIpAddress.id",
            ),
            (
                "Microsoft.Network/virtualNetworks",
                "subnets[*].ipConfigurations[*].id",
                "properties.subnets[*].properties.ipConfigurations[*].id",
            ),
            ("Microsoft.Network/virtualNetworks", "subnets[*].name", "properties.subnets[*].name"),
            (
                "Microsoft.Sql/servers",
                "privateEndpointConnections[*].privateEndpoint.id",
                "properties.privateEndpointConnections[*].properties.privateEndpoint.id",
            ),
            ("Microsoft.Sql/servers", "privateEndpointConnections[*].id", "properties.privateEndpointConnections[*].id"),
            ("Microsoft.Compute", "imageSKU", "properties.storageProfile.imageReference.sku"),
            ("Microsoft.Insights/diagnosticSettings", "logs.enabled", "properties.logs[*].enabled"),
            ("Microsoft.MachineLearningServices.Data/workspaces", "tags[*]", "properties.tags[*]"),
            ("Microsoft.KeyVault.Data/vaults/certificates", "properties.validityInMonths", "properties.validityInMonths"),
        ] {
            assert_eq!(path_of(type_name, property), path, "{type_name}/{property}");
        }
    }
}
