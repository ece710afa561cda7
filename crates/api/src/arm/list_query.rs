use axum::http::StatusCode;
use serde::Deserialize;

use crate::{error::ApiError, odata::Filter};

/// What a list of ARM is asked with.
#[derive(Deserialize)]
pub(crate) struct ListQuery {
    #[serde(rename = "$filter")]
    filter: Option<String>,
    /// Rows of a page at most.
    #[serde(rename = "$top")]
    pub(crate) top: Option<u32>,
    /// Where the last page ended.
    #[serde(rename = "$skiptoken", alias = "$skipToken")]
    pub(crate) skip_token: Option<String>,
    #[serde(rename = "api-version")]
    version: Option<String>,
}

impl ListQuery {
    /// The api-version, if one is named; without one the newest shape is meant.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref().filter(|version| !version.is_empty())
    }

    /// The filter as it was sent; `az` sends an empty one where it has none.
    pub(crate) fn filter(&self) -> Option<&str> {
        self.filter.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The filter, of a list that knows these fields and functions.
    ///
    /// # Errors
    /// 400 if it can't be understood, or asks for something else.
    pub(crate) fn asked(&self, fields: &[&str], functions: &[&str]) -> Result<Option<Filter>, ApiError> {
        let parsed = |text| Filter::parse(text).and_then(|filter| filter.check(fields, functions).map(|()| filter));
        let filter = self.filter().map(parsed).transpose();
        filter.map_err(|error| {
            let refused = ApiError::new(StatusCode::BAD_REQUEST, "InvalidFilterInQueryString", error.to_string());
            refused.with_target("$filter".to_owned())
        })
    }
}
