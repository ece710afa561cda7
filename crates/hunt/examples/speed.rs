//! What `tests/clients/hunt_speed.py` measures: `speed fill FOLDER EVENTS` writes an archive of made records of CloudTrail over a day,
//! `speed ask FOLDER SQL` asks it and prints the rows.

use std::path::Path;

use skywarden_archive::{Archive, Batch, Layout, Row};
use skywarden_hunt::{Hunt, HuntError};

/// The columns of a server's archive that these records fill.
const COLUMNS: [&str; 8] = ["status", "account", "region", "actor", "actor_name", "src_ip", "service", "operation"];

/// 2026-03-01.
const START: i64 = 1_772_323_200_000;

/// So many events become one file.
const EVENTS_OF_FILE: i64 = 50_000;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fill", folder, n_events] => runtime.block_on(fill(Path::new(folder), n_events.parse()?)),
        ["ask", folder, sql] => runtime.block_on(ask(Path::new(folder), sql)),
        _ => Err("speed fill FOLDER EVENTS, or speed ask FOLDER SQL".into()),
    }
}

async fn ask(folder: &Path, sql: &str) -> Result<(), Failed> {
    let archive = Archive::in_existing_folder(folder, Layout::new(COLUMNS)?)?;
    let mut answer = Hunt::open(&archive, []).await?.query(sql).await?;
    while let Some(rows) = answer.next().await? {
        rows.each(usize::MAX, |row| {
            println!("{}", serde_json::Value::Array(row));
            Ok::<_, HuntError>(())
        })?;
    }
    Ok(())
}

async fn fill(folder: &Path, n_events: i64) -> Result<(), Failed> {
    let archive = Archive::in_folder(folder, Layout::new(COLUMNS)?)?;
    let mut batch = Batch::new(archive.layout());
    let mut number = 0;
    for n in 0..n_events {
        let time = START + n * 86_400_000 / n_events;
        add(&mut batch, n, time)?;
        if n % EVENTS_OF_FILE == EVENTS_OF_FILE - 1 || n == n_events - 1 {
            number += 1;
            archive.put(number, &batch.pack()?).await?;
        }
    }
    archive.compact(i64::MAX, u64::MAX, 2).await?;
    Ok(())
}

fn add(batch: &mut Batch, n: i64, time: i64) -> Result<(), Failed> {
    let (service, operation) = match n % 3 {
        0 => ("ec2", "DescribeInstances"),
        1 => ("s3", "GetBucketLocation"),
        _ => ("sts", "GetCallerIdentity"),
    };
    let operation = if n % 500 == 7 { "StopLogging" } else { operation };
    let name = format!("service{:03}", n % 400);
    let actor = format!("arn:aws:iam::111122223333:user/{name}");
    let address = format!("10.{}.{}.{}", n % 250, n / 250 % 250, n % 200 + 1);
    let id = format!("0e7c1a52-{:04x}-4c1d-8f2a-{n:012x}", n % 65_536);
    let raw = format!(
        r#"{{"eventVersion":"1.10","userIdentity":{{"type":"IAMUser","principalId":"AIDA{n:016}","arn":"{actor}","accountId":"111122223333","accessKeyId":"AKIA{n:016}","userName":"{name}","sessionContext":{{"attributes":{{"mfaAuthenticated":"true"}}}}}},"eventSource":"{service}.amazonaws.com","eventName":"{operation}","awsRegion":"eu-central-1","sourceIPAddress":"{address}","userAgent":"aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64 api/{service}#1.141.0","requestParameters":null,"responseElements":null,"requestID":"5c0f6d3e-{:04x}-4a3b-9d1e-{n:012x}","eventID":"{id}","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.eu-central-1.amazonaws.com"}},"additionalEventData":{{"SignatureVersion":"SigV4","bytesTransferredIn":0,"bytesTransferredOut":{n}}}}}"#,
        n % 65_536
    );
    let columns = ["1", "111122223333", "eu-central-1", &actor, &name, &address, service, operation].map(Some);
    batch.add(&Row {
        seq: n,
        time,
        received: time + 1_000,
        source: "aws-cloudtrail",
        event_id: &id,
        class: "api_activity",
        columns: &columns,
        raw: &raw,
    })?;
    Ok(())
}
