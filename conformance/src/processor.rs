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
