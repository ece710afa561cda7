//! The pure mapping between a resource's native id and its ARM id.

use std::fmt;

use uuid::Uuid;

use crate::{Placed, ResourceId, Scope};

/// UUIDv5 namespace of everything that Skywarden derives: UUIDv5(DNS namespace, `skywarden`).
const NAMESPACE: Uuid = Uuid::from_u128(0x1264_b39c_49e9_5f22_8d15_7fc1_85cb_8ec7);

/// An ARM resource id: `/subscriptions/U/resourceGroups/G/providers/...`. Compares without case, as ARM does.
#[derive(Debug, Clone)]
pub struct ArmId(String);

/// Why a text is not the ARM id of one of our resources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{id}` is not the ARM id of a resource: {problem}")]
pub struct ArmIdError {
    id: String,
    problem: &'static str,
}

impl ArmId {
    /// The ARM id of a resource: a native ARM id stays itself; anything else becomes
    /// `/subscriptions/U/resourceGroups/G/providers/Microsoft.Security/securityConnectors/C/securityEntityData/E`
    /// where U is [`subscription_id`] and E the native id in lower-case base32 (RFC 4648, no padding), so that it can be undone.
    pub fn of(resource: &impl Placed) -> Self {
        Self::of_parts(resource.id(), resource.scope())
    }

    /// The same from a resource's id and scope.
    pub fn of_parts(id: &ResourceId, scope: &Scope) -> Self {
        if is_arm(id.as_str()) {
            return Self(id.as_str().to_owned());
        }
        Self(format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Security/securityConnectors/{}/securityEntityData/{}",
            subscription_id(scope),
            scope.resource_group,
            scope.connector,
            base32_encode(id.as_str().as_bytes()),
        ))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The native id inside an ARM id; the inverse of [`ArmId::of`].
///
/// # Errors
/// If the text is no ARM id, or its entity part does not decode.
pub fn native_id_of(arm_id: &str) -> Result<ResourceId, ArmIdError> {
    let fail = |problem| ArmIdError { id: arm_id.to_owned(), problem };
    if !is_arm(arm_id) {
        return Err(fail("it does not begin with /subscriptions/"));
    }
    let segments: Vec<&str> = arm_id.trim_end_matches('/').split('/').collect();
    let entity = segments
        .iter()
        .position(|segment| segment.eq_ignore_ascii_case("securityEntityData"))
        .map(|position| segments.get(position + 1).copied().unwrap_or_default());
    let Some(entity) = entity else {
        return Ok(ResourceId::from(arm_id));
    };
    let bytes = base32_decode(entity).ok_or_else(|| fail("the part after securityEntityData is no base32"))?;
    let native = String::from_utf8(bytes).map_err(|_| fail("the part after securityEntityData is no UTF-8"))?;
    Ok(ResourceId::from(native))
}

/// The subscription in an id of Azure Resource Manager in lower case; `None` for what lies in none.
pub fn subscription_of(id: &str) -> Option<&str> {
    id.strip_prefix("/subscriptions/")?.split('/').next().filter(|own| !own.is_empty())
}

/// The subscription of a scope: an Azure subscription's own id, else UUIDv5 of connector and account.
pub fn subscription_id(scope: &Scope) -> Uuid {
    if scope.account.len() == 36
        && let Ok(own) = Uuid::parse_str(&scope.account)
    {
        return own;
    }
    Uuid::new_v5(&NAMESPACE, format!("subscription/{}/{}", scope.connector, scope.account).as_bytes())
}

/// The assessment key of a recommendation that the reference gives no GUID: UUIDv5 of its id.
pub fn assessment_key(recommendation: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("recommendation/{recommendation}").as_bytes())
}

impl fmt::Display for ArmId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ArmId {}

fn is_arm(id: &str) -> bool {
    id.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("/subscriptions/"))
}

const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

// Base32 and not base64: ARM ids are compared without case, and clients may change it.
fn base32_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let mut bits = 0u32;
    let mut n_bits = 0;
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        n_bits += 8;
        while n_bits >= 5 {
            n_bits -= 5;
            text.push(base32_digit(bits >> n_bits));
            bits &= (1 << n_bits) - 1;
        }
    }
    if n_bits > 0 {
        text.push(base32_digit(bits << (5 - n_bits)));
    }
    text
}

fn base32_digit(value: u32) -> char {
    BASE32.get((value & 31) as usize).copied().map_or('a', char::from)
}

fn base32_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let mut bits = 0u32;
    let mut n_bits = 0;
    for digit in text.bytes() {
        let digit = digit.to_ascii_lowercase();
        let value = BASE32.iter().position(|known| *known == digit)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        n_bits += 5;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(u8::try_from(bits >> n_bits & 0xff).ok()?);
            bits &= (1 << n_bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope() -> Scope {
        Scope { connector: "aws-1".into(), account: "123456789012".into(), resource_group: "eu-west-1".into() }
    }

    #[test]
    fn an_arn_becomes_an_arm_id_under_its_connector() {
        let id = ArmId::of_parts(&"arn:aws:s3:::b".into(), &scope());
        assert!(id.as_str().starts_with("/subscriptions/"));
        assert!(id.as_str().contains("/resourceGroups/eu-west-1/providers/Microsoft.Security/securityConnectors/aws-1/"));
    }

    #[test]
    fn a_native_arm_id_stays_itself() {
        let native = "/Subscriptions/S/resourceGroups/G/providers/Microsoft.Storage/storageAccounts/a";
        assert_eq!(ArmId::of_parts(&native.into(), &scope()).as_str(), native);
        assert_eq!(native_id_of(native).unwrap().as_str(), native);
    }

    #[test]
    fn texts_that_are_no_arm_ids_are_refused() {
        assert!(native_id_of("arn:aws:s3:::b").is_err());
        assert!(
            native_id_of("/subscriptions/x/providers/Microsoft.Security/securityConnectors/c/securityEntityData/!!").is_err()
        );
    }

    proptest! {
        #[test]
        fn every_native_id_comes_back_whatever_the_case(native in "\\PC{1,80}") {
            prop_assume!(!is_arm(&native));
            let arm = ArmId::of_parts(&native.as_str().into(), &scope());
            let back = native_id_of(arm.as_str()).unwrap();
            prop_assert_eq!(back.as_str(), &native);
            let upper = native_id_of(&arm.as_str().to_ascii_uppercase()).unwrap();
            prop_assert_eq!(upper.as_str(), &native);
        }
    }
}
