use serde_json::{Value, json};
use skywarden_model::{Resource, fact_object};

use super::{
    super::hide, ACCOUNT, arm, balanced, behind_firewall, estate, field, field_of, group, id, internet, rule, spelled, table, why,
};

/// The properties of the one address configuration.
fn main_of(estate: &mut [Resource]) -> &mut Value {
    &mut estate[1].properties["ipConfigurations"][0]["properties"]
}

fn both(estate: &mut [Resource], rules: Value) {
    estate[3].properties["securityRules"] = rules.clone();
    estate[4].properties["securityRules"] = rules;
}

fn subnet(estate: &mut [Resource]) -> &mut Value {
    &mut estate[5].properties["subnets"][0]["properties"]
}

#[test]
fn an_open_machine_is_exposed_with_its_chain() {
    let estate = estate();
    let table = table(&estate, &[]);
    let sheet = &table[&estate[0].id];
    assert_eq!(
        fact_object(&sheet.values[&"exposure".into()]),
        json!({"internet": true, "ports": [22], "managementPorts": [22],
        "allPorts": false, "ipv6": false, "sources": ["0.0.0.0/0"], "publicAddress": true, "withoutGroup": false})
    );
    let chain = sheet.evidence[&"exposure".into()].iter();
    let chain: Vec<_> = chain.map(|it| (it.source.as_deref().unwrap().rsplit_once('/').unwrap().1, &*it.field)).collect();
    assert_eq!(
        chain,
        [
            ("nic", "properties.ipConfigurations[0].properties.publicIPAddress.id"),
            ("front", "properties.securityRules[0]"),
            ("own", "properties.securityRules[0]"),
        ]
    );
    assert_eq!(table[&estate[1].id].values, sheet.values, "the interface is as exposed as its machine");
}

#[test]
fn a_public_address_and_a_missing_group_are_told_apart_from_what_is_reached() {
    let told = |estate: &[Resource], name: &str| field(estate, name).and_then(|own| own.as_bool());
    let mut hidden = estate();
    main_of(&mut hidden)["publicIPAddress"] = Value::Null;
    assert_eq!((told(&hidden, "publicAddress"), told(&hidden, "withoutGroup")), (Some(false), Some(false)));
    hidden[1].properties["networkSecurityGroup"] = Value::Null;
    assert_eq!(told(&hidden, "withoutGroup"), Some(false), "the subnet has one");
    subnet(&mut hidden)["networkSecurityGroup"] = Value::Null;
    assert_eq!(told(&hidden, "withoutGroup"), Some(true));
    let balanced = balanced("Standard");
    assert_eq!(told(&balanced, "publicAddress"), Some(true), "that of the balancer");
    let failed = table(&estate(), &["Microsoft.Network/networkInterfaces"]);
    let machine = &estate()[0];
    assert_eq!(field_of(&failed, machine, "publicAddress"), Some(json!(true)), "what is seen is sure");
    let mut lost = estate();
    lost.remove(1);
    let failed = table(&lost, &["Microsoft.Network/networkInterfaces"]);
    for name in ["publicAddress", "withoutGroup"] {
        assert_eq!(field_of(&failed, &lost[0], name), None, "{name} of an interface that is not seen");
    }
}

#[test]
fn each_link_of_the_chain_can_break_it() {
    type Change = fn(&mut Vec<Resource>);
    let cases: [(&str, Change, Option<bool>); 33] = [
        ("no address", |e| main_of(e)["publicIPAddress"] = Value::Null, Some(false)),
        ("no interface", |e| e[0].properties["networkProfile"]["networkInterfaces"] = json!([]), Some(false)),
        ("closed at the interface", |e| e[3].properties["securityRules"] = json!([]), Some(false)),
        ("closed at the subnet", |e| e[4].properties["securityRules"] = json!([]), Some(false)),
        ("no group at the interface", |e| e[1].properties["networkSecurityGroup"] = Value::Null, Some(true)),
        ("no group at the subnet", |e| subnet(e)["networkSecurityGroup"] = Value::Null, Some(true)),
        (
            "no group at all, standard address",
            |e| {
                e[1].properties["networkSecurityGroup"] = Value::Null;
                subnet(e)["networkSecurityGroup"] = Value::Null;
            },
            Some(false),
        ),
        (
            "no group at all, basic address",
            |e| {
                e[1].properties["networkSecurityGroup"] = Value::Null;
                subnet(e)["networkSecurityGroup"] = Value::Null;
                e[2].envelope.insert("sku".to_owned(), json!({"name": "Basic"}));
            },
            Some(true),
        ),
        (
            "no group at all, address not told",
            |e| {
                e[1].properties["networkSecurityGroup"] = Value::Null;
                subnet(e)["networkSecurityGroup"] = Value::Null;
                e[2].envelope.clear();
            },
            None,
        ),
        ("address not seen, but groups", |e| drop(e.remove(2)), Some(true)),
        ("narrow source", |e| both(e, json!([rule("a", 300, "Allow", "198.51.100.0/24", "22")])), Some(false)),
        ("a /8 is not wide", |e| both(e, json!([rule("a", 300, "Allow", "8.0.0.0/8", "22")])), Some(false)),
        ("a /7 is", |e| both(e, json!([rule("a", 300, "Allow", "8.0.0.0/7", "22")])), Some(true)),
        ("Internet", |e| both(e, json!([rule("a", 300, "Allow", "Internet", "22")])), Some(true)),
        ("any", |e| both(e, json!([rule("a", 300, "Allow", "ANY", "22")])), Some(true)),
        ("every IPv6 address only", |e| both(e, json!([rule("a", 300, "Allow", "::/0", "22")])), Some(false)),
        ("AzureCloud", |e| both(e, json!([rule("a", 300, "Allow", "AzureCloud.WestEurope", "22")])), Some(true)),
        ("a narrower tag", |e| both(e, json!([rule("a", 300, "Allow", "GatewayManager", "22")])), Some(false)),
        ("the network", |e| both(e, json!([rule("a", 300, "Allow", "VirtualNetwork", "22")])), Some(false)),
        (
            "denied first",
            |e| e[3].properties["securityRules"].as_array_mut().unwrap().push(rule("d", 299, "Deny", "Internet", "20-30")),
            Some(false),
        ),
        (
            "denied after",
            |e| e[3].properties["securityRules"].as_array_mut().unwrap().push(rule("d", 301, "Deny", "*", "*")),
            Some(true),
        ),
        (
            "two halves denied",
            |e| {
                for (priority, net) in [(100, "0.0.0.0/1"), (101, "128.0.0.0/1")] {
                    let deny = rule("d", priority, "Deny", net, "*");
                    e[3].properties["securityRules"].as_array_mut().unwrap().push(deny);
                }
            },
            Some(false),
        ),
        (
            "denied to another protocol",
            |e| {
                let mut deny = rule("d", 100, "Deny", "*", "*");
                deny["properties"]["protocol"] = json!("Udp");
                e[3].properties["securityRules"].as_array_mut().unwrap().push(deny);
            },
            Some(true),
        ),
        (
            "denied to some ports of clients",
            |e| {
                let mut deny = rule("d", 100, "Deny", "*", "*");
                deny["properties"]["sourcePortRange"] = json!("1-1024");
                e[3].properties["securityRules"].as_array_mut().unwrap().push(deny);
            },
            Some(true),
        ),
        (
            "to another address",
            |e| e[3].properties["securityRules"][0]["properties"]["destinationAddressPrefix"] = json!("10.0.0.5"),
            Some(false),
        ),
        (
            "to its address",
            |e| e[3].properties["securityRules"][0]["properties"]["destinationAddressPrefix"] = json!("10.0.0.4/32"),
            Some(true),
        ),
        (
            "to its address, which is not told",
            |e| {
                e[3].properties["securityRules"][0]["properties"]["destinationAddressPrefix"] = json!("10.0.0.4/32");
                main_of(e)["privateIPAddress"] = Value::Null;
            },
            None,
        ),
        (
            "to an application security group that it is not in",
            |e| {
                let rule = &mut e[3].properties["securityRules"][0]["properties"];
                rule["destinationAddressPrefix"] = Value::Null;
                rule["destinationApplicationSecurityGroups"] =
                    json!([spelled("Microsoft.Network/applicationSecurityGroups/Web")]);
            },
            Some(false),
        ),
        (
            "from an application security group",
            |e| {
                let rule = &mut e[3].properties["securityRules"][0]["properties"];
                rule["sourceAddressPrefix"] = Value::Null;
                rule["sourceApplicationSecurityGroups"] = json!([spelled("Microsoft.Network/applicationSecurityGroups/web")]);
            },
            Some(false),
        ),
        ("unknown group", |e| hide(&mut e[3], "securityRules"), None),
        (
            "unknown group behind a closed one",
            |e| {
                hide(&mut e[3], "securityRules");
                e[4].properties["securityRules"] = json!([]);
            },
            Some(false),
        ),
        (
            "unknown group without an address",
            |e| {
                hide(&mut e[3], "securityRules");
                main_of(e)["publicIPAddress"] = Value::Null;
            },
            Some(false),
        ),
        (
            "a rule that is none",
            |e| both(e, json!([{"name": "x", "properties": {"direction": "Inbound", "access": "Allow", "priority": 1}}])),
            None,
        ),
    ];
    for (name, change, expected) in cases {
        let mut estate = estate();
        change(&mut estate);
        assert_eq!(internet(&estate), expected, "{name}");
    }
}

#[test]
fn application_security_groups_are_compared_without_case() {
    let mut estate = estate();
    let rule = &mut estate[3].properties["securityRules"][0]["properties"];
    rule["destinationAddressPrefix"] = Value::Null;
    rule["destinationApplicationSecurityGroups"] = json!([spelled("Microsoft.Network/applicationSecurityGroups/WEB")]);
    main_of(&mut estate)["applicationSecurityGroups"] = json!([spelled("Microsoft.Network/applicationSecurityGroups/web")]);
    assert_eq!(internet(&estate), Some(true));
}

#[test]
fn lists_of_sources_and_ports_open_each_of_them() {
    let mut estate = estate();
    let mut many = rule("many", 300, "allow", "", "");
    many["properties"]["sourceAddressPrefixes"] = json!(["10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"]);
    many["properties"]["destinationPortRanges"] = json!(["80", "3389-3390", "5985"]);
    both(&mut estate, json!([many]));
    assert_eq!(field(&estate, "sources"), Some(json!(["0.0.0.0/0"])));
    assert_eq!(field(&estate, "ports"), Some(json!([80, 3389, 5985])));
    assert_eq!(field(&estate, "managementPorts"), Some(json!([3389, 5985])));
}

#[test]
fn ranges_of_several_rules_make_one_together_port_by_port() {
    let mut estate = estate();
    let rules = || json!([rule("a", 300, "Allow", "8.0.0.0/8", "22"), rule("b", 301, "Allow", "9.0.0.0/8", "20-80")]);
    both(&mut estate, rules());
    assert_eq!(field(&estate, "sources"), Some(json!(["8.0.0.0/7"])));
    assert_eq!(field(&estate, "ports"), Some(json!([22])), "the other ports are open to a /8 alone");
}

#[test]
fn all_of_azure_is_told_by_its_name() {
    let mut estate = estate();
    both(&mut estate, json!([rule("a", 300, "Allow", "AzureCloud", "*")]));
    assert_eq!(field(&estate, "sources"), Some(json!(["AzureCloud"])));
    assert_eq!(field(&estate, "ports"), Some(json!([-1])));
    let sheet = &table(&estate, &[])[&estate[0].id];
    assert!(sheet.unreadable.is_empty());
    estate[3].properties["securityRules"] = json!([rule("a", 300, "Allow", "*", "443")]);
    assert_eq!(field(&estate, "ports"), Some(json!([443])), "the other group lets all of the internet in");
    estate[3].properties["securityRules"] = json!([rule("a", 300, "Allow", "0.0.0.0/1", "443")]);
    assert_eq!(internet(&estate), None, "nobody told which addresses of Azure lie in half of the internet");
}

#[test]
fn all_ports_over_ipv6_need_an_address_of_that_family() {
    let mut estate = estate();
    let mut all = rule("a", 300, "Allow", "::/0", "*");
    all["properties"]["protocol"] = json!("*");
    both(&mut estate, json!([all]));
    assert_eq!(internet(&estate), Some(false));
    main_of(&mut estate)["privateIPAddressVersion"] = json!("IPv6");
    main_of(&mut estate)["privateIPAddress"] = json!("fd00::4");
    assert_eq!(field(&estate, "ports"), Some(json!([-1])));
    assert_eq!(field(&estate, "ipv6"), Some(json!(true)));
    assert_eq!(field(&estate, "sources"), Some(json!(["::/0"])));
}

#[test]
fn routes_close_only_what_they_drop() {
    let routed = |hop: &str, prefix: &str| {
        let mut estate = estate();
        subnet(&mut estate)["routeTable"] = spelled("Microsoft.Network/routeTables/Table");
        let route = json!({"name": "r", "properties": {"addressPrefix": prefix, "nextHopType": hop}});
        estate.push(arm("Microsoft.Network/routeTables", "table", json!({"routes": [route]})));
        estate
    };
    assert_eq!(internet(&routed("Internet", "0.0.0.0/0")), Some(true));
    assert_eq!(internet(&routed("None", "0.0.0.0/0")), Some(false));
    assert_eq!(internet(&routed("None", "10.9.0.0/16")), Some(true));
    assert_eq!(field(&routed("None", "0.0.0.0/1"), "sources"), Some(json!(["128.0.0.0/1"])));
    // What comes in by the public address still arrives; on the other ports the default rule for the network may hold.
    let detour = routed("VirtualAppliance", "0.0.0.0/0");
    let table = table(&detour, &[]);
    let sheet = &table[&detour[0].id];
    assert_eq!(field_of(&table, &detour[0], "internet"), Some(json!(true)));
    assert_eq!(field_of(&table, &detour[0], "ports"), None);
    assert!(why(sheet).contains("VirtualNetwork"), "{}", why(sheet));
    assert!(sheet.evidence[&"exposure".into()].iter().any(|it| &*it.field == "properties.routes[0]"));
    let mut without_table = detour;
    without_table.pop();
    assert_eq!(internet(&without_table), None);
}

#[test]
fn balancers_lead_to_ports_behind_them() {
    let estate = balanced("Standard");
    let table = table(&estate, &[]);
    assert_eq!(field_of(&table, &estate[0], "managementPorts"), Some(json!([22])));
    assert_eq!(field_of(&table, &estate[6], "ports"), Some(json!([50001])), "its own port");
    assert_eq!(field_of(&table, &estate[6], "managementPorts"), Some(json!([])));
    let mut closed = balanced("Standard");
    closed[4].properties["securityRules"] = json!([]);
    assert_eq!(internet(&closed), Some(false));
    closed.swap(0, 6);
    assert_eq!(internet(&closed), Some(false), "nothing behind it answers");
    let mut internal = balanced("Standard");
    let frontend = &mut internal[6].properties["frontendIPConfigurations"][0]["properties"];
    *frontend = json!({"subnet": spelled("Microsoft.Network/virtualNetworks/net/subnets/front")});
    assert_eq!(internet(&internal), Some(false));
}

#[test]
fn without_groups_a_basic_balancer_is_open_and_a_standard_one_closed() {
    for (sku, expected) in [("Basic", true), ("Standard", false)] {
        let mut estate = balanced(sku);
        estate[1].properties["networkSecurityGroup"] = Value::Null;
        subnet(&mut estate)["networkSecurityGroup"] = Value::Null;
        assert_eq!(internet(&estate), Some(expected), "{sku}");
        estate.swap(0, 6);
        assert_eq!(internet(&estate), Some(expected), "{sku} balancer");
    }
}

/// A balancer of which the pool has a rule from 443 to 22.
fn pooled(pool: Value) -> Vec<Resource> {
    let mut estate = balanced("Standard");
    main_of(&mut estate)["loadBalancerInboundNatRules"] = Value::Null;
    let id = spelled("Microsoft.Network/loadBalancers/lb/backendAddressPools/Pool");
    let front = spelled("Microsoft.Network/loadBalancers/LB/frontendIPConfigurations/public");
    estate[6].properties["inboundNatRules"] = json!([]);
    estate[6].properties["backendAddressPools"] = json!([{"name": "Pool", "id": id["id"], "properties": pool}]);
    estate[6].properties["loadBalancingRules"] = json!([{"id": "/x/loadBalancingRules/r", "properties": {
        "frontendIPConfiguration": front, "backendAddressPool": spelled("Microsoft.Network/loadBalancers/lb/backendAddressPools/pool"),
        "protocol": "All", "frontendPort": 443, "backendPort": 22}}]);
    estate
}

#[test]
fn pools_name_their_members_in_three_ways() {
    let of_interface = json!([spelled("Microsoft.Network/networkInterfaces/NIC/ipConfigurations/MAIN")]);
    let mut estate = pooled(json!({"backendIPConfigurations": of_interface}));
    main_of(&mut estate)["loadBalancerBackendAddressPools"] =
        json!([spelled("Microsoft.Network/loadBalancers/lb/backendAddressPools/pool")]);
    let table_of = table(&estate, &[]);
    assert_eq!(field_of(&table_of, &estate[0], "ports"), Some(json!([22])));
    assert_eq!(field_of(&table_of, &estate[6], "ports"), Some(json!([443])));

    let by_address = |address: &str| {
        pooled(json!({"loadBalancerBackendAddresses": [{"name": "a", "properties": {"ipAddress": address,
            "virtualNetwork": spelled("Microsoft.Network/virtualNetworks/NET")}}]}))
    };
    let estate = by_address("10.0.0.4");
    let table_of = table(&estate, &[]);
    assert_eq!(field_of(&table_of, &estate[0], "internet"), Some(json!(true)));
    assert_eq!(field_of(&table_of, &estate[6], "internet"), Some(json!(true)));
    let estate = by_address("10.0.0.7");
    let table_of = table(&estate, &[]);
    assert_eq!(field_of(&table_of, &estate[0], "internet"), Some(json!(false)));
    assert_eq!(field_of(&table_of, &estate[6], "internet"), None, "what has that address was not seen");
}

#[test]
fn a_balancer_that_was_not_seen_may_lead_to_what_groups_let_in() {
    let mut estate = balanced("Standard");
    estate.pop();
    assert_eq!(internet(&estate), None);
    assert!(why(&table(&estate, &[])[&estate[0].id]).contains("complete listing"));
    main_of(&mut estate)["loadBalancerInboundNatRules"] = Value::Null;
    assert_eq!(internet(&estate), Some(false));
    let failed = table(&estate, &["Microsoft.Network/loadBalancers"]);
    assert_eq!(field_of(&failed, &estate[0], "internet"), None, "a pool may name it by its address");
    estate[3].properties["securityRules"] = json!([]);
    let failed = table(&estate, &["Microsoft.Network/loadBalancers"]);
    assert_eq!(field_of(&failed, &estate[0], "internet"), Some(json!(false)), "no group lets anything in");
}

#[test]
fn a_floating_address_is_not_compared_with_the_private_one() {
    let mut estate = balanced("Standard");
    estate[3].properties["securityRules"][0]["properties"]["destinationAddressPrefix"] = json!("10.0.0.4");
    assert_eq!(internet(&estate), Some(true));
    estate[6].properties["inboundNatRules"][0]["properties"]["enableFloatingIP"] = json!(true);
    assert_eq!(internet(&estate), None);
    estate.swap(0, 6);
    assert_eq!(internet(&estate), None, "its balancer");
}

#[test]
fn a_doubt_about_more_sources_leaves_what_is_open_for_certain() {
    let mut estate = estate();
    let mut all = rule("a", 300, "Allow", "8.0.0.0/7", "*");
    all["properties"]["protocol"] = json!("*");
    both(&mut estate, json!([all]));
    let table = table(&estate, &["Microsoft.Network/azureFirewalls"]);
    assert_eq!(field_of(&table, &estate[0], "allPorts"), Some(json!(true)));
    assert_eq!(field_of(&table, &estate[0], "sources"), None);
    let table = super::table(&estate, &["Microsoft.Network/loadBalancers"]);
    assert_eq!(field_of(&table, &estate[0], "sources"), Some(json!(["8.0.0.0/7"])), "no balancer could open more");
}

#[test]
fn firewalls_pass_traffic_on_under_their_own_address() {
    let estate = behind_firewall();
    assert_eq!(field(&estate, "ports"), Some(json!([22])), "the default rule lets in what is in the network");
    let mut guarded = estate.clone();
    guarded[3].properties["securityRules"] = json!([rule("d", 200, "Deny", "10.0.1.0/26", "*")]);
    assert_eq!(internet(&guarded), Some(false));
    let change = |place: &str, value: Value| {
        let mut changed = estate.clone();
        let rule = "/ruleCollectionGroups/0/properties/ruleCollections/0/rules/0";
        *changed[7].properties.pointer_mut(&format!("{rule}{place}")).unwrap() = value;
        internet(&changed)
    };
    assert_eq!(change("/sourceAddresses", json!(["198.51.100.0/24"])), Some(false));
    assert_eq!(change("/translatedAddress", json!("10.0.0.9")), Some(false));
    assert_eq!(change("/translatedAddress", json!("nowhere")), None);
    let mut listed = estate.clone();
    listed[7].properties["ruleCollectionGroups"] = json!([{"id": "/x/ruleCollectionGroups/in"}]);
    assert_eq!(internet(&listed), None, "only pointers to the rules were read");
    let mut elsewhere = estate.clone();
    elsewhere[6].properties["ipConfigurations"][0]["properties"]["subnet"] =
        spelled("Microsoft.Network/virtualNetworks/hub/subnets/AzureFirewallSubnet");
    assert_eq!(internet(&elsewhere), Some(false), "another network, not peered");
    elsewhere[5].properties["virtualNetworkPeerings"] =
        json!([{"properties": {"remoteVirtualNetwork": spelled("Microsoft.Network/virtualNetworks/Hub")}}]);
    assert_eq!(internet(&elsewhere), Some(true), "peered");
    let failed = table(&super::estate(), &["Microsoft.Network/azureFirewalls"]);
    assert_eq!(field_of(&failed, &super::estate()[0], "internet"), Some(json!(true)));
    assert_eq!(field_of(&failed, &super::estate()[0], "ports"), None);
}

#[test]
fn scale_sets_are_exposed_by_their_profile_and_their_members() {
    let profile = |own: Value| {
        json!({"orchestrationMode": "Uniform", "virtualMachineProfile": {"networkProfile": {"networkInterfaceConfigurations": [
            {"name": "nic", "properties": {"primary": true, "ipConfigurations": [{"name": "ip", "properties": own}]}}]}}})
    };
    let subnet_of = spelled("Microsoft.Network/virtualNetworks/net/subnets/front");
    let public = json!({"subnet": subnet_of, "publicIPAddressConfiguration": {"name": "pub", "sku": {"name": "Standard"}}});
    let mut estate = estate();
    estate[0] = arm("Microsoft.Compute/virtualMachineScaleSets", "set", profile(public));
    assert_eq!(field(&estate, "ports"), Some(json!([22])));

    let mut balanced = balanced("Standard");
    let pool = spelled("Microsoft.Network/loadBalancers/lb/inboundNatPools/Pool");
    let front = spelled("Microsoft.Network/loadBalancers/lb/frontendIPConfigurations/public");
    balanced[6].properties["inboundNatRules"] = json!([]);
    balanced[6].properties["inboundNatPools"] = json!([{"id": pool["id"], "properties": {"frontendIPConfiguration": front,
        "protocol": "tcp", "frontendPortRangeStart": 50000, "frontendPortRangeEnd": 50119, "backendPort": 22}}]);
    let behind = json!({"subnet": subnet_of, "loadBalancerInboundNatPools": [pool]});
    balanced[0] = arm("Microsoft.Compute/virtualMachineScaleSets", "set", profile(behind));
    assert_eq!(field(&balanced, "managementPorts"), Some(json!([22])));

    let mut flexible = super::estate();
    flexible[0].properties["virtualMachineScaleSet"] = spelled("Microsoft.Compute/virtualMachineScaleSets/Set");
    let set = arm("Microsoft.Compute/virtualMachineScaleSets", "set", json!({"orchestrationMode": "Flexible"}));
    flexible.insert(0, set);
    assert_eq!(internet(&flexible), Some(true));
    let failed = table(&flexible, &["Microsoft.Compute/virtualMachines"]);
    assert_eq!(field_of(&failed, &flexible[0], "ports"), None);
}

#[test]
fn application_gateways_are_exposed_on_the_ports_of_their_public_listeners() {
    let mut estate = estate();
    let below = |part: &str| spelled(&format!("Microsoft.Network/applicationGateways/gw/{part}"));
    let listener = |front: &str, port: &str| {
        json!({"name": port, "properties": {"protocol": "Https",
            "frontendIPConfiguration": below(&format!("frontendIPConfigurations/{front}")),
            "frontendPort": below(&format!("frontendPorts/{port}"))}})
    };
    estate[0] = arm(
        "Microsoft.Network/applicationGateways",
        "gw",
        json!({
        "gatewayIPConfigurations": [{"properties": {"subnet": spelled("Microsoft.Network/virtualNetworks/net/subnets/front")}}],
        "frontendIPConfigurations": [
            {"id": below("frontendIPConfigurations/PUB")["id"],
             "properties": {"publicIPAddress": spelled("Microsoft.Network/publicIPAddresses/pip")}},
            {"id": below("frontendIPConfigurations/priv")["id"],
             "properties": {"subnet": spelled("Microsoft.Network/virtualNetworks/net/subnets/front")}}],
        "frontendPorts": [{"id": below("frontendPorts/a")["id"], "properties": {"port": 443}},
            {"id": below("frontendPorts/b")["id"], "properties": {"port": 8081}}],
        "httpListeners": [listener("pub", "A"), listener("priv", "b")],
        "webApplicationFirewallConfiguration": {"enabled": true, "firewallMode": "Prevention"}}),
    );
    assert_eq!(internet(&estate), Some(false), "the group of its subnet opens port 22 alone");
    estate[4].properties["securityRules"] = json!([rule("web", 100, "Allow", "Internet", "443")]);
    assert_eq!(field(&estate, "ports"), Some(json!([443])));
    let sheet = &table(&estate, &[])[&estate[0].id];
    assert!(sheet.evidence[&"exposure".into()].iter().any(|it| it.expected.contains("web application firewall")));
    subnet(&mut estate)["networkSecurityGroup"] = Value::Null;
    assert_eq!(field(&estate, "ports"), Some(json!([443])), "without a group it is open");
    hide(&mut estate[0], "httpListeners");
    assert_eq!(internet(&estate), None);
}

#[test]
fn network_managers_leave_open_what_they_may_decide() {
    let manager = |subscription: &str, configurations: Value| {
        let scopes = json!({"subscriptions": [format!("/subscriptions/{subscription}")], "managementGroups": []});
        arm(
            "Microsoft.Network/networkManagers",
            "manager",
            json!({"networkManagerScopeAccesses": ["SecurityAdmin"], "networkManagerScopes": scopes,
            "securityAdminConfigurations": configurations}),
        )
    };
    let with = |manager: Resource| {
        let mut estate = estate();
        estate.push(manager);
        internet(&estate)
    };
    assert_eq!(with(manager(ACCOUNT, json!([{"name": "c"}]))), None);
    assert_eq!(with(manager(ACCOUNT, json!([]))), Some(true));
    assert_eq!(with(manager(ACCOUNT, Value::Null)), None, "nobody read them");
    assert_eq!(with(manager("other", json!([{"name": "c"}]))), Some(true));
    let mut private = estate();
    main_of(&mut private)["publicIPAddress"] = Value::Null;
    private.push(manager(ACCOUNT, json!([{"name": "c"}])));
    assert_eq!(internet(&private), Some(false), "without an address there is nothing to decide");
    let mut told = estate();
    told.push(manager(ACCOUNT, json!([{"name": "c"}])));
    told[5].properties["networkManagerEffectiveSecurityAdminRules"] = json!([{"properties": {"direction": "Outbound"}}]);
    assert_eq!(internet(&told), Some(true), "the network itself tells which rules it gets");
    told[5].properties["networkManagerEffectiveSecurityAdminRules"] = json!([{"properties": {"direction": "Inbound"}}]);
    assert_eq!(internet(&told), None);
}

#[test]
fn what_is_missing_is_told_apart_from_what_was_not_listed() {
    let without = |place: usize, failed: &[&str]| {
        let mut estate = estate();
        estate.remove(place);
        let table = table(&estate, failed);
        assert_eq!(field_of(&table, &estate[0], "internet"), None);
        why(&table[&estate[0].id])
    };
    for (place, kind) in [
        (1, "Microsoft.Network/networkInterfaces"),
        (3, "Microsoft.Network/networkSecurityGroups"),
        (5, "Microsoft.Network/virtualNetworks"),
    ] {
        assert!(without(place, &[]).contains("a complete listing does not hold it"), "{kind}");
        assert!(without(place, &[kind]).contains("AccessDenied"), "{kind}");
    }
    let mut foreign = estate();
    foreign[1].properties["networkSecurityGroup"]["id"] =
        json!("/subscriptions/other/resourceGroups/r/providers/Microsoft.Network/networkSecurityGroups/g");
    assert_eq!(internet(&foreign), None);
    let sentence = why(&table(&foreign, &[])[&foreign[0].id]);
    assert!(sentence.contains("was not listed in subscription other"), "{sentence}");
}

#[test]
fn classic_machines_are_not_known_and_other_types_have_no_such_fact() {
    let classic = arm("Microsoft.ClassicCompute/virtualMachines", "old", json!({}));
    assert_eq!(internet(&[classic]), None);
    let bastion = arm("Microsoft.Network/bastionHosts", "bastion", json!({}));
    assert!(table(&[bastion], &[]).is_empty());
    assert_eq!(id("Microsoft.Network/x"), format!("/subscriptions/{ACCOUNT}/resourcegroups/web/providers/microsoft.network/x"));
}

#[test]
fn a_group_without_azures_own_rules_has_them_all_the_same() {
    let mut estate = estate();
    for place in [3, 4] {
        estate[place].properties.as_object_mut().unwrap().remove("defaultSecurityRules");
    }
    assert_eq!(field(&estate, "ports"), Some(json!([22])));
    let mut behind = behind_firewall();
    behind[3] = group("own", json!([]));
    behind[3].properties.as_object_mut().unwrap().remove("defaultSecurityRules");
    assert_eq!(internet(&behind), Some(true));
}
