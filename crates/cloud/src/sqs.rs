//! Queues of SQS, read by long polling (AWS's JSON 1.0 protocol).

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    AwsClient, AwsHttpRequest, CallError, OperationError,
    operation::{accepted, json},
    s3::{is_region, rate_key},
};

/// Requests a second.
const PER_SECOND: f64 = 300.0;

/// A queue of SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: AwsClient,
    url: String,
    host: String,
    region: String,
}

/// A message that was received: it comes again unless it is deleted in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsMessage {
    /// The same whenever it comes.
    pub id: String,
    /// What it is deleted or kept hidden with; another one each time.
    pub receipt: String,
    /// What it says.
    pub body: String,
    /// How often it was received, this time included.
    pub n_received: u64,
}

impl AwsClient {
    /// A queue by its URL; the region is that in the URL if none is given.
    ///
    /// # Errors
    /// If the URL is none of a queue, or its region is neither given nor in it.
    pub fn queue(&self, url: &str, region: Option<&str>) -> Result<SqsQueue, CallError> {
        let fail = |message: String| CallError::Request { message };
        let parsed = reqwest::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let parsed =
            parsed.ok_or_else(|| fail(format!("`{url}` is no URL of a queue: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")))?;
        let host = parsed.host_str().unwrap_or_default();
        let region = region.or_else(|| region_of(host)).filter(|region| is_region(region));
        let region = region.ok_or_else(|| fail(format!("the URL of the queue `{url}` does not tell its region: name it")))?;
        if self.endpoint.is_none() && parsed.scheme() != "https" {
            return Err(fail(format!("the queue `{url}` has no https")));
        }
        Ok(SqsQueue { client: self.clone(), url: url.to_owned(), host: host.to_owned(), region: region.to_owned() })
    }
}

impl SqsQueue {
    /// Its region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Up to `n` messages (at most 10) as soon as there are any, none after `wait` seconds (at most 20). Others don't get them for
    /// `hidden` seconds.
    ///
    /// # Errors
    /// If the queue is not there, may not be read, or SQS can't be reached.
    pub async fn receive(&self, n: usize, wait: u32, hidden: u32) -> Result<Vec<SqsMessage>, OperationError> {
        const OPERATION: &str = "sqs:ReceiveMessage";
        let asked = json!({
            "MaxNumberOfMessages": n.clamp(1, 10), "WaitTimeSeconds": wait.min(20), "VisibilityTimeout": hidden,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"], "AttributeNames": ["ApproximateReceiveCount"],
        });
        let answer = self.ask(OPERATION, "ReceiveMessage", asked).await?;
        let mut messages = Vec::new();
        for message in answer.get("Messages").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
            let n_received = message.pointer("/Attributes/ApproximateReceiveCount").and_then(Value::as_str);
            let (Some(id), Some(receipt)) = (text("MessageId"), text("ReceiptHandle")) else {
                return Err(OperationError::answer(OPERATION, "a message has no id or no receipt"));
            };
            messages.push(SqsMessage {
                id,
                receipt,
                body: text("Body").unwrap_or_default(),
                n_received: n_received.and_then(|n| n.parse().ok()).unwrap_or(1),
            });
        }
        Ok(messages)
    }

    /// Deletes messages by their receipts, at most 10; why some could not be.
    ///
    /// # Errors
    /// If none could be.
    pub async fn delete(&self, receipts: &[String]) -> Result<Vec<String>, OperationError> {
        const OPERATION: &str = "sqs:DeleteMessage";
        let entries: Vec<Value> = receipts
            .iter()
            .enumerate()
            .map(|(number, receipt)| json!({ "Id": number.to_string(), "ReceiptHandle": receipt }))
            .collect();
        let answer = self.ask(OPERATION, "DeleteMessageBatch", json!({ "Entries": entries })).await?;
        let failed = answer.get("Failed").and_then(Value::as_array).into_iter().flatten();
        let reason = |failure: &Value| {
            let text = |name: &str| failure.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}", text("Code"), text("Message"))
        };
        Ok(failed.map(reason).collect())
    }

    /// Keeps a message hidden for so many seconds from now; none makes it come again at once.
    ///
    /// # Errors
    /// If it is not hidden any more, or SQS can't be reached.
    pub async fn hide(&self, receipt: &str, seconds: u32) -> Result<(), OperationError> {
        const OPERATION: &str = "sqs:ChangeMessageVisibility";
        let asked = json!({ "ReceiptHandle": receipt, "VisibilityTimeout": seconds });
        self.ask(OPERATION, "ChangeMessageVisibility", asked).await.map(|_| ())
    }

    /// About how many messages are waiting.
    ///
    /// # Errors
    /// If that may not be asked, or SQS can't be reached.
    pub async fn n_waiting(&self) -> Result<u64, OperationError> {
        const OPERATION: &str = "sqs:GetQueueAttributes";
        const NAME: &str = "ApproximateNumberOfMessages";
        let answer = self.ask(OPERATION, "GetQueueAttributes", json!({ "AttributeNames": [NAME] })).await?;
        let n = answer.pointer("/Attributes/ApproximateNumberOfMessages").and_then(Value::as_str).and_then(|n| n.parse().ok());
        n.ok_or_else(|| OperationError::answer(OPERATION, "it has no number"))
    }

    async fn ask(&self, operation: &'static str, target: &str, mut asked: Value) -> Result<Value, OperationError> {
        if let Some(members) = asked.as_object_mut() {
            members.insert("QueueUrl".to_owned(), Value::String(self.url.clone()));
        }
        let request = AwsHttpRequest {
            signing_name: "sqs".to_owned(),
            region: self.region.clone(),
            host: self.host.clone(),
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: vec![
                ("content-type".to_owned(), "application/x-amz-json-1.0".to_owned()),
                ("x-amz-target".to_owned(), format!("AmazonSQS.{target}")),
            ],
            body: Bytes::from(asked.to_string()),
            rate_key: rate_key("sqs", &self.region, PER_SECOND),
        };
        let response = self.client.send(&request).await.map_err(OperationError::call(operation))?;
        json(operation, &accepted(operation, response)?)
    }
}

/// The region in a host of SQS: `sqs.REGION.amazonaws.com`, `REGION.queue.amazonaws.com`, `vpce-X.sqs.REGION.vpce.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let parts: Vec<&str> = host.split('.').collect();
    match parts.as_slice() {
        ["queue", "amazonaws", "com"] => Some("us-east-1"),
        [region, "queue", "amazonaws", ..]
        | ["sqs" | "sqs-fips", region, "amazonaws" | "api", ..]
        | [_, "sqs", region, "vpce", ..] => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_s_host_tells_its_region() {
        for (host, region) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("eu-west-1.queue.amazonaws.com", Some("eu-west-1")),
            ("queue.amazonaws.com", Some("us-east-1")),
            ("vpce-1-2.sqs.us-east-2.vpce.amazonaws.com", Some("us-east-2")),
            ("sqs.eu-west-1.api.aws", Some("eu-west-1")),
            ("127.0.0.1", None),
            ("sqs.example.com", None),
        ] {
            assert_eq!(region_of(host), region, "{host}");
        }
    }
}
