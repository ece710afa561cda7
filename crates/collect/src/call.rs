use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};
use skywarden_cloud::AwsHttpRequest;
use skywarden_content::AzurePlane;
use skywarden_model::Timestamp;

/// One call of an operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// The service's id: `iam`.
    pub service: String,
    /// The operation: `ListUsers`.
    pub operation: String,
    /// The region that is asked.
    pub region: String,
    /// The input; for rest calls also `rest`, their method and path.
    pub parameters: Map<String, Value>,
    /// The same as an HTTP request.
    pub request: WireRequest,
}

/// A call as it goes over the wire.
#[derive(Debug, Clone)]
pub enum WireRequest {
    /// To a service of AWS, not yet signed.
    Aws(AwsHttpRequest),
    /// To Azure, without a token.
    Azure(AzureRequest),
}

/// A request to Azure.
#[derive(Debug, Clone)]
pub struct AzureRequest {
    /// Which API is asked.
    pub plane: AzurePlane,
    /// Path and query with a leading slash; or the whole address of a further page, as the API gave it.
    pub address: String,
    /// What is posted; absent: it is a GET.
    pub body: Option<Value>,
    /// What it counts against: the subscription, the tenant, or `resource-graph`.
    pub counts_against: String,
}

/// What a service answered, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: Option<String>,
    /// `x-amzn-errortype`: the error's code in rest-json.
    pub error_type: Option<String>,
    /// `x-amz-bucket-region`: where S3 says that a bucket really is.
    pub bucket_region: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct CallFailure {
    /// The class, in the manner of an error code: `ConnectionFailed`, `HostNotFound`, `NotRecorded`.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

/// Where answers come from.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Makes a call.
    ///
    /// # Errors
    /// If there is no whole answer. An answer with an error status is an answer.
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure>;

    /// The region of the first calls, which tell the account and its regions.
    fn home_region(&self) -> String;

    /// When the answers were given, if that was not now.
    fn taken_at(&self) -> Option<Timestamp> {
        None
    }

    /// The only regions of which there are answers; `None`: any.
    fn regions(&self) -> Option<Vec<String>> {
        None
    }
}

impl Call {
    /// Whether it asks whose account this is, or which subscriptions there are: the first call of a run.
    pub(crate) fn is_identity(&self) -> bool {
        match &self.request {
            WireRequest::Aws(_) => self.service == "sts" && self.operation == "GetCallerIdentity",
            WireRequest::Azure(request) => request.address.starts_with("/subscriptions?"),
        }
    }

    /// What identifies the call among recorded ones.
    pub(crate) fn key(&self) -> String {
        key(&self.service, &self.operation, &self.region, &self.parameters)
    }
}

/// The same text for the same service, operation, region and parameters, in whatever order these are.
pub(crate) fn key(service: &str, operation: &str, region: &str, parameters: &Map<String, Value>) -> String {
    let mut key = format!("{service}\n{operation}\n{region}\n");
    let sorted: BTreeMap<&String, &Value> = parameters.iter().collect();
    for (name, value) in sorted {
        key.push_str(name);
        key.push('=');
        key.push_str(&value.to_string());
        key.push('\n');
    }
    key
}
