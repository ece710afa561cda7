//! Versions of packages: the input is three, with line feeds between. They are in an order, whichever two are compared.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use skywarden_host::compare_versions;

fn seeds() {
    skywarden_fuzz::seeds(["1:2.36-9+deb12u1\n2.36-9\n2.36~rc1-1", "0\n\n~", "1.0-1\n1.0-1.1\n1.0-01", "9\n10\n0:9-0"]);
}

fuzz_target!(init: seeds(), |text: &str| {
    let mut versions: Vec<&str> = text.splitn(3, '\n').collect();
    versions.resize(3, "");
    for one in &versions {
        assert_eq!(compare_versions(one, one), Ordering::Equal, "{one}");
        for other in &versions {
            assert_eq!(compare_versions(one, other), compare_versions(other, one).reverse(), "{one} and {other}");
        }
    }
    let [a, b, c] = versions[..] else { return };
    for (a, b, c) in [(a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)] {
        if compare_versions(a, b).is_le() && compare_versions(b, c).is_le() {
            assert!(compare_versions(a, c).is_le(), "{a} <= {b} <= {c}");
        }
    }
});
