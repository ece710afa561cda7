use std::{collections::BTreeMap, sync::Arc};

use skywarden_content::{AlertLevel, Catalog, Detection, DetectionPart, Detector, Intent, Step};
use skywarden_sigma::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Detections, FilterRule, FilterRuleTarget, Level,
    SigmaRule, parse,
};

use crate::source::fields_of;

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
    /// The rule itself; `None` for one that looks at what other rules find.
    pub sigma: Option<SigmaRule>,
    /// Filters of Sigma: conditions that must hold too.
    pub filters: Vec<Detections>,
    /// What looks at several events together.
    pub detector: Option<Detector>,
    /// The rules whose findings it looks at, if it is a correlation.
    pub correlates: Option<Correlates>,
    /// Whether it raises alerts itself, or only feeds correlations.
    pub role: Role,
    /// Fields of the record that correlations ask for.
    pub(crate) asked: Vec<String>,
}

/// What a rule's findings become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Alerts.
    Alerts,
    /// Parts of correlations only.
    Part,
}

/// What a correlation looks at.
#[derive(Debug, Clone, Default)]
pub struct Correlates {
    /// The numbers of the rules, with the names by which its detector knows them.
    pub(crate) rules: Vec<(usize, String)>,
    /// Name of a field in `group-by` -> rule -> its field there.
    pub(crate) aliases: BTreeMap<String, BTreeMap<String, String>>,
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
            sigma: Some(sigma),
            filters: Vec::new(),
            detector: detector.clone(),
            correlates: None,
            role: Role::Alerts,
            asked: Vec::new(),
        });
    }
    (rules, refused)
}

/// Rules that others wrote, as files are added.
#[derive(Debug, Default)]
pub struct PublicRules {
    rules: Vec<Rule>,
    correlations: Vec<CorrelationRule>,
    filters: Vec<FilterRule>,
    refused: Vec<Refused>,
}

impl PublicRules {
    /// Adds what stands in a file.
    pub fn add(&mut self, file: &str, text: &str) {
        let read = parse(text);
        self.refused.extend(read.refused.into_iter().map(|reason| Refused { rule: file.to_owned(), reason }));
        self.rules.extend(read.rules.into_iter().map(of_sigma));
        self.correlations.extend(read.correlations);
        self.filters.extend(read.filters);
    }

    /// The rules, with filters and correlations joined to those that they name.
    pub fn finish(mut self) -> (Vec<Rule>, Vec<Refused>) {
        for filter in &self.filters {
            let mut n = 0;
            for rule in &mut self.rules {
                if rule.sigma.as_ref().is_some_and(|sigma| filter_fits(filter, sigma)) {
                    rule.filters.push(filter.detection.clone());
                    n += 1;
                }
            }
            if n == 0 {
                let reason = "the filter fits none of the rules".to_owned();
                self.refused.push(Refused { rule: filter.title.clone(), reason });
            }
        }
        for correlation in &self.correlations {
            match correlated(correlation, &self.rules) {
                Ok((rule, correlates)) => {
                    for (number, name) in &correlates.rules {
                        let Some(base) = self.rules.get_mut(*number) else { continue };
                        if !correlation.generate {
                            base.role = Role::Part;
                        }
                        let fields = rule.detector.iter().flat_map(fields_of).filter_map(|field| field.strip_prefix("record."));
                        base.asked.extend(fields.map(|field| correlates.field_of(field, name).to_owned()));
                    }
                    self.rules.push(Rule { correlates: Some(correlates), ..rule });
                }
                Err(reason) => self.refused.push(Refused { rule: correlation.title.clone(), reason }),
            }
        }
        (self.rules, self.refused)
    }
}

impl Correlates {
    /// What a field of `group-by` is called in the records of a rule.
    pub(crate) fn field_of<'n>(&'n self, field: &'n str, rule: &str) -> &'n str {
        self.aliases.get(field).and_then(|of| of.get(rule)).map_or(field, String::as_str)
    }
}

fn of_sigma(sigma: SigmaRule) -> Rule {
    Rule {
        name: sigma.id.clone().or_else(|| sigma.name.clone()).unwrap_or_else(|| sigma.title.clone()).into(),
        title: sigma.title.clone(),
        description: sigma.description.clone().unwrap_or_default().trim().to_owned(),
        level: level(sigma.level),
        plan: None,
        intents: intents(&sigma.tags),
        techniques: techniques(&sigma.tags),
        remediation: Vec::new(),
        filters: Vec::new(),
        detector: None,
        correlates: None,
        role: Role::Alerts,
        asked: Vec::new(),
        sigma: Some(sigma),
    }
}

fn level(level: Option<Level>) -> AlertLevel {
    match level {
        Some(Level::Critical | Level::High) => AlertLevel::High,
        Some(Level::Medium) | None => AlertLevel::Medium,
        Some(Level::Low) => AlertLevel::Low,
        Some(Level::Informational) => AlertLevel::Informational,
    }
}

fn filter_fits(filter: &FilterRule, rule: &SigmaRule) -> bool {
    let is_named = match &filter.rules {
        FilterRuleTarget::Any => true,
        FilterRuleTarget::Specific(names) => names.iter().any(|name| is_called(rule, name)),
    };
    let fits = |wanted: &Option<String>, own: &Option<String>| wanted.is_none() || wanted == own;
    let of_source = filter.logsource.as_ref().is_none_or(|source| {
        fits(&source.product, &rule.logsource.product)
            && fits(&source.category, &rule.logsource.category)
            && fits(&source.service, &rule.logsource.service)
    });
    is_named && of_source
}

fn is_called(rule: &SigmaRule, name: &str) -> bool {
    rule.id.as_deref() == Some(name) || rule.name.as_deref() == Some(name) || rule.title == name
}

/// A correlation as a rule with a detector, and what it looks at.
fn correlated(correlation: &CorrelationRule, rules: &[Rule]) -> Result<(Rule, Correlates), String> {
    let mut of = Vec::new();
    for name in &correlation.rules {
        let number = rules.iter().position(|rule| rule.sigma.as_ref().is_some_and(|sigma| is_called(sigma, name)));
        of.push((number.ok_or_else(|| format!("there is no rule `{name}`"))?, name.clone()));
    }
    if of.is_empty() {
        return Err("it names no rules".to_owned());
    }
    let by: Vec<String> = correlation.group_by.iter().map(|field| format!("record.{field}")).collect();
    let within = format!("{}s", correlation.timespan.seconds);
    let selections = || of.iter().map(|(_, name)| name.clone()).collect::<Vec<String>>();
    let detector = match (correlation.correlation_type, &correlation.condition) {
        (CorrelationType::EventCount, CorrelationCondition::Threshold { predicates, .. }) => {
            Detector::Threshold { by, within, at_least: at_least(predicates)?, distinct: None }
        }
        (CorrelationType::ValueCount, CorrelationCondition::Threshold { predicates, field, .. }) => {
            let [field] = field.as_deref().unwrap_or_default() else {
                return Err("`value_count` counts the values of one field".to_owned());
            };
            Detector::Threshold { by, within, at_least: at_least(predicates)?, distinct: Some(format!("record.{field}")) }
        }
        (CorrelationType::Temporal, CorrelationCondition::Threshold { .. }) => {
            Detector::Together { by, within, selections: selections() }
        }
        (CorrelationType::TemporalOrdered, CorrelationCondition::Threshold { .. }) => {
            let steps = selections().into_iter().map(|selection| Step { selection, at_least: 1 }).collect();
            Detector::Sequence { by, within, steps }
        }
        (kind, CorrelationCondition::Threshold { .. }) => {
            return Err(format!("correlations of the type `{}` are not looked at", kind.as_str()));
        }
        (_, CorrelationCondition::Extended(_)) => return Err("conditions of rules' names are not looked at".to_owned()),
    };
    let aliases = correlation.aliases.iter().map(|alias| {
        let mapping = alias.mapping.iter().map(|(rule, field)| (rule.clone(), field.clone())).collect();
        (alias.alias.clone(), mapping)
    });
    let rule = Rule {
        name: correlation.id.clone().or_else(|| correlation.name.clone()).unwrap_or_else(|| correlation.title.clone()).into(),
        title: correlation.title.clone(),
        description: correlation.description.clone().unwrap_or_default().trim().to_owned(),
        level: level(correlation.level),
        plan: None,
        intents: intents(&correlation.tags),
        techniques: techniques(&correlation.tags),
        remediation: Vec::new(),
        sigma: None,
        filters: Vec::new(),
        detector: Some(detector),
        correlates: None,
        role: Role::Alerts,
        asked: Vec::new(),
    };
    Ok((rule, Correlates { rules: of, aliases: aliases.collect() }))
}

/// The least number that satisfies a condition that has no upper end.
fn at_least(predicates: &[(ConditionOperator, u64)]) -> Result<u32, String> {
    let mut least = 1;
    for (operator, number) in predicates {
        let number = u32::try_from(*number).map_err(|_| format!("{number} is too much to count"))?;
        match operator {
            ConditionOperator::Gte => least = least.max(number),
            ConditionOperator::Gt => least = least.max(number.saturating_add(1)),
            _ => return Err("only conditions with `gte` and `gt` are looked at: what is few is known only at the end".to_owned()),
        }
    }
    Ok(least)
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
