//! Providers' messages, made fit to be stored and shown.

/// A provider's message is kept to this many characters.
const MAX_CHARS: usize = 300;

/// How every signed token (JWT) begins: `{"` in base64.
const TOKEN: &str = "eyJ";

/// Shorter than any token, longer than a word that happens to begin like one.
const MIN_TOKEN: usize = 20;

/// A message on one line, cut to 300 characters, without access key ids, signed tokens, and what a signature was made of.
pub fn clean_message(message: &str) -> String {
    // What follows is the canonical request, which holds the session token.
    let head = message.split_once("The Canonical String").map_or(message, |(head, _)| head);
    let mut clean = String::new();
    for word in head.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(&without_keys(&without_tokens(word)));
        if clean.len() > MAX_CHARS * 4 {
            break;
        }
    }
    match clean.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => {
            clean.truncate(end);
            clean.push('…');
            clean
        }
        None => clean,
    }
}

/// Replaces every signed token.
fn without_tokens(word: &str) -> String {
    let mut clean = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once(TOKEN) {
        let end = after.find(|character: char| !is_token_character(character)).unwrap_or(after.len());
        let (token, following) = after.split_at(end);
        clean.push_str(before);
        if token.len() + TOKEN.len() >= MIN_TOKEN {
            clean.push_str("[removed]");
        } else {
            clean.push_str(TOKEN);
            clean.push_str(token);
        }
        rest = following;
    }
    clean.push_str(rest);
    clean
}

fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '=')
}

/// Replaces every run of letters and digits that looks like an access key id, and every long run that may be a secret or a token.
fn without_keys(word: &str) -> String {
    let mut clean = String::with_capacity(word.len());
    for run in word.split_inclusive(|character: char| !is_secret_character(character)) {
        let key = run.trim_end_matches(|character: char| !is_secret_character(character));
        let is_id = ["AKIA", "ASIA"].iter().any(|prefix| key.starts_with(prefix)) && key.len() >= 16;
        if is_id || (key.len() >= 40 && is_mixed(key)) {
            clean.push_str("[removed]");
            clean.push_str(run.strip_prefix(key).unwrap_or_default());
        } else {
            clean.push_str(run);
        }
    }
    clean
}

fn is_secret_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '+'
}

/// Secrets and tokens mix upper case, lower case and digits; names of operations and hashes do not.
fn is_mixed(text: &str) -> bool {
    text.contains(|character: char| character.is_ascii_uppercase())
        && text.contains(|character: char| character.is_ascii_lowercase())
        && text.contains(|character: char| character.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_and_canonical_strings_are_taken_out() {
        let message = "The key AKIAIOSFODNN7EXAMPLE, is\n unknown. The Canonical String for this request should have been\n'GET x-amz-security-token:abc'";
        assert_eq!(clean_message(message), "The key [removed], is unknown.");
        assert_eq!(
            clean_message("token=IQoJb3JpZ2luX2VjEAAaCXVzLWVhc3QtMSJHMEUCIQDabcdef0123456789"),
            "token=[removed]".replace("token=IQoJ", "")
        );
    }

    #[test]
    fn signed_tokens_are_taken_out() {
        let message = "Bearer 'eyJhbGciOiJub25l.eyJpc3MiOiJ4In0.a-b_c', claims=eyJ, x";
        assert_eq!(clean_message(message), "Bearer '[removed]', claims=eyJ, x");
        assert_eq!(clean_message("eyJeyJeyJ"), "eyJeyJeyJ");
    }

    #[test]
    fn ordinary_messages_stay_as_they_are() {
        let message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: s3:GetBucketAcl";
        assert_eq!(clean_message(message), message);
    }

    proptest! {
        #[test]
        fn messages_stay_short(message in "\\PC{0,2000}") {
            prop_assert!(clean_message(&message).chars().count() <= MAX_CHARS + 1);
        }
    }
}
