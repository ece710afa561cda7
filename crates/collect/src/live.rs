use async_trait::async_trait;
use skywarden_cloud::{AwsClient, CallError};

use crate::{Answer, Call, CallFailure, Transport, WireRequest};

/// Answers from AWS itself.
#[derive(Debug, Clone)]
pub struct Live {
    client: AwsClient,
}

impl Live {
    /// Calls through a client.
    pub fn new(client: AwsClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Transport for Live {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let WireRequest::Aws(request) = &call.request else {
            let message = format!("{}:{} is no call of AWS", call.service, call.operation);
            return Err(CallFailure { code: "InvalidRequest".to_owned(), message });
        };
        let response = self.client.send(request).await.map_err(|error| failure(&error))?;
        let header = |name| response.header(name).map(str::to_owned);
        Ok(Answer {
            status: response.status,
            content_type: header("content-type"),
            error_type: header("x-amzn-errortype"),
            bucket_region: header("x-amz-bucket-region"),
            body: response.body,
        })
    }

    fn home_region(&self) -> String {
        self.client.home_region().to_owned()
    }
}

pub(crate) fn failure(error: &CallError) -> CallFailure {
    let code = match error {
        CallError::Credentials { .. } | CallError::GcpLogin { .. } | CallError::AzureLogin { .. } => "CredentialsUnavailable",
        CallError::UnknownHost { .. } => "HostNotFound",
        CallError::Connection { .. } => "ConnectionFailed",
        CallError::TooLarge { .. } => "AnswerTooLarge",
        CallError::Request { .. } => "InvalidRequest",
    };
    CallFailure { code: code.to_owned(), message: error.to_string() }
}
