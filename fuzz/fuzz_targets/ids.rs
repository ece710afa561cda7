//! Texts that name things: field paths and ARM ids survive being printed and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_model::{ArmId, FieldPath, ResourceId, Scope, native_id_of};

fn seeds() {
    skywarden_fuzz::seeds([
        "properties.a['b.c'][*].d[0]",
        "arn:aws:s3:::x",
        "arn:aws:ec2:us-east-1:123456789012:volume/vol-1",
        "/subscriptions/s/resourceGroups/g/providers/A.B/c/n",
        "%2Fa%zz~",
    ]);
}

fuzz_target!(init: seeds(), |text: &str| {
    if let Ok(path) = text.parse::<FieldPath>() {
        let printed = path.to_string();
        // A key with a quote can't be written as a path; all others read back as they were.
        if !printed.contains("']") {
            assert_eq!(printed.parse::<FieldPath>().as_ref(), Ok(&path), "{text:?}");
        }
    }
    drop(native_id_of(text));
    if !text.to_ascii_lowercase().starts_with("/subscriptions/") {
        let scope = Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() };
        let id = ResourceId::from(text);
        let arm_id = ArmId::of_parts(&id, &scope);
        assert_eq!(native_id_of(arm_id.as_str()), Ok(id));
    }
});
