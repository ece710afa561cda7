use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `content/detections/PLAN/NAME.yaml`: a Sigma rule, with our own part under `skywarden`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DetectionFile {
    /// What the alert is called; the reference's name where it has one.
    pub title: String,
    /// Equals the file's name without `.yaml`: the alert's type. The reference's where it has one.
    pub name: String,
    /// What happened, for the person who gets the alert; `{field}` stands for a field of the event in OCSF's words.
    pub description: String,
    /// How much it matters.
    pub level: AlertLevel,
    /// Our own part.
    pub skywarden: DetectionPart,
    /// What else Sigma knows.
    #[serde(flatten)]
    pub sigma: Map<String, Value>,
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertLevel {
    /// To know.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Sigma's; as much as high here, since the alerts that clients know have four severities.
    Critical,
}

/// What a detection says beyond Sigma.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectionPart {
    /// Alert ids of the reference that it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alert: Vec<String>,
    /// Names of the reference's rows that it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// Steps of the kill chain.
    pub intents: Vec<Intent>,
    /// What to do, first things first.
    pub remediation: Vec<String>,
    /// What Sigma can't say; it looks at the events that `detection` chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<Detector>,
    /// Attacks, near misses and everyday events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<DetectionTest>,
}

/// A step of the kill chain, as alerts of Defender name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are ATT&CK's tactics")]
pub enum Intent {
    Unknown,
    PreAttack,
    Probing,
    InitialAccess,
    Exploitation,
    Execution,
    Persistence,
    PrivilegeEscalation,
    DefenseEvasion,
    CredentialAccess,
    Discovery,
    LateralMovement,
    Collection,
    CommandAndControl,
    Exfiltration,
    Impact,
}

/// What looks at several events together. Fields are OCSF's, or `record.X` for a field of the record; of `a|b` in a key the first that
/// is there counts. Times are `30s`, `10m`, `2h`, `14d`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Detector {
    /// So many events of one `by` within a time.
    Threshold {
        /// What belongs together.
        by: Vec<String>,
        /// The time.
        within: String,
        /// How many events, or different values.
        at_least: u32,
        /// Different values of this field are counted instead of events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        distinct: Option<String>,
    },
    /// Selections one after the other.
    Sequence {
        /// What belongs together.
        by: Vec<String>,
        /// The time from the first to the last.
        within: String,
        /// What must come, in order.
        steps: Vec<Step>,
    },
    /// All of several selections within a time, in whatever order.
    Together {
        /// What belongs together.
        by: Vec<String>,
        /// The time.
        within: String,
        /// The selections.
        selections: Vec<String>,
    },
    /// An entity that is known for a while shows something that it did not show before.
    FirstSeen {
        /// Whose.
        entity: Vec<String>,
        /// What.
        feature: Vec<String>,
        /// So long it must be known.
        learn: String,
        /// So long what it showed is remembered.
        remember: String,
    },
    /// Something that few entities of a group show.
    Rare {
        /// Who shows it.
        entity: Vec<String>,
        /// What.
        feature: Vec<String>,
        /// Within what.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        among: Vec<String>,
        /// At most so many entities, this one included.
        at_most: u32,
        /// So long the group must be known.
        learn: String,
        /// So long what was shown is remembered.
        remember: String,
    },
    /// More than an entity ever did in such a time.
    Volume {
        /// Whose.
        entity: Vec<String>,
        /// The sum of this field; without it the number of events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sum: Option<String>,
        /// The number of different values of this field instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        distinct: Option<String>,
        /// The time.
        within: String,
        /// At least so much.
        at_least: f64,
        /// So many times the most of earlier times.
        times: f64,
        /// So long the entity must be known.
        learn: String,
        /// So long earlier times count.
        remember: String,
    },
    /// Two places too far apart for the time between.
    Travel {
        /// Who travels.
        entity: Vec<String>,
        /// Kilometres an hour.
        faster_than: f64,
    },
    /// Events as regular as a clock.
    Beacon {
        /// What belongs together.
        by: Vec<String>,
        /// At least so many.
        at_least: u32,
        /// Within this time.
        within: String,
        /// Largest standard deviation of the gaps, as a share of their mean.
        jitter: f64,
    },
    /// Names that look made by a program.
    GeneratedName {
        /// The name.
        field: String,
        /// Whose.
        by: Vec<String>,
        /// At least so many different ones.
        at_least: u32,
        /// Within this time.
        within: String,
    },
    /// What threat intelligence knows.
    Indicator {
        /// Where it may stand.
        fields: Vec<String>,
        /// Kinds of indicators.
        of: Vec<IndicatorKind>,
        /// At least one of these labels, if any is given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
    },
}

/// One step of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A selection of the rule.
    pub selection: String,
    /// So many events of it; one if nothing is said.
    #[serde(default = "one")]
    pub at_least: u32,
}

fn one() -> u32 {
    1
}

/// What an indicator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndicatorKind {
    /// An address or a network.
    Address,
    /// A domain, with all below it.
    Domain,
    /// A URL.
    Url,
    /// A hash of a file.
    Hash,
}

/// Events and whether they must raise an alert.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectionTest {
    /// What it shows.
    pub name: String,
    /// What it is.
    pub kind: TestKind,
    /// How many alerts an attack raises; one if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<usize>,
    /// In order.
    pub events: Vec<TestEvent>,
    /// What threat intelligence knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intelligence: Vec<TestIndicator>,
}

/// What a test shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TestKind {
    /// Must raise alerts.
    Attack,
    /// Differs in what matters and must raise none.
    NearMiss,
    /// Everyday, and must raise none.
    Benign,
}

/// Events of a test.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestEvent {
    /// The log source; may be left out where only one has the rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// A record as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
    /// Several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Value>,
    /// A record as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// So often; once if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
    /// With this time between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// The time of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// An indicator of a test.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestIndicator {
    /// What is looked for.
    pub value: String,
    /// What it is.
    pub kind: IndicatorKind,
    /// What is known of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl DetectionFile {
    /// The rule as Sigma's own tools read it: without our part.
    pub fn sigma_text(&self) -> String {
        let mut rule: BTreeMap<&str, Value> = self.sigma.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        rule.insert("title", self.title.clone().into());
        rule.insert("name", self.name.clone().into());
        rule.insert("description", self.description.clone().into());
        rule.insert("level", serde_json::to_value(self.level).unwrap_or_default());
        serde_json::to_string(&rule).unwrap_or_default()
    }
}
