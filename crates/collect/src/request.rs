//! From a spec's operation and its input to an HTTP request, in each of AWS's protocols.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use skywarden_cloud::{AwsHttpRequest, Partition, RateKey};
use skywarden_content::{AwsRequest, AwsService, Protocol};

use crate::{
    Call, WireRequest,
    template::{Missing, Variables, percent_encode},
};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Why a spec's operation can't be turned into a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("its input names `{{{0}}}`, which has no value here")]
    Missing(String),
    #[error("the spec says nothing about {0}, which the service's protocol needs")]
    Spec(&'static str),
}

impl From<Missing> for RequestError {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing.0)
    }
}

/// Where and as whom calls are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) partition: Partition,
    pub(crate) account: &'a Arc<str>,
    pub(crate) region: &'a str,
}

impl Place<'_> {
    /// The variables of templates about an item.
    pub(crate) fn variables<'a>(&'a self, item: &'a Value) -> Variables<'a> {
        Variables {
            partition: self.partition.name,
            dns_suffix: self.partition.dns_suffix,
            account: self.account,
            region: self.region,
            item,
        }
    }
}

/// The call of an operation; `paging` are input members (or query parameters) that ask for a page.
pub(crate) fn call(
    service: &AwsService,
    request: &AwsRequest,
    place: Place<'_>,
    item: &Value,
    paging: &Map<String, Value>,
) -> Result<Call, RequestError> {
    let variables = place.variables(item);
    let mut input = request
        .input
        .iter()
        .map(|(name, value)| Ok((name.clone(), variables.value_of(value)?)))
        .collect::<Result<Map<_, _>, Missing>>()?;
    input.extend(paging.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut headers = Vec::new();
    // Only S3 Control has the account in its host, and wants it in a header as well.
    if service.endpoint.as_deref().is_some_and(|endpoint| endpoint.contains("{account}")) {
        headers.push(("x-amz-account-id".to_owned(), place.account.to_string()));
    }
    let mut parameters = input.clone();
    let parts = match service.protocol {
        Protocol::Query | Protocol::Ec2 => form(service, &request.operation, &input)?,
        Protocol::Json => json(service, &request.operation, input, &mut headers)?,
        Protocol::RestJson | Protocol::RestXml => {
            let rest = request.rest.as_ref().ok_or(RequestError::Spec("`rest`, the method and path"))?;
            let filled = variables.fill(&rest.0, percent_encode)?;
            parameters.insert("rest".to_owned(), Value::String(filled.clone()));
            rest_parts(service.protocol, &filled, input)?
        }
    };
    if service.protocol == Protocol::RestJson {
        // Without it API Gateway answers in HAL, of which the items lie elsewhere.
        headers.push(("accept".to_owned(), "application/json".to_owned()));
    }
    if let Some(content_type) = parts.content_type {
        headers.push(("content-type".to_owned(), content_type));
    }
    Ok(Call {
        service: service.id.clone(),
        operation: request.operation.clone(),
        region: place.region.to_owned(),
        parameters,
        request: WireRequest::Aws(AwsHttpRequest {
            signing_name: service.signing_name.clone(),
            region: place.region.to_owned(),
            host: host(service, place)?,
            method: parts.method,
            path: parts.path,
            query: parts.query,
            headers,
            body: parts.body,
            rate_key: RateKey {
                account: Arc::clone(place.account),
                region: place.region.into(),
                service: service.id.as_str().into(),
                per_second: service.rate,
            },
        }),
    })
}

/// What differs between the protocols.
#[derive(Debug, Default)]
struct Parts {
    method: String,
    path: String,
    query: String,
    content_type: Option<String>,
    body: Bytes,
}

fn host(service: &AwsService, place: Place<'_>) -> Result<String, RequestError> {
    if let Some(host) = place.partition.host_of(&service.endpoint_prefix) {
        return Ok(host.to_owned());
    }
    match &service.endpoint {
        Some(endpoint) => Ok(place.variables(&Value::Null).text(endpoint)?),
        None => Ok(format!("{}.{}.{}", service.endpoint_prefix, place.region, place.partition.dns_suffix)),
    }
}

fn form(service: &AwsService, operation: &str, input: &Map<String, Value>) -> Result<Parts, RequestError> {
    let version = service.api_version.as_deref().ok_or(RequestError::Spec("`api_version`"))?;
    let mut body = format!("Action={}&Version={}", percent_encode(operation), percent_encode(version));
    let style = if service.protocol == Protocol::Ec2 { ListStyle::Numbered } else { ListStyle::Member };
    for (name, value) in input {
        flatten(&mut body, name, value, style);
    }
    Ok(Parts { method: "POST".into(), path: "/".into(), content_type: Some(FORM.into()), body: body.into(), ..Parts::default() })
}

/// How lists are numbered in a form: `Filter.1` or `Filter.member.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListStyle {
    Numbered,
    Member,
}

fn flatten(body: &mut String, name: &str, value: &Value, style: ListStyle) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(body, &format!("{name}.{member}"), value, style);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                let number = position + 1;
                let name = match style {
                    ListStyle::Numbered => format!("{name}.{number}"),
                    ListStyle::Member => format!("{name}.member.{number}"),
                };
                flatten(body, &name, item, style);
            }
        }
        Value::Null => {}
        scalar => {
            body.push('&');
            body.push_str(&percent_encode(name));
            body.push('=');
            body.push_str(&percent_encode(&plain(scalar)));
        }
    }
}

fn json(
    service: &AwsService,
    operation: &str,
    input: Map<String, Value>,
    headers: &mut Vec<(String, String)>,
) -> Result<Parts, RequestError> {
    let prefix = service.target_prefix.as_deref().ok_or(RequestError::Spec("`target_prefix`"))?;
    let version = service.json_version.as_deref().unwrap_or("1.1");
    headers.push(("x-amz-target".to_owned(), format!("{prefix}.{operation}")));
    Ok(Parts {
        method: "POST".into(),
        path: "/".into(),
        content_type: Some(format!("application/x-amz-json-{version}")),
        body: Value::Object(input).to_string().into(),
        ..Parts::default()
    })
}

/// Input goes into the query, except in rest-json calls that have a body.
fn rest_parts(protocol: Protocol, filled: &str, input: Map<String, Value>) -> Result<Parts, RequestError> {
    let (method, target) = filled.split_once(' ').ok_or(RequestError::Spec("the method of its `rest`"))?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parts = Parts { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), ..Parts::default() };
    let (in_query, in_body): (Map<String, Value>, Map<String, Value>) =
        input.into_iter().partition(|(name, _)| protocol != Protocol::RestJson || method == "GET" || name.starts_with('?'));
    if protocol == Protocol::RestJson && method != "GET" {
        parts.content_type = Some("application/json".to_owned());
        parts.body = Value::Object(in_body).to_string().into();
    }
    for (name, value) in &in_query {
        let name = name.trim_start_matches('?');
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            if !parts.query.is_empty() {
                parts.query.push('&');
            }
            parts.query.push_str(&format!("{}={}", percent_encode(name), percent_encode(&plain(value))));
        }
    }
    Ok(parts)
}

fn plain(scalar: &Value) -> String {
    match scalar {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skywarden_cloud::partition_of_region;

    use super::*;

    fn service(spec: Value) -> AwsService {
        serde_json::from_value(spec).unwrap()
    }

    fn build(spec: Value, request: Value, item: &Value, paging: Value) -> Result<Call, RequestError> {
        let request: AwsRequest = serde_json::from_value(request).unwrap();
        let account = Arc::from("123456789012");
        let place = Place { partition: partition_of_region("eu-west-1"), account: &account, region: "eu-west-1" };
        call(&service(spec), &request, place, item, paging.as_object().unwrap())
    }

    fn sent(call: &Call) -> &AwsHttpRequest {
        match &call.request {
            WireRequest::Aws(request) => request,
            WireRequest::Azure(_) => panic!("a call of AWS goes to AWS"),
        }
    }

    fn body(call: &Call) -> &str {
        std::str::from_utf8(&sent(call).body).unwrap()
    }

    #[test]
    fn query_numbers_lists_as_members() {
        let iam = json!({ "id": "iam", "protocol": "query", "endpoint_prefix": "iam", "endpoint": "iam.{dns_suffix}",
                          "signing_name": "iam", "api_version": "2010-05-08", "rate": 1 });
        let request =
            json!({ "operation": "GetAccountAuthorizationDetails", "permission": "x", "input": { "Filter": ["User", "Role"] } });
        let call = build(iam, request, &Value::Null, json!({ "Marker": "a b" })).unwrap();
        assert_eq!(
            body(&call),
            "Action=GetAccountAuthorizationDetails&Version=2010-05-08&Filter.member.1=User&Filter.member.2=Role&Marker=a%20b"
        );
        assert_eq!(sent(&call).host, "iam.amazonaws.com");
    }

    #[test]
    fn ec2_numbers_lists_directly() {
        let ec2 = json!({ "id": "ec2", "protocol": "ec2", "endpoint_prefix": "ec2", "signing_name": "ec2", "api_version": "2016-11-15", "rate": 1 });
        let request = json!({ "operation": "DescribeFlowLogs", "permission": "x", "input": { "Filter": [{ "Name": "resource-id", "Value": ["{VpcId}"] }] } });
        let call = build(ec2, request, &json!({ "VpcId": "vpc-1" }), json!({})).unwrap();
        assert_eq!(body(&call), "Action=DescribeFlowLogs&Version=2016-11-15&Filter.1.Name=resource-id&Filter.1.Value.1=vpc-1");
        assert_eq!(sent(&call).host, "ec2.eu-west-1.amazonaws.com");
    }

    #[test]
    fn json_names_its_target() {
        let kms = json!({ "id": "kms", "protocol": "json", "endpoint_prefix": "kms", "signing_name": "kms", "target_prefix": "TrentService", "json_version": "1.1", "rate": 1 });
        let request =
            json!({ "operation": "DescribeKey", "permission": "x", "input": { "KeyId": "{KeyArn}", "Deep": { "On": true } } });
        let call = build(kms, request, &json!({ "KeyArn": "arn:k" }), json!({})).unwrap();
        assert_eq!(serde_json::from_str::<Value>(body(&call)).unwrap(), json!({ "KeyId": "arn:k", "Deep": { "On": true } }));
        assert!(sent(&call).headers.contains(&("x-amz-target".into(), "TrentService.DescribeKey".into())));
        assert!(sent(&call).headers.contains(&("content-type".into(), "application/x-amz-json-1.1".into())));
    }

    #[test]
    fn rest_fills_its_path_and_query() {
        let lambda =
            json!({ "id": "lambda", "protocol": "rest-json", "endpoint_prefix": "lambda", "signing_name": "lambda", "rate": 1 });
        let request = json!({ "operation": "ListTags", "permission": "x", "rest": "GET /2017-03-31/tags/{Arn}?x=1" });
        let call = build(lambda, request, &json!({ "Arn": "arn:aws:lambda" }), json!({ "Marker": "m/1" })).unwrap();
        assert_eq!(
            (sent(&call).path.as_str(), sent(&call).query.as_str()),
            ("/2017-03-31/tags/arn%3Aaws%3Alambda", "x=1&Marker=m%2F1")
        );
        assert_eq!(call.parameters.get("rest"), Some(&json!("GET /2017-03-31/tags/arn%3Aaws%3Alambda?x=1")));
    }

    #[test]
    fn rest_json_with_a_body_can_ask_for_pages_in_the_query() {
        let artifacts = json!({ "id": "ca", "protocol": "rest-json", "endpoint_prefix": "ca", "signing_name": "ca", "rate": 1 });
        let request =
            json!({ "operation": "ListRepositories", "permission": "x", "rest": "POST /v1/repositories", "input": { "a": 1 } });
        let call = build(artifacts, request, &Value::Null, json!({ "?next-token": "t" })).unwrap();
        assert_eq!((body(&call), sent(&call).query.as_str()), ("{\"a\":1}", "next-token=t"));
        assert!(sent(&call).headers.contains(&("accept".into(), "application/json".into())));
    }

    #[test]
    fn s3_control_has_the_account_in_host_and_header() {
        let control = json!({ "id": "s3control", "protocol": "rest-xml", "endpoint_prefix": "s3-control", "endpoint": "{account}.s3-control.{region}.{dns_suffix}", "signing_name": "s3", "rate": 1 });
        let request = json!({ "operation": "GetPublicAccessBlock", "permission": "x", "rest": "GET /v20180820/configuration/publicAccessBlock" });
        let call = build(control, request, &Value::Null, json!({})).unwrap();
        assert_eq!(sent(&call).host, "123456789012.s3-control.eu-west-1.amazonaws.com");
        assert!(sent(&call).headers.contains(&("x-amz-account-id".into(), "123456789012".into())));
    }

    #[test]
    fn what_a_spec_lacks_is_an_error() {
        let lambda =
            json!({ "id": "lambda", "protocol": "rest-json", "endpoint_prefix": "lambda", "signing_name": "lambda", "rate": 1 });
        let request = json!({ "operation": "GetPolicy", "permission": "x", "rest": "GET /functions/{Name}" });
        assert_eq!(build(lambda.clone(), request, &json!({}), json!({})).unwrap_err(), RequestError::Missing("Name".into()));
        let request = json!({ "operation": "GetPolicy", "permission": "x" });
        assert!(matches!(build(lambda, request, &json!({}), json!({})), Err(RequestError::Spec(_))));
    }
}
