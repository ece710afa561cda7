use serde_json::{Value, json};
use skywarden_model::{Coverage, ListOutcome, Resource, fact_object};

use super::{compute, estate, first, hide, reason, resource, value};

fn internet(resources: &[Resource]) -> Option<bool> {
    first(resources, "exposure", "internet").map(|value| value.as_bool().unwrap())
}

#[test]
fn an_open_instance_is_exposed_with_its_chain() {
    let table = compute(&estate(), &[]);
    let sheet = &table["i"];
    assert_eq!(
        fact_object(&sheet.values[&"exposure".into()]),
        json!({"internet": true, "ports": [22], "managementPorts": [22],
        "allPorts": false, "ipv6": false, "sources": ["0.0.0.0/0"]})
    );
    let sources: Vec<_> = sheet.evidence[&"exposure".into()].iter().map(|evidence| evidence.source.as_deref().unwrap()).collect();
    assert_eq!(sources, ["i", "rtb", "sg", "acl"]);
}

#[test]
fn each_link_of_the_chain_can_break_it() {
    type Change = fn(&mut Vec<Resource>);
    let cases: [(&str, Change, Option<bool>); 17] = [
        ("no address", |e| e[0].properties["NetworkInterfaces"][0]["Association"] = Value::Null, Some(false)),
        ("closed group", |e| e[1].properties["IpPermissions"] = json!([]), Some(false)),
        (
            "narrow group",
            |e| e[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!("198.51.100.0/24"),
            Some(false),
        ),
        ("a /8 is not wide", |e| e[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!("8.0.0.0/8"), Some(false)),
        ("a /7 is", |e| e[1].properties["IpPermissions"][0]["IpRanges"][0]["CidrIp"] = json!("8.0.0.0/7"), Some(true)),
        (
            "private subnet",
            |e| {
                e[3].properties["Routes"][1] = json!({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"});
            },
            Some(false),
        ),
        ("blackhole", |e| e[3].properties["Routes"][1]["State"] = json!("blackhole"), Some(false)),
        (
            "longer prefixes elsewhere",
            |e| {
                for net in ["0.0.0.0/1", "128.0.0.0/1"] {
                    let route = json!({"DestinationCidrBlock": net, "NatGatewayId": "nat-1"});
                    e[3].properties["Routes"].as_array_mut().unwrap().insert(0, route);
                }
            },
            Some(false),
        ),
        (
            "own route table before the main one",
            |e| {
                let own = json!({"VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-1"}], "Routes": []});
                e.push(resource("AWS::EC2::RouteTable", "rtb2", own));
            },
            Some(false),
        ),
        (
            "deny first",
            |e| {
                e[2].properties["Entries"].as_array_mut().unwrap().push(json!({"RuleNumber": 50, "Egress": false,
                "RuleAction": "deny", "Protocol": "6", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 20, "To": 30}}));
            },
            Some(false),
        ),
        (
            "deny after",
            |e| {
                e[2].properties["Entries"].as_array_mut().unwrap().push(json!({"RuleNumber": 200, "Egress": false,
                "RuleAction": "deny", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}));
            },
            Some(true),
        ),
        (
            "two halves denied",
            |e| {
                for (number, net) in [(1, "0.0.0.0/1"), (2, "128.0.0.0/1")] {
                    e[2].properties["Entries"].as_array_mut().unwrap().push(json!({"RuleNumber": number, "Egress": false,
                    "RuleAction": "deny", "Protocol": "-1", "CidrBlock": net}));
                }
            },
            Some(false),
        ),
        ("unknown ACL", |e| hide(&mut e[2], "Entries"), None),
        (
            "unknown ACL behind a closed group",
            |e| {
                hide(&mut e[2], "Entries");
                e[1].properties["IpPermissions"] = json!([]);
            },
            Some(false),
        ),
        (
            "unknown group without an address",
            |e| {
                hide(&mut e[1], "IpPermissions");
                e[0].properties["NetworkInterfaces"] = json!([{"SubnetId": "subnet-1", "Groups": [{"GroupId": "sg-1"}]}]);
            },
            Some(false),
        ),
        ("unknown group", |e| hide(&mut e[1], "IpPermissions"), None),
        (
            "IPv6 only",
            |e| {
                e[1].properties["IpPermissions"][0] = json!({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]});
            },
            Some(true),
        ),
    ];
    for (name, change, expected) in cases {
        let mut estate = estate();
        change(&mut estate);
        assert_eq!(internet(&estate), expected, "{name}");
    }
}

#[test]
fn a_failed_listing_of_route_tables_makes_the_main_table_uncertain() {
    let coverage = Coverage {
        type_name: "AWS::EC2::RouteTable".into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        outcome: ListOutcome::Partial { n_resources: 1, reason: reason() },
        denied: Vec::new(),
    };
    let table = compute(&estate(), &[coverage]);
    assert_eq!(value(&table["i"], "exposure", "internet"), None);
    assert_eq!(table["i"].unreadable[0].reason, reason());
}

#[test]
fn all_protocols_over_ipv6_is_every_port() {
    let mut estate = estate();
    estate[1].properties["IpPermissions"][0] = json!({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]});
    assert_eq!(first(&estate, "exposure", "ports"), Some(json!([-1])));
    assert_eq!(first(&estate, "exposure", "ipv6"), Some(json!(true)));
}

#[test]
fn databases_and_load_balancers_are_exposed_on_their_own_ports() {
    let mut estate = estate();
    estate[1].properties["IpPermissions"][0]["ToPort"] = json!(6000);
    estate[0] = resource(
        "AWS::RDS::DBInstance",
        "db",
        json!({"PubliclyAccessible": true, "Endpoint": {"Port": 5999},
        "DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-1"}]},
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}]}),
    );
    assert_eq!(first(&estate, "exposure", "ports"), Some(json!([5999])));
    estate[0].properties["PubliclyAccessible"] = json!(false);
    assert_eq!(internet(&estate), Some(false));
    estate[0] = resource(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "lb",
        json!({"Scheme": "internet-facing",
        "Type": "application", "SecurityGroups": ["sg-1"], "AvailabilityZones": [{"SubnetId": "subnet-1"}],
        "Listeners": [{"Port": 443}, {"Port": 7000}]}),
    );
    assert_eq!(first(&estate, "exposure", "ports"), Some(json!([443])));
    hide(&mut estate[0], "Listeners");
    assert_eq!(internet(&estate), None);
}
