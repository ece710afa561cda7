//! Which resources a record says have changed: collectors say by which operations theirs do, log sources where records name them.

mod by_id;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rustc_hash::{FxHashMap, FxHashSet};
use skywarden_content::{
    AzureIds, Catalog, ChangeEvents, ChangeFields, CollectorFile, CollectorTest, LogSourceFile, LogSourceTest, Placement,
};
use skywarden_model::{Changed, TypeName};
use skywarden_sigma::{Record, Slot, Value};

use self::by_id::ChangesById;
use crate::{BadRecord, Clock, Detect, Run, Sink, TestReport, fields::Fields, take::Source};

/// Resources of a type that one record may name.
const MOST: usize = 1000;

/// Records of interest to a collector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched<'f> {
    collector: &'f CollectorFile,
    events: &'f ChangeEvents,
}

/// All that collectors want to know.
#[derive(Debug)]
pub(crate) struct Watching<'f> {
    events: Vec<Watched<'f>>,
    ids: Arc<AzureIds>,
}

/// How the records of one log source tell of changes.
#[derive(Debug)]
pub(crate) enum ChangeSource {
    /// By services and operations, of which collectors say what they mean.
    Events(ChangesByEvent),
    /// By the resource's id.
    Ids(ChangesById),
}

#[derive(Debug)]
pub(crate) struct ChangesByEvent {
    service: Slot,
    operation: Slot,
    region: Slot,
    failed: Slot,
    /// By the service's text.
    events: FxHashMap<String, ServiceEvents>,
}

#[derive(Debug, Default)]
struct ServiceEvents {
    /// All operations that any of them names.
    operations: FxHashSet<String>,
    /// How operations begin that any of them names by a star.
    starts: Vec<String>,
    own: Vec<OwnEvents>,
}

#[derive(Debug)]
struct OwnEvents {
    type_name: TypeName,
    placement: Placement,
    events: ChangeEvents,
    /// By field of the resource; found last, since few records get so far.
    take: BTreeMap<String, Source>,
}

/// All that the collectors of a catalog want to know.
pub(crate) fn watched(catalog: &Catalog) -> Watching<'_> {
    let mut watched = Vec::new();
    for collector in catalog.collectors.values() {
        let events = collector.changes.iter().flat_map(|changes| &changes.events);
        watched.extend(events.map(|events| Watched { collector, events }));
    }
    Watching { events: watched, ids: Arc::new(AzureIds::of(catalog.collectors.values())) }
}

impl Watching<'_> {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.ids.is_empty()
    }
}

impl ChangeSource {
    /// What is wanted of a log source; `None` if that is nothing, or it does not say where records tell of changes.
    pub(crate) fn new(file: &LogSourceFile, watching: &Watching<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let own = file.changes.as_ref()?;
        match &own.by_id {
            None => ChangesByEvent::new(file, own, &watching.events, fields).map(Self::Events),
            Some(_) if watching.ids.is_empty() => None,
            Some(by_id) => Some(Self::Ids(ChangesById::new(own, by_id, Arc::clone(&watching.ids), fields))),
        }
    }

    /// Gives a slot to all that resources are named by.
    pub(crate) fn find_fields(&mut self, fields: &mut Fields<'_>) {
        if let Self::Events(own) = self {
            own.find_fields(fields);
        }
    }

    /// Whether a record, of which only what all records are asked for was read, is of interest.
    pub(crate) fn may_tell(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Events(own) => own.may_tell(record),
            Self::Ids(own) => own.may_tell(record),
        }
    }

    /// What a whole record says has changed.
    pub(crate) fn changed(&self, record: &Record<'_>, account: Option<&Source>) -> Vec<Changed> {
        let account = account.and_then(|account| text(&account.value(record)));
        match self {
            Self::Events(own) => account.map(|account| own.changed(record, &account)).unwrap_or_default(),
            Self::Ids(own) => own.changed(record, account.as_deref()),
        }
    }
}

impl ChangesByEvent {
    fn new(file: &LogSourceFile, own: &ChangeFields, watched: &[Watched<'_>], fields: &mut Fields<'_>) -> Option<Self> {
        let (Some(service), Some(region), Some(failed)) = (&own.service, &own.region, &own.failed) else { return None };
        let mut events: FxHashMap<String, ServiceEvents> = FxHashMap::default();
        for Watched { collector, events: wanted } in watched.iter().filter(|watched| watched.events.source == file.id) {
            let service = events.entry(wanted.service.clone()).or_default();
            for operation in &wanted.operations {
                match operation.strip_suffix('*') {
                    Some(start) => service.starts.push(start.to_owned()),
                    None => drop(service.operations.insert(operation.clone())),
                }
            }
            service.own.push(OwnEvents {
                type_name: TypeName::from(collector.type_name.as_str()),
                placement: collector.placement,
                events: (*wanted).clone(),
                take: BTreeMap::new(),
            });
        }
        if events.is_empty() {
            return None;
        }
        Some(ChangesByEvent {
            service: fields.first_of(service.all()),
            operation: fields.first_of(own.operation.all()),
            region: fields.first_of(region.all()),
            failed: fields.first_of(failed.all()),
            events,
        })
    }

    fn find_fields(&mut self, fields: &mut Fields<'_>) {
        for own in self.events.values_mut().flat_map(|service| &mut service.own) {
            own.take = own.events.take.iter().map(|(name, take)| (name.clone(), fields.source(take))).collect();
        }
    }

    fn may_tell(&self, record: &Record<'_>) -> bool {
        let Some((service, operation)) = self.told(record) else { return false };
        service.operations.contains(operation.as_ref())
            || service.starts.iter().any(|start| operation.starts_with(start.as_str()))
    }

    fn changed(&self, record: &Record<'_>, account: &str) -> Vec<Changed> {
        let region = text(record.get(self.region));
        let mut changes = Vec::new();
        for own in self.fitting(record) {
            let region = match own.placement {
                Placement::Global => "global".to_owned(),
                Placement::Regional => match &region {
                    Some(region) => region.clone(),
                    None => continue,
                },
            };
            for fields in own.fields(record) {
                changes.push(Changed {
                    account: account.to_owned(),
                    type_name: own.type_name.clone(),
                    region: region.clone(),
                    fields,
                    calls: own.events.calls.iter().cloned().collect(),
                });
            }
        }
        changes
    }

    fn fitting<'s>(&'s self, record: &'s Record<'_>) -> impl Iterator<Item = &'s OwnEvents> {
        self.told(record)
            .into_iter()
            .flat_map(|(service, operation)| service.own.iter().filter(move |own| own.events.has_operation(&operation)))
    }

    /// What somebody wants to know of the service that a record is of, and the operation, if that succeeded.
    fn told<'r>(&self, record: &'r Record<'_>) -> Option<(&ServiceEvents, Cow<'r, str>)> {
        let service = self.events.get(record.get(self.service).first_text()?.as_ref())?;
        let has_failed = borrowed_text(record.get(self.failed)).is_some();
        borrowed_text(record.get(self.operation)).filter(|_| !has_failed).map(|operation| (service, operation))
    }
}

impl OwnEvents {
    /// The fields of each resource that a record names; none if it does not name them all.
    fn fields(&self, record: &Record<'_>) -> Vec<BTreeMap<String, String>> {
        let mut found = vec![BTreeMap::new()];
        for (name, source) in &self.take {
            let value = source.value(record);
            let texts: BTreeSet<String> = value.each().iter().filter_map(text).collect();
            let with = |fields: &BTreeMap<String, String>| -> Vec<BTreeMap<String, String>> {
                let one = |text: &String| {
                    fields.iter().chain([(name, text)]).map(|(name, text)| (name.clone(), text.clone())).collect()
                };
                texts.iter().map(one).collect()
            };
            found = found.iter().flat_map(with).take(MOST).collect();
        }
        found
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    borrowed_text(value).map(Cow::into_owned)
}

fn borrowed_text<'v>(value: &'v Value<'_>) -> Option<Cow<'v, str>> {
    value.first_text().filter(|text| !text.is_empty() && text != "-")
}

/// Keeps what records say has changed.
#[derive(Default)]
struct Changes {
    changed: Vec<Changed>,
    bad: Option<String>,
}

impl Sink for Changes {
    fn changed(&mut self, changed: Changed) {
        self.changed.push(changed);
    }

    fn bad(&mut self, record: BadRecord) {
        self.bad = Some(record.reason);
    }
}

/// Runs the tests of collectors that have a record, and those of log sources that say what changed.
pub(crate) fn run_change_tests(catalog: &Catalog, report: &mut TestReport) {
    let watching = watched(catalog);
    if watching.is_empty() {
        return;
    }
    let (detect, _) = Detect::with_rows(catalog, Vec::new(), &Default::default());
    for collector in catalog.collectors.values() {
        for test in collector.tests.iter().filter(|test| test.record.is_some()) {
            report.add(&collector.type_name, &test.name, of_collector(&detect, collector, test));
        }
    }
    for source in catalog.log_sources.values().filter(|_| !watching.ids.is_empty()) {
        for (test, changed) in source.tests.iter().filter_map(|test| Some((test, test.changed.as_ref()?))) {
            report.add(&source.id, &test.name, of_source(&detect, source, test, changed));
        }
    }
}

fn of_collector(detect: &Detect, collector: &CollectorFile, test: &CollectorTest) -> Result<(), String> {
    let events = collector.changes.iter().flat_map(|changes| &changes.events).next();
    let source = events.map(|events| events.source.as_str()).unwrap_or_default();
    let text = test.record.as_ref().map(ToString::to_string).unwrap_or_default();
    let own = changed_by(detect, source, &text)?.into_iter();
    let own = own.filter(|changed| changed.type_name.as_str() == collector.type_name);
    let found: BTreeSet<BTreeMap<String, String>> = own.map(|changed| changed.fields).collect();
    let wanted: BTreeSet<BTreeMap<String, String>> = test.changed.iter().cloned().collect();
    if found == wanted { Ok(()) } else { Err(format!("expected the changes {wanted:?}, got {found:?}")) }
}

fn of_source(detect: &Detect, source: &LogSourceFile, test: &LogSourceTest, wanted: &[String]) -> Result<(), String> {
    let text = match (&test.record, &test.line) {
        (Some(record), _) => record.to_string(),
        (None, line) => line.clone().unwrap_or_default(),
    };
    let found: BTreeSet<String> =
        changed_by(detect, &source.id, &text)?.iter().filter_map(|changed| changed.id().map(str::to_owned)).collect();
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    if found == wanted { Ok(()) } else { Err(format!("expected the changes {wanted:?}, got {found:?}")) }
}

fn changed_by(detect: &Detect, source: &str, text: &str) -> Result<Vec<Changed>, String> {
    let mut input = detect.input(source).ok_or_else(|| format!("there is no log source `{source}`"))?;
    let mut changes = Changes::default();
    detect.feed(&mut Run::default(), &mut input, text, Clock::OfRecords(jiff::Timestamp::UNIX_EPOCH), &mut changes);
    match changes.bad {
        Some(reason) => Err(reason),
        None => Ok(changes.changed),
    }
}
