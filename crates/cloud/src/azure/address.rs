//! Where a request goes. A token is only ever sent to the service that it is for.

use reqwest::Url;

use crate::{CallError, azure::cloud::Service};

/// The URL of a path below a service, or of a whole URL that the service itself has named (`nextLink`).
///
/// # Errors
/// If it leads to another host, another port or another scheme.
pub(crate) fn url_of(service: &Service, path: &str, query: &[(String, String)]) -> Result<Url, CallError> {
    let fail = |message: String| CallError::Request { message };
    let shown = path.split_once('?').map_or(path, |(path, _)| path);
    let text = if path.starts_with('/') { format!("{}{path}", service.base) } else { path.to_owned() };
    let mut url = Url::parse(&text).map_err(|_| fail(format!("`{shown}` is neither a path with a leading slash nor a URL")))?;
    let base = Url::parse(&service.base).map_err(|_| fail(format!("`{}` is no URL", service.base)))?;
    let is_own = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    if !is_own {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(fail(format!("`{shown}` leads to `{host}` instead of {}; nothing is sent there", service.base)));
    }
    if !query.is_empty() {
        let mut all = url.query().map(str::to_owned).unwrap_or_default();
        for (name, value) in query {
            if !all.is_empty() {
                all.push('&');
            }
            all.push_str(&escaped(name));
            all.push('=');
            all.push_str(&escaped(value));
        }
        url.set_query(Some(&all));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Percent-encoded throughout: OData does not take a plus sign for a space everywhere.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service { base: "https://management.azure.com".into(), audience: "https://management.azure.com".into() }
    }

    #[test]
    fn paths_and_links_of_the_same_host_are_followed() {
        let query = [("api-version".to_owned(), "2021-04-01".to_owned()), ("$filter".to_owned(), "a eq 'b+c'".to_owned())];
        let url = url_of(&service(), "/subscriptions", &query).unwrap();
        let expected = "https://management.azure.com/subscriptions?api-version=2021-04-01&%24filter=a%20eq%20%27b%2Bc%27";
        assert_eq!(url.as_str(), expected);
        let link = "https://MANAGEMENT.azure.com:443/subscriptions?api-version=1&%24skiptoken=a%2Bb";
        let url = url_of(&service(), link, &[]).unwrap();
        assert_eq!(url.as_str(), "https://management.azure.com/subscriptions?api-version=1&%24skiptoken=a%2Bb");
        let url = url_of(&service(), link, &query[..1]).unwrap();
        assert!(url.as_str().ends_with("skiptoken=a%2Bb&api-version=2021-04-01"), "{url}");
    }

    #[test]
    fn nothing_goes_elsewhere() {
        for path in [
            "https://evil.example/subscriptions?$skiptoken=s3cret",
            "http://management.azure.com/subscriptions",
            "https://management.azure.com:8443/subscriptions",
            "https://management.azure.com@evil.example/",
            "https://user:pass@management.azure.com/",
            "https://management.azure.com.evil.example/",
            "subscriptions",
            "@evil.example/",
            "",
        ] {
            let error = url_of(&service(), path, &[]).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        for path in ["//evil.example/x", "/\\evil.example", "/../../x"] {
            assert_eq!(url_of(&service(), path, &[]).unwrap().host_str(), Some("management.azure.com"), "{path}");
        }
    }
}
