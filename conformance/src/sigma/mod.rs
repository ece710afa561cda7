//! Sigma rules that others published, through our engine and through `sigma-rust`.

mod causes;
mod generate;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;
use skywarden_sigma::{Engine, EngineBuilder, Projection, Scratch, SigmaRule, Slot, parse};

pub use causes::{Cause, rewritten};
pub use generate::{everyday_processes, made_for};

/// A public rule: ours, and `sigma-rust`'s of the same file, or why it has none.
pub struct PublicRule {
    /// The file below the folder of rules.
    pub file: String,
    /// As our engine takes it.
    pub rule: SigmaRule,
    /// As `sigma-rust` takes it, or its reason.
    pub theirs: Result<sigma_rust::Rule, String>,
}

/// Rules that were read, and those that were not with the reasons.
#[derive(Default)]
pub struct Read {
    /// Those that our engine takes.
    pub rules: Vec<PublicRule>,
    /// File and reason.
    pub refused: Vec<(String, String)>,
    /// Correlations and filters, which are no rules over single events.
    pub n_others: usize,
}

/// Reads all rules below a folder and compiles each by itself.
///
/// # Errors
/// If the folder can't be read.
pub fn read(folder: &Path) -> anyhow::Result<Read> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    let mut read = Read::default();
    for path in files {
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let parsed = parse(&text);
        read.n_others += parsed.correlations.len() + parsed.filters.len();
        read.refused.extend(parsed.refused.into_iter().map(|reason| (file.clone(), reason)));
        for rule in parsed.rules {
            let mut projection = Projection::default();
            if let Err(error) = EngineBuilder::default().rule(&rule.detection, &[], &[], &mut |_| projection.slot()) {
                read.refused.push((file.clone(), error.to_string()));
                continue;
            }
            let theirs = sigma_rust::rule_from_yaml(&text).map_err(|error| error.to_string());
            read.rules.push(PublicRule { file: file.clone(), rule, theirs });
        }
    }
    Ok(read)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}

/// Rules in one engine with the fields that they ask for.
pub struct Ours {
    engine: Engine,
    projection: Projection,
    scratch: Scratch,
    fired: Vec<skywarden_sigma::RuleId>,
}

impl Ours {
    /// Compiles rules together.
    ///
    /// # Errors
    /// If one can't be compiled.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r SigmaRule>) -> anyhow::Result<Self> {
        let mut projection = Projection::default();
        let mut known: BTreeMap<String, Slot> = BTreeMap::new();
        let mut builder = EngineBuilder::default();
        for rule in rules {
            builder.rule(&rule.detection, &[], &[], &mut |name| match name {
                None => projection.everything(),
                Some(name) => *known.entry(name.to_owned()).or_insert_with(|| {
                    let slot = projection.slot();
                    projection.take(slot, 0, name);
                    slot
                }),
            })?;
        }
        let engine = builder.build(&|_| false).map_err(anyhow::Error::msg)?;
        Ok(Ours { engine, projection, scratch: Scratch::default(), fired: Vec::new() })
    }

    /// The numbers of the rules that fire on a record.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn fired(&mut self, record: &str) -> anyhow::Result<Vec<usize>> {
        let record = self.projection.read(record)?;
        self.fired.clear();
        self.engine.start(&record, &mut self.scratch);
        self.engine.finish(&record, &mut self.scratch, &mut self.fired);
        Ok(self.fired.iter().map(|rule| rule.index()).collect())
    }

    /// How many rules are looked at for each record, and what the automata take in bytes.
    pub fn size(&self) -> (usize, usize) {
        (self.engine.n_always(), self.engine.size())
    }
}

/// The records of all CloudTrail files below a folder, a JSON line each.
///
/// # Errors
/// If a file can't be read or is none of CloudTrail.
pub fn cloudtrail(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("could not list {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut records = Vec::new();
    for file in files {
        let document: Value =
            serde_json::from_slice(&fs::read(&file)?).with_context(|| format!("{} is no JSON", file.display()))?;
        let list =
            document.get("Records").and_then(Value::as_array).with_context(|| format!("{} has no Records", file.display()))?;
        records.extend(list.iter().map(Value::to_string));
    }
    Ok(records)
}
