use super::{answer::Answer, request::Request};

/// Which calls a fault concerns.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    method: Option<String>,
    path: String,
    body: Option<String>,
}

impl Matching {
    /// Calls whose path and query, decoded and whatever their case, fit a pattern in which `*` stands for anything.
    pub fn path(pattern: &str) -> Self {
        Self { method: None, path: pattern.to_lowercase(), body: None }
    }

    /// Only calls of a method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_uppercase());
        self
    }

    /// Only calls with a text in their body.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        self.body = Some(text.to_owned());
        self
    }

    fn fits(&self, request: &Request) -> bool {
        let whole = format!("/{}?{}", request.segments.join("/"), request.raw_query).to_lowercase();
        let path = whole.split_once('?').map_or("", |(path, _)| path);
        self.method.as_deref().is_none_or(|method| request.method.as_str() == method)
            && (fits(&self.path, path) || fits(&self.path, &whole))
            && self.body.as_deref().is_none_or(|text| String::from_utf8_lossy(&request.body).contains(text))
    }
}

/// Faults that wait for their calls.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

struct Fault {
    matching: Matching,
    answer: Answer,
    left: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, matching: Matching, answer: Answer, times: usize) {
        self.0.push(Fault { matching, answer, left: times });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The answer of the first fault that a request meets.
    pub(crate) fn take(&mut self, request: &Request) -> Option<Answer> {
        let fault = self.0.iter_mut().find(|fault| fault.left > 0 && fault.matching.fits(request))?;
        fault.left -= 1;
        Some(fault.answer.clone())
    }
}

/// Whether a text fits a pattern in which `*` stands for anything. Both in the same case.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.split_at(at + part.len()).1;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("*/read", "microsoft.compute/virtualmachines/read"));
        assert!(fits("microsoft.compute/*/read", "microsoft.compute/virtualmachines/read"));
        assert!(fits("*", "anything"));
        assert!(fits("a*b*c", "abc"));
        assert!(!fits("a*b*c", "ab"));
        assert!(!fits("*/read", "microsoft.compute/virtualmachines/write"));
        assert!(!fits("read", "reading"));
        assert!(!fits("ab*b", "ab"));
    }
}
