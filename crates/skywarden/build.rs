//! Packs the sample estate's recording (testkit/estate/recording) into one compressed file.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../testkit/estate/recording");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|error| format!("could not list {}: {error}", folder.display()))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let mut lines = Vec::new();
    for path in paths {
        println!("cargo:rerun-if-changed={}", path.display());
        lines.extend(fs::read(path)?);
    }
    let packed = zstd::encode_all(lines.as_slice(), 19)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("sample.jsonl.zst"), packed)?;
    Ok(())
}
