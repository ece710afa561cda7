//! Whether our engine and `sigma-rust` find the same, rule by rule, on records made for each rule and on recorded ones.
//!
//! `sigma-agreement --rules FOLDER [--cloudtrail FOLDER] --differences FILE [--records N]`
//!
//! A difference is explained if both agree on the record as `sigma-rust` wants it written, which tells the cause, or by a line of the
//! file: the rule's file and the reason.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::Parser;
use skywarden_conformance::{
    random::Random,
    sigma::{Cause, Ours, PublicRule, Read, cloudtrail, made_for, read, rewritten},
};

#[derive(Parser)]
#[command(about = "Whether our engine and sigma-rust find the same")]
struct Arguments {
    /// The public rules.
    #[arg(long)]
    rules: PathBuf,
    /// Recorded CloudTrail files, which the rules for AWS are tried on too.
    #[arg(long)]
    cloudtrail: Option<PathBuf>,
    /// Explained differences: rule's file, tab, reason.
    #[arg(long)]
    differences: PathBuf,
    /// Records made for each rule.
    #[arg(long, default_value_t = 20)]
    records: usize,
}

#[derive(Default)]
struct Tally {
    n_pairs: u64,
    n_both: u64,
    /// Pairs that differ for a known cause.
    causes: BTreeMap<Vec<Cause>, u64>,
    differing: BTreeMap<String, (u64, String)>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Read { rules, refused, n_others } = read(&arguments.rules)?;
    println!("{} rules are taken, {} files refused, {n_others} correlations and filters", rules.len(), refused.len());
    for (file, reason) in &refused {
        println!("  refused {file}: {reason}");
    }
    let mut theirs_refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut tally = Tally::default();
    let recorded = arguments.cloudtrail.as_deref().map(cloudtrail).transpose()?.unwrap_or_default();
    let mut random = Random::new(23);
    for public in &rules {
        let theirs = match &public.theirs {
            Ok(theirs) => theirs,
            Err(reason) => {
                *theirs_refused.entry(reason.split(':').next().unwrap_or_default().to_owned()).or_default() += 1;
                continue;
            }
        };
        let mut ours = Ours::new([&public.rule])?;
        for _ in 0..arguments.records {
            let record = made_for(&public.rule, &mut random).to_string();
            compare(public, &mut ours, theirs, &record, &mut tally)?;
        }
        if public.rule.logsource.product.as_deref() == Some("aws") {
            for record in &recorded {
                compare(public, &mut ours, theirs, record, &mut tally)?;
            }
        }
    }
    for (reason, n) in theirs_refused {
        println!("  sigma-rust does not read {n}: {reason}");
    }
    let text = fs::read_to_string(&arguments.differences).context("the explained differences could not be read")?;
    let explained: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    for (causes, n) in &tally.causes {
        println!("  {n} differ for {causes:?}");
    }
    let n_differing: u64 = tally.differing.values().map(|(n, _)| n).sum();
    println!(
        "{} pairs of rule and record, {} found by both, {n_differing} differ otherwise in {} rules",
        tally.n_pairs,
        tally.n_both,
        tally.differing.len()
    );
    let mut n_unexplained = 0;
    for (file, (n, example)) in &tally.differing {
        match explained.iter().find(|(part, _)| file.contains(part)) {
            Some((_, reason)) => println!("  {n:>4} {file}: {reason}"),
            None => {
                n_unexplained += 1;
                println!("  {n:>4} {file}: NOT EXPLAINED: {example}");
            }
        }
    }
    ensure!(n_unexplained == 0, "{n_unexplained} rules differ without an explanation");
    Ok(())
}

fn compare(
    public: &PublicRule,
    ours: &mut Ours,
    theirs: &sigma_rust::Rule,
    record: &str,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let own = !ours.fired(record)?.is_empty();
    let event = sigma_rust::event_from_json(record)?;
    let other = theirs.is_match(&event);
    tally.n_pairs += 1;
    tally.n_both += u64::from(own && other);
    if own == other {
        return Ok(());
    }
    let (rewritten, causes) = rewritten(&public.rule, &serde_json::from_str(record)?);
    let rewritten = rewritten.to_string();
    let is_explained = !causes.is_empty()
        && own != ours.fired(&rewritten)?.is_empty()
        && theirs.is_match(&sigma_rust::event_from_json(&rewritten)?) == own;
    if is_explained {
        *tally.causes.entry(causes).or_default() += 1;
    } else {
        let who = if own { "only ours" } else { "only sigma-rust" };
        tally.differing.entry(public.file.clone()).or_insert_with(|| (0, format!("{who} on {record}"))).0 += 1;
    }
    Ok(())
}
