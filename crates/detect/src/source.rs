use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use skywarden_content::{Detector, EventId, LogSourceFile, SigmaView};
use skywarden_model::Changed;
use skywarden_sigma::{
    ConditionExpr, ConditionId, Detections, Engine, EngineBuilder, LogSource as SigmaSource, Placeholders, Projection, Record,
    RuleId, Scratch, SigmaRule, Slot, SlotOf, Value, parse_selection,
};

use crate::{
    Event, Refused, Row, Rule,
    change::{ChangeSource, Watching},
    detector::travel,
    fields::{Fields, Late},
    ocsf::Class,
    read::{Raw, Reader, Unreadable},
    row::{RowSource, text_of},
    take::{Source, to_json},
    time::TimeFormat,
};

/// A log source with the rules that look at its records, compiled together.
#[derive(Debug)]
pub struct LogSource {
    /// `aws-cloudtrail`.
    pub id: Arc<str>,
    /// As people call it.
    pub title: String,
    pub(crate) reader: Reader,
    /// All fields that anybody asks for.
    projection: Projection,
    /// Those that rules ask for: what is read of every record.
    hot: Projection,
    time: Option<(Slot, Vec<TimeFormat>)>,
    /// The parts of what tells a record from others; empty if nothing does.
    event_id: Vec<Slot>,
    account: Option<Source>,
    resource: Option<Source>,
    events: Vec<EventSource>,
    engine: Engine,
    late: Vec<Late>,
    fired: Vec<Fired>,
    /// Fields of the record that detectors ask for by `record.X`.
    record_fields: FxHashMap<String, Slot>,
    /// Where the columns of a kept record come from, if records are to be kept.
    row: Option<RowSource>,
    /// How records tell that resources changed, if anybody wants to know.
    changes: Option<ChangeSource>,
}

/// What of a record is read besides what rules ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compiled<'w> {
    /// Nothing.
    ForRules,
    /// What is worth keeping, and which resources changed.
    WithRows(&'w Watching<'w>),
}

#[derive(Debug)]
struct EventSource {
    class: Class,
    when: Option<ConditionId>,
    set: BTreeMap<String, Source>,
}

/// What a rule of the engine stands for.
#[derive(Debug)]
struct Fired {
    /// Its number among all rules.
    rule: usize,
    selections: BTreeMap<String, ConditionId>,
}

/// One record as it is looked at.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) record: Record<'a>,
    /// Which of the log source's events it is.
    event: Option<usize>,
}

/// Adds rules to the engine of a log source.
struct Adder<'r> {
    builder: EngineBuilder,
    fired: Vec<Fired>,
    refused: &'r mut Vec<Refused>,
}

impl Adder<'_> {
    fn add(
        &mut self,
        (number, rule, sigma): (usize, &Rule, &SigmaRule),
        detection: &Detections,
        given: &[ConditionId],
        slot_of: &mut SlotOf<'_>,
    ) {
        let filters: Vec<&Detections> = rule.filters.iter().collect();
        let added = self.builder.rule(detection, &filters, given, slot_of).and_then(|_| match rule.detector {
            Some(Detector::Sequence { .. } | Detector::Together { .. }) => self.builder.selections(&sigma.detection, slot_of),
            _ => Ok(BTreeMap::new()),
        });
        match added {
            Ok(selections) => self.fired.push(Fired { rule: number, selections }),
            Err(error) => {
                let refusal = Refused { rule: rule.name.to_string(), reason: error.to_string() };
                if !self.refused.contains(&refusal) {
                    self.refused.push(refusal);
                }
            }
        }
    }
}

/// A rule's detection for events of one OCSF class only. The class is known only after the first look at a record, so it is a test
/// of the rule and no condition that is asked for before.
fn of_class(detection: &Detections, class: &str) -> Result<Detections, String> {
    let mut own = detection.clone();
    let selection = parse_selection(&json!({ "ocsf.class": class }))?;
    own.named.extend(selection.named.into_values().map(|selection| ("_class".to_owned(), selection)));
    let is_class = ConditionExpr::Identifier("_class".to_owned());
    own.conditions = own.conditions.into_iter().map(|condition| ConditionExpr::And(vec![is_class.clone(), condition])).collect();
    Ok(own)
}

impl LogSource {
    /// Compiles a log source with those of the rules that fit it. A rule that can't be compiled is told in `refused`, once.
    ///
    /// # Errors
    /// If the log source itself is wrong.
    pub(crate) fn new(
        file: &LogSourceFile,
        rules: &[Rule],
        placeholders: &Placeholders,
        what: Compiled<'_>,
        refused: &mut Vec<Refused>,
    ) -> Result<Self, String> {
        let mut fields = Fields::new(file);
        let mut builder = EngineBuilder::new(placeholders.clone());
        let mut whens = Vec::new();
        for event in &file.events {
            whens.push(condition(event.when.as_ref(), &mut builder, &mut fields)?);
        }
        let mut views = Vec::new();
        for view in &file.sigma {
            views.push((view, condition(view.when.as_ref(), &mut builder, &mut fields)?));
        }
        let mut adder = Adder { builder, fired: Vec::new(), refused };
        // What correlations ask for besides is told by the rules that they look at.
        let correlations = rules.iter().filter(|rule| rule.correlates.is_some());
        let mut asked: BTreeSet<&str> =
            correlations.flat_map(|rule| &rule.detector).flat_map(fields_of).filter(of_event).collect();
        let mut asked_of_record: BTreeSet<&str> = BTreeSet::new();
        for (number, rule) in rules.iter().enumerate() {
            let Some(sigma) = &rule.sigma else { continue };
            let wanted = &sigma.logsource;
            let n_before = adder.fired.len();
            if wanted.product.as_deref() == Some("ocsf") {
                let class = wanted.category.as_deref().unwrap_or_default();
                if file.events.iter().any(|event| event.class == class) {
                    let detection = of_class(&sigma.detection, class)?;
                    adder.add((number, rule, sigma), &detection, &[], &mut |name| match name {
                        None => fields.projection.everything(),
                        Some(name) => match name.strip_prefix("record.") {
                            Some(name) => fields.first_of(&[name.to_owned()]),
                            None => fields.ocsf(name.strip_prefix("ocsf.").unwrap_or(name)),
                        },
                    });
                }
            } else {
                for (place, (view, when)) in views.iter().enumerate().filter(|(_, (view, _))| fits(wanted, view)) {
                    let given: Vec<ConditionId> = when.iter().copied().collect();
                    adder.add((number, rule, sigma), &sigma.detection, &given, &mut |name| fields.sigma(view, place, name));
                }
            }
            if adder.fired.len() > n_before {
                let own: Vec<&str> = rule.detector.iter().flat_map(fields_of).collect();
                asked.extend(own.iter().copied().filter(of_event));
                let own = own.into_iter().filter_map(|name| name.strip_prefix("record."));
                asked_of_record.extend(own.chain(rule.asked.iter().map(String::as_str)));
            }
        }
        let Adder { builder, fired, .. } = adder;
        // What late fields and detectors ask for is read of every record too, as is what tells records apart.
        let late: Vec<String> = fields.late.iter().filter_map(Late::ocsf_name).map(str::to_owned).collect();
        asked.extend(late.iter().map(String::as_str));
        for event in &file.events {
            for (_, take) in event.set.iter().filter(|(name, _)| asked.contains(name.as_str())) {
                fields.source(take);
            }
        }
        let account = file.account.as_ref().map(|take| fields.source(take));
        let resource = file.resource.as_ref().map(|take| fields.source(take));
        let record_fields =
            asked_of_record.iter().map(|name| ((*name).to_owned(), fields.first_of(&[(*name).to_owned()]))).collect();
        let time = file.time.as_ref().map(|time| {
            (fields.first_of(time.field.all()), time.format.all().iter().map(|name| TimeFormat::named(name)).collect())
        });
        let event_id = file.event_id.iter().flat_map(EventId::parts).map(|names| fields.first_of(names)).collect();
        let mut changes = None;
        let row = match what {
            Compiled::ForRules => None,
            Compiled::WithRows(watching) => {
                changes = ChangeSource::new(file, watching, &mut fields);
                Some(RowSource::new(file, &mut fields))
            }
        };
        let n_hot = fields.projection.n_slots();
        if let Some(changes) = &mut changes {
            changes.find_fields(&mut fields);
        }
        // The rest is taken only of records that an alert tells of.
        let mut events = Vec::new();
        for (event, when) in file.events.iter().zip(whens) {
            let class = Class::named(&event.class).ok_or_else(|| format!("there is no OCSF class `{}`", event.class))?;
            let set = event.set.iter().map(|(name, take)| (name.clone(), fields.source(take))).collect();
            events.push(EventSource { class, when, set });
        }
        let Fields { projection, late, .. } = fields;
        let late_slots: BTreeSet<Slot> = late.iter().map(Late::slot).collect();
        let engine = builder.build(&|slot| late_slots.contains(&slot))?;
        Ok(LogSource {
            id: file.id.as_str().into(),
            title: file.title.clone(),
            reader: Reader::new(file)?,
            hot: projection.first(n_hot),
            projection,
            time,
            event_id,
            account,
            resource,
            events,
            engine,
            late,
            fired,
            record_fields,
            row,
            changes,
        })
    }

    /// Whether a record may go over several lines, so that lines can't be fed one by one.
    pub fn spans_lines(&self) -> bool {
        self.reader.spans_lines()
    }

    /// Whether the first line of a file says what its columns are.
    pub fn has_own_header(&self) -> bool {
        self.reader.has_own_header()
    }

    /// Whether its records are JSON, so that a file may be one document.
    pub fn is_json(&self) -> bool {
        self.reader.is_json()
    }

    /// How many rules look at its records.
    pub fn n_rules(&self) -> usize {
        self.fired.iter().map(|fired| fired.rule).collect::<BTreeSet<_>>().len()
    }

    /// The numbers of those rules.
    pub(crate) fn rules(&self) -> impl Iterator<Item = usize> + '_ {
        self.fired.iter().map(|fired| fired.rule)
    }

    /// The first format of its times, for those who write records.
    pub(crate) fn time_format(&self) -> Option<&TimeFormat> {
        self.time.as_ref().and_then(|(_, formats)| formats.first())
    }

    /// Takes out of what was read the fields that tell whether a rule fires.
    pub(crate) fn hot_record<'a>(&self, raw: &'a Raw<'_>) -> Result<Record<'a>, Unreadable> {
        taken(&self.hot, raw)
    }

    /// The same record with all its fields.
    ///
    /// # Errors
    /// None that `hot_record` did not have: the text is the same.
    pub(crate) fn completed<'a>(&self, raw: &'a Raw<'_>, seen: &Seen<'_>) -> Result<Seen<'a>, Unreadable> {
        let mut record = self.record(raw)?;
        for late in &self.late {
            record.set(late.slot(), owned_value(seen.record.get(late.slot())));
        }
        Ok(Seen { record, event: seen.event })
    }

    /// Takes all fields out of what was read.
    pub(crate) fn record<'a>(&self, raw: &'a Raw<'_>) -> Result<Record<'a>, Unreadable> {
        taken(&self.projection, raw)
    }

    /// Looks at a record with all rules: the numbers of those that fire go to `fired`.
    pub(crate) fn look<'a>(
        &'a self,
        mut record: Record<'a>,
        scratch: &mut Scratch,
        buffer: &mut Vec<RuleId>,
        fired: &mut Vec<(usize, RuleId)>,
    ) -> Seen<'a> {
        self.engine.start(&record, scratch);
        let mut event = None;
        if !self.late.is_empty() {
            event = self.event_of(&record, scratch);
            for late in &self.late {
                let value = match late {
                    Late::Class { .. } => event
                        .and_then(|event| self.events.get(event))
                        .map_or(Value::Absent, |event| Value::Text(Cow::Borrowed(event.class.name))),
                    Late::Ocsf { name, .. } => self.ocsf_value(name, event, &record),
                    Late::Made { source, .. } => source.value(&record),
                };
                record.set(late.slot(), value);
            }
        }
        buffer.clear();
        self.engine.finish(&record, scratch, buffer);
        fired.clear();
        for id in buffer.iter() {
            if let Some(rule) = self.fired.get(id.index()).map(|fired| fired.rule)
                && fired.iter().all(|(known, _)| *known != rule)
            {
                fired.push((rule, *id));
            }
        }
        Seen { record, event }
    }

    /// Finds out what kind of event a whole record is, of which [`Self::look`] was the last look.
    pub(crate) fn find_event(&self, seen: &mut Seen<'_>, scratch: &mut Scratch) {
        seen.event = seen.event.or_else(|| self.event_of(&seen.record, scratch));
    }

    fn event_of(&self, record: &Record<'_>, scratch: &mut Scratch) -> Option<usize> {
        self.events.iter().position(|event| event.when.is_none_or(|when| self.engine.holds(when, record, scratch)))
    }

    /// Whether a selection of a rule holds of the record that was looked at last.
    pub(crate) fn selection_holds(&self, id: RuleId, selection: &str, record: &Record<'_>, scratch: &mut Scratch) -> bool {
        let condition = self.fired.get(id.index()).and_then(|fired| fired.selections.get(selection));
        condition.is_some_and(|condition| self.engine.holds(*condition, record, scratch))
    }

    /// Why a rule fired: what was asked of which field, and what it holds.
    pub(crate) fn reasons(&self, id: RuleId, record: &Record<'_>, scratch: &mut Scratch) -> Vec<(String, String, String)> {
        let reasons = self.engine.reasons(id, record, scratch);
        reasons
            .into_iter()
            .map(|reason| {
                let texts: Vec<_> = record.get(reason.slot).each().iter().filter_map(Value::text).collect();
                (self.name_of(reason.slot), reason.expected, shorten(&texts.join(", "), 300))
            })
            .collect()
    }

    fn name_of(&self, slot: Slot) -> String {
        let late = self.late.iter().find(|late| late.slot() == slot);
        match late {
            Some(Late::Ocsf { name, .. }) => name.clone(),
            Some(Late::Class { .. }) => "class".to_owned(),
            _ => self.projection.name_of(slot).unwrap_or("any field").to_owned(),
        }
    }

    fn ocsf_value<'a>(&'a self, name: &str, event: Option<usize>, record: &Record<'a>) -> Value<'a> {
        let own = event.and_then(|event| self.events.get(event)).and_then(|event| event.set.get(name));
        if let Some(source) = own {
            let value = source.value(record);
            if !value.is_nothing() {
                return value;
            }
        }
        match name {
            "account" | "cloud.account.uid" => self.account.as_ref().map_or(Value::Absent, |account| account.value(record)),
            "resource" | "resource.uid" => self.resource_of(record),
            _ => Value::Absent,
        }
    }

    fn resource_of<'a>(&'a self, record: &Record<'a>) -> Value<'a> {
        self.resource.as_ref().map_or(Value::Absent, |resource| resource.value(record))
    }

    /// The text of a field by its OCSF name, or of the record by `record.X`.
    pub(crate) fn field(&self, name: &str, seen: &Seen<'_>) -> Option<String> {
        let value = match name.strip_prefix("record.") {
            Some(name) => self.record_fields.get(name).map(|slot| seen.record.get(*slot).clone())?,
            None => self.ocsf_value(name, seen.event, &seen.record),
        };
        value.first_text().map(Cow::into_owned).filter(|text| !text.is_empty() && text != "-")
    }

    /// When the record says that it happened.
    pub(crate) fn time(&self, record: &Record<'_>, now: Timestamp) -> Option<Timestamp> {
        let (slot, formats) = self.time.as_ref()?;
        let value = record.get(*slot).each().first()?;
        formats.iter().find_map(|format| format.read(value, now))
    }

    /// Whether rows of records are made.
    pub(crate) fn has_rows(&self) -> bool {
        self.row.is_some()
    }

    /// A record as it is kept.
    pub(crate) fn row<'a>(&'a self, seen: &Seen<'a>, raw: &'a Raw<'_>, time: Timestamp) -> Row<'a> {
        let event = seen.event.and_then(|event| self.events.get(event));
        let mut columns = self.row.as_ref().map(|row| row.columns(seen.event, &seen.record)).unwrap_or_default();
        if let Some(context) = columns.last_mut() {
            *context = raw.context().map(Cow::Borrowed);
        }
        Row {
            source: self,
            own_id: self.own_id(&seen.record),
            time,
            class: event.map_or(Class::NONE, |event| event.class),
            columns,
            raw: raw.text(),
        }
    }

    /// What a record says has changed; `hot` is as much of it as was read of every record.
    ///
    /// # Errors
    /// None that reading `hot` did not have: the text is the same.
    pub(crate) fn changed(&self, raw: &Raw<'_>, hot: &Record<'_>) -> Result<Vec<Changed>, Unreadable> {
        match self.changes.as_ref().filter(|changes| changes.may_tell(hot)) {
            None => Ok(Vec::new()),
            Some(changes) => Ok(changes.changed(&self.record(raw)?, self.account.as_ref())),
        }
    }

    /// What the record itself says tells it from all others.
    pub(crate) fn own_id<'a>(&self, record: &Record<'a>) -> Option<Cow<'a, str>> {
        let part = |slot: &Slot| text_of(record.get(*slot).clone()).filter(|part| !part.is_empty());
        match self.event_id.as_slice() {
            [] => None,
            [only] => part(only),
            several => {
                let parts: Option<Vec<Cow<'a, str>>> = several.iter().map(part).collect();
                Some(Cow::Owned(parts?.join("/")))
            }
        }
    }

    /// What tells the record from all others.
    pub(crate) fn event_id(&self, record: &Record<'_>, raw: &str) -> String {
        self.own_id(record).map_or_else(|| id_of(raw), Cow::into_owned)
    }

    /// The record in the words of OCSF.
    pub(crate) fn event(&self, seen: &Seen<'_>, raw: &str, time: Option<Timestamp>) -> Event {
        let own = seen.event.and_then(|event| self.events.get(event));
        let text = |value: Value<'_>| value.first_text().map(Cow::into_owned).filter(|text| !text.is_empty());
        let set = own.into_iter().flat_map(|event| &event.set);
        Event {
            id: self.event_id(&seen.record, raw),
            source: Arc::clone(&self.id),
            time,
            account: self.account.as_ref().and_then(|account| text(account.value(&seen.record))),
            resource: text(self.resource_of(&seen.record)),
            class: own.map_or(Class::NONE, |event| event.class),
            fields: set.filter_map(|(name, source)| Some((name.clone(), to_json(&source.value(&seen.record))?))).collect(),
            raw: raw.to_owned(),
        }
    }
}

impl Raw<'_> {
    /// The record as it was read.
    pub(crate) fn text(&self) -> &str {
        match self {
            Raw::Json(text) | Raw::Pairs(_, text, _) => text,
        }
    }

    /// What the reader knew besides the text, if that mattered.
    pub(crate) fn context(&self) -> Option<&str> {
        match self {
            Raw::Json(_) => None,
            Raw::Pairs(_, _, context) => context.as_deref(),
        }
    }
}

/// A value that borrows nothing of its record.
fn owned_value(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Absent => Value::Absent,
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(number) => Value::Int(*number),
        Value::Float(number) => Value::Float(*number),
        Value::Text(text) => Value::Text(Cow::Owned(text.clone().into_owned())),
        Value::List(values) => Value::List(values.iter().map(owned_value).collect()),
        Value::Object => Value::Object,
    }
}

fn taken<'a>(projection: &Projection, raw: &'a Raw<'_>) -> Result<Record<'a>, Unreadable> {
    match raw {
        Raw::Json(text) => projection.read(text).map_err(|reason| Unreadable(format!("no JSON: {reason}"))),
        Raw::Pairs(pairs, ..) => {
            let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), Cow::Borrowed(value.as_ref())));
            Ok(projection.read_pairs(pairs))
        }
    }
}

fn condition(
    when: Option<&serde_json::Value>,
    builder: &mut EngineBuilder,
    fields: &mut Fields<'_>,
) -> Result<Option<ConditionId>, String> {
    let Some(when) = when else { return Ok(None) };
    let selection = parse_selection(when)?;
    let condition = builder.condition(&selection, &mut |name| match name {
        None => fields.projection.everything(),
        Some(name) => fields.first_of(&[name.to_owned()]),
    });
    condition.map(Some).map_err(|error| error.to_string())
}

/// Whether a log source has records for a rule.
pub(crate) fn serves(file: &LogSourceFile, wanted: &SigmaSource) -> bool {
    match wanted.product.as_deref() {
        Some("ocsf") => file.events.iter().any(|event| Some(event.class.as_str()) == wanted.category.as_deref()),
        _ => file.sigma.iter().any(|view| fits(wanted, view)),
    }
}

/// Whether a rule's log source asks for nothing that a view does not have.
fn fits(wanted: &SigmaSource, view: &SigmaView) -> bool {
    let fits = |wanted: &Option<String>, own: &Option<String>| wanted.is_none() || wanted == own;
    let is_asked = wanted.product.is_some() || wanted.category.is_some() || wanted.service.is_some();
    is_asked
        && fits(&wanted.product, &view.product)
        && fits(&wanted.category, &view.category)
        && fits(&wanted.service, &view.service)
}

/// Whether a detector's field is one of the event, and none of the record.
fn of_event(name: &&str) -> bool {
    !name.starts_with("record.")
}

/// The fields that a detector asks for.
pub(crate) fn fields_of(detector: &Detector) -> Vec<&str> {
    let lists: Vec<&[String]> = match detector {
        Detector::Threshold { by, distinct, .. } => vec![by, distinct.as_slice()],
        Detector::Sequence { by, .. } | Detector::Together { by, .. } | Detector::Beacon { by, .. } => vec![by],
        Detector::FirstSeen { entity, feature, .. } => vec![entity, feature],
        Detector::Rare { entity, feature, among, .. } => vec![entity, feature, among],
        Detector::Volume { entity, sum, distinct, .. } => vec![entity, sum.as_slice(), distinct.as_slice()],
        Detector::Travel { entity, .. } => vec![entity],
        Detector::GeneratedName { field, by, .. } => vec![std::slice::from_ref(field), by],
        Detector::Indicator { fields, .. } => vec![fields],
    };
    let own_fields: &[&str] = if let Detector::Travel { .. } = detector { &travel::FIELDS } else { &[] };
    lists.into_iter().flatten().flat_map(|names| names.split('|')).chain(own_fields.iter().copied()).collect()
}

/// An id that is the same for the same text: the first half of its SHA-256.
pub(crate) fn id_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}
