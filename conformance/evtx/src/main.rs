//! Event log files read by `skywarden-evtx` and by `evtx`: record by record the same JSON, or a known reason why not; and how fast each is
//! on one core.
//!
//! `skywarden-conformance-evtx [FOLDER] [--logs N] [--seconds N]`

mod made;
#[path = "../../src/processor.rs"]
mod processor;
#[path = "../../src/random.rs"]
mod random;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;

use crate::{
    processor::{processor_time, stay_on_one_core},
    random::Random,
};

/// Differences shown of one cause.
const MAX_SHOWN: usize = 3;

#[derive(Parser)]
#[command(about = "Event log files read by skywarden-evtx and by evtx")]
struct Arguments {
    /// A folder of real files.
    folder: Option<PathBuf>,
    /// How many files of our own writer.
    #[arg(long, default_value_t = 200)]
    logs: u64,
    /// Seconds of processor time that each reader gets for each case.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
}

/// What a reader found: records by number, and what it could not read.
#[derive(Default)]
struct Found {
    records: BTreeMap<u64, Value>,
    problems: Vec<String>,
}

#[derive(Default)]
struct Counts {
    records: usize,
    equal: usize,
    by_cause: BTreeMap<&'static str, (usize, Vec<String>)>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    stay_on_one_core()?;
    let mut n_unknown = 0;
    let mut real = Vec::new();
    for path in arguments.folder.iter().map(|folder| files(folder)).collect::<anyhow::Result<Vec<_>>>()?.concat() {
        let bytes = std::fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
        let counts = compare(&bytes)?;
        n_unknown += counts.report(&path.display().to_string());
        real.push(bytes);
    }
    let mut all = Counts::default();
    let mut made = Vec::new();
    for seed in 0..arguments.logs {
        let bytes = made::log(&mut Random::new(seed));
        all.add(compare(&bytes)?);
        made.push(bytes);
    }
    n_unknown += all.report(&format!("{} files of our writer, values of all types", arguments.logs));
    let everyday = made::everyday(20_000);
    let counts = compare(&everyday)?;
    n_unknown += counts.report("20,000 logons of our writer");
    speed("values of all types", &made, arguments.seconds)?;
    speed("logons", &[everyday], arguments.seconds)?;
    if !real.is_empty() {
        speed("real files", &real, arguments.seconds)?;
    }
    anyhow::ensure!(n_unknown == 0, "{n_unknown} records differ for no known cause");
    Ok(())
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("could not list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn ours(bytes: &[u8]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for record in skywarden_evtx::Reader::open(bytes)? {
        match record {
            Ok(record) => {
                let json = serde_json::from_str(&record.json).with_context(|| format!("no JSON: {}", record.json))?;
                found.records.insert(record.id, json);
            }
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    Ok(found)
}

fn theirs(bytes: &[u8]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut parser = evtx::EvtxParser::from_buffer(bytes.to_vec())?;
    for record in parser.records_json() {
        match record {
            Ok(record) => {
                let json = serde_json::from_str(&record.data).with_context(|| format!("no JSON: {}", record.data))?;
                found.records.insert(record.event_record_id, json);
            }
            Err(error) => found.problems.push(format!("{:#}", anyhow::Error::from(error))),
        }
    }
    Ok(found)
}

fn compare(bytes: &[u8]) -> anyhow::Result<Counts> {
    let (ours, theirs) = (ours(bytes)?, theirs(bytes)?);
    let mut counts = Counts::default();
    let mut all: BTreeMap<u64, ()> = BTreeMap::new();
    all.extend(ours.records.keys().chain(theirs.records.keys()).map(|id| (*id, ())));
    for id in all.into_keys() {
        counts.records += 1;
        let (own, other) = (ours.records.get(&id), theirs.records.get(&id));
        if own == other {
            counts.equal += 1;
            continue;
        }
        let cause = match (own, other) {
            (Some(own), Some(other)) => cause(own, other),
            // What neither reads is counted by its problem.
            (Some(_), None) => "read by ours alone",
            _ => UNKNOWN,
        };
        counts.tell(cause, || format!("record {id}\n  ours   {}\n  theirs {}", shown(own), shown(other)));
    }
    for problem in ours.problems {
        counts.tell("told by ours", || problem.clone());
    }
    for problem in theirs.problems {
        counts.tell("told by theirs", || problem.clone());
    }
    Ok(counts)
}

const UNKNOWN: &str = "UNKNOWN";

/// Why two readers may say different things of a record.
fn cause(own: &Value, other: &Value) -> &'static str {
    // Members are in the order in which they were read.
    let (own, other) = (own.to_string(), other.to_string());
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let is_real = |at: usize| {
        let before = own.as_bytes().get(..at).unwrap_or_default().iter().rev();
        let behind = own.as_bytes().get(at..).unwrap_or_default().iter();
        before.clone().find(|byte| !is_digit(byte)) == Some(&b'.') && behind.clone().find(|byte| !is_digit(byte)) != Some(&b'Z')
    };
    let differing: Vec<usize> =
        own.bytes().zip(other.bytes()).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    let is_next = |at: usize| match (own.as_bytes().get(at), other.as_bytes().get(at)) {
        (Some(own), Some(other)) => is_digit(own) && is_digit(other) && own.abs_diff(*other) == 1,
        _ => false,
    };
    // Of two texts that are as short and as close ours takes the odd one, theirs the even one; both are the same number.
    let is_halfway = own.len() == other.len() && differing.iter().all(|at| is_real(*at) && is_next(*at));
    // A list in a name makes `Data` elements side by side; those whose names hold no number are one member for us, and for theirs each
    // another, since what is no number is not equal to itself.
    let is_unequal = own.len() != other.len() && own.contains("NaN") && other.contains("NaN");
    match (is_halfway, is_unequal) {
        (true, _) => "a real number halfway between two texts",
        (false, true) => "a name that is no number",
        _ => UNKNOWN,
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string().chars().take(1500).collect())
}

impl Counts {
    fn tell(&mut self, cause: &'static str, what: impl Fn() -> String) {
        let (n, shown) = self.by_cause.entry(cause).or_default();
        *n += 1;
        if shown.len() < MAX_SHOWN {
            shown.push(what());
        }
    }

    fn add(&mut self, other: Counts) {
        self.records += other.records;
        self.equal += other.equal;
        for (cause, (n, mut shown)) in other.by_cause {
            let (total, all) = self.by_cause.entry(cause).or_default();
            *total += n;
            all.append(&mut shown);
            all.truncate(MAX_SHOWN);
        }
    }

    /// Prints the counts; how many have no known cause.
    fn report(&self, what: &str) -> usize {
        println!("evtx: {what}: {} records, {} equal", self.records, self.equal);
        for (cause, (n, shown)) in &self.by_cause {
            println!("  {n} {cause}");
            shown.iter().for_each(|line| println!("    {line}"));
        }
        self.by_cause.get(UNKNOWN).map_or(0, |(n, _)| *n)
    }
}

/// Reads a file; how many records and bytes of JSON it has.
type Read = dyn Fn(&[u8]) -> anyhow::Result<(usize, usize)>;

/// How many records a second each reader gives as JSON texts.
fn speed(what: &str, files: &[Vec<u8>], seconds: f64) -> anyhow::Result<()> {
    let own = rate(files, seconds, &|bytes| {
        Ok(skywarden_evtx::Reader::open(bytes)?.filter_map(Result::ok).map(|record| record.json.len()).fold((0, 0), add))
    })?;
    let other = rate(files, seconds, &|bytes| {
        let mut parser = evtx::EvtxParser::from_buffer(bytes.to_vec())?;
        Ok(parser.records_json().filter_map(Result::ok).map(|record| record.data.len()).fold((0, 0), add))
    })?;
    println!("evtx: {what}: {:.0} records/s ours ({:.0} bytes each), {:.0} records/s evtx 0.15.1", own.0, own.1, other.0);
    Ok(())
}

fn add((n, bytes): (usize, usize), length: usize) -> (usize, usize) {
    (n + 1, bytes + length)
}

#[expect(clippy::cast_precision_loss, reason = "counts of one run")]
fn rate(files: &[Vec<u8>], seconds: f64, read: &Read) -> anyhow::Result<(f64, f64)> {
    let began = processor_time();
    let (mut n, mut bytes) = (0, 0);
    loop {
        for file in files {
            let (records, length) = read(file)?;
            n += records;
            bytes += length;
        }
        let spent = processor_time() - began;
        if spent >= seconds {
            return Ok((n as f64 / spent, bytes as f64 / n.max(1) as f64));
        }
    }
}
