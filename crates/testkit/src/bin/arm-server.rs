//! A server that speaks Azure's wire protocol on loopback, for clients that are other programs.
//!
//! `cargo run -p skywarden-testkit --bin arm-server -- [--copies 100000] [--authority ca.pem]` prints one line of JSON with its address,
//! its tenant and its subscriptions, and serves until it is stopped.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use serde_json::json;
use skywarden_testkit::azure::{Bucket, Control, Estate, Protection, Quota, Server, ServerOptions, folder};

#[derive(Parser)]
struct Arguments {
    /// The folder with the estate's files.
    #[arg(long, default_value_os_t = folder())]
    estate: PathBuf,
    /// As many resources, copies of the written ones.
    #[arg(long)]
    copies: Option<usize>,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Plain HTTP; Microsoft's own clients insist on TLS.
    #[arg(long, value_enum, default_value_t = Scheme::Https)]
    scheme: Scheme,
    /// Where to write the certificate that clients have to trust.
    #[arg(long)]
    authority: Option<PathBuf>,
    /// Items on a page of Resource Manager.
    #[arg(long, default_value_t = 100)]
    page: usize,
    /// Reads of a subscription by a caller: at most so many at once.
    #[arg(long, default_value_t = 250)]
    reads: u32,
    /// How many reads come back in a second.
    #[arg(long, default_value_t = 25)]
    reads_per_second: u32,
    /// Queries of Resource Graph by a caller in the window.
    #[arg(long, default_value_t = 15)]
    queries: u32,
    /// The window of queries in seconds.
    #[arg(long, default_value_t = 5)]
    window: u64,
    /// How long a token is good, in seconds.
    #[arg(long, default_value_t = 3599)]
    token_lifetime: u64,
    /// Every answer takes at least so many milliseconds.
    #[arg(long, default_value_t = 0)]
    latency: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scheme {
    Http,
    Https,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut estate = Estate::open(&arguments.estate)?;
    if let Some(n) = arguments.copies {
        estate = estate.copies(n);
    }
    let options = ServerOptions {
        protection: if arguments.scheme == Scheme::Https { Protection::Tls } else { Protection::None },
        token_lifetime: Duration::from_secs(arguments.token_lifetime),
        page: arguments.page,
        reads: Bucket { size: arguments.reads, refill_per_second: arguments.reads_per_second },
        queries: Quota { calls: arguments.queries, window: Duration::from_secs(arguments.window) },
        latency: Duration::from_millis(arguments.latency),
        control: Control::Open,
        port: arguments.port,
        ..ServerOptions::default()
    };
    let about = json!({"tenant": estate.tenant(), "resources": estate.n_resources(), "subscriptions": estate.subscriptions()});
    let server = Server::start(estate, options).await?;
    if let (Some(path), Some(authority)) = (&arguments.authority, server.authority()) {
        std::fs::write(path, authority).with_context(|| format!("could not write {}", path.display()))?;
    }
    let mut about = about;
    if let Some(about) = about.as_object_mut() {
        about.insert("url".to_owned(), server.url().into());
    }
    println!("{about}");
    tokio::signal::ctrl_c().await.context("could not wait for the signal to stop")?;
    Ok(())
}
