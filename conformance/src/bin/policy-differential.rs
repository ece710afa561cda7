//! Our Azure Policy engine against `regorus`, on Azure's own definitions and resources that are made for them.
//!
//! `policy-differential FOLDER [--seed N] [--pairs N]`
//!
//! Prints how many pairs of a definition and a resource were judged, how many of them alike, and why the others are not. Fails if a
//! difference has no cause in `differences.tsv`, or if fewer pairs were judged than were asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use skywarden_conformance::{
    aliases,
    causes::{self, Difference},
    corpus::{self, Document},
    generate::{self, Likeness},
    leaves,
    mentions::Reader,
    pair::{Case, Pair, Sought, Verdict, World, values},
    random::Random,
    theirs::Theirs,
};

/// Unexplained differences that are printed whole.
const MAX_SHOWN: usize = 10;

#[derive(Parser)]
#[command(about = "Our Azure Policy engine against regorus, on Azure's own definitions")]
struct Arguments {
    /// Where the definitions are, one JSON file each.
    folder: PathBuf,
    /// What the made resources depend on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many pairs at least, Unknown not counted.
    #[arg(long, default_value_t = 60_000)]
    pairs: usize,
}

#[derive(Default)]
struct Tally {
    pairs: usize,
    unknown: usize,
    alike: usize,
    fired: usize,
    deeds: usize,
    causes: BTreeMap<String, usize>,
    unexplained: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let causes = causes::table(include_str!("../../differences.tsv"))?;
    let documents = corpus::load(&arguments.folder)?;
    let names: BTreeSet<String> = documents.iter().flat_map(|document| aliases::named(&document.json)).collect();
    let theirs = Theirs::new(&aliases::catalogue(&names))?;
    let world = World::new()?;
    let mut judged = compiled(&documents, &theirs);
    println!("aliases in the catalogue that regorus is given: {}", names.len());

    let mut tally = Tally::default();
    let mut round = 0;
    while tally.pairs < arguments.pairs && !judged.is_empty() {
        for (place, (document, pair)) in (0u64..).zip(&mut judged) {
            let mut random = Random::new(arguments.seed ^ (place << 32) ^ (round << 8));
            if let Some(case) = case(document, pair, round, &world, &mut random)? {
                compare(document, pair, &case, &theirs, &world, &mut tally)?;
            }
        }
        round += 1;
        anyhow::ensure!(tally.pairs > 0, "no pair could be judged");
    }

    println!("pairs of a definition and a resource: {} in {round} rounds, seed {}", tally.pairs, arguments.seed);
    println!("left out, since ours says Unknown where regorus has two values only: {}", tally.unknown);
    println!("the effect fires in {}", tally.fired);
    println!("what modify and append would set was compared in {}", tally.deeds);
    println!("alike: {}", tally.alike);
    let n_different: usize = tally.pairs - tally.alike;
    println!("different: {n_different} (a pair may have several causes)");
    for (id, number) in &tally.causes {
        let cause = causes.get(id).context("a cause that the table does not have")?;
        println!("{number:>6} {id} (right: {}): {} {}", cause.right, cause.what, cause.documentation);
    }
    println!("unexplained: {}", tally.unexplained);
    anyhow::ensure!(tally.unexplained == 0, "{} differences have no cause in differences.tsv", tally.unexplained);
    Ok(())
}

/// The definitions that both engines judge.
fn compiled<'d>(documents: &'d [Document], theirs: &Theirs) -> Vec<(&'d Document, Pair)> {
    let mut judged = Vec::new();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_elsewhere = 0;
    for document in documents {
        match Pair::new(&document.json, theirs) {
            Ok(pair) if pair.ours.elsewhere.is_some() => n_elsewhere += 1,
            Ok(pair) => judged.push((document, pair)),
            Err(error) => {
                let text = error.to_string();
                let last = text.rsplit("error: ").next().unwrap_or_default().chars().take(120).collect();
                *refused.entry(last).or_default() += 1;
            }
        }
    }
    println!("definitions: {}; judged by both engines: {}; ours says elsewhere: {n_elsewhere}", documents.len(), judged.len());
    for (reason, number) in refused {
        println!("{number:>6} refused: {reason}");
    }
    judged
}

fn condition_of<'v>(document: &'v Document, name: &str) -> Option<&'v Value> {
    let rule = document.json.pointer("/properties/policyRule")?;
    match name {
        "if" => leaves::member(rule, "if"),
        _ => leaves::member(leaves::member(leaves::member(rule, "then")?, "details")?, name),
    }
}

/// A resource made for a definition, with one beside it if the definition looks for one; `None` if no values fit its parameters.
fn case(document: &Document, pair: &Pair, round: u64, world: &World, random: &mut Random) -> anyhow::Result<Option<Case>> {
    let Ok(parameters) = values(&pair.ours, &document.json, random) else { return Ok(None) };
    let reader = Reader { parameters: &parameters, now: world.now };
    let mut mentions = condition_of(document, "if").map(|condition| reader.mentions(condition)).unwrap_or_default();
    let existence = condition_of(document, "existenceCondition");
    // `field()` in the condition on the related resource reads the other one.
    mentions.extend(existence.map(|condition| reader.functions(condition)).unwrap_or_default());
    let likeness = match (round % 4, existence.is_some()) {
        (0, _) => 100,
        (1, false) => 60,
        (2, false) => 80,
        _ => 92,
    };
    let primary = generate::resource(&mentions, Likeness(likeness), random);
    let related = match Sought::of(&pair.ours, &primary, &parameters, world)? {
        Some(sought) if !random.percent(15) => {
            let mentions = existence.map(|condition| reader.mentions(condition)).unwrap_or_default();
            let name = sought.name.as_deref();
            Some(generate::related(&sought.kind, &primary, name, &sought.group, &mentions, random))
        }
        _ => None,
    };
    Ok(Some(Case { primary, related, parameters }))
}

fn compare(
    document: &Document,
    pair: &mut Pair,
    case: &Case,
    theirs: &Theirs,
    world: &World,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let (ours, answer) = pair.judge(case, theirs, world)?;
    let Some(fires) = ours.fires() else {
        tally.unknown += 1;
        return Ok(());
    };
    tally.pairs += 1;
    tally.fired += usize::from(fires);
    let has_deeds = matches!((&ours, &answer), (Verdict::Fires(Value::Array(_)), Verdict::Fires(_)));
    tally.deeds += usize::from(has_deeds);
    if ours.fires() == answer.fires() {
        if causes::same_deeds(&ours, &answer) {
            tally.alike += 1;
        } else {
            unexplained("what would be set differs", document, case, &ours, &answer, tally);
        }
        return Ok(());
    }
    let culprits = leaves::culprits(&document.json, case, theirs, world)?;
    let found: Option<BTreeSet<&str>> = if culprits.is_empty() {
        causes::cause_of_whole(&document.json, case, theirs, world)?.map(|cause| BTreeSet::from([cause]))
    } else {
        culprits.iter().map(|culprit| causes::cause(Difference { culprit, case })).collect()
    };
    match found {
        Some(found) => found.into_iter().for_each(|id| *tally.causes.entry(id.to_owned()).or_default() += 1),
        None => {
            let conditions = culprits.iter().map(|culprit| format!("{} has {:?}", culprit.leaf, culprit.actual));
            unexplained(&conditions.collect::<Vec<_>>().join("\n  "), document, case, &ours, &answer, tally);
        }
    }
    Ok(())
}

fn unexplained(what: &str, document: &Document, case: &Case, ours: &Verdict, theirs: &Verdict, tally: &mut Tally) {
    tally.unexplained += 1;
    if tally.unexplained > MAX_SHOWN {
        return;
    }
    println!("UNEXPLAINED: {}\n  {what}", document.path);
    println!("  resource {}", case.primary);
    if let Some(related) = &case.related {
        println!("  related {related}");
    }
    println!("  parameters {:?}\n  ours {ours:?}\n  regorus {theirs:?}", case.parameters);
}
