use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AzureCollector, Changes, FieldType, SettingsExposure};

/// `content/collectors/PROVIDER/SERVICE/NAME.yaml`: how resources of one type are listed and read, and what they look like.
///
/// A collector without `list` declares a schema that Rust fills (the `host` crate for `Skywarden.Host/machines`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorFile {
    /// The resource type: `AWS::S3::Bucket`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// An id of `content/collectors/aws/services/ID.yaml`; absent for schemas that Rust fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Whether it is listed once per account (in the partition's home region) or once per region.
    #[serde(default)]
    pub placement: Placement,
    /// The native id, as a template over the item's fields and `{partition}`, `{account}`, `{region}`:
    /// `{Arn}`, `arn:{partition}:ec2:{region}:{account}:instance/{InstanceId}`.
    #[serde(default)]
    pub id: String,
    /// The name, as a template; absent: the id's last part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the resource lies if not in the listed region, as a template: `{Region}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whether people call the account by the name of this resource: it is the account itself (a subscription of Azure).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_account: bool,
    /// Path of the tags inside the collected properties: a list of `{Key, Value}` (any case) or an object: `Tags`, `TagSet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Another type below whose resources these lie: the list call is made once for each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The call that lists the resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListCall>,
    /// Calls made for each listed resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadCall>,
    /// Path of the resource's own policy inside the properties: `Attributes.Policy`. The type then has the fact `access`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where the properties say how the internet reaches it. The type then has the fact `exposure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposurePaths>,
    /// How the settings of a managed service of Azure decide whether the internet reaches it. The type then has the fact
    /// `exposure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_exposure: Option<SettingsExposure>,
    /// Names on the wire that rules of spelling can't derive, by path inside the properties: `{ State: instanceState }`,
    /// `{ "Attachments[*].State": status }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wire: BTreeMap<String, String>,
    /// Where texts may be secrets: names and presence are kept, every text that is not empty becomes `(withheld)` before anything
    /// else sees it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
    /// How it is found and read in Azure; of what stands above only `exposure` and `withheld` then say something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureCollector>,
    /// How AWS Config's snapshots spell what they carry of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_config: Option<AwsConfig>,
    /// How logs tell that a resource changed, and how it is read again; absent: changes are seen when all are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// The typed schema of `properties`.
    pub fields: BTreeMap<String, FieldType>,
    /// Answers in the shape that the provider documents, with the resources that they must become.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<CollectorTest>,
}

/// The type below whose resources others lie: a cluster of its node groups, an API of its stages.
///
/// Both are listed in the same place: in every region, or once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Its type, which has a collector of its own: `AWS::EKS::Cluster`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Own fields that every resource gets from its parent before the list call is made (whose input may name them):
    /// `{ ClusterName: Name }`. On the right `id`, `name` or a path inside the parent's properties.
    pub take: BTreeMap<String, String>,
    /// Only below parents where this field exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<String>,
}

/// Paths of the fields that decide whether the internet reaches a managed service: a database, a broker, a search domain.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExposurePaths {
    /// Whether it has a public address: a boolean, or a text that is one of `public_values`.
    pub public: String,
    /// Texts that mean a public address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_values: Vec<String>,
    /// Ids of the security groups that guard it. Absent: none can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<String>,
    /// Ids of the subnets that it lies in. Absent: not told, and every one is taken to lead to the internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<String>,
    /// The ports that it listens on. Absent: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<String>,
    /// The port where `ports` has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_port: Option<u16>,
}

/// What a configuration item of AWS Config carries: every field of `configuration` that the schema has, by the same name without
/// case, and what is said here. Other fields are not carried: they are unknown, not absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsConfig {
    /// Fields that stand elsewhere in the item: `{ Policy: supplementaryConfiguration.BucketPolicy.policyText }`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Members at any depth that have another name than in the schema: `{ ipv4Ranges: IpRanges }`.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Top-level fields whose absence from an item is a fact.
    #[serde(default)]
    pub always: Vec<String>,
}

/// A test of a collector: what the provider answers and what must come of it; or a record of a log and what it says has changed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorTest {
    /// The situation.
    pub name: String,
    /// By operation, or by `OPERATION WORD` where the word stands in the input; the longest that fits is answered. A text is sent
    /// as it is, anything else as JSON; `{ error: CODE, status: 404, message: TEXT }` is a refusal. Other calls fail. For Azure by
    /// a table of Resource Graph, whose rows it holds, or by the end of a path without case: `/auditingSettings/default`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, Value>,
    /// The resources of this type, in order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<ExpectedResource>,
    /// Nothing is listed, but what has these fields is read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<BTreeMap<String, String>>,
    /// A record of the log source that `changes.events` names first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
    /// The fields of each resource that the record says has changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<BTreeMap<String, String>>,
}

/// A resource that a collector's test expects.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedResource {
    /// Its id; the account is 123456789012, the region us-east-1; subscription and tenant in Azure are
    /// 11111111-1111-1111-1111-111111111111 and 22222222-2222-2222-2222-222222222222.
    pub id: String,
    /// Properties that it has with exactly these values; others are not looked at. `null`: it has none.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// Fields that must be unreadable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// A part of the properties of which the texts are not kept.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// Its path inside the properties: `Environment.Variables`, `Containers[*].Environment[*].Value`. Everything below it is
    /// withheld.
    pub path: String,
    /// How its texts are packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// A field of `properties` that gets the titles of the secrets (`content/secrets`) found in the texts, sorted, without repeats;
    /// empty where none was found, absent where there is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds_into: Option<String>,
}

/// How a text is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// RFC 4648, with padding.
    Base64,
}

/// Once per account or once per region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// In every region that the account has enabled.
    #[default]
    Regional,
    /// Once, in the partition's home region.
    Global,
}

/// The call that lists resources.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCall {
    /// The operation and its input.
    #[serde(flatten)]
    pub request: AwsRequest,
    /// Path of the list of resources in the answer; `Reservations[*].Instances` flattens. Empty: the answer is the one resource.
    pub items: String,
    /// The items are texts (names, ARNs); each becomes a resource with this one field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalar: Option<String>,
    /// Only items whose field has one of these values: `{ Engine: [docdb] }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub only: BTreeMap<String, Vec<String>>,
    /// No items whose field has one of these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub except: BTreeMap<String, Vec<String>>,
    /// Error codes that are facts ("not in use here"): there is no such resource. `CODE: TEXT` asks for the text in the message too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_on: Vec<String>,
    /// How to get further pages; absent: there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
}

/// A call made for each resource (or, with `batch`, for many at once); it owns the fields that it fills.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadCall {
    /// The operation and its input; templates over the item's fields, `{account}`, `{region}`, `{partition}`.
    #[serde(flatten)]
    pub request: AwsRequest,
    /// Path inside the answer that is taken; empty: the whole answer.
    #[serde(default)]
    pub select: String,
    /// The field of `properties` that it fills; empty: the selected object's members are merged into `properties`.
    #[serde(default)]
    pub into: String,
    /// For merging reads (`into` empty): the fields that it fills, which become unreadable if it fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<String>,
    /// Error codes that are facts ("no such configuration"): the fields are then known to be absent. `CODE: TEXT` asks for the text
    /// in the message too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_on: Vec<String>,
    /// How to get further pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// Only for items where this field exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<String>,
    /// One call for many resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// A call that has to be made before, until it says that the answer is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Preparation>,
}

/// How one call asks about many resources: those of which the rest of the input is the same. `select` is then the list in the answer, of which each element tells whose it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Resources in a call at most.
    pub size: usize,
    /// The input member that takes the list: `ResourceArns`.
    pub input: String,
    /// What stands for a resource in it, as a template: `{LoadBalancerArn}`.
    pub value: String,
    /// The member of an element that has the same value: `ResourceArn`.
    pub key: String,
    /// The member of an element that goes to `into`; absent: the last name of `into`. Not for reads that merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<String>,
    /// What it means if no element speaks of a resource.
    #[serde(default)]
    pub missing: Missing,
}

/// What it means that an answer does not speak of a resource that it was asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The fields could not be read.
    #[default]
    Unreadable,
    /// There is nothing to be said, which is a fact.
    Absent,
}

/// A call that makes the provider prepare an answer: a report that is generated.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Preparation {
    /// The operation and its input.
    #[serde(flatten)]
    pub request: AwsRequest,
    /// It is called again, every two seconds, until its answer has these texts: `{ State: COMPLETE }`.
    pub until: BTreeMap<String, String>,
}

/// An operation with its input.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AwsRequest {
    /// `ListUsers`.
    pub operation: String,
    /// The IAM action that it needs: `iam:ListUsers`.
    pub permission: String,
    /// What the action has to be allowed on, as an ARN pattern, where on everything it would let read more than configuration;
    /// absent: `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Another service than the collector's (an id of `services/`).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "via")]
    pub service: Option<String>,
    /// Input members; text values are templates. In query and ec2 they are flattened (`Filter.1.Name`); in json they are the body.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub input: Map<String, Value>,
    /// Method and path of the rest protocols: `GET /2015-03-31/functions/{FunctionName}/policy?Qualifier=x`. Templates are percent-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// Region to call instead of the resource's: `{Region}` for S3 buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Method and path of a rest call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rest(pub String);

/// How to get further pages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Where the answer has the next token: `NextToken`, `Marker`.
    pub response: String,
    /// The input member (or query parameter, for rest) that takes it. With `?` in front it goes into the query of a call that has a
    /// body, too; so do the names under `size`.
    pub request: String,
    /// A boolean of the answer that says whether there are more pages: `IsTruncated`. Absent: a token means more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
    /// Further members of the answer, each with the input member that takes it, where one token is not enough:
    /// `{ NextRecordType: type }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, String>,
    /// Input member and value of the page size: `{ MaxItems: 1000 }`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub size: Map<String, Value>,
}

/// `content/collectors/aws/services/ID.yaml`: how a service is spoken to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsService {
    /// Equals the file's name: `iam`, `elbv2`.
    pub id: String,
    /// The wire protocol.
    pub protocol: Protocol,
    /// First label of the host: `elasticloadbalancing`; host = `PREFIX.REGION.DNSSUFFIX` unless `endpoint` says otherwise.
    pub endpoint_prefix: String,
    /// Host as a template where it differs: `iam.{dns_suffix}`, `{account}.s3-control.{region}.{dns_suffix}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The name in the signature.
    pub signing_name: String,
    /// The API version of query and ec2: `2016-11-15`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Prefix of `X-Amz-Target` and the content type's version, for json: `TrentService`, `1.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_prefix: Option<String>,
    /// `1.0` or `1.1`, for json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_version: Option<String>,
    /// Requests a second that we allow ourselves per (account, region).
    pub rate: f64,
    /// The only regions where the service is offered; absent: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
}

/// AWS's wire protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Protocol {
    Query,
    Ec2,
    Json,
    RestJson,
    RestXml,
}
