//! What Defender says beside ours, for people and for spreadsheets.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment};
use skywarden_model::{DefenderPart, Status};
use skywarden_posture::{Agreement, Alone, BesideDefender, Compared, ScoresBeside, TakeOver, Why};

use crate::output::{new_table, percent, text_for_terminal};

/// Rows of the table of recommendations.
const MAX_ROWS: usize = 40;

/// Recommendations of one side that are named.
const MAX_ALONE: usize = 10;

/// Letters of a cause.
const MAX_CAUSE: usize = 100;

pub(super) fn table(beside: &BesideDefender) {
    scores(beside);
    compared(beside);
    alone(&beside.agreement);
    exemptions(&beside.exemptions);
    unread(beside);
}

pub(super) fn csv(beside: &BesideDefender) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(std::io::stdout());
    writer.write_record(["Agreement", "Same", "Of", "Key", "Recommendation", "Ours", "Why they differ"])?;
    for own in &beside.agreement.compared {
        let ours: Vec<&str> = own.ours.iter().map(AsRef::as_ref).collect();
        let counts = [own.agreement.to_string(), own.same.to_string(), own.resources.to_string()];
        let cells = counts.into_iter().chain([own.key.clone(), own.title.clone(), ours.join(" "), whys(own).join("; ")]);
        writer.write_record(cells.map(|cell| skywarden_report::cell(&cell).to_string()))?;
    }
    writer.flush()?;
    Ok(())
}

fn scores(beside: &BesideDefender) {
    println!("Secure scores; Defender was asked {:.0}", beside.taken_at);
    let mut table = new_table(&["Subscription", "Defender", "Skywarden"]);
    for own in &beside.scores {
        let is_unread = beside.unread.get(&own.account).is_some_and(|parts| parts.contains_key(&DefenderPart::Score));
        let theirs = match own.theirs {
            Some(score) => percent(score.percentage),
            None if is_unread => "unread".to_owned(),
            None => "none".to_owned(),
        };
        table.add_row([own.account.to_string(), theirs, our_score(own)]);
    }
    println!("{table}");
}

fn our_score(own: &ScoresBeside) -> String {
    match (own.ours, own.range) {
        (None, _) => "not assessed".to_owned(),
        (Some(ours), Some([low, high])) if low < high => {
            format!("{} ({:.1} to {})", percent(ours), low * 100.0, percent(high))
        }
        (Some(ours), _) => percent(ours),
    }
}

fn compared(beside: &BesideDefender) {
    let compared = &beside.agreement.compared;
    let (same, all) = compared.iter().fold((0, 0), |(same, all), own| (same + own.same, all + own.resources));
    if all == 0 {
        println!("\nThere is nothing that both judge.");
        return;
    }
    println!(
        "\nBoth say the same {same} of {all} times ({}), over {}",
        percent(same as f64 / all as f64),
        counted(compared.len(), "recommendation that both have", "recommendations that both have")
    );
    println!("  the least agreement first; what is unknown here counts as no agreement");
    let mut table = new_table(&["Agree", "Of", "Recommendation", "Why they differ"]);
    for own in compared.iter().take(MAX_ROWS) {
        let why = if own.why.is_empty() { "-".to_owned() } else { whys(own).join("\n") };
        table.add_row([right(own.same), right(own.resources), Cell::new(text_for_terminal(&own.title, 200)), Cell::new(why)]);
    }
    println!("{table}");
    if compared.len() > MAX_ROWS {
        println!("and {} more; --format csv or json has all of them", compared.len() - MAX_ROWS);
    }
}

fn alone(agreement: &Agreement) {
    let Agreement { only_theirs, only_ours, .. } = agreement;
    if !only_theirs.is_empty() {
        println!("\nOnly Defender judges {}:", counted(only_theirs.len(), "recommendation", "recommendations"));
        named(only_theirs);
    }
    if !only_ours.is_empty() {
        println!(
            "\nOnly Skywarden judges {}; those with most unhealthy:",
            counted(only_ours.len(), "recommendation", "recommendations")
        );
        named(only_ours);
    }
}

fn named(alone: &[Alone]) {
    let mut table = new_table(&["Unhealthy", "Healthy", "Recommendation"]);
    for own in alone.iter().take(MAX_ALONE) {
        table.add_row([right(own.unhealthy), right(own.healthy), Cell::new(text_for_terminal(&own.title, 200))]);
    }
    println!("{table}");
    if alone.len() > MAX_ALONE {
        println!("and {} more; --format json has all of them", alone.len() - MAX_ALONE);
    }
}

fn exemptions(all: &[TakeOver]) {
    if all.is_empty() {
        return;
    }
    let n_free = all.iter().filter(|own| own.why_not.is_none()).count();
    println!("\n{} Azure, of which {n_free} can be taken over", counted(all.len(), "exemption in", "exemptions in"));
    if n_free > 0 {
        println!("  `skywarden adopt azure --kept --take-exemptions` writes them as ours");
    }
    let mut table = new_table(&["Exemption", "Scope", "Until", "Here"]);
    for own in all.iter().take(MAX_ROWS) {
        let here = match &own.why_not {
            None => format!("for {}", counted(own.ours.len(), "recommendation", "recommendations")),
            Some(why) => format!("not taken over: {}", text_for_terminal(why, 300)),
        };
        let until = own.theirs.expires_at.map_or_else(|| "-".to_owned(), |end| end.strftime("%Y-%m-%d").to_string());
        let reason = text_for_terminal(&own.theirs.reason, 100).to_string();
        table.add_row([reason, text_for_terminal(&short(&own.theirs.scope), 100).to_string(), until, here]);
    }
    println!("{table}");
    if all.len() > MAX_ROWS {
        println!("and {} more; --format json has all of them", all.len() - MAX_ROWS);
    }
}

fn unread(beside: &BesideDefender) {
    if beside.unread.is_empty() {
        return;
    }
    println!("\nWhat could not be read of Defender, so that nothing is said of it:");
    let mut table = new_table(&["Subscription", "What", "Why"]);
    for (account, parts) in &beside.unread {
        for (part, reason) in parts {
            let what = match part {
                DefenderPart::Assessments => "assessments",
                DefenderPart::Score => "score",
                DefenderPart::Exemptions => "exemptions",
                DefenderPart::Alerts => "alerts",
            };
            table.add_row([account.to_string(), what.to_owned(), text_for_terminal(reason, 300).to_string()]);
        }
    }
    println!("{table}");
}

/// Why verdicts differ: each reason with its count, and with the cause that is told most often.
fn whys(own: &Compared) -> Vec<String> {
    let words = |why: Why| match why {
        Why::UnhealthyThere => "healthy here, unhealthy there",
        Why::UnhealthyHere => "unhealthy here, healthy there",
        Why::OursUnknown => "unknown here",
        Why::OursNotApplicable => "not applicable here",
        Why::TheirsNotApplicable => "not applicable there",
        Why::NotInTheirs => "judged here only",
        Why::NotInOurs => "judged there only",
        Why::OtherType => "judged there on another type of resource",
    };
    let line = |(why, n): (&Why, &u64)| match cause(own, *why) {
        Some(cause) => format!("{n} {} ({})", words(*why), text_for_terminal(cause, MAX_CAUSE)),
        None => {
            let verdicts = verdicts(own, *why);
            if verdicts.is_empty() { format!("{n} {}", words(*why)) } else { format!("{n} {} ({verdicts})", words(*why)) }
        }
    };
    own.why.iter().map(line).collect()
}

fn cause(own: &Compared, why: Why) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for cause in own.differences.iter().filter(|own| own.why == why).filter_map(|own| own.cause.as_deref()) {
        *counts.entry(cause).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(cause, n)| (*n, std::cmp::Reverse(*cause))).map(|(cause, _)| cause)
}

/// The verdicts of the side that has one, where the other has none.
fn verdicts(own: &Compared, why: Why) -> String {
    if !matches!(why, Why::NotInTheirs | Why::NotInOurs | Why::OtherType) {
        return String::new();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for status in own.differences.iter().filter(|own| own.why == why).filter_map(|own| own.ours.or(own.theirs)) {
        let word = match status {
            Status::Healthy => "healthy",
            Status::Unhealthy => "unhealthy",
            Status::Unknown => "unknown",
            Status::NotApplicable => "not applicable",
        };
        *counts.entry(word).or_default() += 1;
    }
    match counts.len() {
        1 => counts.into_keys().collect(),
        _ => counts.into_iter().map(|(word, n)| format!("{n} {word}")).collect::<Vec<_>>().join(", "),
    }
}

/// A scope as people tell it from others: its last name, and of what kind it is.
fn short(scope: &str) -> String {
    let steps: Vec<&str> = scope.trim_start_matches('/').split('/').collect();
    match steps.as_slice() {
        ["subscriptions", id] => format!("subscription {id}"),
        ["subscriptions", _, "resourcegroups", group] => format!("group {group}"),
        [.., "managementgroups", name] => format!("management group {name}"),
        [.., kind, name] => format!("{kind} {name}"),
        _ => scope.to_owned(),
    }
}

fn right(n: u64) -> Cell {
    Cell::new(n).set_alignment(CellAlignment::Right)
}

fn counted(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}
