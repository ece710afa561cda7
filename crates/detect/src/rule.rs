use std::sync::Arc;

use skywarden_content::{AlertLevel, Catalog, Detection, DetectionPart, Detector, Intent};
use skywarden_sigma::{Level, SigmaRule, parse};

/// A detection, ready to be compiled for the log sources that it fits.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What machines call it: the name of its file, or of a rule of others its id.
    pub name: Arc<str>,
    /// What people call it.
    pub title: String,
    /// What happened; `{field}` stands for a field of the event.
    pub description: String,
    /// How much its alerts matter; Sigma's critical is high.
    pub level: AlertLevel,
    /// The plan, of our own detections.
    pub plan: Option<String>,
    /// Steps of the kill chain.
    pub intents: Vec<Intent>,
    /// ATT&CK techniques: `T1078`, `T1078.004`.
    pub techniques: Vec<String>,
    /// What to do.
    pub remediation: Vec<String>,
    /// The rule itself.
    pub sigma: SigmaRule,
    /// What looks at several events together.
    pub detector: Option<Detector>,
}

/// A rule that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The file, or the rule's name.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// The detections of a catalog as rules.
pub fn own_rules(catalog: &Catalog) -> (Vec<Rule>, Vec<Refused>) {
    let (mut rules, mut refused) = (Vec::new(), Vec::new());
    for Detection { plan, file } in catalog.detections.values() {
        let mut read = parse(&file.sigma_text());
        let Some(sigma) = read.rules.pop() else {
            refused.push(Refused { rule: file.name.clone(), reason: read.refused.join("; ") });
            continue;
        };
        let DetectionPart { intents, remediation, detector, .. } = &file.skywarden;
        rules.push(Rule {
            name: file.name.as_str().into(),
            title: file.title.clone(),
            description: file.description.trim().to_owned(),
            level: file.level,
            plan: Some(plan.clone()),
            intents: intents.clone(),
            techniques: techniques(&sigma.tags),
            remediation: remediation.clone(),
            sigma,
            detector: detector.clone(),
        });
    }
    (rules, refused)
}

/// The rules of a file that others wrote.
pub fn public_rules(file: &str, text: &str) -> (Vec<Rule>, Vec<Refused>) {
    let read = parse(text);
    let mut refused: Vec<Refused> = read.refused.into_iter().map(|reason| Refused { rule: file.to_owned(), reason }).collect();
    refused.extend(read.correlations.iter().map(|rule| Refused {
        rule: rule.title.clone(),
        reason: "correlations of other rules are not looked at yet".to_owned(),
    }));
    let rules = read.rules.into_iter().map(|sigma| Rule {
        name: sigma.id.clone().or_else(|| sigma.name.clone()).unwrap_or_else(|| sigma.title.clone()).into(),
        title: sigma.title.clone(),
        description: sigma.description.clone().unwrap_or_default().trim().to_owned(),
        level: match sigma.level {
            Some(Level::Critical | Level::High) => AlertLevel::High,
            Some(Level::Medium) | None => AlertLevel::Medium,
            Some(Level::Low) => AlertLevel::Low,
            Some(Level::Informational) => AlertLevel::Informational,
        },
        plan: None,
        intents: intents(&sigma.tags),
        techniques: techniques(&sigma.tags),
        remediation: Vec::new(),
        detector: None,
        sigma,
    });
    (rules.collect(), refused)
}

fn techniques(tags: &[String]) -> Vec<String> {
    let mut techniques: Vec<String> = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix("attack."))
        .filter(|tag| tag.starts_with('t') && tag.get(1..2).is_some_and(|digit| digit.bytes().all(|byte| byte.is_ascii_digit())))
        .map(str::to_uppercase)
        .collect();
    techniques.sort();
    techniques.dedup();
    techniques
}

/// The steps of the kill chain that Sigma's tags name.
fn intents(tags: &[String]) -> Vec<Intent> {
    let mut intents: Vec<Intent> = tags
        .iter()
        .filter_map(|tag| {
            Some(match tag.strip_prefix("attack.")?.replace('_', "-").as_str() {
                "reconnaissance" | "resource-development" => Intent::PreAttack,
                "initial-access" => Intent::InitialAccess,
                "execution" => Intent::Execution,
                "persistence" => Intent::Persistence,
                "privilege-escalation" => Intent::PrivilegeEscalation,
                "defense-evasion" | "stealth" | "defense-impairment" => Intent::DefenseEvasion,
                "credential-access" => Intent::CredentialAccess,
                "discovery" => Intent::Discovery,
                "lateral-movement" => Intent::LateralMovement,
                "collection" => Intent::Collection,
                "command-and-control" => Intent::CommandAndControl,
                "exfiltration" => Intent::Exfiltration,
                "impact" => Intent::Impact,
                _ => return None,
            })
        })
        .collect();
    intents.sort();
    intents.dedup();
    intents
}
