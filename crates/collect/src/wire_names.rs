//! Names on the wire that are not what the API calls the member, beyond what rules of spelling cover (see `shape`).

/// Type, path inside its properties, name on the wire.
const WIRE_NAMES: &[(&str, &str, &str)] = &[
    ("AWS::EC2::Instance", "State", "instanceState"),
    ("AWS::EC2::Instance", "SecurityGroups", "groupSet"),
    ("AWS::EC2::Instance", "PublicIpAddress", "ipAddress"),
    ("AWS::EC2::Instance", "PublicDnsName", "dnsName"),
    ("AWS::EC2::Instance", "StateTransitionReason", "reason"),
    ("AWS::EC2::NetworkAcl", "IsDefault", "default"),
    ("AWS::EC2::SecurityGroup", "Description", "groupDescription"),
    ("AWS::EC2::SecurityGroup", "IpPermissions[*].UserIdGroupPairs", "groups"),
    ("AWS::EC2::SecurityGroup", "IpPermissionsEgress[*].UserIdGroupPairs", "groups"),
    ("AWS::EC2::Snapshot", "State", "status"),
    ("AWS::EC2::Volume", "State", "status"),
    ("AWS::EC2::Volume", "Attachments[*].State", "status"),
    ("AWS::S3::Bucket", "Acl.Grants", "AccessControlList"),
];

/// The name on the wire of a member that has one of its own.
pub(crate) fn wire_name(type_name: &str, path: &str) -> Option<&'static str> {
    WIRE_NAMES.iter().find(|(own, member, _)| *own == type_name && *member == path).map(|(_, _, wire)| *wire)
}
