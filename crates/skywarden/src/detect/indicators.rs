//! Files of threat intelligence for `skywarden detect --indicators`.

use std::path::{Path, PathBuf};

use skywarden_content::IndicatorKind;
use skywarden_detect::{
    Intelligence,
    indicators::{Feed, Loaded, MAX_TEXT, Unusable, read},
};

use super::files;
use crate::output::text_for_terminal;

/// So many of what could not be used are shown; the rest is counted.
const MAX_SHOWN: usize = 20;

/// Reads files and folders, each with or without labels, and says on the standard error what they gave.
///
/// # Errors
/// If there is no such file or folder, or a folder can't be listed.
pub(super) fn intelligence(paths: &[PathBuf], least_confidence: u8) -> anyhow::Result<Intelligence> {
    let mut known = Intelligence::at_least(least_confidence);
    let mut all = Loaded::default();
    let mut n_files = 0;
    for given in paths {
        let (labels, path) = labels_and_path(given);
        anyhow::ensure!(path != Path::new("-"), "indicators are read from files, not from the standard input");
        for file in files::files(std::slice::from_ref(&path))? {
            n_files += 1;
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            let loaded = match files::open(&file).and_then(|file| Ok(skywarden_ingest::unpacked(file, MAX_TEXT)?)) {
                Ok(text) => read(&text, Feed { name: &name, labels: &labels }, &mut known),
                Err(error) => {
                    let reason = format!("{error:#}");
                    Loaded {
                        unusable: vec![Unusable { place: "all of it".to_owned(), reason }],
                        n_unusable: 1,
                        ..Loaded::default()
                    }
                }
            };
            all.add(&file.display().to_string(), loaded);
        }
    }
    for line in told(&all, n_files) {
        eprintln!("{line}");
    }
    Ok(known)
}

/// Takes `LABELS=PATH` apart; a path that exists as it is given has no labels.
fn labels_and_path(given: &Path) -> (Vec<String>, PathBuf) {
    match given.to_str().and_then(|text| text.split_once('=')) {
        Some((labels, path)) if !given.exists() => {
            (labels.split(',').map(|label| label.trim().to_lowercase()).collect(), PathBuf::from(path))
        }
        _ => (Vec::new(), given.to_owned()),
    }
}

/// What files gave, in lines for people.
fn told(all: &Loaded, n_files: usize) -> Vec<String> {
    let words = [
        (IndicatorKind::Address, "addresses and networks"),
        (IndicatorKind::Domain, "domains"),
        (IndicatorKind::Url, "URLs"),
        (IndicatorKind::Hash, "hashes"),
    ];
    let of = |kind: &IndicatorKind| all.by_kind.get(kind).copied().unwrap_or_default();
    let kinds: Vec<String> = words.iter().map(|(kind, word)| format!("{} {word}", of(kind))).collect();
    let left: Vec<String> = all.left_out.iter().map(|(why, n)| format!("{n} {why}")).collect();
    let left = if left.is_empty() { "none left out".to_owned() } else { format!("left out: {}", left.join(", ")) };
    let files = if n_files == 1 { "1 file".to_owned() } else { format!("{n_files} files") };
    let mut lines = vec![format!("indicators of {files}: {}; {left}; {} could not be used", kinds.join(", "), all.n_unusable)];
    let shown = all.unusable.iter().take(MAX_SHOWN);
    lines.extend(shown.map(|one| format!("not used: {}", text_for_terminal(&one.to_string(), 600))));
    if all.n_unusable > MAX_SHOWN {
        lines.push(format!("not used: {} more", all.n_unusable - MAX_SHOWN));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_give_what_they_hold_and_what_is_wrong_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.txt");
        let wrong: String = (0..30).map(|number| format!("wrong{number}\n")).collect();
        std::fs::write(&list, format!("198.51.100.7\nbad.example\n{wrong}")).unwrap();
        std::fs::write(folder.path().join("misp.json"), r#"[{"type":"domain","to_ids":false,"value":"a.example"}]"#).unwrap();
        let labelled = PathBuf::from(format!("Tor,exit={}", list.display()));
        let known = intelligence(&[folder.path().to_owned(), labelled], 0).unwrap();
        let entries = known.entries();
        assert_eq!(entries.len(), 2);
        assert_eq!(
            (entries[0].indicator.labels.as_slice(), entries[0].indicator.origins.as_slice()),
            (&["exit".to_owned(), "tor".to_owned()][..], &["list.txt".to_owned()][..])
        );
        assert!(intelligence(&[PathBuf::from("tor=/nowhere")], 0).is_err());

        let mut all = Loaded::default();
        all.add("list.txt", read(&std::fs::read(&list).unwrap(), Feed::default(), &mut Intelligence::default()));
        let lines = told(&all, 1);
        assert_eq!(
            lines[0],
            "indicators of 1 file: 1 addresses and networks, 1 domains, 0 URLs, 0 hashes; none left out; 30 could not be used"
        );
        assert!(lines[1].starts_with("not used: list.txt, line 3: "), "{}", lines[1]);
        assert_eq!((lines.len(), lines[21].as_str()), (22, "not used: 10 more"));
    }
}
