use serde_json::{Value, json};
use skywarden_content::SettingsExposure;
use skywarden_model::{Carried, Resource};

use super::{super::hide, arm, coverage, estate, rule, spelled, value};
use crate::Knowledge;

/// How a service says what opens and closes it, as a collector would.
fn description(service: &str) -> SettingsExposure {
    let switch = json!({"path": "publicNetworkAccess", "is": ["Disabled", "SecuredByPerimeter"]});
    let pairs = |all_of_azure: &str| {
        json!([{"otherwise": "closed", "rules": [{"list": "firewallRules", "start": "properties.startIpAddress",
            "end": "properties.endIpAddress", "all_of_azure": all_of_azure}]}])
    };
    let acls = |list: &str, range: &str, default: &str| json!([{"default_action": default, "otherwise": "open", "rules": [{"list": list, "range": range}]}]);
    let site = |rules: &str, default: &str| {
        json!({"default_action": format!("config.properties.{default}"), "otherwise": "open_without_rules", "rules": [{
            "list": format!("config.properties.{rules}"), "range": "ipAddress", "action": "action", "priority": "priority",
            "narrowed_by": ["headers"], "instead": ["vnetSubnetResourceId"]}]})
    };
    let https = json!([443]);
    let described = match service {
        "storage" => {
            json!({"ports": https, "closed_if": [switch], "doors": acls("networkAcls.ipRules", "value", "networkAcls.defaultAction")})
        }
        "vault" => {
            json!({"ports": https, "closed_if": [switch], "doors": acls("networkAcls.ipRules", "value", "networkAcls.defaultAction")})
        }
        "sql" => json!({"ports": [1433], "closed_if": [switch], "doors": pairs("0.0.0.0")}),
        "postgresql" => json!({"ports": [5432], "closed_if": [
            {"path": "network.publicNetworkAccess", "is": ["Disabled"]},
            {"path": "network.delegatedSubnetResourceId", "is": ["*"]}], "doors": pairs("0.0.0.0")}),
        "cosmos" => json!({"ports": https, "closed_if": [switch], "doors": [{"otherwise": "open_without_rules",
            "filtered_if": [{"path": "isVirtualNetworkFilterEnabled", "is": ["true"]}],
            "rules": [{"list": "ipRules", "range": "ipAddressOrRange", "all_of_azure": "0.0.0.0"}]}]}),
        "registry" => json!({"ports": https, "closed_if": [switch],
            "doors": acls("networkRuleSet.ipRules", "value", "networkRuleSet.defaultAction")}),
        "cognitive" => {
            json!({"ports": https, "closed_if": [switch], "doors": acls("networkAcls.ipRules", "value", "networkAcls.defaultAction")})
        }
        "messages" => json!({"ports": [443, 5671, 5672], "closed_if": [switch,
            {"path": "networkRuleSets.properties.publicNetworkAccess", "is": ["Disabled", "SecuredByPerimeter"]}],
            "doors": acls("networkRuleSets.properties.ipRules", "ipMask", "networkRuleSets.properties.defaultAction")}),
        "redis" => json!({"ports": [6380, {"port": 6379, "only_if": {"path": "enableNonSslPort", "is": ["true"]}}],
            "closed_if": [switch, {"path": "subnetId", "is": ["*"]}], "doors": [{"otherwise": "open_without_rules",
            "rules": [{"list": "firewallRules", "start": "properties.startIP", "end": "properties.endIP"}]}]}),
        "site" => json!({"ports": [80, 443], "closed_if": [switch,
            {"all": [{"path": "publicNetworkAccess", "absent": "holds"}, {"path": "privateEndpointConnections", "is": ["*"]}]}],
            "ipv6_if": [{"path": "ipMode", "is": ["IPv6", "IPv4AndIPv6"]}],
            "doors": [site("ipSecurityRestrictions", "ipSecurityRestrictionsDefaultAction"),
                {"only_if": {"path": "config.properties.scmIpSecurityRestrictionsUseMain", "is": ["false"], "absent": "holds"},
                 "default_action": "config.properties.scmIpSecurityRestrictionsDefaultAction", "otherwise": "open_without_rules",
                 "rules": [{"list": "config.properties.scmIpSecurityRestrictions", "range": "ipAddress", "action": "action",
                    "priority": "priority", "narrowed_by": ["headers"], "instead": ["vnetSubnetResourceId"]}]}]}),
        "search" => json!({"ports": https, "closed_if": [switch], "doors": [{"otherwise": "open_without_rules",
            "rules": [{"list": "networkRuleSet.ipRules", "range": "value"}]}]}),
        "cluster" => json!({"ports": https, "closed_if": [
            {"path": "apiServerAccessProfile.enablePrivateCluster", "is": ["true"]}, {"path": "publicNetworkAccess", "is": ["Disabled"]}],
            "doors": [{"otherwise": "open_without_rules", "rules": [{"list": "apiServerAccessProfile.authorizedIPRanges"}]}]}),
        "factory" => json!({"ports": https, "closed_if": [switch]}),
        "synapse" => json!({"ports": [443, 1433], "closed_if": [switch], "doors": pairs("0.0.0.0")}),
        "learning" => {
            json!({"ports": https, "closed_if": [{"path": "publicNetworkAccess", "is": ["Disabled"], "absent": "unknown"}],
            "doors": [{"otherwise": "open_without_rules", "rules": [{"list": "ipAllowlist"}]}]})
        }
        "management" => json!({"ports": [80, 443, 3443], "closed_if": [{"path": "publicNetworkAccess", "is": ["Disabled"]},
            {"path": "virtualNetworkType", "is": ["Internal"]}], "subnet": "virtualNetworkConfiguration.subnetResourceId"}),
        other => panic!("{other}"),
    };
    serde_json::from_value(described).unwrap()
}

fn described(service: &str, resources: &[Resource], name: &str) -> Option<Value> {
    let description = description(service);
    let settings = [("X/services", &description)].into();
    let table = crate::compute(resources, &coverage(&[]), Knowledge { settings, ..Knowledge::default() });
    value(&table[&resources[0].id], "exposure", name)
}

fn internet(service: &str, properties: Value) -> Option<bool> {
    described(service, &[arm("X/services", "s", properties)], "internet").map(|value| value.as_bool().unwrap())
}

fn hidden(service: &str, properties: Value, field: &str) -> Option<bool> {
    let mut resource = arm("X/services", "s", properties);
    hide(&mut resource, field);
    described(service, &[resource], "internet").map(|value| value.as_bool().unwrap())
}

#[test]
fn each_service_is_open_or_closed_by_its_own_settings() {
    let pair = |first: &str, last: &str| json!([{"name": "r", "properties": {"startIpAddress": first, "endIpAddress": last}}]);
    let restricted = |rules: Value| {
        json!({"config": {"properties": {"ipSecurityRestrictions": rules,
        "scmIpSecurityRestrictionsUseMain": true}}})
    };
    let cases: Vec<(&str, &str, Value, Option<bool>)> = vec![
        ("storage", "nothing set", json!({}), Some(true)),
        ("storage", "switched off", json!({"publicNetworkAccess": "disabled"}), Some(false)),
        ("storage", "in a perimeter", json!({"publicNetworkAccess": "SecuredByPerimeter"}), Some(false)),
        ("storage", "Deny", json!({"networkAcls": {"defaultAction": "Deny", "ipRules": []}}), Some(false)),
        (
            "storage",
            "Deny but one address",
            json!({"networkAcls": {"defaultAction": "Deny",
            "ipRules": [{"value": "198.51.100.7", "action": "Allow"}]}}),
            Some(false),
        ),
        (
            "storage",
            "Deny but half of all",
            json!({"networkAcls": {"defaultAction": "Deny",
            "ipRules": [{"value": "0.0.0.0/1", "action": "Allow"}]}}),
            Some(true),
        ),
        ("storage", "a word that is none", json!({"networkAcls": {"defaultAction": "Perhaps"}}), None),
        (
            "storage",
            "a rule that is none",
            json!({"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "x y"}]}}),
            None,
        ),
        ("vault", "no rules at all", json!({"publicNetworkAccess": "Enabled", "networkAcls": null}), Some(true)),
        ("vault", "Deny", json!({"networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}), Some(false)),
        ("sql", "no rules", json!({"publicNetworkAccess": "Enabled", "firewallRules": []}), Some(false)),
        ("sql", "all", json!({"firewallRules": pair("0.0.0.0", "255.255.255.255")}), Some(true)),
        ("sql", "all of Azure", json!({"firewallRules": pair("0.0.0.0", "0.0.0.0")}), Some(true)),
        ("sql", "one address", json!({"firewallRules": pair("198.51.100.7", "198.51.100.7")}), Some(false)),
        ("sql", "as wide as a /8", json!({"firewallRules": pair("20.0.0.0", "20.255.255.255")}), Some(false)),
        ("sql", "wider, not aligned", json!({"firewallRules": pair("20.0.0.1", "21.255.255.254")}), Some(true)),
        ("sql", "backwards", json!({"firewallRules": pair("20.0.0.9", "20.0.0.1")}), None),
        (
            "sql",
            "all but switched off",
            json!({"publicNetworkAccess": "Disabled",
            "firewallRules": pair("0.0.0.0", "255.255.255.255")}),
            Some(false),
        ),
        (
            "sql",
            "two /8 that make a /7",
            json!({"firewallRules": [
            {"properties": {"startIpAddress": "8.0.0.0", "endIpAddress": "8.255.255.255"}},
            {"properties": {"startIpAddress": "9.0.0.0", "endIpAddress": "9.255.255.255"}}]}),
            Some(true),
        ),
        (
            "postgresql",
            "in a subnet",
            json!({"network": {"delegatedSubnetResourceId": "/x"},
            "firewallRules": pair("0.0.0.0", "255.255.255.255")}),
            Some(false),
        ),
        (
            "postgresql",
            "all",
            json!({"network": {"publicNetworkAccess": "Enabled"},
            "firewallRules": pair("0.0.0.0", "255.255.255.255")}),
            Some(true),
        ),
        ("cosmos", "nothing set", json!({"ipRules": [], "isVirtualNetworkFilterEnabled": false}), Some(true)),
        ("cosmos", "filtered", json!({"ipRules": [], "isVirtualNetworkFilterEnabled": true}), Some(false)),
        ("cosmos", "one address", json!({"ipRules": [{"ipAddressOrRange": "198.51.100.7"}]}), Some(false)),
        ("cosmos", "all of Azure", json!({"ipRules": [{"ipAddressOrRange": "0.0.0.0"}]}), Some(true)),
        ("registry", "Deny", json!({"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}}), Some(false)),
        ("registry", "Allow", json!({"networkRuleSet": {"defaultAction": "Allow", "ipRules": []}}), Some(true)),
        ("cognitive", "Deny", json!({"networkAcls": {"defaultAction": "Deny"}}), Some(false)),
        (
            "messages",
            "closed in its rules",
            json!({"networkRuleSets": {"properties": {"publicNetworkAccess": "Disabled"}}}),
            Some(false),
        ),
        (
            "messages",
            "Deny",
            json!({"networkRuleSets": {"properties": {"defaultAction": "Deny",
            "ipRules": [{"ipMask": "198.51.100.0/24", "action": "Allow"}]}}}),
            Some(false),
        ),
        ("messages", "Allow", json!({"networkRuleSets": {"properties": {"defaultAction": "Allow"}}}), Some(true)),
        ("redis", "no rules", json!({"firewallRules": []}), Some(true)),
        (
            "redis",
            "a rule",
            json!({"firewallRules": [{"properties": {"startIP": "10.0.0.1", "endIP": "10.0.0.9"}}]}),
            Some(false),
        ),
        ("redis", "in a subnet", json!({"subnetId": "/x"}), Some(false)),
        ("site", "nothing set", json!({}), Some(true)),
        (
            "site",
            "a private endpoint and no switch",
            json!({"publicNetworkAccess": "", "privateEndpointConnections": [{}]}),
            Some(false),
        ),
        (
            "site",
            "a private endpoint and a switch",
            json!({"publicNetworkAccess": "Enabled",
            "privateEndpointConnections": [{}]}),
            Some(true),
        ),
        ("site", "Any", restricted(json!([{"ipAddress": "Any", "action": "Allow", "priority": 1}])), Some(true)),
        (
            "site",
            "all denied first",
            restricted(json!([{"ipAddress": "0.0.0.0/0", "action": "Allow", "priority": 20},
            {"ipAddress": "Any", "action": "Deny", "priority": 10}])),
            Some(false),
        ),
        (
            "site",
            "a subnet alone",
            restricted(json!([{"vnetSubnetResourceId": "/x", "action": "Allow", "priority": 1}])),
            Some(false),
        ),
        (
            "site",
            "who sends a header",
            restricted(json!([{"ipAddress": "AzureFrontDoor.Backend", "tag": "ServiceTag",
            "action": "Allow", "priority": 1, "headers": {"x-azure-fdid": ["x"]}}])),
            Some(false),
        ),
        (
            "site",
            "all of Azure",
            restricted(json!([{"ipAddress": "AzureCloud", "tag": "ServiceTag", "action": "Allow",
            "priority": 1}])),
            Some(true),
        ),
        (
            "site",
            "its other door",
            json!({"config": {"properties": {"ipSecurityRestrictionsDefaultAction": "Deny",
            "scmIpSecurityRestrictionsUseMain": false, "scmIpSecurityRestrictionsDefaultAction": "Allow"}}}),
            Some(true),
        ),
        ("search", "no rules", json!({"networkRuleSet": {"ipRules": []}}), Some(true)),
        ("search", "a rule", json!({"networkRuleSet": {"ipRules": [{"value": "198.51.100.7"}]}}), Some(false)),
        ("cluster", "nothing set", json!({}), Some(true)),
        ("cluster", "private", json!({"apiServerAccessProfile": {"enablePrivateCluster": true}}), Some(false)),
        ("cluster", "ranges", json!({"apiServerAccessProfile": {"authorizedIPRanges": ["198.51.100.0/24"]}}), Some(false)),
        (
            "cluster",
            "its own address alone",
            json!({"apiServerAccessProfile": {"authorizedIPRanges": ["0.0.0.0/32"]}}),
            Some(false),
        ),
        ("cluster", "all", json!({"apiServerAccessProfile": {"authorizedIPRanges": ["0.0.0.0/0"]}}), Some(true)),
        ("factory", "nothing set", json!({}), Some(true)),
        ("factory", "switched off", json!({"publicNetworkAccess": "Disabled"}), Some(false)),
        ("synapse", "all", json!({"firewallRules": pair("0.0.0.0", "255.255.255.255")}), Some(true)),
        ("learning", "nothing set", json!({}), None),
        ("learning", "open", json!({"publicNetworkAccess": "Enabled"}), Some(true)),
        ("learning", "a list", json!({"publicNetworkAccess": "Enabled", "ipAllowlist": ["198.51.100.0/24"]}), Some(false)),
        ("management", "in no network", json!({"virtualNetworkType": "None"}), Some(true)),
        (
            "management",
            "inside",
            json!({"virtualNetworkType": "Internal",
            "virtualNetworkConfiguration": {"subnetResourceId": "/x"}}),
            Some(false),
        ),
    ];
    for (service, situation, properties, expected) in cases {
        assert_eq!(internet(service, properties), expected, "{service}: {situation}");
    }
}

#[test]
fn what_could_not_be_read_is_unknown_unless_the_rest_decides() {
    let deny = || json!({"networkAcls": {"defaultAction": "Deny"}});
    assert_eq!(hidden("storage", deny(), "networkAcls.ipRules"), None);
    assert_eq!(hidden("storage", json!({}), "networkAcls.ipRules"), Some(true), "the default action lies beside the rules");
    assert_eq!(hidden("storage", deny(), "publicNetworkAccess"), Some(false));
    assert_eq!(hidden("storage", json!({"networkAcls": {"defaultAction": "Allow"}}), "publicNetworkAccess"), None);
    assert_eq!(hidden("sql", json!({}), "firewallRules"), None);
    assert_eq!(hidden("sql", json!({"publicNetworkAccess": "Disabled"}), "firewallRules"), Some(false));
    assert_eq!(hidden("redis", json!({}), "firewallRules"), None);
    assert_eq!(hidden("site", json!({}), "config"), None);
    assert_eq!(hidden("factory", json!({}), "publicNetworkAccess"), None);
    let mut listed = arm("X/services", "s", json!({"publicNetworkAccess": "Enabled"}));
    listed.carried = Carried::Only(["properties.publicNetworkAccess".parse().unwrap()].into());
    assert_eq!(described("sql", &[listed], "internet"), None, "the source does not carry the rules");
}

#[test]
fn ports_sources_and_the_chain_say_what_is_open() {
    let redis = |plain: Value| arm("X/services", "s", json!({"enableNonSslPort": plain}));
    assert_eq!(described("redis", &[redis(json!(true))], "ports"), Some(json!([6379, 6380])));
    assert_eq!(described("redis", &[redis(json!(false))], "ports"), Some(json!([6380])));
    let mut unread = redis(Value::Null);
    hide(&mut unread, "enableNonSslPort");
    assert_eq!(described("redis", &[unread.clone()], "ports"), None);
    assert_eq!(described("redis", &[unread], "internet"), Some(json!(true)));
    let azure = json!({"firewallRules": [{"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "0.0.0.0"}}]});
    let azure = [arm("X/services", "s", azure)];
    assert_eq!(described("sql", &azure, "sources"), Some(json!(["AzureCloud"])));
    assert_eq!(described("sql", &azure, "ports"), Some(json!([1433])));
    let description = description("sql");
    let settings = [("X/services", &description)].into();
    let table = crate::compute(&azure, &coverage(&[]), Knowledge { settings, ..Knowledge::default() });
    let chain: Vec<_> = table[&azure[0].id].evidence[&"exposure".into()].iter().map(|it| (&*it.field, &*it.expected)).collect();
    assert_eq!(
        chain,
        [
            ("properties.publicNetworkAccess", "public access that is not switched off"),
            ("properties.firewallRules[0]", "a rule that lets in all of Azure, whichever tenant sends"),
        ]
    );
    let both = [arm("X/services", "s", json!({"ipMode": "IPv4AndIPv6"}))];
    assert_eq!(described("site", &both, "sources"), Some(json!(["0.0.0.0/0", "::/0"])));
}

#[test]
fn the_group_of_its_subnet_guards_a_service_that_lies_in_one() {
    let mut estate = estate();
    estate[0] = arm(
        "X/services",
        "s",
        json!({"virtualNetworkType": "External", "virtualNetworkConfiguration": {
            "subnetResourceId": spelled("Microsoft.Network/virtualNetworks/Net/subnets/FRONT")["id"]}}),
    );
    assert_eq!(described("management", &estate, "internet"), Some(json!(false)), "only port 22 is open there");
    estate[4].properties["securityRules"] = json!([rule("api", 200, "Allow", "Internet", "443")]);
    assert_eq!(described("management", &estate, "ports"), Some(json!([443])));
    estate.remove(4);
    assert_eq!(described("management", &estate, "internet"), None);
}
