use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
};

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// So many feeds may be named.
const MAX_FEEDS: usize = 100;

/// An id is at most so long.
const MAX_ID: usize = 64;

/// The longest time between two requests: a week.
const MAX_MINUTES: u32 = 7 * 24 * 60;

/// A feed as its user writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FeedSettings {
    /// What tells it from others: letters, digits, `-`, `_` and `.`; at most 64.
    pub id: String,
    /// What holds of all that it names: `tor`, `c2`.
    #[serde(default)]
    pub labels: Vec<String>,
    /// What says that it is less sure than this (0 to 100) is left out.
    #[serde(default)]
    pub min_confidence: u8,
    /// Where from.
    pub from: FeedKind,
}

/// Where a feed is read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FeedKind {
    /// Files of this machine: STIX 2.1, MISP, lists, comma-separated values.
    Files(FilesSettings),
    /// A collection of a TAXII 2.1 server.
    Taxii(TaxiiSettings),
}

/// Files that hold indicators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FilesSettings {
    /// Whole paths of files and of folders (with all below them).
    pub paths: Vec<PathBuf>,
}

/// A collection of a TAXII 2.1 server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TaxiiSettings {
    /// The address of the collection, or of the API root if `collection` is given.
    pub url: String,
    /// The collection's id.
    #[serde(default)]
    pub collection: Option<String>,
    /// Who asks.
    #[serde(default)]
    pub username: Option<String>,
    /// A file with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A file with a token (`Authorization: Bearer`).
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// A PEM file with authorities that are trusted besides those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How often to ask, in minutes, from 1 to a week.
    #[serde(default = "an_hour")]
    pub every_minutes: u32,
}

/// Settings that can't be used: where, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct BadFeed {
    /// The feed.
    pub place: String,
    /// What is wrong with it, and what to write.
    pub reason: String,
}

/// Looks for mistakes before anything is read or asked.
///
/// # Errors
/// The first mistake.
pub fn check(feeds: &[FeedSettings]) -> Result<(), BadFeed> {
    let bad = |place: String, reason: String| BadFeed { place, reason };
    if feeds.len() > MAX_FEEDS {
        return Err(bad("logs.intelligence of settings.toml".to_owned(), format!("it names more than {MAX_FEEDS} feeds")));
    }
    let mut ids = BTreeSet::new();
    for feed in feeds {
        let place = format!("the feed `{}` in logs.intelligence of settings.toml", feed.id);
        feed.check().map_err(|reason| bad(place.clone(), reason))?;
        if !ids.insert(feed.id.as_str()) {
            return Err(bad(place, "another feed has the same id; give each one of its own".to_owned()));
        }
    }
    Ok(())
}

impl FeedSettings {
    fn check(&self) -> Result<(), String> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if self.id.is_empty() || self.id.len() > MAX_ID || self.id.starts_with('.') || !self.id.chars().all(is_plain) {
            return Err(format!("`id` is a name of up to {MAX_ID} letters, digits, `-`, `_` and `.` that begins with no dot"));
        }
        if self.min_confidence > 100 {
            return Err("`minConfidence` is a number from 0 to 100".to_owned());
        }
        if self.labels.iter().any(|label| label.trim().is_empty()) {
            return Err("one of its `labels` is empty; leave it out".to_owned());
        }
        match &self.from {
            FeedKind::Files(files) => files.check(),
            FeedKind::Taxii(taxii) => taxii.check(),
        }
    }

    /// Its labels as they are compared.
    pub(super) fn labels(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.trim().to_lowercase()).collect()
    }
}

impl FeedKind {
    /// Its word in settings.
    pub fn name(&self) -> &'static str {
        match self {
            FeedKind::Files(_) => "files",
            FeedKind::Taxii(_) => "taxii",
        }
    }
}

impl FilesSettings {
    fn check(&self) -> Result<(), String> {
        if self.paths.is_empty() {
            return Err("`from.paths` names no file; name one, or remove the feed".to_owned());
        }
        self.paths.iter().try_for_each(|path| whole_path("paths", path))
    }
}

impl TaxiiSettings {
    fn check(&self) -> Result<(), String> {
        let objects = self.objects_url()?;
        if !(1..=MAX_MINUTES).contains(&self.every_minutes) {
            return Err(format!("`from.everyMinutes` is a number from 1 to {MAX_MINUTES}"));
        }
        let files = [("passwordFile", &self.password_file), ("tokenFile", &self.token_file), ("caFile", &self.ca_file)];
        for (name, path) in files {
            path.iter().try_for_each(|path| whole_path(name, path))?;
        }
        match (&self.username, &self.password_file, &self.token_file) {
            (None, None, None) => return Ok(()),
            (Some(_), Some(_), None) | (None, None, Some(_)) => {}
            _ => {
                return Err("a login is `from.username` with `from.passwordFile`, or `from.tokenFile`, and not both".to_owned());
            }
        }
        if objects.scheme() == "http" && !is_this_machine(&objects) {
            return Err("its login would go over http, where others can read it; use https".to_owned());
        }
        Ok(())
    }

    /// Where the objects of the collection are asked for.
    pub(super) fn objects_url(&self) -> Result<Url, String> {
        let wrong = |why: &str| {
            Err(format!(
                "`from.url` {why}; write the address of the collection (https://SERVER/ROOT/collections/ID/), or that of the API root \
                 and its id as `from.collection`"
            ))
        };
        let Ok(mut url) = Url::parse(&self.url) else { return wrong("is no address") };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return wrong("is no http or https address");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("holds a login, which belongs into `from.username` and `from.passwordFile`");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("has a part behind `?` or `#`");
        }
        let mut path: Vec<String> = url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        if let Some(collection) = &self.collection {
            if collection.is_empty() || collection.contains(['/', '?', '#', '%']) || collection.starts_with('.') {
                return Err("`from.collection` is no id of a collection".to_owned());
            }
            path.extend(["collections".to_owned(), collection.clone()]);
        } else {
            path.pop_if(|last| last == "objects");
            if !matches!(path.as_slice(), [.., word, _] if word == "collections") {
                return wrong("names no collection");
            }
        }
        url.set_path(&format!("/{}/objects/", path.join("/")));
        Ok(url)
    }
}

fn an_hour() -> u32 {
    60
}

fn whole_path(name: &str, path: &Path) -> Result<(), String> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(format!("`from.{name}` has the path `{}`; write it whole, from `/` on", path.display()))
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn feed(id: &str, from: Value) -> FeedSettings {
        serde_json::from_value(json!({ "id": id, "from": from })).unwrap()
    }

    fn taxii(url: &str) -> Value {
        json!({ "kind": "taxii", "url": url })
    }

    #[test]
    fn a_collection_is_named_by_its_address_or_by_root_and_id() {
        for (url, collection) in [
            ("https://taxii.example/api/collections/42/", None),
            ("https://taxii.example/api/collections/42", None),
            ("https://taxii.example/api/collections/42/objects/", None),
            ("https://taxii.example/api", Some("42")),
            ("https://taxii.example/api/", Some("42")),
        ] {
            let mut from = taxii(url);
            from["collection"] = collection.into();
            let FeedKind::Taxii(settings) = feed("a", from).from else { unreachable!("it is TAXII") };
            assert_eq!(settings.objects_url().unwrap().as_str(), "https://taxii.example/api/collections/42/objects/", "{url}");
            assert_eq!(settings.every_minutes, 60);
        }
    }

    #[test]
    fn mistakes_are_told_with_their_feed_and_what_to_do() {
        let root = "https://taxii.example/api/collections/42/";
        let with = |member: &str, value: Value| {
            let mut from = taxii(root);
            from[member] = value;
            from
        };
        let mut open = taxii("http://taxii.example/api/collections/42/");
        open["tokenFile"] = "/etc/token".into();
        for (id, from, part) in [
            ("", taxii(root), "`id` is a name"),
            ("../x", taxii(root), "`id` is a name"),
            (".x", taxii(root), "no dot"),
            ("a", taxii("taxii.example"), "no address"),
            ("a", taxii("ftp://taxii.example/collections/42/"), "no http or https"),
            ("a", taxii("https://taxii.example/api/"), "names no collection"),
            ("a", taxii("https://me:secret@taxii.example/api/collections/42/"), "holds a login"),
            ("a", taxii("https://taxii.example/api/collections/42/?x=y"), "behind `?`"),
            ("a", with("collection", "a/b".into()), "no id of a collection"),
            ("a", with("username", "me".into()), "a login is"),
            ("a", with("passwordFile", "/etc/password".into()), "a login is"),
            ("a", with("tokenFile", "token".into()), "write it whole"),
            ("a", with("everyMinutes", 0.into()), "from 1 to 10080"),
            ("a", open, "use https"),
            ("a", json!({ "kind": "files", "paths": [] }), "names no file"),
            ("a", json!({ "kind": "files", "paths": ["bad.txt"] }), "write it whole"),
        ] {
            let error = check(&[feed(id, from.clone())]).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("logs.intelligence of settings.toml"), "{from}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let (good, mut sure) = (feed("a", taxii(root)), feed("b", taxii(root)));
        assert_eq!(check(&[good.clone(), sure.clone()]), Ok(()));
        assert!(check(&[good.clone(), good]).unwrap_err().reason.contains("same id"));
        sure.min_confidence = 101;
        assert!(check(&[sure.clone()]).unwrap_err().reason.contains("0 to 100"));
        (sure.min_confidence, sure.labels) = (0, vec![" ".to_owned()]);
        assert!(check(&[sure]).unwrap_err().reason.contains("empty"));
        let unknown = json!({ "id": "a", "from": { "kind": "taxii", "url": root, "every": 5 } });
        assert!(serde_json::from_value::<FeedSettings>(unknown).unwrap_err().to_string().contains("every"));
    }
}
