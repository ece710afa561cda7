use std::path::Path;

use tokio::{fs::File, io::AsyncReadExt as _};

use super::InputError;

/// A secret, key or certificate may be so long, in bytes.
const MAX: u64 = 1 << 20;

/// Reads a file that holds a secret; a line feed at its end is none of it. `what` says what the file is for.
pub(crate) async fn read(what: &str, path: &Path) -> Result<String, InputError> {
    let failed = |reason: String| {
        InputError::Failed(format!(
            "could not read the {what} in {}: {reason}; let the user of skywarden read it",
            path.display()
        ))
    };
    let file = File::open(path).await.map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    let n_read = file.take(MAX + 1).read_to_string(&mut text).await.map_err(|error| failed(error.to_string()))?;
    if u64::try_from(n_read).unwrap_or(u64::MAX) > MAX {
        return Err(failed(format!("it is longer than {} KiB", MAX >> 10)));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_read_without_its_line_end_and_never_without_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (written, expected) in [("a b\r\n", Some("a b")), ("x\n\n", Some("x\n")), ("\n", None), ("", None)] {
            std::fs::write(&path, written).unwrap();
            assert_eq!(read("token", &path).await.ok().as_deref(), expected, "{written:?}");
        }
        let told = read("token", Path::new("/dev/zero")).await.unwrap_err().to_string();
        assert!(told.contains("the token in /dev/zero: it is longer than 1024 KiB"), "{told}");
        let told = read("token", &folder.path().join("none")).await.unwrap_err().to_string();
        assert!(told.contains("No such file"), "{told}");
    }
}
