//! draft
use std::{collections::BTreeMap, path::PathBuf};

use clap::Parser;
use serde_json::Value;
use skywarden_conformance::{
    aliases, corpus, generate, leaves,
    mentions::Reader,
    pair::{Case, Pair, Sought, Verdict, World, values},
    random::Random,
    theirs::Theirs,
};

#[derive(Parser)]
struct Arguments {
    folder: PathBuf,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 60_000)]
    pairs: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let documents = corpus::load(&arguments.folder)?;
    let names = documents.iter().flat_map(|document| aliases::named(&document.json)).collect();
    let theirs = Theirs::new(&aliases::catalogue(&names))?;
    let world = World::new()?;
    let mut compiled = Vec::new();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut elsewhere = 0;
    for document in &documents {
        match Pair::new(&document.json, &theirs) {
            Ok(pair) if pair.ours.elsewhere.is_none() => compiled.push((document, pair)),
            Ok(_) => elsewhere += 1,
            Err(error) => {
                let text = error.to_string();
                let last = text.rsplit("error: ").next().unwrap_or_default().chars().take(160).collect::<String>();
                println!("REF {} {last}", document.path);
                *refused.entry(last).or_default() += 1;
            }
        }
    }
    println!("{} documents, {} compiled, {elsewhere} elsewhere, refused {refused:?}", documents.len(), compiled.len());
    let rounds = arguments.pairs.div_ceil(compiled.len().max(1));
    let (mut n, mut unknown, mut agree, mut fires, mut differ, mut unexplained) = (0usize, 0usize, 0usize, 0usize, 0usize, 0usize);
    let mut groups: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut unknowns: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (document, pair)) in compiled.iter_mut().enumerate() {
        let mut random = Random::new(arguments.seed ^ (index as u64) << 20);
        let rule = document.json.pointer("/properties/policyRule").unwrap_or(&Value::Null);
        let condition = leaves::member(rule, "if").unwrap_or(&Value::Null);
        let existence = leaves::member(rule, "then").and_then(|then| leaves::member(then, "details")).and_then(|own| leaves::member(own, "existenceCondition"));
        for round in 0..rounds {
            let Ok(parameters) = values(&pair.ours, &document.json, &mut random) else { println!("PARAM {}", document.path); break };
            let reader = Reader { parameters: &parameters, now: world.now };
            let mentions = reader.mentions(condition);
            let likeness = if round == 0 { 100 } else if existence.is_some() { [97, 90][round % 2] } else { [90, 60, 80][round % 3] };
            let primary = generate::resource(&mentions, generate::Likeness(likeness), &mut random);
            let related = match Sought::of(&pair.ours, &primary, &parameters, &world)? {
                Some(sought) if !random.percent(15) => {
                    let mentions = existence.map(|own| reader.mentions(own)).unwrap_or_default();
                    Some(generate::related(&sought.kind, &primary, sought.name.as_deref(), &sought.group, &mentions, &mut random))
                }
                _ => None,
            };
            let case = Case { primary, related, parameters };
            let (ours, answer) = pair.judge(&case, &theirs, &world)?;
            if let Verdict::Unknown(why) = &ours {
                unknown += 1;
                *unknowns.entry(why.chars().take(70).collect()).or_default() += 1;
                continue;
            }
            n += 1;
            if ours.fires() == Some(true) { fires += 1 }
            if ours.fires() == answer.fires() {
                agree += 1;
                continue;
            }
            differ += 1;
            let culprits = leaves::culprits(&document.json, &case, &theirs, &world)?;
            if culprits.is_empty() {
                unexplained += 1;
                let e = groups.entry("NO CULPRIT".to_owned()).or_insert((0, String::new()));
                e.0 += 1;
                if e.0 < 4 { e.1.push_str(&format!("\n    {} ours {ours:?} theirs {answer:?}\n   {}\n   {:?}", document.path, case.primary, case.related)); }
            }
            for culprit in culprits {
                let op = leaves::test(&culprit.leaf).map(|(name, _)| name.to_owned()).unwrap_or_default();
                let kinds: std::collections::BTreeSet<&str> = culprit.actual.iter().map(kind).collect();
                let operand = ["field", "value", "count"].iter().find(|own| leaves::member(&culprit.leaf, own).is_some()).copied().unwrap_or("");
                let key = format!("{:?} {operand} {} actual {kinds:?} expected {} ours {:?} theirs {}", culprit.place, op.to_lowercase(), culprit.expected.as_ref().map_or("-", kind), culprit.ours.fires(), match &culprit.theirs { Verdict::Unknown(why) => why.chars().take(90).collect(), other => format!("{:?}", other.fires()) });
                let e = groups.entry(key).or_insert((0, String::new()));
                e.0 += 1;
                if e.0 < 3 { e.1.push_str(&format!("\n    {}\n    {}\n     actual {:?} expected {:?}", document.path, culprit.leaf, culprit.actual, culprit.expected)); }
            }
        }
    }
    println!("pairs {n} unknown {unknown} agree {agree} fires {fires} differ {differ} noculprit {unexplained}");
    for (why, number) in unknowns { println!("  U {number} {why}"); }
    for (key, (number, sample)) in groups { println!("{number} {key}{}", sample.chars().take(2500).collect::<String>()); }
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value { Value::Null => "null", Value::Bool(_) => "bool", Value::Number(_) => "number", Value::String(text) if text.is_empty() => "empty", Value::String(_) => "text", Value::Array(e) if e.is_empty() => "emptylist", Value::Array(_) => "list", Value::Object(_) => "object" }
}
