//! AWS Config's files, which come from a bucket that others write to.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skywarden_collect::{Specs, read_config_snapshot};
use skywarden_content::Catalog;
use skywarden_model::Timestamp;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().expect("the built-in content loads"));
static FOLDER: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("skywarden-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the file");
    folder
});

fn seeds() {
    LazyLock::force(&CATALOG);
    let item = r#"{"configurationItemVersion":"1.3","configurationItemStatus":"OK","awsAccountId":"111111111111","awsRegion":"eu-west-1","resourceType":"AWS::S3::Bucket","resourceId":"b","ARN":"arn:aws:s3:::b","tags":{"team":"a"},"configuration":"{\"name\":\"b\"}","supplementaryConfiguration":{"BucketPolicy":{"policyText":"{}"},"PublicAccessBlockConfiguration":{"ignorePublicAcls":true}}}"#;
    let group = r#"{"configurationItemStatus":"OK","awsAccountId":"111111111111","awsRegion":"eu-west-1","resourceType":"AWS::EC2::SecurityGroup","resourceId":"sg-1","ARN":"arn:aws:ec2:eu-west-1:111111111111:security-group/sg-1","configuration":{"groupId":"sg-1","ipPermissions":[{"fromPort":22,"ipv4Ranges":[{"cidrIp":"0.0.0.0/0"}]}]}}"#;
    let whole = format!(r#"{{"fileVersion":"1.0","configSnapshotId":"x","configurationItems":[{item},{group}]}}"#);
    skywarden_fuzz::seeds([whole.as_str(), item, group]);
}

fuzz_target!(init: seeds(), |bytes: &[u8]| {
    // As it stands, as one item of a file, and packed.
    let item = [br#"{"configurationItems":["#, bytes, b"]}"].concat();
    for (name, content) in [("whole.json", bytes), ("item.json", &item), ("packed.json.gz", bytes)] {
        let file = FOLDER.join(name);
        std::fs::write(&file, content).expect("the file is written");
        if let Ok(snapshot) = read_config_snapshot(Specs::from(&*CATALOG), &file, &"file".into(), Timestamp::UNIX_EPOCH) {
            assert!(snapshot.resources.windows(2).all(|pair| pair[0].id < pair[1].id), "sorted, none twice");
        }
    }
});
