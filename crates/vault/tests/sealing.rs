//! What is sealed opens under its key and in its place, unchanged, and in no other way.

use proptest::prelude::*;
use skywarden_vault::{SecretKey, VaultError, sealed_under};

#[test]
fn a_key_survives_its_text_and_shows_nothing_of_itself() {
    let key = SecretKey::generate().unwrap();
    let read = SecretKey::from_text(&format!("  {}\n", key.to_text())).unwrap();
    assert_eq!((read.id(), read.to_text()), (key.id(), key.to_text()));
    assert!(!format!("{key:?}").contains(&key.to_text()));
    assert_ne!(key.id(), SecretKey::generate().unwrap().id());
    for wrong in ["", "short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!", &"A".repeat(44)] {
        assert!(matches!(SecretKey::from_text(wrong), Err(VaultError::NoKey(_))), "{wrong}");
    }
}

#[test]
fn another_key_is_named() {
    let (one, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
    let sealed = one.seal("here", b"secret").unwrap();
    assert_eq!(sealed_under(&sealed), Some(one.id()));
    let error = other.open("here", &sealed).unwrap_err();
    assert!(matches!(&error, VaultError::OtherKey { sealed_under, given } if sealed_under == one.id() && given == other.id()));
    assert_ne!(one.seal("here", b"secret").unwrap(), sealed, "no nonce is used twice");
}

proptest! {
    #[test]
    fn what_is_sealed_opens_in_its_place_only(secret: Vec<u8>, place: String, elsewhere: String) {
        let key = SecretKey::generate().unwrap();
        let sealed = key.seal(&place, &secret).unwrap();
        prop_assert_eq!(key.open(&place, &sealed).unwrap(), secret);
        if place != elsewhere {
            prop_assert!(matches!(key.open(&elsewhere, &sealed), Err(VaultError::Damaged)));
        }
    }

    #[test]
    fn a_changed_text_opens_nowhere(secret: Vec<u8>, at: prop::sample::Index, with in "[A-Za-z0-9._-]") {
        let key = SecretKey::generate().unwrap();
        let sealed = key.seal("here", &secret).unwrap();
        let at = at.index(sealed.len());
        let (before, after) = sealed.split_at(at);
        let after: String = after.chars().skip(1).collect();
        let changed = format!("{before}{with}{after}");
        if changed != sealed {
            prop_assert!(key.open("here", &changed).is_err());
        }
    }

    #[test]
    fn any_text_is_refused_without_panic(text: String) {
        prop_assert!(SecretKey::generate().unwrap().open("here", &text).is_err());
    }
}
