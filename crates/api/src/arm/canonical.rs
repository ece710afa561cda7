//! ARM's paths compare without case, and some clients percent-encode a scope inside the path: one spelling before they are routed.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::http::{Request, Uri};

use crate::routes::ROUTES;

/// The words of ARM's paths as the routes have them, by their small letters.
static WORDS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let arm = ROUTES.iter().filter(|route| !route.path.starts_with("/api/"));
    let words = arm.flat_map(|route| route.path.split('/')).filter(|word| !word.is_empty() && !word.starts_with('{'));
    words.map(|word| (word.to_ascii_lowercase(), word)).collect()
});

/// The request with its path as the routes have it; paths that are not ARM's stay as they are.
pub(crate) fn canonical<B>(mut request: Request<B>) -> Request<B> {
    if let Some(path) = spelled(request.uri().path()) {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("{path}{query}").parse().ok().or(parts.path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// A path of ARM in the spelling of the routes; `None` if it has that already, or is not ARM's.
fn spelled(path: &str) -> Option<String> {
    let decoded = decoded(path);
    let first = decoded.trim_start_matches('/').split('/').next().unwrap_or_default();
    if !["subscriptions", "providers", "tenants"].iter().any(|own| own.eq_ignore_ascii_case(first)) {
        return None;
    }
    let mut spelled = String::with_capacity(decoded.len());
    for step in decoded.split('/').filter(|step| !step.is_empty()) {
        spelled.push('/');
        spelled.push_str(WORDS.get(step.to_ascii_lowercase().as_str()).copied().unwrap_or(step));
    }
    (spelled != path).then_some(spelled)
}

/// The path with what stands encoded in one step of it taken apart: a scope, `/%2Fsubscriptions%2FS/providers/...`, and the type of a
/// resource that lies in another, `/providers/Microsoft.Security/securityConnectors%2FC%2FsecurityEntityData/...`. A slash that is
/// encoded anywhere else belongs to a name and stays.
fn decoded(path: &str) -> String {
    let is_scope = |step: &str| {
        let small = step.to_ascii_lowercase();
        ["%2fsubscriptions%2f", "subscriptions%2f", "%2fproviders%2f", "providers%2f"]
            .iter()
            .any(|start| small.starts_with(start))
    };
    let (mut steps, mut before) = (Vec::new(), ["", ""]);
    for step in path.split('/') {
        let [two_before, one_before] = before;
        let is_type = two_before.eq_ignore_ascii_case("providers");
        steps.push(if is_type || is_scope(step) { step.replace("%2F", "/").replace("%2f", "/") } else { step.to_owned() });
        before = [one_before, step];
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        let request = Request::builder().uri(path).body(()).unwrap();
        canonical(request).uri().to_string()
    }

    #[test]
    fn paths_of_arm_have_one_spelling() {
        for (path, wanted) in [
            ("/Subscriptions/S1/resourcegroups?api-version=1", "/subscriptions/S1/resourceGroups?api-version=1"),
            (
                "/%2Fsubscriptions%2FS1/providers/microsoft.security/ASSESSMENTS?x=%2F",
                "/subscriptions/S1/providers/Microsoft.Security/assessments?x=%2F",
            ),
            ("//subscriptions/S1/", "/subscriptions/S1"),
            ("/subscriptions/S1/resourceGroups/My%20Group", "/subscriptions/S1/resourceGroups/My%20Group"),
            ("/subscriptions/S1/resourceGroups/a%2Fb", "/subscriptions/S1/resourceGroups/a%2Fb"),
            (
                "/subscriptions/S1/providers/microsoft.security/securityconnectors%2FC1%2fSecurityEntityData/e%2Ff",
                "/subscriptions/S1/providers/Microsoft.Security/securityConnectors/C1/securityEntityData/e%2Ff",
            ),
            ("/api/v1/Overview", "/api/v1/Overview"),
            ("/API/v1/overview", "/API/v1/overview"),
            ("/", "/"),
            ("/assets/Providers", "/assets/Providers"),
        ] {
            assert_eq!(of(path), wanted, "{path}");
        }
    }
}
