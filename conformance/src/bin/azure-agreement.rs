//! Whether our recommendations for Azure say what built-in policies of the same substance say, both judged by our own engine.
//!
//! `azure-agreement FOLDER --content FOLDER --differences FILE [--cases N] [--only ID] [--table FILE]`
//!
//! A difference is explained by a line of the file or fails the run, and so does a line for which there is no difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use skywarden_conformance::{
    agreement::{self, Case, Comparison, Explained, NotComparable, Ours, Said, Side, Strangeness},
    corpus::{self, Document},
    pair::World,
    random::Random,
};
use skywarden_content::Catalog;
use skywarden_policy::Definition;

/// Smallest resources shown of one difference.
const MAX_SHOWN: usize = 3;

/// Differences of one kind that are made small; the rest is counted.
const MAX_SHRUNK: usize = 12;

#[derive(Parser)]
#[command(about = "Whether our recommendations for Azure say what built-in policies of the same substance say")]
struct Arguments {
    /// Where the definitions are, one JSON file each.
    folder: PathBuf,
    /// The content.
    #[arg(long, default_value = "content")]
    content: PathBuf,
    /// Explained differences: recommendation, built-in, side, cause.
    #[arg(long)]
    differences: PathBuf,
    /// Resources made for each pair.
    #[arg(long, default_value_t = 400)]
    cases: u64,
    /// Only recommendations whose id begins so.
    #[arg(long, default_value = "")]
    only: String,
    /// Where every difference is written with the smallest resources that show it.
    #[arg(long)]
    table: Option<PathBuf>,
}

/// What a run is about.
struct Run<'a> {
    arguments: &'a Arguments,
    catalog: &'a Catalog,
    documents: BTreeMap<String, &'a Document>,
    explained: &'a Explained,
    world: World,
}

/// How a recommendation stands to all built-ins that it names; of several the last counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    NotComparable,
    Alike,
    OnPurpose,
    Unexplained,
}

#[derive(Default)]
struct Tally {
    cases: usize,
    failed: usize,
    cautious: usize,
    n_alike: usize,
    n_on_purpose: usize,
    not_comparable: BTreeMap<NotComparable, Vec<String>>,
    unexplained: usize,
    seen: BTreeSet<(String, String, Side)>,
    standings: BTreeMap<String, Standing>,
    /// Every difference with the smallest resources that show it.
    written: String,
}

/// What differs between one recommendation and one built-in.
type Found = BTreeMap<Side, (usize, BTreeSet<(usize, String)>)>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let text = fs::read_to_string(&arguments.differences)
        .with_context(|| format!("could not read {}", arguments.differences.display()))?;
    let explained = agreement::table(&text)?;
    let (catalog, problems) = Catalog::load(&arguments.content);
    anyhow::ensure!(problems.is_empty(), "the content has problems: {problems:?}");
    let documents = corpus::load(&arguments.folder)?;
    let documents: BTreeMap<String, &Document> = documents
        .iter()
        .filter_map(|document| Some((document.json.get("name")?.as_str()?.to_ascii_lowercase(), document)))
        .collect();
    let run = Run { arguments: &arguments, catalog: &catalog, documents, explained: &explained, world: World::new()? };
    let mut tally = Tally::default();
    for ours in agreement::load(&arguments.content.join("recommendations/azure"))? {
        if ours.file.id.starts_with(&arguments.only) {
            compare(&ours, &run, &mut tally)?;
        }
    }
    if let Some(table) = &arguments.table {
        fs::write(table, &tally.written).with_context(|| format!("could not write {}", table.display()))?;
    }
    report(&tally, &explained, arguments.only.is_empty())
}

fn compare(ours: &Ours, run: &Run<'_>, tally: &mut Tally) -> anyhow::Result<()> {
    let id = ours.file.id.as_str();
    let rule = run.catalog.recommendations.get(id).and_then(|own| own.rule.as_ref());
    let rule = rule.with_context(|| format!("{id} has no rule"))?;
    let collector = run.catalog.collectors.get(&ours.file.type_name);
    let mut standing = Standing::NotComparable;
    for policy in &ours.file.azure_policies {
        let document = run.documents.get(policy);
        let definition = document.and_then(|document| Definition::parse(&document.json).ok());
        let comparison = match (document, &definition) {
            (Some(document), Some(definition)) => {
                Comparison::new(ours, rule, (&document.json, definition), collector, &run.world)
            }
            _ => Err(NotComparable::NotThere),
        };
        let comparison = match comparison {
            Ok(comparison) => comparison,
            Err(why) => {
                tally.not_comparable.entry(why).or_default().push(format!("{id} {policy}"));
                continue;
            }
        };
        let found = differences(&comparison, ours, run, tally)?;
        let path = document.map(|document| document.path.as_str()).unwrap_or_default();
        let own = told(&found, (id, policy, path), run, tally)?;
        match own {
            Standing::Alike => tally.n_alike += 1,
            Standing::OnPurpose => tally.n_on_purpose += 1,
            Standing::Unexplained | Standing::NotComparable => {}
        }
        standing = standing.max(own);
    }
    tally.standings.insert(id.to_owned(), standing);
    Ok(())
}

/// Writes the differences of a pair down, and prints those without a cause.
fn told(found: &Found, (id, policy, path): (&str, &str, &str), run: &Run<'_>, tally: &mut Tally) -> anyhow::Result<Standing> {
    let mut standing = if found.is_empty() { Standing::Alike } else { Standing::OnPurpose };
    for (side, (number, smallest)) in found {
        let key = (id.to_owned(), policy.to_owned(), *side);
        let cause = run.explained.get(&key);
        writeln!(tally.written, "{id}\t{policy}\t{side}\t{number}\t{}\t{path}", cause.map_or("UNEXPLAINED", String::as_str))?;
        if cause.is_none() {
            standing = Standing::Unexplained;
            tally.unexplained += 1;
            println!("UNEXPLAINED {id} {policy} {side}: {number} resources; {path}");
        }
        for (_, text) in smallest.iter().take(MAX_SHOWN) {
            writeln!(tally.written, "    {text}")?;
            if cause.is_none() {
                println!("    {text}");
            }
        }
        tally.seen.insert(key);
    }
    Ok(standing)
}

/// Judges the file's own tests and what is made of them, first with values that one of the rules names, then with any.
fn differences(comparison: &Comparison<'_>, ours: &Ours, run: &Run<'_>, tally: &mut Tally) -> anyhow::Result<Found> {
    let (n_cases, world) = (run.arguments.cases, &run.world);
    let mut found = Found::new();
    let mut bases = vec![comparison.bare(world)];
    bases.extend(ours.file.tests.iter().filter(|test| test.parameters.is_empty()).map(|test| comparison.of_test(test)));
    for base in &bases {
        note(comparison, base, Strangeness::Named, world, tally, &mut found)?;
    }
    let seed = ours.file.id.bytes().fold(0u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let readable: Vec<Case> = bases.into_iter().filter(|base| base.unknown.is_empty()).collect();
    for (strangeness, rounds) in [(Strangeness::Named, n_cases), (Strangeness::Strange, n_cases / 2)] {
        for round in 0..rounds {
            let mut random = Random::new(seed ^ (round << 8) ^ (u64::from(strangeness == Strangeness::Strange) << 40));
            let is_from_nothing = random.percent(40);
            let base = if is_from_nothing { readable.first() } else { random.pick(&readable) };
            let Some(base) = base else { continue };
            let document = agreement::made(&base.document, &comparison.fields, strangeness, is_from_nothing, &mut random);
            note(comparison, &Case { document, ..base.clone() }, strangeness, world, tally, &mut found)?;
        }
    }
    Ok(found)
}

fn note(
    comparison: &Comparison<'_>,
    case: &Case,
    strangeness: Strangeness,
    world: &World,
    tally: &mut Tally,
    found: &mut Found,
) -> anyhow::Result<()> {
    let (own, theirs) = comparison.judge(case, world)?;
    tally.cases += 1;
    tally.failed += usize::from([own, theirs].contains(&Said::Failed));
    tally.cautious += usize::from(own == Said::Unknown && theirs != Said::Unknown);
    let Some(plain) = side(own, theirs) else { return Ok(()) };
    if strangeness == Strangeness::Strange && found.contains_key(&plain) {
        return Ok(());
    }
    let kind = if strangeness == Strangeness::Strange { plain.strange() } else { plain };
    let (number, smallest) = found.entry(kind).or_default();
    *number += 1;
    if *number <= MAX_SHRUNK {
        let is_same = |document: &Value| {
            let judged = comparison.judge(&Case { document: document.clone(), ..case.clone() }, world);
            judged.is_ok_and(|(own, theirs)| side(own, theirs) == Some(plain))
        };
        let small = agreement::shrunk(&case.document, is_same);
        let unknown: Vec<String> = case.unknown.iter().map(ToString::to_string).collect();
        let mut shown = small;
        if let Value::Object(members) = &mut shown {
            for given in ["id", "type", "name", "location"] {
                members.remove(given);
            }
        }
        let text = if unknown.is_empty() { shown.to_string() } else { format!("{shown} without {unknown:?}") };
        smallest.insert((text.len(), text));
    }
    Ok(())
}

fn side(own: Said, theirs: Said) -> Option<Side> {
    match (own, theirs) {
        (Said::Wrong, Said::Fine) => Some(Side::Ours),
        (Said::Fine, Said::Wrong) => Some(Side::Theirs),
        (Said::Fine | Said::Wrong, Said::Unknown) => Some(Side::Unread),
        _ => None,
    }
}

fn report(tally: &Tally, explained: &Explained, is_whole: bool) -> anyhow::Result<()> {
    println!("resources judged by a recommendation and a built-in: {}", tally.cases);
    println!("left out, since a template function failed: {}", tally.failed);
    println!("ours says Unknown where the built-in decides without what could not be read: {}", tally.cautious);
    println!("pairs that agree everywhere: {}; that differ on purpose: {}", tally.n_alike, tally.n_on_purpose);
    let n_standing = |wanted: Standing| tally.standings.values().filter(|standing| **standing == wanted).count();
    println!(
        "recommendations: {}; agree everywhere: {}; differ on purpose: {}; not comparable with any built-in: {}",
        tally.standings.len(),
        n_standing(Standing::Alike),
        n_standing(Standing::OnPurpose),
        n_standing(Standing::NotComparable)
    );
    for (why, pairs) in &tally.not_comparable {
        println!("{:>4} not comparable: {why}", pairs.len());
        for pair in pairs {
            println!("       {pair}");
        }
    }
    println!("unexplained: {}", tally.unexplained);
    let unused: Vec<_> = explained.keys().filter(|key| is_whole && !tally.seen.contains(*key)).collect();
    anyhow::ensure!(unused.is_empty(), "the table explains differences that are none any more: {unused:?}");
    anyhow::ensure!(tally.unexplained == 0, "{} differences are not explained", tally.unexplained);
    Ok(())
}
