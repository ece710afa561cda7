//! Bundles of Azure Policy that people import: zip archives and the files in them. The first byte says which the rest is. What is read
//! can be packed and exported, and reads the same again; what is refused is told with its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_bundle::{Bundle, File, files, pack, read, unpack};

const NAMES: [&str; 4] = ["zip", "a.json", "a.yaml", "policy/definition.yml"];

fn check(given: Vec<File>) {
    let n_bytes: usize = given.iter().map(|file| file.bytes.len()).sum();
    let Bundle { objects, problems, .. } = read(given);
    for problem in problems {
        assert!(!problem.message.is_empty() && problem.place.is_none_or(|(line, column)| line > 0 && column > 0), "{problem:?}");
        assert!(problem.place.is_none_or(|(line, _)| usize::try_from(line).is_ok_and(|line| line <= n_bytes + 1)), "{problem:?}");
    }
    let exported = files(objects.iter().map(|(object, document)| (object.kind(), document)));
    assert_eq!(exported.len(), objects.len());
    let mut again = read(exported);
    assert!(again.problems.is_empty() && again.ignored.is_empty(), "{:?}", again.problems);
    let by_id = |(object, _): &(skywarden_policy::PolicyObject, serde_json::Value)| object.id().to_lowercase();
    let mut objects = objects;
    objects.sort_by_key(by_id);
    again.objects.sort_by_key(by_id);
    let documents = |objects: Vec<(_, serde_json::Value)>| objects.into_iter().map(|(_, document)| document).collect::<Vec<_>>();
    assert_eq!(documents(again.objects), documents(objects));
}

fn seeds() {
    let named = |name: &str, text: String| File { name: name.to_owned(), bytes: text.into_bytes() };
    let objects: Vec<File> =
        skywarden_fuzz::texts("testkit/policies", ".json").into_iter().map(|text| named("a.json", text)).collect();
    let mut seeds: Vec<Vec<u8>> = objects.iter().map(|file| [b"\x01", &file.bytes[..]].concat()).collect();
    let small: Vec<&File> = objects.iter().filter(|file| file.bytes.len() < 3_000).take(20).collect();
    for file in &small {
        let packed = pack(&[File::clone(file), named("b.yaml", "a: 1\n".to_owned())]).expect("it is short");
        seeds.push([b"\0", &packed[..]].concat());
    }
    seeds.push(b"\x02id: /providers/Microsoft.Authorization/policyDefinitions/d\nname: d\nproperties:\n  policyRule:\n    if: { field: name, equals: x }\n    then: { effect: audit }\n".to_vec());
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let name = NAMES[usize::from(*choice) % NAMES.len()];
    if name != "zip" {
        return check(vec![File { name: name.to_owned(), bytes: rest.to_vec() }]);
    }
    match unpack(rest) {
        Ok(found) => {
            assert!(found.windows(2).all(|pair| pair[0].name <= pair[1].name));
            // An archive may hold two files of a name, which ours never does.
            if found.windows(2).all(|pair| pair[0].name != pair[1].name) {
                match pack(&found) {
                    Ok(packed) => assert_eq!(unpack(&packed).expect("our own archive"), found),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
            check(found);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
