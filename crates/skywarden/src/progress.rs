use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

/// Progress on standard error: a bar with rate and remaining time on a terminal, nothing elsewhere.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(what: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} lists, {per_sec}, {eta} left  {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl skywarden_collect::Progress for Bar {
    fn planned(&self, n: u64) {
        self.0.inc_length(n);
    }

    fn done(&self, label: &str, n_resources: u64) {
        self.0.set_message(format!("{label}: {n_resources}"));
        self.0.inc(1);
    }
}
