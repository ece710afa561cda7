use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use skywarden_api::{LimitSettings, Rate};

/// What the server allows. Whoever asks too often is told when to ask again.
#[derive(Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArguments {
    /// Requests a second that one principal may make for long.
    #[arg(long, default_value_t = LimitSettings::default().principal.per_second, value_name = "N")]
    limit_rate: NonZeroU32,
    /// Requests that one principal may make at once after a rest.
    #[arg(long, default_value_t = LimitSettings::default().principal.burst, value_name = "N")]
    limit_burst: NonZeroU32,
    /// Requests a second that one address may make before it says who it is: signing in, asking for tokens.
    #[arg(long, default_value_t = LimitSettings::default().stranger.per_second, value_name = "N")]
    limit_stranger_rate: NonZeroU32,
    /// Requests that such an address may make at once after a rest.
    #[arg(long, default_value_t = LimitSettings::default().stranger.burst, value_name = "N")]
    limit_stranger_burst: NonZeroU32,
    /// The longest body of a request, in KiB.
    #[arg(long, default_value_t = kib(LimitSettings::default().body), value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    limit_body: u32,
    /// The longest body of a request that brings policies, in KiB.
    #[arg(long, default_value_t = kib(LimitSettings::default().import), value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    limit_import: u32,
    /// Seconds until the answer to a request has to begin.
    #[arg(long, default_value_t = LimitSettings::default().time.as_secs(), value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    limit_time: u64,
}

impl LimitArguments {
    pub(crate) fn settings(&self) -> LimitSettings {
        let bytes = |kib: u32| usize::try_from(u64::from(kib) << 10).unwrap_or(usize::MAX);
        LimitSettings {
            principal: Rate { per_second: self.limit_rate, burst: self.limit_burst },
            stranger: Rate { per_second: self.limit_stranger_rate, burst: self.limit_stranger_burst },
            body: bytes(self.limit_body),
            import: bytes(self.limit_import),
            time: Duration::from_secs(self.limit_time),
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes >> 10).unwrap_or(u32::MAX)
}
