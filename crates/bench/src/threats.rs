//! What taking in logs costs: the server's path (journal, known ids, detection, archive, store) and detection alone, each case in a
//! process of its own.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use skywarden_detect::{BadRecord, Clock, Run};
use skywarden_model::Timestamp;

use crate::{
    logs::{self, DONE, Events, SOURCE},
    measure::{cpu_seconds, peak_mb},
};

/// What differs between cases.
#[derive(Debug, Clone, Copy)]
struct Case {
    n_events: u64,
    /// Users, each with one key and address.
    n_users: u64,
    /// One in so many of our detections.
    one_in: usize,
}

/// Ten times the events, ten and a hundred times the users, a tenth and a third of the detections.
const CASES: [Case; 7] = [
    Case { n_events: 100_000, n_users: 400, one_in: 1 },
    Case { n_events: 1_000_000, n_users: 400, one_in: 1 },
    Case { n_events: 300_000, n_users: 400, one_in: 1 },
    Case { n_events: 300_000, n_users: 4_000, one_in: 1 },
    Case { n_events: 300_000, n_users: 40_000, one_in: 1 },
    Case { n_events: 300_000, n_users: 400, one_in: 3 },
    Case { n_events: 300_000, n_users: 400, one_in: 10 },
];

/// `threats` prints all cases, `threats EVENTS USERS` one; `threats-worker` measures in a process of its own.
pub(crate) fn costs(arguments: &[String]) -> anyhow::Result<()> {
    let number = |text: &String| text.parse::<u64>().with_context(|| format!("`{text}` is no number"));
    match arguments {
        [] => table(&CASES),
        [n_events, n_users] => table(&[Case { n_events: number(n_events)?, n_users: number(n_users)?, one_in: 1 }]),
        [worker, path, folder, one_in] if worker == "worker" => {
            let one_in = usize::try_from(number(one_in)?)?;
            measure(path, Path::new(folder), one_in)
        }
        _ => bail!("`threats` takes nothing, or a number of events and one of users"),
    }
}

fn table(cases: &[Case]) -> anyhow::Result<()> {
    println!("| events | users | detections | server events/s of CPU | MB at most | detection alone events/s | MB at most |");
    println!("|---|---|---|---|---|---|---|");
    for case in cases {
        let folder = tempfile::tempdir().context("could not make a folder for the logs")?;
        write(folder.path(), *case)?;
        let server = worker("server", folder.path(), case.one_in)?;
        let alone = worker("detection", folder.path(), case.one_in)?;
        ensure!(server.n_rules == alone.n_rules, "the cases differ");
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            case.n_events, case.n_users, server.n_rules, server.rate, server.peak_mb, alone.rate, alone.peak_mb
        );
    }
    Ok(())
}

fn write(folder: &Path, case: Case) -> anyhow::Result<()> {
    let logs = logs::logs(folder);
    std::fs::create_dir_all(&logs)?;
    let mut out = BufWriter::new(File::create(logs.join("trail.log"))?);
    let events = Events { n_users: case.n_users, n_keys: case.n_users };
    for n in 0..case.n_events {
        writeln!(out, "{}", events.event(n))?;
    }
    out.flush()?;
    std::fs::write(folder.join(DONE), "")?;
    Ok(())
}

/// What a worker measured.
struct Measured {
    n_rules: u64,
    rate: u64,
    peak_mb: u64,
}

fn worker(path: &str, folder: &Path, one_in: usize) -> anyhow::Result<Measured> {
    let program = std::env::current_exe().context("this program has no path")?;
    let output = Command::new(program)
        .args(["threats", "worker", path])
        .arg(folder)
        .arg(one_in.to_string())
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("could not start the worker")?;
    ensure!(output.status.success(), "the worker for {path} ended with {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let numbers = text.split_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>().with_context(|| text.clone())?;
    let [n_rules, rate, peak_mb] = numbers.as_slice() else { bail!("the worker printed `{text}`") };
    Ok(Measured { n_rules: *n_rules, rate: *rate, peak_mb: *peak_mb })
}

fn measure(path: &str, folder: &Path, one_in: usize) -> anyhow::Result<()> {
    let (detect, kinds) = logs::detect(one_in)?;
    let n_rules = detect.rules().len() - detect.without_records().count();
    let (n_events, cpu) = match path {
        "server" => {
            let runtime = tokio::runtime::Runtime::new()?;
            let taken = runtime.block_on(logs::take_in(folder, detect, kinds))?;
            (taken.status.n_events, taken.cpu)
        }
        "detection" => {
            let (mut run, mut n_bad, mut n_events) = (Run::default(), 0, 0);
            let mut input = detect.input(SOURCE).context("the log source is gone")?;
            let log = BufReader::new(File::open(logs::logs(folder).join("trail.log"))?);
            let began = cpu_seconds();
            for line in log.lines() {
                detect.feed(&mut run, &mut input, &line?, Clock::OfRecords(Timestamp::now()), &mut |_: BadRecord| n_bad += 1);
                n_events += 1;
            }
            ensure!(n_bad == 0, "{n_bad} events could not be read");
            (n_events, cpu_seconds() - began)
        }
        other => bail!("`{other}` is no path"),
    };
    let n_events = u32::try_from(n_events)?;
    println!("{n_rules} {:.0} {}", f64::from(n_events) / cpu, peak_mb()?);
    Ok(())
}
