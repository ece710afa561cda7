//! `skywarden detect`: the whole way from logs in files to alerts.

mod files;
mod indicators;
mod output;
mod replay;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context as _;
use jiff::Timestamp;
use skywarden_content::Catalog;
use skywarden_detect::{BadRecord, Clock, Detect, Kinds, PublicRules, Refused, Run, own_rules};

use crate::{
    Ending,
    arguments::{DetectArguments, DetectFormat, Place},
};

/// Problems of one kind are shown so often; the rest is counted.
const MAX_SHOWN: usize = 5;

/// What looking at events came to.
struct Looked {
    run: Run,
    n_records: u64,
    n_bad: u64,
    /// What was looked at, for people: `records of aws-cloudtrail in 2 files`.
    what: String,
    n_rules: usize,
}

/// `skywarden detect FILE...` and `skywarden detect --archive FOLDER`.
pub(crate) fn run(arguments: &DetectArguments, content: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = crate::content::catalog_with_threats(content)?;
    let mut bad = DeadLetters::new(arguments.dead_letter.as_deref())?;
    let started = Instant::now();
    let Looked { run, n_records, n_bad, what, n_rules } = match arguments.place() {
        Place::Files(files, source) => look_at_files(&catalog, arguments, files, source, &mut bad)?,
        Place::Archive(folder, source, since, until) => {
            replay::look_again(&catalog, arguments, folder, source, since..until, &mut bad)?
        }
    };
    bad.finish()?;
    let mut alerts: Vec<_> = run.alerts.all().into_iter().cloned().collect();
    alerts.retain(|alert| alert.severity >= arguments.min_severity);
    match arguments.format {
        DetectFormat::Table => output::table(&alerts, &Kinds::new(catalog.incidents.values()))?,
        DetectFormat::Json => output::json_lines(&alerts)?,
        DetectFormat::Ocsf => output::ocsf_lines(&alerts)?,
    }
    eprintln!(
        "{n_records} {what} looked at with {n_rules} rules in {:.1} s; {n_bad} could not be read; {} alerts",
        started.elapsed().as_secs_f64(),
        alerts.len()
    );
    let is_hit = arguments.fail_on.is_some_and(|least| alerts.iter().any(|alert| alert.severity >= least));
    Ok(if is_hit { Ending::Threshold } else { Ending::Done })
}

fn look_at_files(
    catalog: &Catalog,
    arguments: &DetectArguments,
    files: &[PathBuf],
    source_id: &str,
    bad: &mut DeadLetters,
) -> anyhow::Result<Looked> {
    check_source(catalog, source_id)?;
    let detect = compiled(catalog, arguments, |id| id == source_id)?;
    let source = detect.source(source_id).with_context(|| {
        format!("the log source {source_id} can't be used, so nothing was looked at; the reason stands above")
    })?;
    let kind = skywarden_ingest::TextKind::of(source);
    let mut run = begun(arguments)?;
    let (mut n_records, mut n_bad, mut n_files) = (0, 0, 0);
    for file in files::files(files)? {
        let Some(mut input) = detect.input(source_id) else { break };
        n_files += 1;
        let now = files::modified(&file).unwrap_or_else(Timestamp::now);
        let opened = files::open(&file)?;
        let place = file.display().to_string();
        let outcome = skywarden_ingest::texts(opened, kind, &mut |text| match text {
            Ok(text) => {
                detect.feed(&mut run, &mut input, text, Clock::OfRecords(now), &mut |record| bad.add(&place, record));
            }
            Err(reason) => {
                input.n_records += 1;
                input.n_bad += 1;
                bad.add(&place, BadRecord { number: input.n_records, reason, start: String::new() });
            }
        });
        if let Err(error) = outcome {
            eprintln!("{place}: reading stopped: {error}; what was read before is looked at");
            n_bad += 1;
        }
        n_records += input.n_records;
        n_bad += input.n_bad;
    }
    let plural = if n_files == 1 { "" } else { "s" };
    let what = format!("records of {source_id} in {n_files} file{plural}");
    Ok(Looked { run, n_records, n_bad, what, n_rules: source.n_rules() })
}

fn check_source(catalog: &Catalog, id: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        catalog.log_sources.contains_key(id),
        "there is no log source `{}`; there are: {}",
        crate::output::text_for_terminal(id, 100),
        catalog.log_sources.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    );
    Ok(())
}

/// Detection as the arguments ask for it, for some log sources.
fn compiled(catalog: &Catalog, arguments: &DetectArguments, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<Detect> {
    let (mut rules, mut refused) = if arguments.only_rules { (Vec::new(), Vec::new()) } else { own_rules(catalog) };
    let mut public = PublicRules::default();
    for path in &arguments.rules {
        add_rules(path, &mut public)?;
    }
    let (public, refused_public) = public.finish();
    refused.extend(refused_public);
    // A correlation knows its rules by their places, so these come first.
    rules.splice(0..0, public);
    let wanted = catalog.log_sources.values().filter(|source| is_wanted(&source.id));
    let (detect, refused_here) = Detect::of_sources(wanted, rules, &Default::default());
    refused.extend(refused_here);
    told_refused(&refused);
    Ok(detect)
}

/// A run that knows the indicators of the arguments.
fn begun(arguments: &DetectArguments) -> anyhow::Result<Run> {
    if arguments.indicators.is_empty() {
        return Ok(Run::default());
    }
    let known = indicators::intelligence(&arguments.indicators, arguments.min_confidence)?;
    Ok(Run::knowing(Arc::new(known.into())))
}

/// Adds the rules of a file, or of all files below a folder.
fn add_rules(path: &Path, rules: &mut PublicRules) -> anyhow::Result<()> {
    let mut files = files::files(std::slice::from_ref(&path.to_path_buf()))?;
    if path.is_dir() {
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"));
    }
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("could not read the rules in {}", file.display()))?;
        let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
        rules.add(if name.is_empty() { "rules" } else { &name }, &text);
    }
    Ok(())
}

fn told_refused(refused: &[Refused]) {
    for Refused { rule, reason } in refused.iter().take(MAX_SHOWN) {
        eprintln!("not used: {}: {}", crate::output::text_for_terminal(rule, 200), crate::output::text_for_terminal(reason, 300));
    }
    if refused.len() > MAX_SHOWN {
        eprintln!("not used: {} more rules", refused.len() - MAX_SHOWN);
    }
}

/// Where records go that could not be read.
struct DeadLetters {
    file: Option<BufWriter<File>>,
    n_shown: usize,
    error: Option<std::io::Error>,
}

impl DeadLetters {
    fn new(path: Option<&Path>) -> anyhow::Result<Self> {
        let file = path.map(|path| {
            let file = File::create(path).with_context(|| format!("could not write {}", path.display()));
            file.map(BufWriter::new)
        });
        Ok(DeadLetters { file: file.transpose()?, n_shown: 0, error: None })
    }

    fn add(&mut self, place: &str, record: BadRecord) {
        if self.n_shown < MAX_SHOWN {
            self.n_shown += 1;
            let reason = crate::output::text_for_terminal(&record.reason, 300);
            eprintln!("{place}, record {}: {reason}", record.number);
        }
        if let Some(out) = &mut self.file {
            let line = serde_json::json!({
                "file": place, "record": record.number, "reason": record.reason, "start": record.start,
            });
            if let Err(error) = writeln!(out, "{line}") {
                self.error.get_or_insert(error);
            }
        }
    }

    fn finish(mut self) -> anyhow::Result<()> {
        if let Some(out) = &mut self.file {
            out.flush()?;
        }
        match self.error {
            Some(error) => Err(error).context("the file of what could not be read could not be written"),
            None => Ok(()),
        }
    }
}
