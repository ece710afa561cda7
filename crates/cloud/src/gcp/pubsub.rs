//! Subscriptions of Pub/Sub over REST: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions

use std::time::Duration;

use serde_json::{Value, json};

use super::{Asked, GcpClient};
use crate::{CallError, OperationError};

const HOST: &str = "pubsub.googleapis.com";

/// The service holds a pull open while there is nothing, for up to a minute and a half.
const PULL: Duration = Duration::from_secs(120);

/// One try of anything else may last this long.
const OTHER: Duration = Duration::from_secs(60);

/// A subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    client: GcpClient,
    name: String,
}

/// A message that was pulled: it comes again unless it is acknowledged in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledMessage {
    /// What it is acknowledged with; another one each time.
    pub ack_id: String,
    /// The same whenever it comes.
    pub id: String,
    /// Its data in base64; empty if it has only attributes.
    pub data: String,
}

impl Subscription {
    /// A subscription by its full name: `projects/PROJECT/subscriptions/NAME`.
    ///
    /// # Errors
    /// If that is no such name.
    pub fn new(client: GcpClient, name: &str) -> Result<Self, CallError> {
        let is_word = |part: &&str| {
            (1..=255).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte))
        };
        let parts: Vec<&str> = name.split('/').filter(is_word).collect();
        match parts.as_slice() {
            ["projects", _, "subscriptions", _] if name.matches('/').count() == 3 => Ok(Self { client, name: name.to_owned() }),
            _ => {
                let message = format!("`{name}` is no subscription: projects/PROJECT/subscriptions/NAME");
                Err(CallError::Request { message })
            }
        }
    }

    /// Its full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// At most `n` messages as soon as there are any; none after a while.
    ///
    /// # Errors
    /// If the subscription is not there, may not be read, or the service can't be reached.
    pub async fn pull(&self, n: usize) -> Result<Vec<PulledMessage>, OperationError> {
        const OPERATION: &str = "pubsub.subscriptions.pull";
        let answer = self.ask(OPERATION, "pull", &json!({ "maxMessages": n }), PULL).await;
        let answer = match answer {
            // There was nothing for as long as the service waits.
            Err(OperationError::Refused { status: 504, .. }) => return Ok(Vec::new()),
            answer => answer?,
        };
        let mut messages = Vec::new();
        for received in answer.get("receivedMessages").and_then(Value::as_array).into_iter().flatten() {
            let text = |path: &str| received.pointer(path).and_then(Value::as_str).map(str::to_owned);
            let (Some(ack_id), Some(id)) = (text("/ackId"), text("/message/messageId")) else {
                return Err(OperationError::Answer { operation: OPERATION, reason: "a message has no id".to_owned() });
            };
            messages.push(PulledMessage { ack_id, id, data: text("/message/data").unwrap_or_default() });
        }
        Ok(messages)
    }

    /// Says that messages never need to come again; at most 2,500 (a request may have 512 KiB).
    ///
    /// # Errors
    /// If the service can't be reached.
    pub async fn acknowledge(&self, ack_ids: &[String]) -> Result<(), OperationError> {
        let asked = json!({ "ackIds": ack_ids });
        self.ask("pubsub.subscriptions.acknowledge", "acknowledge", &asked, OTHER).await.map(|_| ())
    }

    /// Messages come again after so many seconds from now (at most 600); 0: at once.
    ///
    /// # Errors
    /// If the service can't be reached.
    pub async fn extend(&self, ack_ids: &[String], seconds: u32) -> Result<(), OperationError> {
        let asked = json!({ "ackIds": ack_ids, "ackDeadlineSeconds": seconds.min(600) });
        self.ask("pubsub.subscriptions.modifyAckDeadline", "modifyAckDeadline", &asked, OTHER).await.map(|_| ())
    }

    async fn ask(&self, operation: &'static str, verb: &str, body: &Value, timeout: Duration) -> Result<Value, OperationError> {
        let path = format!("/v1/{}:{verb}", self.name);
        self.client.post(Asked { operation, host: HOST, path: &path, body, timeout }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gcp::GcpOptions;

    #[test]
    fn only_full_names_are_subscriptions() {
        let client = GcpClient::new(&GcpOptions::default()).unwrap();
        for (name, is_one) in [
            ("projects/p-1/subscriptions/logs", true),
            ("projects/example.com:p/subscriptions/logs", true),
            ("logs", false),
            ("projects/p/topics/logs", false),
            ("projects/p/subscriptions/a/b", false),
            ("projects/p/subscriptions/a?x", false),
            ("projects//subscriptions/a", false),
            ("/projects/p/subscriptions/a", false),
        ] {
            assert_eq!(Subscription::new(client.clone(), name).is_ok(), is_one, "{name}");
        }
    }
}
