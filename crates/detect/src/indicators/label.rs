/// Words of feeds and the words that detections ask for; the feed's word stays beside ours.
const SAME: &[(&str, &str)] = &[
    ("anonymization", "anonymizer"),
    ("anonymizer-proxy", "proxy"),
    ("bot", "botnet"),
    ("botnet_cc", "c2"),
    ("brute force", "bruteforce"),
    ("brute-force", "bruteforce"),
    ("c&c", "c2"),
    ("c2-server", "c2"),
    ("cnc", "c2"),
    ("command and control", "c2"),
    ("command-and-control", "c2"),
    ("malicious-activity", "malicious"),
    ("malware_download", "malware"),
    ("payload_delivery", "malware"),
    ("scan", "scanner"),
    ("scanning", "scanner"),
    ("tor exit", "tor"),
    ("tor exit node", "tor"),
    ("tor-exit", "tor"),
    ("tor-exit-node", "tor"),
    ("tor-node", "tor"),
];

/// Namespaces of MISP's tags that say how to handle a thing or how sure somebody is, not what it is.
const NOT_WHAT_IT_IS: &[&str] = &["admiralty-scale", "estimative-language", "misp", "osint", "pap", "tlp", "workflow"];

/// MISP's own words for how sure somebody is, with the numbers that it gives them.
const CONFIDENCE: &[(&str, u8)] = &[
    ("completely-confident", 100),
    ("usually-confident", 75),
    ("fairly-confident", 50),
    ("rarely-confident", 25),
    ("unconfident", 0),
];

/// Adds to labels the words that detections ask for.
pub(super) fn with_own_words(labels: &mut Vec<String>) {
    let own: Vec<String> = labels
        .iter()
        .filter_map(|label| SAME.iter().find(|(word, _)| word.eq_ignore_ascii_case(label.trim())))
        .map(|(_, own)| (*own).to_owned())
        .collect();
    labels.extend(own);
}

/// The labels in a tag of MISP: of `namespace:predicate="value"` the value, of a galaxy also which one it is.
pub(super) fn of_tag(tag: &str) -> Vec<String> {
    let Some((namespace, rest)) = tag.split_once(':') else { return vec![tag.to_owned()] };
    if NOT_WHAT_IT_IS.contains(&namespace.trim().to_lowercase().as_str()) {
        return Vec::new();
    }
    match rest.split_once('=') {
        None => vec![tag.to_owned()],
        Some((predicate, value)) => {
            let value = value.trim().trim_matches('"').to_owned();
            if namespace.eq_ignore_ascii_case("misp-galaxy") { vec![predicate.to_owned(), value] } else { vec![value] }
        }
    }
}

/// How sure a tag of MISP says that somebody is.
pub(super) fn confidence_of(tag: &str) -> Option<u8> {
    let word = tag.trim().strip_prefix("misp:confidence-level=")?.trim_matches('"');
    CONFIDENCE.iter().find(|(known, _)| *known == word).map(|(_, confidence)| *confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_say_what_a_thing_is() {
        for (tag, expected) in [
            ("phish", &["phish"][..]),
            ("tlp:white", &[]),
            ("PAP:red", &[]),
            ("estimative-language:likelihood-probability=\"likely\"", &[]),
            ("misp-galaxy:threat-actor=\"Grey Heron\"", &["threat-actor", "Grey Heron"]),
            ("kind-of:work=\"phishing\"", &["phishing"]),
            ("type:report", &["type:report"]),
        ] {
            assert_eq!(of_tag(tag), expected, "{tag}");
        }
        assert_eq!(confidence_of("misp:confidence-level=\"usually-confident\""), Some(75));
        assert_eq!(confidence_of("misp:confidence-level=\"confidence-cannot-be-evaluated\""), None);
    }

    #[test]
    fn own_words_stand_beside_those_of_the_feed() {
        let mut labels = vec!["Command-and-Control".to_owned(), "other".to_owned()];
        with_own_words(&mut labels);
        assert_eq!(labels, ["Command-and-Control", "other", "c2"]);
    }
}
