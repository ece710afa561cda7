//! One core, and the processor time that was spent on it.

use anyhow::Context as _;
use rustix::{
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// Keeps the process on the first core, so that engines are measured alike.
///
/// # Errors
/// If the system does not let it.
pub fn stay_on_one_core() -> anyhow::Result<()> {
    let mut core = CpuSet::new();
    core.set(0);
    sched_setaffinity(None, &core).context("could not stay on one core")
}

/// Seconds of processor time of this process.
#[expect(clippy::cast_precision_loss, reason = "seconds of one run")]
pub fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most resident memory of this process so far, in MB.
///
/// # Errors
/// If the system does not tell.
pub fn peak_mb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("could not read /proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("there is no VmHWM in /proc/self/status")?;
    let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse().context("VmHWM is no number")?;
    Ok(kib / 1024)
}
