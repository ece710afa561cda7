//! Signature version 4.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};

use crate::{AwsHttpRequest, CallError};

/// The headers that the signature adds to a request for a URL.
pub(crate) fn signature(
    request: &AwsHttpRequest,
    url: &str,
    host: &str,
    credentials: &Credentials,
) -> Result<Vec<(String, String)>, CallError> {
    let fail = |error: &dyn std::fmt::Display| CallError::Request {
        message: format!("the request for {} could not be signed: {error}", request.host),
    };
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&request.region)
        .name(&request.signing_name)
        .time(SystemTime::now())
        .settings(settings(&request.signing_name))
        .build()
        .map_err(|error| fail(&error))?
        .into();
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("host", host)]);
    let signable =
        SignableRequest::new(&request.method, url, headers, SignableBody::Bytes(&request.body)).map_err(|error| fail(&error))?;
    let (instructions, _) = sign(signable, &params).map_err(|error| fail(&error))?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// S3 signs paths as they are and wants the payload's hash in a header; all other services encode the path twice.
fn settings(signing_name: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if signing_name == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}
