//! What a connector offers, and the plans that this switches in its account.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::arm::objects::kind::{Field, Shape, optional, read_only, required};

/// An offering of AWS accounts.
pub(super) struct Offering {
    /// `DefenderForServersAws`.
    pub(super) name: &'static str,
    /// The plans of `pricings` that it is; none of what is there without a plan.
    plans: &'static [&'static str],
    /// Its members.
    pub(super) fields: &'static [Field],
}

/// The offering that is the reading itself, and brings the login.
pub(super) const READING: &str = "CspmMonitorAws";

/// All of them, in the order in which they are answered.
pub(super) const OFFERINGS: [Offering; 5] = [
    Offering {
        name: READING,
        plans: &[],
        fields: &[
            TYPE,
            DESCRIPTION,
            optional("nativeCloudConnection", Shape::Object(&[optional("cloudRoleArn", Shape::Text(2048))])),
        ],
    },
    Offering {
        name: "DefenderCspmAws",
        plans: &["CloudPosture"],
        fields: &[
            TYPE,
            DESCRIPTION,
            optional("vmScanners", Shape::Free),
            optional("dataSensitivityDiscovery", Shape::Free),
            optional("databasesDspm", Shape::Free),
            optional("ciem", Shape::Free),
            optional("mdcContainersImageAssessment", Shape::Free),
            optional("mdcContainersAgentlessDiscoveryK8s", Shape::Free),
        ],
    },
    Offering {
        name: "DefenderForServersAws",
        plans: &["VirtualMachines"],
        fields: &[
            TYPE,
            DESCRIPTION,
            optional("defenderForServers", Shape::Free),
            optional("arcAutoProvisioning", Shape::Free),
            optional("vaAutoProvisioning", Shape::Free),
            optional("mdeAutoProvisioning", Shape::Free),
            optional(SIZE, Shape::Object(&[required("type", Shape::OneOf(&["P1", "P2"]))])),
            optional("vmScanners", Shape::Free),
        ],
    },
    Offering {
        name: "DefenderForContainersAws",
        plans: &["Containers"],
        fields: &[
            TYPE,
            DESCRIPTION,
            optional("kubernetesService", Shape::Free),
            optional("kubernetesDataCollection", Shape::Free),
            optional("cloudWatchToKinesis", Shape::Free),
            optional("kinesisToS3", Shape::Free),
            optional("containerVulnerabilityAssessment", Shape::Free),
            optional("containerVulnerabilityAssessmentTask", Shape::Free),
            optional("enableContainerVulnerabilityAssessment", Shape::Flag),
            optional("autoProvisioning", Shape::Flag),
            optional("scubaExternalId", Shape::Text(260)),
            optional("enableAuditLogsAutoProvisioning", Shape::Flag),
            optional("enableDefenderAgentAutoProvisioning", Shape::Flag),
            optional("enablePolicyAgentAutoProvisioning", Shape::Flag),
            optional("kubeAuditRetentionTime", Shape::Whole(0, 36_500)),
            optional("dataCollectionExternalId", Shape::Text(260)),
            optional("mdcContainersImageAssessment", Shape::Free),
            optional("mdcContainersAgentlessDiscoveryK8s", Shape::Free),
            optional("vmScanners", Shape::Free),
        ],
    },
    Offering {
        name: "DefenderForDatabasesAws",
        plans: &["OpenSourceRelationalDatabases", "SqlServerVirtualMachines"],
        fields: &[
            TYPE,
            DESCRIPTION,
            optional("arcAutoProvisioning", Shape::Free),
            optional("rds", Shape::Free),
            optional("databasesDspm", Shape::Free),
        ],
    },
];

/// The member that names an offering.
pub(super) const TYPE_MEMBER: &str = "offeringType";

const TYPE: Field = required(TYPE_MEMBER, Shape::Text(64));
const DESCRIPTION: Field = read_only("description");

/// The member that says in which size a plan is on.
const SIZE: &str = "subPlan";

/// The plans of an account that are on, with their sizes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PlansOn(BTreeMap<String, Option<String>>);

impl PlansOn {
    /// From the members of every plan as `pricings` answers them.
    pub(super) fn of<'a>(pricings: impl IntoIterator<Item = (&'a str, Map<String, Value>)>) -> Self {
        let text = |own: &Map<String, Value>, name: &str| own.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_on = |(_, own): &(&str, Map<String, Value>)| text(own, "pricingTier").as_deref() == Some("Standard");
        let on = pricings.into_iter().filter(is_on).map(|(plan, own)| (plan.to_owned(), text(&own, "subPlan")));
        Self(on.collect())
    }
}

impl Offering {
    fn is_on(&self, plans: &PlansOn) -> bool {
        self.plans.is_empty() || self.plans.iter().any(|plan| plans.0.contains_key(*plan))
    }

    fn in_list(&self, all: &[Map<String, Value>]) -> Option<usize> {
        all.iter().position(|own| own.get(TYPE_MEMBER).and_then(Value::as_str) == Some(self.name))
    }
}

/// The offerings that are on, with what was said of them.
pub(super) fn shown(kept: &[Map<String, Value>], plans: &PlansOn, role: Option<&str>) -> Vec<Value> {
    let mut shown = Vec::new();
    for offering in OFFERINGS.iter().filter(|own| own.is_on(plans)) {
        let said = offering.in_list(kept).and_then(|at| kept.get(at)).cloned();
        let mut own = said.unwrap_or_default();
        own.insert(TYPE_MEMBER.to_owned(), offering.name.into());
        if let Some(role) = role.filter(|_| offering.name == READING) {
            own.insert("nativeCloudConnection".to_owned(), json!({ "cloudRoleArn": role }));
        }
        if let Some(size) = offering.plans.iter().find_map(|plan| plans.0.get(*plan)?.as_deref()) {
            own.insert(SIZE.to_owned(), json!({ "type": size }));
        }
        shown.push(Value::Object(own));
    }
    shown
}

/// The plans that have to be set for the offerings of a list to be on and the others off, each with what `pricings` takes.
pub(super) fn switched(wanted: &[Map<String, Value>], plans: &PlansOn) -> Vec<(&'static str, Map<String, Value>)> {
    let mut switched = Vec::new();
    for offering in OFFERINGS.iter().filter(|own| !own.plans.is_empty()) {
        let given = offering.in_list(wanted).and_then(|at| wanted.get(at));
        let is_on = offering.is_on(plans);
        let size = given.and_then(|own| own.get(SIZE)?.get("type")?.as_str());
        for plan in offering.plans {
            let has = plans.0.get(*plan).and_then(Option::as_deref);
            let setting = match (given.is_some(), is_on) {
                (true, false) => json!({ "pricingTier": "Standard", SIZE: size }),
                (true, true) if size.is_some() && size != has => json!({ "pricingTier": "Standard", SIZE: size }),
                (false, true) if plans.0.contains_key(*plan) => json!({ "pricingTier": "Free" }),
                _ => continue,
            };
            let members = setting.as_object().cloned().unwrap_or_default();
            switched.push((*plan, members.into_iter().filter(|(_, value)| !value.is_null()).collect()));
        }
    }
    switched
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(&str, &str); 5] = [
        ("CloudPosture", ""),
        ("VirtualMachines", "P2"),
        ("Containers", ""),
        ("OpenSourceRelationalDatabases", ""),
        ("SqlServerVirtualMachines", ""),
    ];

    fn on(plans: &[(&str, &str)]) -> PlansOn {
        let size = |size: &str| (!size.is_empty()).then(|| size.to_owned());
        PlansOn(plans.iter().map(|(plan, own)| ((*plan).to_owned(), size(own))).collect())
    }

    fn list(offerings: Value) -> Vec<Map<String, Value>> {
        offerings.as_array().unwrap().iter().map(|own| own.as_object().unwrap().clone()).collect()
    }

    fn told(wanted: Value, plans: &PlansOn) -> Value {
        let switched = switched(&list(wanted), plans).into_iter();
        Value::Object(switched.map(|(plan, own)| (plan.to_owned(), Value::Object(own))).collect())
    }

    #[test]
    fn what_is_answered_switches_nothing() {
        for plans in [on(&SIZES), on(&[]), on(&[("VirtualMachines", "P1")]), on(&[("SqlServerVirtualMachines", "")])] {
            assert_eq!(told(Value::Array(shown(&[], &plans, None)), &plans), json!({}), "{plans:?}");
        }
    }

    #[test]
    fn an_offering_that_comes_or_goes_switches_its_plans() {
        let reading = json!({ "offeringType": "CspmMonitorAws" });
        let off = json!({ "pricingTier": "Free" });
        let all_off = told(json!([reading]), &on(&SIZES));
        assert_eq!(all_off.as_object().unwrap().len(), SIZES.len());
        assert!(all_off.as_object().unwrap().values().all(|own| *own == off), "{all_off}");
        let servers = |size: &str| json!([reading, { "offeringType": "DefenderForServersAws", "subPlan": { "type": size } }]);
        let p1 = json!({ "VirtualMachines": { "pricingTier": "Standard", "subPlan": "P1" } });
        assert_eq!(told(servers("P1"), &on(&[])), p1);
        assert_eq!(told(servers("P1"), &on(&[("VirtualMachines", "P2")])), p1, "another size");
        assert_eq!(told(servers("P1"), &on(&[("VirtualMachines", "P1")])), json!({}));
        let databases = json!([{ "offeringType": "DefenderForDatabasesAws" }]);
        assert_eq!(told(databases, &on(&[])).as_object().unwrap().len(), 2);
    }

    #[test]
    fn what_is_shown_is_what_is_on_with_what_was_said() {
        let kept = list(json!([
            { "offeringType": "DefenderCspmAws", "ciem": { "x": 1 } },
            { "offeringType": "DefenderForServersAws", "subPlan": { "type": "P2" }, "vmScanners": {} },
        ]));
        let shown = Value::Array(shown(&kept, &on(&[("VirtualMachines", "P1")]), Some("arn")));
        let wanted = json!([
            { "offeringType": "CspmMonitorAws", "nativeCloudConnection": { "cloudRoleArn": "arn" } },
            { "offeringType": "DefenderForServersAws", "subPlan": { "type": "P1" }, "vmScanners": {} },
        ]);
        assert_eq!(shown, wanted);
    }
}
