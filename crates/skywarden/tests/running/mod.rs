//! The binary as a person runs it, on a data folder.

use std::{
    path::Path,
    process::{Command, Output},
};

pub(crate) fn skywarden(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skywarden"));
    command.args(arguments).env_remove("SKYWARDEN_CONTENT").env("SKYWARDEN_DATA", data).env("USER", "dana");
    command.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap()
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
pub(crate) fn done(data: &Path, arguments: &[&str]) -> String {
    let output = skywarden(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub(crate) fn refused(data: &Path, arguments: &[&str], reason: &str) {
    let output = skywarden(data, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(told(&output).contains(reason), "{arguments:?}: {}", told(&output));
}
