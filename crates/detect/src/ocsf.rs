use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A class of OCSF 1.9 (<https://schema.ocsf.io>): what kind of event a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// `api_activity`.
    pub name: &'static str,
    /// 6003: the category's number times 1,000, plus its own; classes of the Windows extension begin at 200,000.
    pub uid: u32,
}

impl Class {
    /// Of what is no kind that is known.
    pub const NONE: Class = Class { name: "base_event", uid: 0 };

    /// The class with a name.
    pub fn named(name: &str) -> Option<Self> {
        let place = CLASSES.binary_search_by_key(&name, |(name, _)| name).ok()?;
        CLASSES.get(place).map(|(name, uid)| Class { name, uid: *uid })
    }

    /// The number of its category.
    pub fn category(self) -> u32 {
        self.uid % 100_000 / 1_000
    }
}

impl Serialize for Class {
    /// By its name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Class::named(&name).ok_or_else(|| D::Error::custom(format!("there is no OCSF class `{name}`")))
    }
}

/// In order of their names.
const CLASSES: &[(&str, u32)] = &[
    ("account_change", 3001),
    ("admin_group_query", 5009),
    ("api_activity", 6003),
    ("application_error", 6008),
    ("application_lifecycle", 6002),
    ("application_security_posture_finding", 2007),
    ("authentication", 3002),
    ("authorize_session", 3003),
    ("base_event", 0),
    ("clipboard_activity", 1012),
    ("cloud_resources_inventory_info", 5023),
    ("compliance_finding", 2003),
    ("config_state", 5002),
    ("data_security_finding", 2006),
    ("datastore_activity", 6005),
    ("detection_finding", 2004),
    ("device_config_state_change", 5019),
    ("device_power_state_activity", 1011),
    ("dhcp_activity", 4004),
    ("dns_activity", 4003),
    ("email_activity", 4009),
    ("email_file_activity", 4011),
    ("email_url_activity", 4012),
    ("entity_management", 3004),
    ("event_log_activity", 1008),
    ("evidence_info", 5040),
    ("file_activity", 1001),
    ("file_hosting", 6006),
    ("file_query", 5007),
    ("file_remediation_activity", 7002),
    ("folder_query", 5008),
    ("ftp_activity", 4008),
    ("group_management", 3006),
    ("http_activity", 4002),
    ("iam_analysis_finding", 2008),
    ("incident_finding", 2005),
    ("inventory_info", 5001),
    ("job_query", 5010),
    ("kernel_activity", 1003),
    ("kernel_extension_activity", 1002),
    ("kernel_object_query", 5006),
    ("memory_activity", 1004),
    ("module_activity", 1005),
    ("module_query", 5011),
    ("network_activity", 4001),
    ("network_connection_query", 5012),
    ("network_file_activity", 4010),
    ("network_remediation_activity", 7004),
    ("networks_query", 5013),
    ("ntp_activity", 4013),
    ("osint_inventory_info", 5021),
    ("patch_state", 5004),
    ("peripheral_activity", 1010),
    ("peripheral_device_query", 5014),
    ("process_activity", 1007),
    ("process_query", 5015),
    ("process_remediation_activity", 7003),
    ("rdp_activity", 4005),
    ("registry_key_activity", 201001),
    ("registry_value_activity", 201002),
    ("remediation_activity", 7001),
    ("role_management", 3008),
    ("scan_activity", 6007),
    ("scheduled_job_activity", 1006),
    ("script_activity", 1009),
    ("security_finding", 2001),
    ("service_query", 5016),
    ("session_query", 5017),
    ("smb_activity", 4006),
    ("software_info", 5020),
    ("ssh_activity", 4007),
    ("startup_item_query", 5022),
    ("tunnel_activity", 4014),
    ("user_access", 3005),
    ("user_inventory", 5003),
    ("user_management", 3007),
    ("user_query", 5018),
    ("vulnerability_finding", 2002),
    ("web_resource_access_activity", 6004),
    ("web_resources_activity", 6001),
    ("windows_resource_activity", 201003),
    ("windows_service_activity", 201004),
];

#[cfg(test)]
mod tests {
    use super::{CLASSES, Class};

    #[test]
    fn classes_are_found_by_their_names() {
        assert!(CLASSES.is_sorted());
        assert_eq!(Class::named("api_activity").map(|class| (class.uid, class.category())), Some((6003, 6)));
        assert_eq!(Class::named("registry_value_activity").map(Class::category), Some(1));
        assert_eq!(Class::named("no_such_class"), None);
    }
}
