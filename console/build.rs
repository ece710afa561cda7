//! Builds the web application with npm in OUT_DIR and packs its files, compressed, into a table.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};

/// What npm and Vite read, besides the sources under `web/`.
const FILES: [&str; 5] = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts"];

/// Folders of `web/` that no build needs.
const LEFT_OUT: [&str; 1] = ["dev"];

fn main() -> Result<(), Box<dyn Error>> {
    let source = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", source.join("web").display());
    // A copy, so that the checkout stays as it is and two builds do not meet in it.
    let copy = out.join("console");
    for file in FILES {
        println!("cargo:rerun-if-changed={}", source.join(file).display());
        copy_file(&source.join(file), &copy.join(file))?;
    }
    let web = copy.join("web");
    if web.exists() {
        fs::remove_dir_all(&web)?;
    }
    for entry in walkdir::WalkDir::new(source.join("web")).sort_by_file_name() {
        let entry = entry?;
        let name = entry.path().strip_prefix(&source)?;
        let is_left_out = LEFT_OUT.iter().any(|folder| name.starts_with(Path::new("web").join(folder)));
        if entry.file_type().is_file() && !is_left_out {
            copy_file(entry.path(), &copy.join(name))?;
        }
    }
    npm(&copy, &["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"])?;
    let dist = out.join("dist");
    let folder = dist.to_str().ok_or("OUT_DIR is no UTF-8")?;
    npm(&copy, &["run", "--silent", "build", "--", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"])?;
    fs::write(out.join("files.rs"), table(&dist, &out.join("packed"))?)?;
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map_err(|error| format!("could not copy {}: {error}", from.display()))?;
    Ok(())
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let what = format!("npm {}", arguments.join(" "));
    let output = Command::new("npm").args(arguments).current_dir(folder).output().map_err(|error| {
        format!("could not start npm: {error}; the console is built with Node.js 20 or later: install it, or build without the console: --no-default-features")
    })?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        return Err(format!("{what} failed with {}:\n{}", output.status, String::from_utf8_lossy(&text)).into());
    }
    Ok(())
}

/// `(path, content type, gzip)` of each file, in order of the paths.
fn table(dist: &Path, packed: &Path) -> Result<String, Box<dyn Error>> {
    fs::create_dir_all(packed)?;
    let mut table = String::from("&[\n");
    for (number, entry) in walkdir::WalkDir::new(dist).sort_by_file_name().into_iter().filter_map(Result::ok).enumerate() {
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&fs::read(path)?)?;
        let file = packed.join(format!("{number}.gz"));
        fs::write(&file, encoder.finish()?)?;
        let name = path.strip_prefix(dist)?.display().to_string();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let content_type = match ending {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            "json" | "map" => "application/json",
            "woff2" => "font/woff2",
            _ => return Err(format!("the build made {name}, whose content type is not known to build.rs").into()),
        };
        writeln!(table, "    File {{ path: {name:?}, content_type: {content_type:?}, gzip: include_bytes!({file:?}) }},")?;
    }
    table.push(']');
    Ok(table)
}
