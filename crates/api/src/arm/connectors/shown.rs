//! Connectors as they are answered.

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};
use skywarden_model::{Environment, Timestamp, setting};

use super::{
    kept::Kept,
    offerings::{self, PlansOn},
    placed::Placed,
};
use crate::{arm::objects::plans::PlansAt, auth::hex_digest, error::ApiError, scoped::Scoped};

/// A connector with the plans of its account.
pub(super) struct Shown {
    /// Without its etag.
    members: Map<String, Value>,
    pub(super) plans: PlansOn,
}

impl Shown {
    pub(super) async fn of(state: &Scoped, placed: &Placed) -> Result<Self, ApiError> {
        let Placed { connector, account, .. } = placed;
        let plans = Self::plans_of(state, connector.id.as_str(), account).await?;
        let kept = Kept::of(connector)?;
        let (name, kind) = match connector.environment {
            Environment::Gcp => ("GCP", "GcpProject"),
            _ => ("AWS", "AwsAccount"),
        };
        let offerings = match connector.environment {
            Environment::Gcp => vec![json!({ "offeringType": "CspmMonitorGcp" })],
            _ => offerings::shown(&kept.offerings, &plans, connector.setting(setting::ROLE)),
        };
        let mut data = json!({ "environmentType": kind, "accountName": connector.display_name });
        if let Some(data) = data.as_object_mut() {
            let regions = connector.setting(setting::REGIONS).map(|own| json!(own.split(',').collect::<Vec<_>>()));
            let member = || connector.setting(setting::MEMBER_OF).map(|_| json!({ "organizationMembershipType": "Member" }));
            let organization = kept.organizational_data.map(Value::Object).or_else(member);
            let more = [
                ("regions", regions),
                ("scanInterval", kept.scan_interval.map(Value::from)),
                ("organizationalData", organization),
            ];
            data.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        let mut members = Map::new();
        members.insert("id".to_owned(), placed.id().into());
        members.insert("name".to_owned(), connector.id.as_str().into());
        members.insert("type".to_owned(), "Microsoft.Security/securityConnectors".into());
        members.insert("location".to_owned(), kept.location.unwrap_or_else(|| "local".to_owned()).into());
        members.extend(kept.kind.map(|kind| ("kind".to_owned(), kind.into())));
        members.insert("tags".to_owned(), json!(kept.tags));
        let properties =
            json!({ "hierarchyIdentifier": account, "environmentName": name, "environmentData": data, "offerings": offerings });
        members.insert("properties".to_owned(), properties);
        Ok(Self { members, plans })
    }

    /// The plans of an account that are on, whether it is connected or not yet.
    pub(super) async fn plans_of(state: &Scoped, connector: &str, account: &str) -> Result<PlansOn, ApiError> {
        let at = PlansAt::of_account(state, connector, account).await?;
        Ok(PlansOn::of(at.properties(&state.catalog, Timestamp::now())))
    }

    /// The hash of what is answered: 32 hexadecimal digits.
    pub(super) fn etag(&self) -> String {
        hex_digest(&Value::Object(self.members.clone()).to_string()).chars().take(32).collect()
    }

    pub(super) fn value(&self) -> Value {
        let mut members = self.members.clone();
        members.insert("etag".to_owned(), format!("\"{}\"", self.etag()).into());
        Value::Object(members)
    }

    /// What a client may write back: of the rest it is known that the server says it.
    pub(super) fn members(&self) -> Map<String, Value> {
        self.members.clone()
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", self.etag())) {
            headers.insert(header::ETAG, etag);
        }
        headers
    }
}
