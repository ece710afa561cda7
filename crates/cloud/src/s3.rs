//! Objects of S3: lists of them, and their bytes part by part.

use std::sync::PoisonError;

use bytes::Bytes;
use jiff::Timestamp;
use quick_xml::{Reader, events::Event};

use crate::{
    AwsClient, AwsHttpRequest, CallError, HttpResponse, OperationError, RateKey, clean_message, operation::accepted,
    partition_of_region,
};

/// Requests a second; S3 takes 5,500 for each prefix.
const PER_SECOND: f64 = 500.0;

/// The region of so many buckets is remembered where it is not the one that was asked.
const MAX_REGIONS: usize = 1_000;

const LIST: &str = "s3:ListObjectsV2";
const GET: &str = "s3:GetObject";

/// An object of S3 by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct S3Address {
    /// The region where its bucket is said to be.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// The key, not encoded.
    pub key: String,
}

/// A part of an object.
#[derive(Debug, Clone)]
pub struct S3Part {
    /// The bytes, packed if the object is packed.
    pub bytes: Bytes,
    /// How long the object is.
    pub total: u64,
    /// The object's entity tag without quotation marks; empty if there was none.
    pub etag: String,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct S3Listing<'l> {
    /// The region of the bucket.
    pub region: &'l str,
    /// The bucket.
    pub bucket: &'l str,
    /// Only keys that begin so.
    pub prefix: &'l str,
    /// Only keys behind this one; empty for all.
    pub after: &'l str,
    /// What ends the name of a folder; empty: there are no folders.
    pub delimiter: &'l str,
    /// Where the page before ended.
    pub token: Option<&'l str>,
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct S3Page {
    /// Objects, by key.
    pub objects: Vec<S3Listed>,
    /// Folders: prefixes up to the next delimiter.
    pub folders: Vec<String>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct S3Listed {
    /// The key.
    pub key: String,
    /// When it was written last.
    pub modified: Timestamp,
    /// Its entity tag without quotation marks.
    pub etag: String,
    /// Its length in bytes.
    pub size: u64,
}

impl AwsClient {
    /// At most `length` bytes of an object from a byte on. With an entity tag, only if the object still has it (else 412).
    ///
    /// # Errors
    /// If the object is not there (404), may not be read (403), was written anew, or S3 can't be reached.
    pub async fn object_part(
        &self,
        address: &S3Address,
        from: u64,
        length: u64,
        etag: Option<&str>,
    ) -> Result<S3Part, OperationError> {
        if address.key.split('/').any(|part| matches!(part, "." | "..")) {
            let message = format!("the key `{}` has a part `.` or `..`, which no URL can have", address.key);
            return Err(OperationError::Call { operation: GET, error: CallError::Request { message } });
        }
        let path = format!("/{}/{}", encoded(&address.bucket, ""), encoded(&address.key, "/"));
        let mut headers = vec![("range".to_owned(), format!("bytes={from}-{}", from.saturating_add(length.max(1)) - 1))];
        headers.extend(etag.map(|etag| ("if-match".to_owned(), format!("\"{etag}\""))));
        let response = self.s3(GET, &address.region, &address.bucket, path, String::new(), headers).await?;
        let etag = response.header("etag").unwrap_or_default().trim_matches('"').to_owned();
        let range = response.header("content-range").unwrap_or_default();
        let total = range.rsplit_once('/').and_then(|(_, total)| total.parse().ok());
        match response.status {
            // Nothing of an empty object can be asked for.
            416 if from == 0 => return Ok(S3Part { bytes: Bytes::new(), total: 0, etag }),
            206 => {}
            200 if from == 0 => {}
            _ => return accepted(GET, response).and_then(|_| Err(OperationError::answer(GET, "it is no part of the object"))),
        }
        let held = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
        Ok(S3Part { total: total.unwrap_or_else(|| from.saturating_add(held)), bytes: response.body, etag })
    }

    /// A page of the objects of a bucket, at most 1,000.
    ///
    /// # Errors
    /// If the bucket is not there, may not be listed, or S3 can't be reached.
    pub async fn list_objects(&self, listing: &S3Listing<'_>) -> Result<S3Page, OperationError> {
        let mut query = format!("encoding-type=url&list-type=2&prefix={}", encoded(listing.prefix, ""));
        for (name, value) in [
            ("continuation-token", listing.token.unwrap_or_default()),
            ("delimiter", listing.delimiter),
            ("start-after", listing.after),
        ] {
            if !value.is_empty() {
                query.push_str(&format!("&{name}={}", encoded(value, "")));
            }
        }
        let path = format!("/{}", encoded(listing.bucket, ""));
        let response = self.s3(LIST, listing.region, listing.bucket, path, query, Vec::new()).await?;
        listed_page(&accepted(LIST, response)?.body).map_err(|reason| OperationError::answer(LIST, reason))
    }

    /// Asks S3 where a bucket is; asks again in another region if S3 says that the bucket is there.
    async fn s3(
        &self,
        operation: &'static str,
        region: &str,
        bucket: &str,
        path: String,
        query: String,
        headers: Vec<(String, String)>,
    ) -> Result<HttpResponse, OperationError> {
        let region = self.known_region(bucket).unwrap_or_else(|| region.to_owned());
        if !is_region(&region) {
            // It becomes a part of the host, and may come from a message.
            let error = CallError::Request { message: format!("`{}` is no region", clean_message(&region)) };
            return Err(OperationError::Call { operation, error });
        }
        let mut request = AwsHttpRequest {
            signing_name: "s3".to_owned(),
            host: s3_host(&region),
            rate_key: rate_key("s3", &region, PER_SECOND),
            region,
            method: "GET".to_owned(),
            path,
            query,
            headers,
            body: Bytes::new(),
        };
        let response = self.send_plain(&request).await.map_err(OperationError::call(operation))?;
        let other = response.header("x-amz-bucket-region").filter(|other| *other != request.region && is_region(other));
        let Some(other) = other.filter(|_| matches!(response.status, 301 | 307 | 400)).map(str::to_owned) else {
            return Ok(response);
        };
        self.remember_region(bucket, &other);
        (request.host, request.rate_key, request.region) = (s3_host(&other), rate_key("s3", &other, PER_SECOND), other);
        self.send_plain(&request).await.map_err(OperationError::call(operation))
    }

    fn known_region(&self, bucket: &str) -> Option<String> {
        self.bucket_regions.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned()
    }

    fn remember_region(&self, bucket: &str, region: &str) {
        let mut regions = self.bucket_regions.lock().unwrap_or_else(PoisonError::into_inner);
        if regions.len() < MAX_REGIONS {
            regions.insert(bucket.to_owned(), region.to_owned());
        }
    }
}

fn s3_host(region: &str) -> String {
    format!("s3.{region}.{}", partition_of_region(region).dns_suffix)
}

pub(crate) fn rate_key(service: &str, region: &str, per_second: f64) -> RateKey {
    RateKey { account: "".into(), region: region.into(), service: service.into(), per_second }
}

/// Whether a text can be the name of a region, so that no answer or queue can make requests go elsewhere.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Percent-encodes all but RFC 3986's unreserved characters and those that may stay.
fn encoded(text: &str, stay: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for byte in text.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~".contains(letter) || stay.contains(letter) {
            all.push(letter);
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
    }
    all
}

/// Undoes the encoding of keys in lists and notifications: `+` is a space, `%XX` a byte.
pub fn decoded_key(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => break,
            [b'+', rest @ ..] => {
                bytes.push(b' ');
                rest
            }
            [b'%', high, low, after @ ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                match digit(*high).zip(digit(*low)) {
                    Some((high, low)) => {
                        bytes.push(high << 4 | low);
                        after
                    }
                    None => {
                        bytes.push(b'%');
                        rest.get(1..).unwrap_or_default()
                    }
                }
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Reads a page of `ListObjectsV2`.
///
/// # Errors
/// Why it is none, or not a whole one.
pub fn listed_page(body: &[u8]) -> Result<S3Page, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    let (mut page, mut object, mut content) = (S3Page::default(), S3Listed::default(), String::new());
    let (mut is_truncated, mut is_whole, mut depth, mut within) = (false, false, 0_u32, String::new());
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                depth += 1;
                content.clear();
                let name = start.local_name().as_ref().to_owned();
                if depth == 1 && name != "ListBucketResult" {
                    return Err(format!("it is a {name}"));
                }
                if depth == 2 {
                    within = name;
                    object = S3Listed::default();
                }
            }
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                match (quick_xml::escape::resolve_predefined_entity(&name), reference.resolve_char_ref()) {
                    (Some(resolved), _) => content.push_str(resolved),
                    (None, Ok(Some(letter))) => content.push(letter),
                    (None, _) => return Err(format!("it has the entity `{name}`")),
                }
            }
            Event::End(end) => {
                match (depth, within.as_str(), end.local_name().as_ref()) {
                    (3, "Contents", "Key") => object.key = decoded_key(&content),
                    (3, "Contents", "ETag") => content.trim().trim_matches('"').clone_into(&mut object.etag),
                    (3, "Contents", "Size") => object.size = content.trim().parse().map_err(|_| "a size is no number")?,
                    (3, "Contents", "LastModified") => {
                        object.modified = content.trim().parse().map_err(|_| "a time is none")?;
                    }
                    (2, "Contents", _) => page.objects.push(std::mem::take(&mut object)),
                    (3, "CommonPrefixes", "Prefix") => page.folders.push(decoded_key(&content)),
                    (2, _, "IsTruncated") => is_truncated = content.trim() == "true",
                    (2, _, "NextContinuationToken") => page.next = Some(content.trim().to_owned()),
                    (1, ..) => is_whole = true,
                    _ => {}
                }
                content.clear();
                depth = depth.saturating_sub(1);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !is_whole {
        return Err("it is cut".to_owned());
    }
    if is_truncated != page.next.is_some() {
        return Err("it does not say where the next page begins".to_owned());
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>\
        <Prefix>logs/</Prefix><IsTruncated>true</IsTruncated><NextContinuationToken>1a&amp;b=</NextContinuationToken><Contents>\
        <Key>logs/a+b%2Bc.gz</Key><LastModified>2026-11-29T10:00:00.000Z</LastModified><ETag>&quot;0c&quot;</ETag><Size>7</Size>\
        <Owner><ID>Key</ID></Owner></Contents><CommonPrefixes><Prefix>logs/x%26/</Prefix></CommonPrefixes></ListBucketResult>";

    #[test]
    fn a_page_gives_objects_folders_and_the_next_page() {
        let found = listed_page(PAGE.as_bytes()).unwrap();
        let modified = "2026-11-29T10:00:00Z".parse().unwrap();
        assert_eq!(found.objects, [S3Listed { key: "logs/a b+c.gz".into(), modified, etag: "0c".into(), size: 7 }]);
        assert_eq!((found.folders, found.next), (vec!["logs/x&/".to_owned()], Some("1a&b=".to_owned())));
    }

    #[test]
    fn what_is_no_whole_page_is_refused() {
        for cut in [PAGE.len() - 1, PAGE.len() / 2, 40, 0] {
            assert!(listed_page(&PAGE.as_bytes()[..cut]).is_err(), "{cut}");
        }
        assert!(listed_page(PAGE.replace("NextContinuationToken", "Other").as_bytes()).unwrap_err().contains("next page"));
        assert!(listed_page(b"<html>login</html>").unwrap_err().contains("html"));
    }

    #[test]
    fn only_names_of_regions_lead_elsewhere() {
        assert!(is_region("eu-west-1") && is_region("us-gov-east-1"));
        assert!(!is_region("evil.example/") && !is_region("") && !is_region("x@y"));
    }

    proptest! {
        #[test]
        fn keys_come_back_from_their_encoding(key in "\\PC{0,30}") {
            prop_assert_eq!(decoded_key(&encoded(&key, "/")), key.clone());
            prop_assert!(encoded(&key, "/").is_ascii());
        }

        #[test]
        fn no_answer_breaks_it(body in proptest::collection::vec(any::<u8>(), 0..200), xml in "(<(Contents|Key|/Key|/Contents|ListBucketResult|/x)>|&[a-z#0-9]{0,4};?|[^<]{0,4}){0,20}") {
            let _ = listed_page(&body);
            let _ = listed_page(xml.as_bytes());
            decoded_key(&xml);
        }
    }
}
