//! What looking at one record costs, ours and of `sigma-rust`, from the record's JSON to the rules that fire, on one core.
//!
//! `sigma-speed --rules FOLDER [--cloudtrail FOLDER] [--seconds N] [--only TEXT] [--alone]`

use std::path::PathBuf;

use clap::Parser;
use skywarden_conformance::{
    processor::{peak_mb, processor_time, stay_on_one_core},
    random::Random,
    sigma::{Ours, PublicRule, cloudtrail, everyday_processes, read},
};

// The product's own, for both engines.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(about = "What looking at one record costs: ours, and of sigma-rust")]
struct Arguments {
    /// The public rules.
    #[arg(long)]
    rules: PathBuf,
    /// Recorded CloudTrail files.
    #[arg(long)]
    cloudtrail: Option<PathBuf>,
    /// Measure our engine alone, as for a profile or its memory.
    #[arg(long)]
    alone: bool,
    /// Only the cases whose name has this text.
    #[arg(long, default_value = "")]
    only: String,
    /// Seconds of processor time that each engine gets for each case.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    stay_on_one_core()?;
    let rules = read(&arguments.rules)?.rules;
    let of = |product: &str, category: Option<&str>| -> Vec<&PublicRule> {
        let is_wanted = |public: &&PublicRule| {
            public.rule.logsource.product.as_deref() == Some(product)
                && category.is_none_or(|category| public.rule.logsource.category.as_deref() == Some(category))
        };
        rules.iter().filter(is_wanted).collect()
    };
    println!(
        "| case | rules | bytes a record | records/s ours | fire on | records/s sigma-rust | times | always looked at | automata MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    if let Some(folder) = &arguments.cloudtrail {
        case("CloudTrail, rules for AWS", &of("aws", None), &cloudtrail(folder)?, &arguments)?;
    }
    let processes = everyday_processes(20_000, &mut Random::new(7));
    let windows = of("windows", Some("process_creation"));
    case("Windows process creation", &windows, &processes, &arguments)?;
    for share in [10, 3] {
        let some: Vec<&PublicRule> = windows.iter().copied().step_by(share).collect();
        case(&format!("one in {share} of these rules"), &some, &processes, &arguments)?;
    }
    let all: Vec<&PublicRule> = rules.iter().collect();
    case("all public rules, whatever they are for", &all, &processes, &arguments)?;
    // Of a log that a company looks at few records fire: without the rules that one in a hundred everyday records fires or more, and
    // with at most one in a hundred and fifty of the records that still do.
    let quiet = quiet(&all, &processes)?;
    let few = few_that_fire(&quiet, &processes)?;
    case("all that apply to Windows processes and are quiet", &quiet, &few, &arguments)?;
    for share in [10, 3] {
        let some: Vec<&PublicRule> = quiet.iter().copied().step_by(share).collect();
        case(&format!("one in {share} of these"), &some, &few, &arguments)?;
    }
    let engines = if arguments.alone { "our engine" } else { "both engines" };
    println!("at most {} MB, with the rules and records of all cases, of {engines}", peak_mb()?);
    Ok(())
}

/// The rules that fire on fewer than one in a hundred of some records.
fn quiet<'r>(rules: &[&'r PublicRule], records: &[String]) -> anyhow::Result<Vec<&'r PublicRule>> {
    let mut ours = Ours::new(rules.iter().map(|public| &public.rule))?;
    let mut n_fired = vec![0_usize; rules.len()];
    for record in records {
        for rule in ours.fired(record)? {
            if let Some(n) = n_fired.get_mut(rule) {
                *n += 1;
            }
        }
    }
    let kept = rules.iter().zip(n_fired).filter(|(_, n)| *n < records.len() / 100);
    Ok(kept.map(|(rule, _)| *rule).collect())
}

/// Those of some records that fire nothing, and one that does for each hundred and fifty of them, as far as there are any.
fn few_that_fire(rules: &[&PublicRule], records: &[String]) -> anyhow::Result<Vec<String>> {
    let mut ours = Ours::new(rules.iter().map(|public| &public.rule))?;
    let (mut fire, mut silent) = (Vec::new(), Vec::new());
    for record in records {
        if ours.fired(record)?.is_empty() { silent.push(record.clone()) } else { fire.push(record.clone()) }
    }
    fire.truncate(silent.len() / 150);
    let step = silent.len() / fire.len().max(1);
    for (n, record) in fire.into_iter().enumerate() {
        silent.insert(n * step, record);
    }
    Ok(silent)
}

fn case(name: &str, rules: &[&PublicRule], records: &[String], arguments: &Arguments) -> anyhow::Result<()> {
    if !name.contains(&arguments.only) {
        return Ok(());
    }
    let mut ours = Ours::new(rules.iter().map(|public| &public.rule))?;
    let theirs: Vec<&sigma_rust::Rule> = rules.iter().filter_map(|public| public.theirs.as_ref().ok()).collect();
    let bytes = records.iter().map(String::len).sum::<usize>() / records.len().max(1);
    let mut n_fired = 0;
    for record in records {
        n_fired += usize::from(!ours.fired(record)?.is_empty());
    }
    let own = rate(records, arguments.seconds, &mut |record| Ok(ours.fired(record)?.len()))?;
    let mut look = |record: &str| {
        let event = sigma_rust::event_from_json(record)?;
        Ok(theirs.iter().filter(|rule| rule.is_match(&event)).count())
    };
    let other = if arguments.alone { f64::NAN } else { rate(records, arguments.seconds, &mut look)? };
    let (n_always, size) = ours.size();
    println!(
        "| {name} | {} | {bytes} | {own:.0} | {:.2} % | {other:.0} | {:.0} | {n_always} | {:.1} |",
        rules.len(),
        percent(n_fired, records.len()),
        own / other,
        megabytes(size),
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "shares for people")]
fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "sizes for people")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Records a second of processor time.
fn rate(records: &[String], seconds: f64, look: &mut dyn FnMut(&str) -> anyhow::Result<usize>) -> anyhow::Result<f64> {
    let start = processor_time();
    let mut n = 0_u32;
    loop {
        for record in records {
            std::hint::black_box(look(record)?);
            n += 1;
            if n.is_multiple_of(64) && processor_time() - start > seconds {
                return Ok(f64::from(n) / (processor_time() - start));
            }
        }
    }
}
