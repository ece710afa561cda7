//! What looking at one record costs, ours and of `sigma-rust`, from the record's JSON to the rules that fire, on one core.
//!
//! `sigma-speed --rules FOLDER [--cloudtrail FOLDER] [--seconds N]`

use std::path::PathBuf;

use clap::Parser;
use skywarden_conformance::{
    processor::{processor_time, stay_on_one_core},
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
    /// Measure our engine alone, as for a profile.
    #[arg(long)]
    alone: bool,
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
        case(&format!("every {share}th of these rules"), &some, &processes, &arguments)?;
    }
    let all: Vec<&PublicRule> = rules.iter().collect();
    case("all public rules, whatever they are for", &all, &processes, &arguments)?;
    Ok(())
}

fn case(name: &str, rules: &[&PublicRule], records: &[String], arguments: &Arguments) -> anyhow::Result<()> {
    let mut ours = Ours::new(rules.iter().map(|public| &public.rule))?;
    let theirs: Vec<&sigma_rust::Rule> = rules.iter().filter_map(|public| public.theirs.as_ref().ok()).collect();
    let bytes = records.iter().map(String::len).sum::<usize>() / records.len().max(1);
    let mut n_fired = 0;
    for record in records {
        n_fired += usize::from(!ours.fired(record)?.is_empty());
    }
    let own = rate(records, arguments.seconds, &mut |record| Ok(ours.fired(record)?.len()))?;
    let seconds = if arguments.alone { 0.0 } else { arguments.seconds };
    let other = rate(records, seconds, &mut |record| {
        let event = sigma_rust::event_from_json(record)?;
        Ok(theirs.iter().filter(|rule| rule.is_match(&event)).count())
    })?;
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
