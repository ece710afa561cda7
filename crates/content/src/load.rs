//! From files to a catalog: parse, check the shape, compile, link, lint.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::Path,
    sync::Arc,
};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    AlertLevel, AwsService, BaselineRule, BaselineRuleFile, Catalog, CollectorFile, CompiledRule, Detection, DetectionFile,
    FactFile, IncidentKindFile, LogSourceFile, OverrideFile, PlanFile, Problem, Recommendation, RecommendationFile, RiskFactor,
    RiskFactorFile, SecretFile, SecureScoreFile, StandardFile,
    compile::{Conditions, compile, compile_one},
    lint,
    source::{self, Source, SourceError},
};

/// Deepest nesting of folders below a content folder.
const MAX_FOLDERS: usize = 16;

/// What a file holds, told by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    SecureScore,
    Standard,
    /// Before collectors, whose changes they tell of.
    LogSource,
    Service,
    Collector,
    Fact,
    Secret,
    Plan,
    Baseline,
    Recommendation,
    RiskFactor,
    Detection,
    Incident,
    Override,
}

/// The kind of the file at a path below the content folder.
pub(crate) fn kind_of(path: &str) -> Option<Kind> {
    if !path.ends_with(".yaml") {
        return None;
    }
    let mut steps = path.split('/');
    match (steps.next()?, path.split('/').rev().nth(1)) {
        ("score", _) => Some(Kind::SecureScore),
        ("standards", _) => Some(Kind::Standard),
        ("collectors", Some("services")) => Some(Kind::Service),
        ("collectors", _) => Some(Kind::Collector),
        ("facts", _) => Some(Kind::Fact),
        ("secrets", _) => Some(Kind::Secret),
        ("plans", _) => Some(Kind::Plan),
        ("baselines", _) => Some(Kind::Baseline),
        ("log-sources", _) => Some(Kind::LogSource),
        ("detections", _) => Some(Kind::Detection),
        ("incidents", _) => Some(Kind::Incident),
        ("recommendations", _) => Some(Kind::Recommendation),
        ("risk-factors", _) => Some(Kind::RiskFactor),
        ("overrides", _) => Some(Kind::Override),
        _ => None,
    }
}

/// How closely files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Everything that must hold of a file is checked.
    Lint,
    /// Only what can't be used is refused: CI has linted these.
    Trust,
}

/// One file of a content folder.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) source: Source,
}

impl File {
    pub(crate) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        let (line, column) = self.source.place(pointer);
        Problem { file: self.path.clone(), line, column, message: message.into(), help: None }
    }
}

impl Catalog {
    /// Loads and lints a whole content folder; a bad file is a problem and is left out.
    pub fn load(folder: &Path) -> (Self, Vec<Problem>) {
        let (files, mut problems) = read_folder(folder);
        let mut catalog = Self { holds_threats: true, ..Self::default() };
        catalog.add(&files, Care::Lint, &mut problems);
        problems.sort();
        (catalog, problems)
    }

    /// Lays a user's folder over the catalog: its files are added, or replace those of the same id; `overrides/ID.yaml`
    /// changes single members.
    pub fn with_overlay(mut self, folder: &Path) -> (Self, Vec<Problem>) {
        let (mut files, mut problems) = read_folder(folder);
        files.retain(|file| self.holds_threats || !matches!(file.kind, Kind::LogSource | Kind::Detection | Kind::Incident));
        self.add(&files, Care::Lint, &mut problems);
        problems.sort();
        (self, problems)
    }

    /// Adds parsed files in the order in which they depend on each other.
    pub(crate) fn add(&mut self, files: &[File], care: Care, problems: &mut Vec<Problem>) {
        let mut files: Vec<&File> = files.iter().collect();
        // A relation may take what another fact says.
        let is_relation = |file: &File| file.source.value.get("related").is_some();
        files.sort_by(|left, right| {
            (left.kind, is_relation(left), &left.path).cmp(&(right.kind, is_relation(right), &right.path))
        });
        let mut seen = BTreeMap::new();
        let former = if care == Care::Lint { self.standards.clone() } else { BTreeMap::new() };
        for file in &files {
            let before = problems.len();
            if care == Care::Lint {
                lint::common(file, &mut seen, problems);
            }
            if problems.len() == before {
                self.add_one(file, care, problems);
            }
        }
        if care == Care::Lint {
            for file in &files {
                self.check_plan(file, problems);
            }
            for file in files.into_iter().filter(|file| file.kind == Kind::Standard) {
                self.check_standard(file, &former, problems);
            }
        }
    }

    /// Plans name each other, so what took a plan's place is looked at when all are there.
    fn check_plan(&mut self, file: &File, problems: &mut Vec<Problem>) {
        let id = file.source.value.get("id").and_then(Value::as_str).filter(|_| file.kind == Kind::Plan);
        let Some(plan) = id.and_then(|id| self.plans.get(id)) else { return };
        let before = problems.len();
        lint::successors(self, file, plan, problems);
        if problems.len() > before {
            let id = plan.id.clone();
            self.plans.remove(&id);
        }
    }

    /// Recommendations name standards and standards name recommendations, so what a standard names is looked at last; one that is
    /// wrong gives way to what had its id before.
    fn check_standard(&mut self, file: &File, former: &BTreeMap<String, StandardFile>, problems: &mut Vec<Problem>) {
        let Some(standard) = file.source.value.get("id").and_then(Value::as_str).and_then(|id| self.standards.get(id)) else {
            return;
        };
        let before = problems.len();
        lint::checks(self, file, standard, problems);
        if problems.len() > before {
            let id = standard.id.clone();
            match former.get(&id) {
                Some(former) => self.standards.insert(id, former.clone()),
                None => self.standards.remove(&id),
            };
        }
    }

    /// Reads a standard that is to stand beside this catalog's from YAML or JSON; `name` stands where problems name a file.
    ///
    /// # Errors
    /// If the text is no standard, has the id of one of the catalog's, or names what does not exist, with line and column.
    pub fn read_standard(&self, name: &str, text: &str) -> Result<StandardFile, Vec<Problem>> {
        let source = Source::parse(text).map_err(|SourceError { line, column, message }| {
            vec![Problem { file: name.to_owned(), line, column, message, help: None }]
        })?;
        let file = File { path: name.to_owned(), kind: Kind::Standard, source };
        let mut problems = Vec::new();
        if let Some(standard) = typed::<StandardFile>(&file, &mut problems) {
            lint::standard(&file, &standard, &mut problems);
            lint::checks(self, &file, &standard, &mut problems);
            if self.standards.contains_key(&standard.id) {
                let mut problem = file.problem("/id", format!("the id `{}` is that of a standard of the content", standard.id));
                problem.help =
                    Some("choose another id: what comes with Skywarden, or with --content, is changed there".to_owned());
                problems.push(problem);
            }
            if problems.is_empty() {
                return Ok(standard);
            }
        }
        problems.sort();
        Err(problems)
    }

    fn add_one(&mut self, file: &File, care: Care, problems: &mut Vec<Problem>) {
        match file.kind {
            Kind::SecureScore => {
                if let Some(score) = typed::<SecureScoreFile>(file, problems) {
                    self.controls = score.controls;
                }
            }
            Kind::Standard => {
                if let Some(standard) = typed::<StandardFile>(file, problems) {
                    let before = problems.len();
                    if care == Care::Lint {
                        lint::standard(file, &standard, problems);
                    }
                    if problems.len() == before {
                        self.standards.insert(standard.id.clone(), standard);
                    }
                }
            }
            Kind::Service => {
                if let Some(service) = typed::<AwsService>(file, problems) {
                    self.services.insert(service.id.clone(), service);
                }
            }
            Kind::Collector => {
                if let Some(collector) = typed::<CollectorFile>(file, problems) {
                    let before = problems.len();
                    if care == Care::Lint {
                        lint::collector(self, file, &collector, problems);
                    }
                    if problems.len() == before {
                        self.collectors.insert(collector.type_name.clone(), collector);
                    }
                }
            }
            Kind::Fact => {
                if let Some(mut fact) = typed::<FactFile>(file, problems) {
                    let before = problems.len();
                    lint::fact(self, file, &mut fact, problems);
                    if problems.len() == before {
                        self.facts.insert(fact.id.to_string(), fact);
                    }
                }
            }
            Kind::Secret => {
                if let Some(secret) = typed::<SecretFile>(file, problems) {
                    let before = problems.len();
                    lint::secret(file, &secret, problems);
                    if problems.len() == before {
                        self.secrets.insert(secret.id.clone(), secret);
                    }
                }
            }
            Kind::Plan => {
                if let Some(plan) = typed::<PlanFile>(file, problems) {
                    let before = problems.len();
                    if care == Care::Lint {
                        lint::plan(self, file, &plan, problems);
                    }
                    if problems.len() == before {
                        self.plans.insert(plan.id.clone(), plan);
                    }
                }
            }
            Kind::Baseline => self.add_baseline(file, care, problems),
            Kind::Recommendation => self.add_recommendation(file, care, problems),
            Kind::RiskFactor => self.add_risk_factor(file, care, problems),
            Kind::LogSource => {
                if let Some(source) = typed::<LogSourceFile>(file, problems) {
                    let before = problems.len();
                    if care == Care::Lint {
                        lint::log_source(file, &source, problems);
                    }
                    if problems.len() == before {
                        self.log_sources.insert(source.id.clone(), source);
                    }
                }
            }
            Kind::Detection => {
                if let Some(detection) = detection(file, problems) {
                    let before = problems.len();
                    if care == Care::Lint {
                        lint::detection(self, file, &detection, problems);
                    }
                    if problems.len() == before {
                        self.detections.insert(detection.file.name.clone(), detection);
                    }
                }
            }
            Kind::Incident => {
                if let Some(kind) = typed::<IncidentKindFile>(file, problems) {
                    let before = problems.len();
                    if care == Care::Lint {
                        lint::incident(self, file, &kind, problems);
                    }
                    if problems.len() == before {
                        self.incidents.insert(kind.id.clone(), kind);
                    }
                }
            }
            Kind::Override => self.apply_override(file, problems),
        }
    }

    fn add_baseline(&mut self, file: &File, care: Care, problems: &mut Vec<Problem>) {
        let Some(mut parsed) = typed::<BaselineRuleFile>(file, problems) else { return };
        let before = problems.len();
        if care == Care::Lint {
            lint::texts(file, &parsed.title, &parsed.description, &parsed.remediation.steps, problems);
            lint::compliance(self, file, &parsed.compliance, problems);
            lint::plan_need(self, file, parsed.plan.as_ref(), problems);
            lint::tests(self, file, &parsed.type_name, &parsed.tests, &parsed.parameters, problems);
            lint::unknown_if(file, &parsed.unknown_if, problems);
        }
        let conditions = Conditions {
            applies_if: parsed.applies_if.as_ref(),
            violated_if: &parsed.violated_if,
            unknown_if: &parsed.unknown_if,
        };
        let rule = compile(file, &conditions, &parsed.parameters, problems);
        let mut fits = |rule: &CompiledRule| care == Care::Trust || lint::fields(self, file, &parsed.type_name, rule, problems);
        let Some(rule) = rule.filter(|rule| fits(rule)) else { return };
        if problems.len() > before {
            return;
        }
        (parsed.applies_if, parsed.violated_if, parsed.unknown_if) = (None, Value::Null, Vec::new());
        let platform = file.path.split('/').nth(1).unwrap_or_default().to_owned();
        let id: Arc<str> = parsed.id.as_str().into();
        self.baselines.entry(platform).or_default().insert(id, BaselineRule { file: parsed, rule });
    }

    fn add_risk_factor(&mut self, file: &File, care: Care, problems: &mut Vec<Problem>) {
        let Some(mut parsed) = typed::<RiskFactorFile>(file, problems) else { return };
        let before = problems.len();
        let condition = parsed.holds_if.take();
        let holds_if = condition.and_then(|own| compile_one(file, "holds_if", &own, &BTreeSet::new(), problems));
        let factor = RiskFactor { file: parsed, holds_if };
        if care == Care::Lint {
            lint::risk_factor(self, file, &factor, problems);
        }
        if problems.len() == before {
            self.risk_factors.insert(factor.file.id.clone(), factor);
        }
    }

    fn add_recommendation(&mut self, file: &File, care: Care, problems: &mut Vec<Problem>) {
        let Some(mut parsed) = typed::<RecommendationFile>(file, problems) else { return };
        let before = problems.len();
        if care == Care::Lint {
            lint::texts(file, &parsed.title, &parsed.description, &parsed.remediation.steps, problems);
            lint::compliance(self, file, &parsed.compliance, problems);
            lint::plan_need(self, file, parsed.plan.as_ref(), problems);
            lint::recommendation(self, file, &parsed, problems);
        }
        let rule = match &parsed.violated_if {
            Some(violated_if) => {
                if care == Care::Lint {
                    lint::tests(self, file, &parsed.type_name, &parsed.tests, &parsed.parameters, problems);
                    lint::unknown_if(file, &parsed.unknown_if, problems);
                }
                let conditions =
                    Conditions { applies_if: parsed.applies_if.as_ref(), violated_if, unknown_if: &parsed.unknown_if };
                let rule = compile(file, &conditions, &parsed.parameters, problems);
                let mut fits =
                    |rule: &CompiledRule| care == Care::Trust || lint::fields(self, file, &parsed.type_name, rule, problems);
                match rule.filter(|rule| fits(rule)) {
                    Some(rule) => Some(rule),
                    None => return,
                }
            }
            None => None,
        };
        if problems.len() > before {
            return;
        }
        (parsed.applies_if, parsed.violated_if, parsed.unknown_if) = (None, None, Vec::new());
        let key = parsed.assessment_key.clone().unwrap_or_else(|| skywarden_model::assessment_key(&parsed.id).to_string());
        self.recommendations.insert(parsed.id.as_str().into(), Recommendation { file: parsed, key, rule });
    }

    fn apply_override(&mut self, file: &File, problems: &mut Vec<Problem>) {
        let Some(change) = typed::<OverrideFile>(file, problems) else { return };
        let ids = self.current_ids(&change.id);
        if ids.is_empty() {
            self.override_one(&change.id, &change, file, problems);
        }
        for id in ids {
            self.override_one(&id, &change, file, problems);
        }
    }

    fn override_one(&mut self, id: &str, change: &OverrideFile, file: &File, problems: &mut Vec<Problem>) {
        let before = problems.len();
        let declared = self.recommendations.get(id).map(|known| &known.file.parameters);
        let declared =
            declared.or_else(|| self.baselines.values().find_map(|rules| rules.get(id)).map(|rule| &rule.file.parameters));
        match declared {
            Some(declared) => lint::overrides(file, change, declared, problems),
            None => {
                let rules = self.baselines.values().flat_map(|rules| rules.keys());
                let known = self.recommendations.keys().chain(rules).map(AsRef::as_ref);
                let mut problem = file.problem("/id", format!("there is no recommendation or baseline rule `{id}` to override"));
                problem.help = lint::suggestion(id, known);
                problems.push(problem);
            }
        }
        if problems.len() > before {
            return;
        }
        if let Some(recommendation) = self.recommendations.get_mut(id) {
            let own = &mut recommendation.file;
            change.apply(&mut own.severity, &mut own.title, &mut own.description, &mut own.remediation);
            own.maturity = change.maturity.unwrap_or(own.maturity);
            if change.enabled == Some(false) {
                own.maturity = crate::Maturity::Deprecated;
            }
            if let Some(rule) = &mut recommendation.rule {
                rule.set_parameters(&change.parameters);
            }
            return;
        }
        for rules in self.baselines.values_mut() {
            if change.enabled == Some(false) {
                rules.remove(id);
            } else if let Some(rule) = rules.get_mut(id) {
                let own = &mut rule.file;
                change.apply(&mut own.severity, &mut own.title, &mut own.description, &mut own.remediation);
                rule.rule.set_parameters(&change.parameters);
            }
        }
    }
}

impl CompiledRule {
    /// Names of parameters compare without case, so an override may spell one differently than the declaration.
    fn set_parameters(&mut self, changes: &BTreeMap<String, Value>) {
        for (name, value) in &mut self.parameters {
            if let Some((_, change)) = changes.iter().find(|(changed, _)| changed.eq_ignore_ascii_case(name)) {
                value.clone_from(change);
            }
        }
    }
}

/// Reads every YAML file of a folder.
pub(crate) fn read_folder(folder: &Path) -> (Vec<File>, Vec<Problem>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    // Links are followed because a mounted ConfigMap is made of them; its hidden `..data` would show each file twice.
    let visible = |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.');
    let walk = walkdir::WalkDir::new(folder).follow_links(true).max_depth(MAX_FOLDERS).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(visible) {
        let at = |path: &Path, message: String| Problem {
            file: path.strip_prefix(folder).unwrap_or(path).display().to_string(),
            line: 1,
            column: 1,
            message,
            help: None,
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                problems.push(at(error.path().unwrap_or(folder), format!("could not be listed: {error}")));
                continue;
            }
        };
        let is_yaml = entry.path().extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if !entry.file_type().is_file() || !is_yaml {
            continue;
        }
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string();
        let Some(kind) = kind_of(&path) else {
            let mut problem = at(entry.path(), "no content file belongs here".to_owned());
            problem.help = Some(
                "recommendations/CLOUD/SERVICE/ID.yaml, baselines/PLATFORM/ID.yaml, collectors/PROVIDER/SERVICE/NAME.yaml, \
                 log-sources/ID.yaml, detections/PLAN/NAME.yaml, incidents/ID.yaml, risk-factors/ID.yaml, standards/ID.yaml, facts/ID.yaml, secrets/ID.yaml, plans/ID.yaml, overrides/ID.yaml"
                    .to_owned(),
            );
            problems.push(problem);
            continue;
        };
        match read_limited(entry.path()) {
            Err(error) => problems.push(at(entry.path(), format!("could not be read: {error}"))),
            Ok(bytes) => match String::from_utf8(bytes) {
                Err(_) => problems.push(at(entry.path(), "the file is no UTF-8".to_owned())),
                Ok(text) => match Source::parse(&text) {
                    Ok(source) => files.push(File { path, kind, source }),
                    Err(SourceError { line, column, message }) => {
                        problems.push(Problem { file: path, line, column, message, help: None });
                    }
                },
            },
        }
    }
    (files, problems)
}

/// Reads one byte more than a content file may have, so that a longer one is refused by its length and never held whole.
fn read_limited(path: &Path) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(source::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The parts of a detection: the rest is Sigma's, so each is read by itself.
fn detection(file: &File, problems: &mut Vec<Problem>) -> Option<Detection> {
    let mut sigma = file.source.value.as_object().cloned()?;
    let before = problems.len();
    let mut part = |name: &str| {
        let part = sigma.remove(name);
        if part.is_none() {
            problems.push(file.problem("", format!("`{name}` is missing")));
        }
        part.unwrap_or_default()
    };
    let (title, name, description) = (part("title"), part("name"), part("description"));
    let (level, own) = (part("level"), part("skywarden"));
    let text = |name: &str, value: &Value, problems: &mut Vec<Problem>| typed_at(file, value, &format!("/{name}"), problems);
    let parsed = DetectionFile {
        title: text("title", &title, problems).unwrap_or_default(),
        name: text("name", &name, problems).unwrap_or_default(),
        description: text("description", &description, problems).unwrap_or_default(),
        level: typed_at(file, &level, "/level", problems).unwrap_or(AlertLevel::Informational),
        skywarden: typed_at(file, &own, "/skywarden", problems).unwrap_or_default(),
        sigma,
    };
    let plan = file.path.split('/').nth(1).unwrap_or_default().to_owned();
    (problems.len() == before).then_some(Detection { plan, file: parsed })
}

fn typed<T: DeserializeOwned>(file: &File, problems: &mut Vec<Problem>) -> Option<T> {
    typed_at(file, &file.source.value, "", problems)
}

/// Reads what lies at a pointer of a file.
fn typed_at<T: DeserializeOwned>(file: &File, value: &Value, pointer: &str, problems: &mut Vec<Problem>) -> Option<T> {
    match serde_path_to_error::deserialize(value) {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let mut pointer = pointer.to_owned();
            for segment in error.path().iter() {
                match segment {
                    serde_path_to_error::Segment::Map { key } => pointer.push_str(&format!("/{}", source::step(key))),
                    serde_path_to_error::Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                    _ => {}
                }
            }
            problems.push(file.problem(&pointer, error.inner().to_string()));
            None
        }
    }
}
