//! The systemd journal, through `journalctl --output=json --follow`. Its cursor is kept with the entries, so each comes once.

use std::{
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    time::{Instant, timeout_at},
};

use super::{Context, InputError, LogInput, Start};
use crate::{About, Batch, End, MAX_LINE, RefusedText, Texts, status::Problem};

/// A batch holds about so many bytes.
const BATCH: usize = 1 << 20;

/// Or what came within so long.
const WITHIN: Duration = Duration::from_millis(200);

/// How often to look whether journalctl has something to say.
const EVERY: Duration = Duration::from_secs(1);

/// Of what journalctl says on its standard error so much is told.
const MAX_SAID: usize = 2_000;

/// How much of an entry that can't be given is told.
const START: usize = 200;

/// Entries of the journal of this machine, or of another one whose files are there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct JournaldSettings {
    /// Only those of these units (`sshd.service`; `*` stands for anything).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<String>,
    /// Only those of programs that call themselves so (`sshd`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<String>,
    /// Only those that matter so much or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Where to begin when the input is first run.
    pub start: Start,
    /// A folder with journal files, such as that of the host in a container: `/host/var/log/journal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The journal of a namespace instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The program and what stands before its own arguments, for containers that mount the host's: `[chroot, /host, journalctl]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// How much an entry matters, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of syslog.h")]
pub enum Priority {
    Emerg,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    Info,
    Debug,
}

/// What reads the journal.
#[derive(Debug)]
pub(crate) struct Journald {
    settings: JournaldSettings,
}

/// Where the journal goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    /// The cursor of the last entry; `None` if there was none at all.
    cursor: Option<String>,
}

/// What of an entry says where it stands.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__CURSOR")]
    cursor: String,
}

/// What journalctl said last on its standard error.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<String>>);

/// What journalctl wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalEntries {
    /// The entries, as JSON.
    pub texts: Texts,
    /// What is no entry, or too long.
    pub refused: Vec<RefusedText>,
    /// Where the last entry stands in the journal.
    pub cursor: Option<String>,
}

/// Reads lines; a call that is given up loses nothing.
struct Lines<R> {
    reader: BufReader<R>,
    held: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    is_past: bool,
}

/// A line, or how one begins that is too long.
enum Line {
    Whole(Vec<u8>),
    TooLong(Vec<u8>),
}

impl Journald {
    pub(crate) fn new(settings: JournaldSettings) -> Self {
        Journald { settings }
    }

    fn program(&self) -> &str {
        self.settings.command.first().map_or("journalctl", String::as_str)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        command.args(self.settings.command.get(1..).unwrap_or_default());
        // `--all`: long fields are given in full.
        command.args(["--output=json", "--no-pager", "--all"]);
        command.args(self.settings.units.iter().map(|unit| format!("--unit={unit}")));
        command.args(self.settings.identifiers.iter().map(|identifier| format!("--identifier={identifier}")));
        command.args(self.settings.priority.map(|priority| format!("--priority={}", priority as u8)));
        command.args(self.settings.namespace.as_ref().map(|namespace| format!("--namespace={namespace}")));
        if let Some(directory) = &self.settings.directory {
            command.arg("--directory").arg(directory);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    fn spawn(&self, arguments: &[String]) -> Result<Child, InputError> {
        self.command().args(arguments).spawn().map_err(|error| {
            let program = self.program();
            let advice = match error.kind() {
                io::ErrorKind::NotFound => {
                    "; this machine or container has no systemd: give the program as `command`, or read files with the input `file`"
                }
                _ => "",
            };
            InputError::Failed(format!("could not start `{program}` to read the journal: {error}{advice}"))
        })
    }

    /// Where the journal ends now; kept, so that what comes while this process is away is not passed over.
    async fn end(&self, context: &Context) -> Result<Option<String>, InputError> {
        let output = self.spawn(&["--lines=1".to_owned()])?.wait_with_output().await;
        let output = output.map_err(|error| InputError::Failed(format!("could not read the end of the journal: {error}")))?;
        if !output.status.success() {
            return Err(self.ended(output.status, &String::from_utf8_lossy(&output.stderr)));
        }
        let written = JournalEntries::read(output.stdout.as_slice()).await;
        let last = written.map_err(|error| InputError::Failed(format!("could not read the end of the journal: {error}")))?.cursor;
        let position = Position { cursor: last.clone() };
        context.intake.keep(batch(context, Texts::default(), Vec::new(), &position)).await?;
        Ok(last)
    }

    fn ended(&self, status: ExitStatus, said: &str) -> InputError {
        let said = explained(said).unwrap_or_else(|| "it said nothing".to_owned());
        InputError::Failed(format!("`{}` ended ({status}): {said}", self.program()))
    }
}

#[async_trait]
impl LogInput for Journald {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let position: Option<Position> = context.position("")?;
        let mut cursor = match (position, self.settings.start) {
            (Some(position), _) => position.cursor,
            (None, Start::Beginning) => None,
            (None, Start::End) => self.end(context).await?,
        };
        let mut arguments = vec!["--follow".to_owned(), "--lines=all".to_owned()];
        arguments.extend(cursor.as_ref().map(|cursor| format!("--after-cursor={cursor}")));
        let mut child = self.spawn(&arguments)?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(InputError::Failed("journalctl has no output".to_owned()));
        };
        let said = Said::default();
        let listening = tokio::spawn(said.clone().listen(stderr));
        let mut lines = Lines::new(stdout);
        let mut stop = context.stop.clone();
        // How much waits is known only when nothing does.
        let mut behind = None;
        loop {
            said.tell(context, behind);
            let first = tokio::select! {
                line = tokio::time::timeout(EVERY, lines.next()) => line,
                () = stop.said() => return Ok(()),
            };
            let Ok(first) = first else {
                behind = Some(0);
                continue;
            };
            let mut entries = JournalEntries { cursor: cursor.take(), ..JournalEntries::default() };
            let until = Instant::now() + WITHIN;
            let mut next = Ok(first);
            let is_over = loop {
                match next {
                    Ok(Ok(Some(line))) => entries.take(line),
                    Ok(Ok(None)) => break true,
                    Ok(Err(error)) => return Err(InputError::Failed(format!("could not read what journalctl writes: {error}"))),
                    Err(_) => {
                        behind = Some(0);
                        break false;
                    }
                }
                if entries.texts.n_bytes() >= BATCH {
                    behind = None;
                    break false;
                }
                next = timeout_at(until, lines.next()).await;
            };
            cursor = entries.cursor;
            if !entries.texts.is_empty() || !entries.refused.is_empty() {
                let position = Position { cursor: cursor.clone() };
                context.intake.keep(batch(context, entries.texts, entries.refused, &position)).await?;
            }
            if is_over {
                let status = child.wait().await;
                let status = status.map_err(|error| InputError::Failed(format!("journalctl ended: {error}")))?;
                // All that it said is there now.
                let _ = listening.await;
                return Err(self.ended(status, &said.get()));
            }
        }
    }
}

impl JournalEntries {
    /// Reads what `journalctl --output=json` writes, to the end. What stands behind the last line feed is no entry.
    ///
    /// # Errors
    /// If it can't be read.
    pub async fn read(written: impl AsyncRead + Unpin) -> io::Result<Self> {
        let (mut lines, mut entries) = (Lines::new(written), Self::default());
        while let Some(line) = lines.next().await? {
            entries.take(line);
        }
        Ok(entries)
    }

    fn take(&mut self, line: Line) {
        let (reason, start) = match line {
            Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => return,
            Line::Whole(line) => match cursor(&line) {
                Some(found) => {
                    self.cursor = Some(found);
                    self.texts.push(&String::from_utf8_lossy(&line));
                    return;
                }
                None => ("this is no entry of a journal: it has no __CURSOR".to_owned(), line),
            },
            Line::TooLong(start) => (format!("an entry is longer than {} MiB", MAX_LINE >> 20), start),
        };
        let start = start.get(..START).unwrap_or(&start);
        self.refused.push(RefusedText { reason, start: String::from_utf8_lossy(start).into_owned() });
    }
}

fn cursor(line: &[u8]) -> Option<String> {
    serde_json::from_slice::<Entry>(line).ok().map(|entry| entry.cursor)
}

fn batch(context: &Context, texts: Texts, refused: Vec<RefusedText>, position: &Position) -> Batch {
    let about = About {
        input: Arc::clone(&context.id),
        stream: String::new(),
        source: Arc::clone(&context.source),
        received: Timestamp::now(),
        position: serde_json::to_value(position).ok(),
        end: End::Open,
        refused,
    };
    Batch { about, texts }
}

/// What journalctl said, with what to do about it; `None` if it said nothing.
fn explained(said: &str) -> Option<String> {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.contains("insufficient permissions") || said.contains("not seeing messages from other users") {
        return Some(format!(
            "not all of the journal may be read: let the user of skywarden be a member of the group `systemd-journal` \
             (`usermod --append --groups systemd-journal USER`) and start it again ({said})"
        ));
    }
    (!said.is_empty()).then_some(said)
}

impl Said {
    /// Listens until journalctl ends.
    async fn listen(self, mut stderr: ChildStderr) {
        let mut part = [0; 1_024];
        while let Ok(n) = stderr.read(&mut part).await
            && n > 0
        {
            let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&String::from_utf8_lossy(part.get(..n).unwrap_or_default()));
            let n_over = said.len().saturating_sub(MAX_SAID);
            let cut = said.char_indices().map(|(place, _)| place).find(|place| *place >= n_over).unwrap_or_default();
            said.drain(..cut);
        }
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows it: as long as it says nothing all is well.
    fn tell(&self, context: &Context, behind: Option<u64>) {
        let reason = explained(&self.get());
        context.intake.statuses.change(&context.id, |status| {
            status.behind = behind;
            match (&mut status.problem, reason) {
                (Some(problem), Some(reason)) => problem.reason = reason,
                (problem @ None, Some(reason)) => {
                    status.n_failures += 1;
                    *problem = Some(Problem { reason, since: Timestamp::now() });
                }
                (problem, None) => *problem = None,
            }
        });
    }
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(reader: R) -> Self {
        Lines { reader: BufReader::with_capacity(1 << 16, reader), held: Vec::new(), is_past: false }
    }

    /// The next line, without its end. What stands behind the last line feed is no entry, and is not given.
    async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let part = self.reader.fill_buf().await?;
            if part.is_empty() {
                return Ok(None);
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let n = end.map_or(part.len(), |end| end + 1);
            if !self.is_past {
                self.held.extend_from_slice(part.get(..end.unwrap_or(n)).unwrap_or_default());
            }
            self.reader.consume(n);
            if self.held.len() > MAX_LINE {
                self.is_past = true;
                self.held.truncate(START);
                self.held.shrink_to_fit();
            }
            if end.is_some() {
                let held = std::mem::take(&mut self.held);
                let is_past = std::mem::take(&mut self.is_past);
                return Ok(Some(if is_past { Line::TooLong(held) } else { Line::Whole(held) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_entry_is_told_and_half_a_line_is_none() {
        let written =
            b"{\"__CURSOR\":\"a\",\"MESSAGE\":\"x\"}\n\n{\"MESSAGE\":\"y\"}\n{\"__CURSOR\":\"b\"}\n{\"__CURSOR\":\"c\"}";
        let found = JournalEntries::read(&written[..]).await.unwrap();
        let texts: Vec<&str> = found.texts.iter().collect();
        assert_eq!(texts, ["{\"__CURSOR\":\"a\",\"MESSAGE\":\"x\"}", "{\"__CURSOR\":\"b\"}"]);
        assert_eq!((found.cursor.as_deref(), found.refused.len()), (Some("b"), 1));
        assert!(found.refused[0].reason.contains("__CURSOR") && found.refused[0].start.contains("\"y\""));
    }

    #[test]
    fn what_journalctl_says_comes_with_what_to_do() {
        let hint = "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm', \
                    'systemd-journal' can see all messages.\n      Pass -q to turn off this notice.\n";
        assert!(explained(hint).unwrap().contains("--groups systemd-journal USER"));
        assert!(explained("No journal files were opened due to insufficient permissions.").unwrap().contains("usermod"));
        assert_eq!(explained("Journal file is damaged\n").unwrap(), "Journal file is damaged");
        assert_eq!(explained(" \n"), None);
    }
}
