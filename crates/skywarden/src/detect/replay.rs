use std::{collections::BTreeMap, ops::Range, path::Path};

use jiff::Timestamp;
use skywarden_archive::{Archive, ArchivedEvent};
use skywarden_content::Catalog;
use skywarden_detect::{BadRecord, CONTEXT, Detect, Input, Kept, Run};

use super::{DeadLetters, Looked, check_source, compiled};
use crate::arguments::DetectArguments;

/// Looks at the events of an archive in the order in which they arrived.
pub(super) fn look_again(
    catalog: &Catalog,
    arguments: &DetectArguments,
    folder: &Path,
    source: Option<&str>,
    time: Range<Option<Timestamp>>,
    bad: &mut DeadLetters,
) -> anyhow::Result<Looked> {
    if let Some(source) = source {
        check_source(catalog, source)?;
    }
    let archive = Archive::in_existing_folder(folder, crate::logs::layout()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let there = runtime.block_on(archive.sources())?;
    anyhow::ensure!(!there.is_empty(), "{} is no archive of events, or an empty one", folder.display());
    let is_wanted = |id: &str| source.is_none_or(|source| source == id) && there.iter().any(|there| there == id);
    let detect = compiled(catalog, arguments, is_wanted)?;
    let milliseconds = |time: Option<Timestamp>, none| time.map_or(none, Timestamp::as_millisecond);
    let range = milliseconds(time.start, i64::MIN)..milliseconds(time.end, i64::MAX);
    let mut again = Again::new((&detect, super::begun(arguments)?), &archive, bad);
    runtime.block_on(archive.replay(source, range, &mut |event| {
        again.look_at(&event);
        true
    }))?;
    for (source, n) in &again.unknown {
        eprintln!("{n} events of {source} were not looked at: that log source can't be used or is not known any more");
    }
    let n_records: u64 = again.inputs.values().map(|input| input.n_records).sum();
    let n_unknown: u64 = again.unknown.values().sum();
    let n_bad = again.inputs.values().map(|input| input.n_bad).sum::<u64>() + n_unknown;
    let n_rules = detect.sources().map(skywarden_detect::LogSource::n_rules).sum();
    let what = format!("events of {}", if again.inputs.is_empty() { "no log source".to_owned() } else { again.names() });
    Ok(Looked { run: again.run, n_records: n_records + n_unknown, n_bad, what, n_rules })
}

/// Detection over what was kept.
struct Again<'d, 'b> {
    detect: &'d Detect,
    run: Run,
    inputs: BTreeMap<String, Input<'d>>,
    /// How many events there are of log sources that can't be looked at.
    unknown: BTreeMap<String, u64>,
    /// Which of the archive's columns holds what readers knew.
    context: Option<usize>,
    bad: &'b mut DeadLetters,
}

impl<'d, 'b> Again<'d, 'b> {
    fn new((detect, run): (&'d Detect, Run), archive: &Archive, bad: &'b mut DeadLetters) -> Self {
        let context = archive.layout().names().iter().position(|name| name == CONTEXT);
        Again { detect, run, inputs: BTreeMap::new(), unknown: BTreeMap::new(), context, bad }
    }

    fn names(&self) -> String {
        self.inputs.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    fn look_at(&mut self, event: &ArchivedEvent) {
        if !self.inputs.contains_key(&event.source) {
            let Some(input) = self.detect.input(&event.source) else {
                *self.unknown.entry(event.source.clone()).or_default() += 1;
                return;
            };
            self.inputs.insert(event.source.clone(), input);
        }
        let Some(input) = self.inputs.get_mut(&event.source) else { return };
        let kept = Kept {
            text: &event.raw,
            context: self.context.and_then(|place| event.columns.get(place)?.as_deref()),
            time: Timestamp::from_millisecond(event.time).unwrap_or(Timestamp::UNIX_EPOCH),
            received: Timestamp::from_millisecond(event.received).unwrap_or(Timestamp::UNIX_EPOCH),
        };

        let bad = &mut *self.bad;
        self.detect.feed_kept(&mut self.run, input, &kept, &mut |record: BadRecord| {
            bad.add(&format!("archive, {} {}", event.source, event.event_id), record)
        });
    }
}
