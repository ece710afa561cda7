use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the settings of a managed service decide whether the internet reaches it: a switch for public access, a default action,
/// rules over addresses.
///
/// Paths are inside the properties. Texts are compared without case.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsExposure {
    /// The ports that it listens on.
    pub ports: Vec<ServicePort>,
    /// What closes it to all networks but private ones: one of them is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_if: Vec<Closing>,
    /// The subnet whose network security group guards it, where it lies in one: the path of the subnet's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// What gives it an IPv6 address too: one of them is enough. Absent: it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6_if: Vec<Setting>,
    /// The ways in, each with its own rules: a site and the one that deploys it. Absent: one that is always open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<SettingsDoor>,
}

/// A port, and when it is open.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ServicePort {
    /// Always: `443`.
    Always(u16),
    /// Only while a setting holds: `{ port: 6379, only_if: { path: enableNonSslPort, is: ["true"] } }`.
    #[serde(rename_all = "snake_case")]
    While {
        /// The port.
        port: u16,
        /// What opens it.
        only_if: Setting,
    },
}

/// One setting, or several that close it together.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Closing {
    /// `{ path: publicNetworkAccess, is: [Disabled, SecuredByPerimeter] }`.
    One(Setting),
    /// `{ all: [...] }`: every one has to hold.
    All {
        /// The settings.
        all: Vec<Setting>,
    },
}

/// A field that has one of some values.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The field.
    pub path: String,
    /// Its values, as texts (`"true"` for a boolean); `*` is any text, number, object or list that is not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub is: Vec<String>,
    /// What it means that the field has no value.
    #[serde(default)]
    pub absent: IfAbsent,
}

/// What an absent field means for a setting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfAbsent {
    /// The setting does not hold.
    #[default]
    Fails,
    /// It holds.
    Holds,
    /// Nobody knows.
    Unknown,
}

/// One way in: who may use it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsDoor {
    /// Only while this holds; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<Setting>,
    /// The field that says what happens to addresses that no rule names: `networkAcls.defaultAction`, with `Allow` or `Deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_action: Option<String>,
    /// The same where no field says it.
    pub otherwise: Otherwise,
    /// What makes the default action `Deny` where no field says it, although there is no rule: one of them is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filtered_if: Vec<Setting>,
    /// Lists of rules over addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<AddressRules>,
}

/// What happens to addresses that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// They get in.
    Open,
    /// They are kept out.
    Closed,
    /// They get in as long as there is no rule at all.
    OpenWithoutRules,
}

/// A list of rules over addresses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRules {
    /// The list: `networkAcls.ipRules`.
    pub list: String,
    /// Inside an element: an address, a range in CIDR notation, `FIRST-LAST`, `Any`, or a service tag. Absent: the element is it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// Inside an element: the first address, where ranges are pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Inside an element: the last address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The address (as range or pair) that stands for all of Azure, whoever rents it: `0.0.0.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_of_azure: Option<String>,
    /// Inside an element: `Allow` or `Deny`. IfAbsent, or without a value: it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Inside an element: its place in the order, lowest first; of equal ones Deny comes first. Absent: order does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Inside an element: fields that narrow a rule to less than its addresses (headers that must be there), where they are not
    /// empty; such a rule neither opens nor closes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub narrowed_by: Vec<String>,
    /// Inside an element: fields that stand instead of an address (the id of a subnet); such a rule is about a private network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<String>,
}

impl SettingsExposure {
    /// The paths inside the properties that it names, each with the JSON pointer at which it is written.
    pub fn paths(&self) -> Vec<(String, &str)> {
        let mut paths: Vec<(String, &str)> = Vec::new();
        for (place, port) in self.ports.iter().enumerate() {
            if let ServicePort::While { only_if, .. } = port {
                paths.push((format!("/ports/{place}/only_if/path"), &only_if.path));
            }
        }
        for (place, closing) in self.closed_if.iter().enumerate() {
            match closing {
                Closing::One(setting) => paths.push((format!("/closed_if/{place}/path"), &setting.path)),
                Closing::All { all } => {
                    let settings = all.iter().enumerate();
                    paths.extend(settings.map(|(nth, it)| (format!("/closed_if/{place}/all/{nth}/path"), it.path.as_str())));
                }
            }
        }
        paths.extend(self.subnet.iter().map(|path| ("/subnet".to_owned(), path.as_str())));
        let settings = self.ipv6_if.iter().enumerate();
        paths.extend(settings.map(|(place, it)| (format!("/ipv6_if/{place}/path"), it.path.as_str())));
        for (place, door) in self.doors.iter().enumerate() {
            let at = format!("/doors/{place}");
            paths.extend(door.only_if.iter().map(|setting| (format!("{at}/only_if/path"), setting.path.as_str())));
            paths.extend(door.default_action.iter().map(|path| (format!("{at}/default_action"), path.as_str())));
            let settings = door.filtered_if.iter().enumerate();
            paths.extend(settings.map(|(nth, it)| (format!("{at}/filtered_if/{nth}/path"), it.path.as_str())));
            let lists = door.rules.iter().enumerate();
            paths.extend(lists.map(|(nth, rules)| (format!("{at}/rules/{nth}/list"), rules.list.as_str())));
        }
        paths
    }
}
