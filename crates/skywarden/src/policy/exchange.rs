use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use skywarden_bundle::{Bundle, File, MAX_BUNDLE, MAX_FILE, MAX_FILES};
use skywarden_content::RecommendationFile;
use skywarden_model::Timestamp;
use skywarden_policy::ObjectKind;

use crate::{Ending, arguments::ImportPolicies, content, estate::with_store, output::text_for_terminal};

/// Mistakes that are shown; the rest is counted.
const MAX_SHOWN: usize = 50;

/// `skywarden policy import`: what has a mistake is told and left out, the rest is taken.
pub(super) fn import(import: &ImportPolicies, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let mut files = Vec::new();
    for path in &import.paths {
        gather(path, &import.except, &mut files)?;
    }
    let bundle = skywarden_bundle::read(files);
    for problem in bundle.problems.iter().take(MAX_SHOWN) {
        eprintln!("{}", text_for_terminal(&problem.to_string(), 1000));
        if let Some(help) = &problem.help {
            eprintln!("    help: {}", text_for_terminal(help, 500));
        }
    }
    if bundle.problems.len() > MAX_SHOWN {
        eprintln!("and {} more mistakes", bundle.problems.len() - MAX_SHOWN);
    }
    println!("read: {}", counted(&bundle));
    let ending = if bundle.problems.is_empty() { Ending::Done } else { Ending::Failed };
    if import.dry_run {
        return Ok(ending);
    }
    anyhow::ensure!(!bundle.objects.is_empty(), "there is nothing to import");
    let catalog = content::catalog(overlay)?;
    with_store(import.data.as_deref(), async |store| {
        let change = store.put_policies(&bundle.objects).await?;
        println!("in the store: {} new, {} changed, {} as they were", change.n_added, change.n_changed, change.n_same);
        let now = Timestamp::now();
        let kept = store.policy_library().await?;
        for refusal in &kept.refused {
            for error in &refusal.errors {
                eprintln!("{}: {}", text_for_terminal(&refusal.id, 300), text_for_terminal(&error.message, 500));
            }
        }
        for unlinked in &kept.library.governance.plan(now).unlinked {
            let reference = if unlinked.reference_id.is_empty() { String::new() } else { format!(", {}", unlinked.reference_id) };
            let line = format!("not in force: {}{reference}: {}", unlinked.assignment_id, unlinked.message);
            eprintln!("{}", text_for_terminal(&line, 1000));
        }
        let run = store.judge_all_policies(&catalog, now).await?;
        println!("judged: {} resources, {} states, of which {} are new or changed", run.n_resources, run.n_states, run.n_written);
        Ok(())
    })?;
    Ok(ending)
}

/// `skywarden policy export`.
pub(super) fn export(out: &Path, data: Option<&Path>) -> anyhow::Result<Ending> {
    let kept = with_store(data, async |store| Ok(store.policy_library().await?))?;
    let files = skywarden_bundle::files(kept.library.documents().map(|(_, kind, document)| (kind, document)));
    anyhow::ensure!(!files.is_empty(), "there is no policy in the store; `skywarden policy import` brings some");
    write(out, &files)
}

/// `skywarden policy from-recommendations`.
pub(super) fn from_recommendations(out: &Path, type_name: Option<&str>) -> anyhow::Result<Ending> {
    let files =
        RecommendationFile::embedded().map_err(|problems| anyhow::anyhow!("the built-in content is faulty: {problems:?}"))?;
    let mut documents = Vec::new();
    let mut left_out = Vec::new();
    for file in files.iter().filter(|file| type_name.is_none_or(|prefix| file.type_name.starts_with(prefix))) {
        let key = file.assessment_key.clone().unwrap_or_else(|| skywarden_model::assessment_key(&file.id).to_string());
        match skywarden_bundle::definition_of(file, &key) {
            Ok(document) => documents.push(document),
            Err(reason) => left_out.push(format!("{}: {reason}", file.id)),
        }
    }
    anyhow::ensure!(!documents.is_empty(), "no recommendation is of such a type; `skywarden content list` shows them");
    for line in left_out {
        eprintln!("left out: {line}");
    }
    let files = skywarden_bundle::files(documents.iter().map(|document| (ObjectKind::Definition, document)));
    write(out, &files)
}

fn write(out: &Path, files: &[File]) -> anyhow::Result<Ending> {
    if out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        fs::write(out, skywarden_bundle::pack(files)?).with_context(|| format!("could not write {}", out.display()))?;
    } else {
        // What lies there from before would look like a part of it.
        let is_empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
        anyhow::ensure!(is_empty, "{} is not empty; name a folder that is, or a .zip", out.display());
        for file in files {
            let path = out.join(&file.name);
            let parent = path.parent().unwrap_or(out);
            fs::create_dir_all(parent).with_context(|| format!("could not create {}", parent.display()))?;
            fs::write(&path, &file.bytes).with_context(|| format!("could not write {}", path.display()))?;
        }
    }
    println!("{} files in {}", files.len(), out.display());
    Ok(Ending::Done)
}

/// `skywarden policy remove`.
pub(super) fn remove(ids: &[String], data: Option<&Path>, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    with_store(data, async |store| {
        let kept = store.policy_library().await?;
        for id in ids {
            let is_there = kept.library.document(id).is_some();
            anyhow::ensure!(is_there, "there is no `{}`; `skywarden policy list` shows the ids", text_for_terminal(id, 300));
        }
        let change = store.remove_policies(ids).await?;
        let run = store.judge_all_policies(&catalog, Timestamp::now()).await?;
        println!("removed: {}; judged anew: {} resources", change.n_removed, run.n_resources);
        Ok(Ending::Done)
    })
}

/// The files of a path: itself, those below a folder, or those in an archive.
fn gather(path: &Path, except: &[String], files: &mut Vec<File>) -> anyhow::Result<()> {
    let metadata = fs::metadata(path).with_context(|| format!("could not read {}", path.display()))?;
    if metadata.is_dir() {
        let mut left = vec![path.to_path_buf()];
        let mut n_bytes = 0;
        while let Some(folder) = left.pop() {
            for entry in entries(&folder)? {
                // A link could lead out of the folder, or around in it.
                let metadata = fs::symlink_metadata(&entry).with_context(|| format!("could not read {}", entry.display()))?;
                if metadata.is_dir() {
                    let name = entry.file_name().unwrap_or_default();
                    if !except.iter().any(|left_out| name == left_out.as_str()) {
                        left.push(entry);
                    }
                } else if metadata.is_file() && is_document(&entry) {
                    n_bytes += metadata.len();
                    let fits = files.len() < MAX_FILES && n_bytes <= MAX_BUNDLE;
                    anyhow::ensure!(fits, "{} holds more than {MAX_FILES} files or {MAX_BUNDLE} bytes", path.display());
                    files.push(file(&entry, MAX_FILE)?);
                }
            }
        }
        files.sort_by(|left, right| left.name.cmp(&right.name));
    } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        let archive = file(path, MAX_BUNDLE)?;
        let members = skywarden_bundle::unpack(&archive.bytes).with_context(|| format!("could not read {}", path.display()))?;
        files.extend(members.into_iter().map(|own| File { name: format!("{}!{}", path.display(), own.name), ..own }));
    } else {
        files.push(file(path, MAX_FILE)?);
    }
    Ok(())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let doing = || format!("could not read {}", folder.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).with_context(doing)? {
        entries.push(entry.with_context(doing)?.path());
    }
    entries.sort();
    Ok(entries)
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    ["json", "yaml", "yml"].contains(&extension.as_str())
}

fn file(path: &Path, longest: u64) -> anyhow::Result<File> {
    let doing = || format!("could not read {}", path.display());
    let mut bytes = Vec::new();
    fs::File::open(path).with_context(doing)?.take(longest + 1).read_to_end(&mut bytes).with_context(doing)?;
    anyhow::ensure!(bytes.len() as u64 <= longest, "{} is longer than {longest} bytes", path.display());
    Ok(File { name: path.display().to_string(), bytes })
}

/// `3 definitions, 1 initiative; 2 other files`.
fn counted(bundle: &Bundle) -> String {
    let mut counts: BTreeMap<ObjectKind, usize> = BTreeMap::new();
    for (object, _) in &bundle.objects {
        *counts.entry(object.kind()).or_default() += 1;
    }
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let mut parts: Vec<String> =
        counts.iter().map(|(kind, count)| format!("{count} {}{}", words(*kind), plural(*count))).collect();
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    let mut text = parts.join(", ");
    for (count, what) in [(bundle.problems.len(), "mistake"), (bundle.ignored.len(), "other file")] {
        if count > 0 {
            text.push_str(&format!("; {count} {what}{}", plural(count)));
        }
    }
    text
}

fn words(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::ManagementGroup => "management group",
        other => other.name(),
    }
}
