//! How long work shows that it goes on: on a terminal only.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use skywarden_collect::Progress;
use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

/// The bars that are shown, one below the other: several accounts may be read at once.
static BARS: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)));

/// A bar of the listings of a run, with the resources found, their rate and the remaining time.
pub(crate) struct Bar {
    bar: ProgressBar,
    n_resources: AtomicU64,
}

impl Bar {
    /// Draws on standard error if that is a terminal.
    pub(crate) fn new(what: &str) -> Self {
        let bar = BARS.add(ProgressBar::new(0));
        let eta = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // What was planned is known only after the first answers. The template has no one to tell of an error.
            let text = if state.pos() == 0 { String::new() } else { format!(", about {} s left", state.eta().as_secs()) };
            let _ = out.write_str(&text);
        };
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len} listings, {msg}{left} ({elapsed})") {
            bar.set_style(style.with_key("left", eta).progress_chars("=> "));
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, n_resources: AtomicU64::new(0) }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn planned(&self, n: u64) {
        self.bar.inc_length(n);
    }

    fn done(&self, _label: &str, n_resources: u64) {
        let total = self.n_resources.fetch_add(n_resources, Ordering::Relaxed) + n_resources;
        let seconds = self.bar.elapsed().as_secs_f64().max(0.1);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = total as f64 / seconds;
        self.bar.set_message(format!("{total} resources, {rate:.0}/s"));
        self.bar.inc(1);
    }
}
