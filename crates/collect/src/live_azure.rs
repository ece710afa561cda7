use std::sync::Arc;

use async_trait::async_trait;
use skywarden_cloud::{
    RateKey,
    azure::{AzureClient, AzurePlane, AzureRequest},
};
use skywarden_content as content;

use crate::{Answer, Call, CallFailure, Transport, WireRequest, live::failure};

/// Reads of a subscription that Azure Resource Manager refills a second, for one login:
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>.
const ARM_PER_SECOND: f64 = 25.0;

/// Queries of Resource Graph: 15 in 5 seconds for one login.
const RESOURCE_GRAPH_PER_SECOND: f64 = 3.0;

/// Requests to Microsoft Graph that we allow ourselves; a tenant's own limit depends on its size and starts at 350 units a second.
const GRAPH_PER_SECOND: f64 = 20.0;

/// Answers from Azure itself.
#[derive(Debug, Clone)]
pub struct LiveAzure {
    client: AzureClient,
}

impl LiveAzure {
    /// Calls through a client.
    pub fn new(client: AzureClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl Transport for LiveAzure {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let WireRequest::Azure(request) = &call.request else {
            let message = format!("{}:{} is no call of Azure", call.service, call.operation);
            return Err(CallFailure { code: "InvalidRequest".to_owned(), message });
        };
        let (plane, service, per_second) = match (request.plane, &request.body) {
            (content::AzurePlane::Arm, None) => (AzurePlane::Arm, "arm", ARM_PER_SECOND),
            (content::AzurePlane::Arm, Some(_)) => (AzurePlane::Arm, "resource-graph", RESOURCE_GRAPH_PER_SECOND),
            (content::AzurePlane::Graph, _) => (AzurePlane::Graph, "graph", GRAPH_PER_SECOND),
        };
        let rate_key = RateKey {
            account: request.counts_against.as_str().into(),
            region: Arc::from(""),
            service: service.into(),
            per_second,
        };
        let request = AzureRequest {
            plane,
            method: if request.body.is_some() { "POST" } else { "GET" }.to_owned(),
            path: request.address.clone(),
            query: Vec::new(),
            headers: Vec::new(),
            body: request.body.clone(),
            rate_key,
        };
        let response = self.client.send(&request).await.map_err(|error| failure(&error))?;
        Ok(Answer {
            status: response.status,
            content_type: response.header("content-type").map(str::to_owned),
            error_type: None,
            bucket_region: None,
            body: response.body,
        })
    }

    fn home_region(&self) -> String {
        String::new()
    }
}
