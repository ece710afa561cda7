//! CPU time and memory of this process.

use std::time::Instant;

use anyhow::Context as _;

/// What some work gave, and the seconds of CPU and of the clock that it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    let (begin, begin_cpu) = (Instant::now(), cpu_seconds());
    let result = work();
    (result, cpu_seconds() - begin_cpu, begin.elapsed().as_secs_f64())
}

/// CPU time of this process so far, all threads.
pub(crate) fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The middle of several measures: one that the machine disturbed counts for nothing.
pub(crate) fn median(mut measures: Vec<f64>) -> f64 {
    measures.sort_by(f64::total_cmp);
    measures.get(measures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Resident memory now.
pub(crate) fn memory_mb() -> anyhow::Result<u64> {
    status_mb("VmRSS:")
}

/// The most resident memory so far.
pub(crate) fn peak_mb() -> anyhow::Result<u64> {
    status_mb("VmHWM:")
}

fn status_mb(name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("could not read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.with_context(|| format!("there is no {name} in /proc/self/status"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().with_context(|| format!("{name} is no number"))?;
    Ok(kib / 1024)
}
