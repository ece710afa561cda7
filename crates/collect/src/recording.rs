use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use skywarden_model::Timestamp;

use crate::{Answer, Call, CallFailure, Transport, call};

/// Passes calls on and writes each answer to `DIR/SERVICE.jsonl`, for [`crate::Replay`].
///
/// Requests' headers, and so credentials, are not written; answers are, as they came: they may hold what the account's owner
/// keeps secret (environment variables of functions), so the files can be read by their owner only.
pub struct Recording {
    inner: Arc<dyn Transport>,
    folder: PathBuf,
    taken_at: Timestamp,
    files: Mutex<BTreeMap<String, File>>,
}

/// Why calls can't be recorded.
#[derive(Debug, thiserror::Error)]
#[error("could not record calls in {}: {source}", folder.display())]
pub struct RecordError {
    folder: PathBuf,
    source: std::io::Error,
}

/// One line of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Recorded {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) parameters: Map<String, Value>,
    /// When, on the first call of a run; the resources' ages are judged as of then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) taken_at: Option<Timestamp>,
    /// 0 if there was no answer.
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bucket_region: Option<String>,
    /// The body, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// The body in base64, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<RecordedFailure>,
}

impl Recorded {
    pub(crate) fn key(&self) -> String {
        call::key(&self.service, &self.operation, &self.region, &self.parameters)
    }
}

/// A call without an answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RecordedFailure {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Recording {
    /// Records a run that begins at `taken_at` in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// If the folder can't be made.
    pub fn new(inner: Arc<dyn Transport>, folder: &Path, taken_at: Timestamp) -> Result<Self, RecordError> {
        fs::create_dir_all(folder).map_err(|source| RecordError { folder: folder.to_path_buf(), source })?;
        Ok(Self { inner, folder: folder.to_path_buf(), taken_at, files: Mutex::default() })
    }

    fn write(&self, recorded: &Recorded) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(recorded)?;
        line.push(b'\n');
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get_mut(&recorded.service) {
            return file.write_all(&line);
        }
        let path = self.folder.join(format!("{}.jsonl", recorded.service));
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        file.write_all(&line)?;
        files.insert(recorded.service.clone(), file);
        Ok(())
    }
}

#[async_trait]
impl Transport for Recording {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let result = self.inner.call(call).await;
        // A recording with holes would later be replayed as failures of the cloud: a call that can't be recorded fails now.
        self.write(&recorded(call, &result, self.taken_at)).map_err(|error| CallFailure {
            code: "NotRecorded".to_owned(),
            message: format!("the answer could not be written to {}: {error}", self.folder.display()),
        })?;
        result
    }

    fn home_region(&self) -> String {
        self.inner.home_region()
    }
}

fn recorded(call: &Call, result: &Result<Answer, CallFailure>, taken_at: Timestamp) -> Recorded {
    let answer = result.as_ref().ok();
    let text = answer.and_then(|answer| std::str::from_utf8(&answer.body).ok());
    Recorded {
        service: call.service.clone(),
        operation: call.operation.clone(),
        region: call.region.clone(),
        parameters: call.parameters.clone(),
        taken_at: call.is_identity().then_some(taken_at),
        status: answer.map(|answer| answer.status).unwrap_or_default(),
        content_type: answer.and_then(|answer| answer.content_type.clone()),
        error_type: answer.and_then(|answer| answer.error_type.clone()),
        bucket_region: answer.and_then(|answer| answer.bucket_region.clone()),
        body: text.map(str::to_owned),
        body_base64: answer.filter(|_| text.is_none()).map(|answer| BASE64_STANDARD.encode(&answer.body)),
        failure: result
            .as_ref()
            .err()
            .map(|failure| RecordedFailure { code: failure.code.clone(), message: failure.message.clone() }),
    }
}
