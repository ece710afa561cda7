mod managed;
mod network;
mod properties;

use serde_json::{Value, json};
use skywarden_model::{Coverage, FactSheet, FactTable, ListOutcome, Resource};

use super::{reason, resource, value};
use crate::Knowledge;

const ACCOUNT: &str = "5e0f1c3a-0000-4000-8000-000000000001";

/// Types that every snapshot here lists to the end.
const LISTED: [&str; 14] = [
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/routeTables",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Network/applicationGateways",
    "Microsoft.Network/azureFirewalls",
    "Microsoft.Network/firewallPolicies",
    "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
    "Microsoft.Network/ipGroups",
    "Microsoft.Network/networkManagers",
];

/// An id in lower case below the one resource group.
fn id(rest: &str) -> String {
    format!("/subscriptions/{ACCOUNT}/resourcegroups/web/providers/{}", rest.to_ascii_lowercase())
}

/// The same id as ARM's other services spell it.
fn spelled(rest: &str) -> Value {
    json!({ "id": format!("/subscriptions/{}/resourceGroups/Web/providers/{rest}", ACCOUNT.to_ascii_uppercase()) })
}

fn arm(kind: &str, name: &str, properties: Value) -> Resource {
    let mut resource = resource(kind, &id(&format!("{kind}/{name}")), properties);
    resource.scope.account = ACCOUNT.into();
    resource.scope.resource_group = "web".into();
    resource
}

fn with_sku(mut resource: Resource, sku: &str) -> Resource {
    resource.envelope.insert("sku".to_owned(), json!({ "name": sku, "tier": "Regional" }));
    resource
}

fn coverage(failed: &[&str]) -> Vec<Coverage> {
    let outcome = |kind: &str| {
        if failed.contains(&kind) { ListOutcome::Failed { reason: reason() } } else { ListOutcome::Complete { n_resources: 1 } }
    };
    let of_type = |kind: &&str| Coverage {
        type_name: (*kind).into(),
        account: ACCOUNT.into(),
        region: "global".into(),
        outcome: outcome(kind),
        denied: Vec::new(),
    };
    LISTED.iter().map(of_type).collect()
}

fn table(resources: &[Resource], failed: &[&str]) -> FactTable {
    super::facts_of(resources, &coverage(failed), Knowledge::default())
}

fn field(resources: &[Resource], name: &str) -> Option<Value> {
    field_of(&table(resources, &[]), &resources[0], name)
}

fn field_of(table: &FactTable, resource: &Resource, name: &str) -> Option<Value> {
    value(&table[&resource.id], "exposure", name)
}

fn internet(resources: &[Resource]) -> Option<bool> {
    field(resources, "internet").map(|value| value.as_bool().unwrap())
}

fn why(sheet: &FactSheet) -> String {
    sheet.unreadable[0].reason.sentence()
}

fn rule(name: &str, priority: i64, access: &str, source: &str, ports: &str) -> Value {
    json!({"name": name, "properties": {
        "priority": priority, "access": access, "direction": "Inbound", "protocol": "Tcp",
        "sourceAddressPrefix": source, "sourcePortRange": "*", "destinationAddressPrefix": "*",
        "destinationPortRange": ports, "sourceAddressPrefixes": [], "destinationPortRanges": [],
        "sourcePortRanges": [], "destinationAddressPrefixes": [], "provisioningState": "Succeeded"}})
}

/// Azure's own rules, as every group of a listing has them.
fn defaults() -> Value {
    let mut rules = [
        rule("AllowVnetInBound", 65000, "Allow", "VirtualNetwork", "*"),
        rule("AllowAzureLoadBalancerInBound", 65001, "Allow", "AzureLoadBalancer", "*"),
        rule("DenyAllInBound", 65500, "Deny", "*", "*"),
        rule("DenyAllOutBound", 65500, "Deny", "*", "*"),
    ];
    for own in &mut rules {
        own["properties"]["protocol"] = json!("*");
    }
    rules[0]["properties"]["destinationAddressPrefix"] = json!("VirtualNetwork");
    rules[3]["properties"]["direction"] = json!("Outbound");
    json!(rules)
}

fn group(name: &str, rules: Value) -> Resource {
    let properties = json!({"securityRules": rules, "defaultSecurityRules": defaults()});
    arm("Microsoft.Network/networkSecurityGroups", name, properties)
}

/// A machine with a standard public address, behind a group that opens port 22 to everyone at the subnet and at the interface.
fn estate() -> Vec<Resource> {
    let ssh = || json!([rule("ssh", 300, "Allow", "*", "22")]);
    vec![
        arm(
            "Microsoft.Compute/virtualMachines",
            "vm",
            json!({"networkProfile": {"networkInterfaces": [spelled("Microsoft.Network/networkInterfaces/Nic")]}}),
        ),
        arm(
            "Microsoft.Network/networkInterfaces",
            "nic",
            json!({"networkSecurityGroup": spelled("Microsoft.Network/networkSecurityGroups/Own"),
            "virtualMachine": spelled("Microsoft.Compute/virtualMachines/VM"),
            "ipConfigurations": [{"name": "Main", "properties": {
                "primary": true, "privateIPAddress": "10.0.0.4", "privateIPAddressVersion": "IPv4",
                "publicIPAddress": spelled("Microsoft.Network/publicIPAddresses/PIP"),
                "subnet": spelled("Microsoft.Network/virtualNetworks/Net/subnets/Front")}}]}),
        ),
        with_sku(arm("Microsoft.Network/publicIPAddresses", "pip", json!({"ipAddress": "203.0.113.9"})), "Standard"),
        group("own", ssh()),
        group("front", ssh()),
        arm(
            "Microsoft.Network/virtualNetworks",
            "net",
            json!({"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "virtualNetworkPeerings": [],
            "subnets": [{"name": "Front", "id": spelled("Microsoft.Network/virtualNetworks/net/subnets/front")["id"],
                "properties": {"addressPrefix": "10.0.0.0/24",
                "networkSecurityGroup": spelled("Microsoft.Network/networkSecurityGroups/Front")}}]}),
        ),
    ]
}

/// The same without a public address of its own, behind a balancer that leads port 50001 to 22.
fn balanced(sku: &str) -> Vec<Resource> {
    let mut estate = estate();
    let configuration = &mut estate[1].properties["ipConfigurations"][0]["properties"];
    configuration["publicIPAddress"] = Value::Null;
    configuration["loadBalancerInboundNatRules"] = json!([spelled("Microsoft.Network/loadBalancers/LB/inboundNatRules/ssh")]);
    let front = || spelled("Microsoft.Network/loadBalancers/lb/frontendIPConfigurations/Public");
    let balancer = arm(
        "Microsoft.Network/loadBalancers",
        "lb",
        json!({
        "frontendIPConfigurations": [{"name": "public", "id": front()["id"],
            "properties": {"publicIPAddress": spelled("Microsoft.Network/publicIPAddresses/pip")}}],
        "backendAddressPools": [], "loadBalancingRules": [], "inboundNatPools": [],
        "inboundNatRules": [{"name": "ssh", "id": spelled("Microsoft.Network/loadBalancers/lb/inboundNatRules/ssh")["id"],
            "properties": {"frontendIPConfiguration": front(), "protocol": "Tcp", "frontendPort": 50001, "backendPort": 22,
                "backendIPConfiguration": spelled("Microsoft.Network/networkInterfaces/nic/ipConfigurations/main")}}]}),
    );
    estate.push(with_sku(balancer, sku));
    estate
}

/// The same without a public address of its own, behind a firewall that leads port 2222 to 22.
fn behind_firewall() -> Vec<Resource> {
    let mut estate = estate();
    estate[1].properties["ipConfigurations"][0]["properties"]["publicIPAddress"] = Value::Null;
    for place in [3, 4] {
        estate[place].properties["securityRules"] = json!([]);
    }
    estate.push(arm(
        "Microsoft.Network/azureFirewalls",
        "fw",
        json!({
        "firewallPolicy": spelled("Microsoft.Network/firewallPolicies/Policy"), "natRuleCollections": [],
        "ipConfigurations": [{"properties": {"privateIPAddress": "10.0.1.4",
            "publicIPAddress": spelled("Microsoft.Network/publicIPAddresses/pip"),
            "subnet": spelled("Microsoft.Network/virtualNetworks/net/subnets/AzureFirewallSubnet")}}]}),
    ));
    estate.push(arm(
        "Microsoft.Network/firewallPolicies",
        "policy",
        json!({"ruleCollectionGroups": [{"name": "in", "properties": {"priority": 100, "ruleCollections": [
            {"ruleCollectionType": "FirewallPolicyNatRuleCollection", "action": {"type": "DNAT"}, "priority": 100, "rules": [
                {"ruleType": "NatRule", "name": "ssh", "ipProtocols": ["TCP"], "sourceAddresses": ["*"],
                 "destinationAddresses": ["203.0.113.9"], "destinationPorts": ["2222"],
                 "translatedAddress": "10.0.0.4", "translatedPort": "22"}]}]}}]}),
    ));
    estate
}
