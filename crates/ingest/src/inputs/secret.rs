use std::path::Path;

use super::InputError;

/// A secret, key or certificate may be so long, in bytes.
const MAX: u64 = 1 << 20;

/// Reads a file that holds a secret; a line feed at its end is none of it. `what` says what the file is for.
pub(super) async fn read(what: &str, path: &Path) -> Result<String, InputError> {
    let failed = |reason: String| {
        InputError::Failed(format!("could not read the {what} in {}: {reason}; let the user of skywarden read it", path.display()))
    };
    let length = tokio::fs::metadata(path).await.map_err(|error| failed(error.to_string()))?.len();
    if length > MAX {
        return Err(failed(format!("it is longer than {} KiB", MAX >> 10)));
    }
    let text = tokio::fs::read_to_string(path).await.map_err(|error| failed(error.to_string()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(text.to_owned())
}
