//! Runs the command line of Azure.

use std::{
    ffi::{OsStr, OsString},
    io,
    process::{Output, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use azure_identity::Executor;
use serde::Deserialize;

/// `az` may take this long; it starts slowly and asks Entra ID itself.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `az` with nobody to ask and an end.
#[derive(Debug, Default)]
pub(super) struct Az {
    /// Where programs are looked for, instead of in this process's `PATH`.
    pub(super) path: Option<OsString>,
}

/// What `az account get-access-token` must print. `azure_identity` would show parts of an answer that it can't read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    #[expect(dead_code, reason = "only looked at for being there")]
    access_token: String,
    #[expect(dead_code, reason = "only looked at for being there")]
    token_type: String,
    #[serde(rename = "expires_on")]
    #[expect(dead_code, reason = "only looked at for being there")]
    expires_on: i64,
}

#[async_trait]
impl Executor for Az {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = tokio::process::Command::new(program);
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let ended = tokio::time::timeout(TIMEOUT, command.output()).await;
        let output = ended.map_err(|_| io::Error::other(format!("`az` did not end within {} seconds", TIMEOUT.as_secs())))??;
        if output.status.success() && serde_json::from_slice::<Printed>(&output.stdout).is_err() {
            return Err(io::Error::other("`az` printed no token; it must be of version 2.54 or newer"));
        }
        Ok(output)
    }
}
