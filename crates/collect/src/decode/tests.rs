use proptest::prelude::*;
use serde_json::json;
use skywarden_content::{FieldType, Protocol};

use super::*;
use crate::{
    document::{AnswerPath, Document},
    shape::Wire,
};

type Names<'a> = &'a [(&'a str, &'a str)];

/// No names of their own, and those of the specs of instances and buckets that these tests meet.
const PLAIN: Names<'_> = &[];
const INSTANCE: Names<'_> = &[("State", "instanceState"), ("SecurityGroups", "groupSet")];
const BUCKET: Names<'_> = &[("Acl.Grants", "AccessControlList")];

fn wire(names: Names<'_>) -> Wire {
    names.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect()
}

fn shape(names: Names<'_>, fields: Value) -> Shape {
    let fields: std::collections::BTreeMap<String, FieldType> = serde_json::from_value(fields).unwrap();
    Shape::of_fields(&wire(names), fields.iter())
}

/// The items of a list answer, with the problems as `field: message`.
fn items(protocol: Protocol, body: &str, path: &str, shape: &Shape) -> (Value, Vec<String>) {
    let document = Document::parse(protocol, "ListThings", body.as_bytes()).unwrap();
    let mut values = Vec::new();
    let mut problems = Vec::new();
    for (value, decoder) in document.items(&AnswerPath::parse(path).into_list(), shape, &[]) {
        values.push(value.unwrap_or_default());
        problems.extend(decoder.problems.into_iter().map(|(field, message)| format!("{field}: {message}")));
    }
    (Value::Array(values), problems)
}

fn check(protocol: Protocol, body: &str, path: &str, fields: Value, expect: Value) {
    let (values, problems) = items(protocol, body, path, &shape(PLAIN, fields));
    assert_eq!(values, expect);
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn query_lists_have_members_or_named_items() {
    check(
        Protocol::Query,
        "<ListThingsResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListThingsResult><IsTruncated>false</IsTruncated>
           <Users>
             <member><Name>a &amp; b</Name><Groups><member>g1</member></Groups><Mfa>true</Mfa><Unknown>x</Unknown></member>
             <member><Name>c</Name><Groups/><Document>%7B%22Version%22%3A%20%222012-10-17%22%7D</Document></member>
           </Users></ListThingsResult><ResponseMetadata/></ListThingsResponse>",
        "Users",
        json!({ "Name": "string", "Groups": ["string"], "Mfa": "boolean", "Document": "json" }),
        json!([
            { "Name": "a & b", "Groups": ["g1"], "Mfa": true },
            { "Name": "c", "Groups": [], "Document": { "Version": "2012-10-17" } },
        ]),
    );
    check(
        Protocol::Query,
        "<ListThingsResponse><ListThingsResult><DBInstances><DBInstance><Port>5432</Port><Groups><Group><Id>1</Id></Group></Groups></DBInstance></DBInstances></ListThingsResult></ListThingsResponse>",
        "DBInstances",
        json!({ "Port": "integer", "Groups": [{ "Id": "string" }] }),
        json!([{ "Port": 5432, "Groups": [{ "Id": "1" }] }]),
    );
}

#[test]
fn maps_have_entries() {
    check(
        Protocol::Query,
        "<ListThingsResponse><ListThingsResult><SummaryMap><entry><key>Users</key><value>6</value></entry><entry><key>Groups</key><value>0</value></entry></SummaryMap></ListThingsResult></ListThingsResponse>",
        "",
        json!({ "SummaryMap": { "*": "integer" } }),
        json!([{ "SummaryMap": { "Users": 6, "Groups": 0 } }]),
    );
    check(
        Protocol::Query,
        "<ListThingsResponse><ListThingsResult><Attribute><Name>Policy</Name><Value>{}</Value></Attribute><Attribute><Name>A.b</Name><Value>x</Value></Attribute></ListThingsResult></ListThingsResponse>",
        "",
        json!({ "Attribute": { "*": "string" } }),
        json!([{ "Attribute": { "Policy": "{}", "A.b": "x" } }]),
    );
}

#[test]
fn ec2_spells_names_its_own_way() {
    let fields = json!({
        "InstanceId": "string", "State": { "Code": "integer", "Name": "string" }, "SecurityGroups": [{ "GroupId": "string" }],
        "PrivateIpAddress": "string", "PrivateIpAddresses": [{ "Primary": "boolean" }], "BlockDeviceMappings": [{ "DeviceName": "string" }],
        "LaunchTime": "timestamp", "Tags": [{ "Key": "string", "Value": "string" }],
    });
    let body = |instances: &str| {
        format!(
            "<ListThingsResponse><reservationSet><item><groupSet/><instancesSet>{instances}</instancesSet></item>\
             <item><instancesSet><item><instanceId>i-3</instanceId></item></instancesSet></item></reservationSet></ListThingsResponse>"
        )
    };
    let one = "<item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>\
               <privateIpAddress>10.0.0.1</privateIpAddress><groupSet><item><groupId>sg-1</groupId></item></groupSet>\
               <blockDeviceMapping><item><deviceName>/dev/sda1</deviceName></item></blockDeviceMapping>\
               <launchTime>2026-01-02T03:04:05.000Z</launchTime>\
               <tagSet><item><key>Name</key><value/></item></tagSet></item>";
    let (values, problems) = items(Protocol::Ec2, &body(one), "Reservations[*].Instances", &shape(INSTANCE, fields.clone()));
    assert_eq!(
        values,
        json!([
            {
                "InstanceId": "i-1", "State": { "Code": 16, "Name": "running" }, "PrivateIpAddress": "10.0.0.1",
                "SecurityGroups": [{ "GroupId": "sg-1" }], "BlockDeviceMappings": [{ "DeviceName": "/dev/sda1" }],
                "LaunchTime": "2026-01-02T03:04:05Z", "Tags": [{ "Key": "Name", "Value": "" }],
            },
            { "InstanceId": "i-3" },
        ])
    );
    assert_eq!(problems, Vec::<String>::new());
    let (values, _) = items(Protocol::Ec2, &body(""), "Reservations[*].Instances", &shape(INSTANCE, fields));
    assert_eq!(values, json!([{ "InstanceId": "i-3" }]));
}

#[test]
fn rest_xml_repeats_elements_without_a_wrapper() {
    let document = |body: &str| Document::parse(Protocol::RestXml, "Get", body.as_bytes()).unwrap();
    let value = |body: &str, select: &str, field: Value, names: Names<'_>, path: &str| {
        let fields = serde_json::from_value(field).unwrap();
        let shape = Shape::of_field(&wire(names), &fields, path).unwrap();
        let select = AnswerPath::parse(select);
        let select = if matches!(shape, Shape::List(_)) { select.into_list() } else { select };
        document(body).value(&select, &shape, &[]).0
    };
    let encryption = json!({ "Encryption": { "Rules": [{ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "string" }, "BucketKeyEnabled": "boolean" }] } });
    assert_eq!(
        value(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
            "ServerSideEncryptionConfiguration",
            encryption,
            BUCKET,
            "Encryption",
        ),
        Some(
            json!({ "Rules": [{ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" }, "BucketKeyEnabled": false }] })
        )
    );
    let acl =
        json!({ "Acl": { "Owner": { "ID": "string" }, "Grants": [{ "Grantee": { "URI": "string" }, "Permission": "string" }] } });
    assert_eq!(
        value(
            "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant><Grantee xsi:type=\"Group\"><URI>all</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
            "",
            acl,
            BUCKET,
            "Acl",
        ),
        Some(json!({ "Owner": { "ID": "o" }, "Grants": [{ "Grantee": { "URI": "all" }, "Permission": "READ" }] }))
    );
    let tags = json!({ "TagSet": [{ "Key": "string", "Value": "string" }] });
    assert_eq!(
        value(
            "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>",
            "TagSet",
            tags.clone(),
            BUCKET,
            "TagSet"
        ),
        Some(json!([{ "Key": "a", "Value": "1" }]))
    );
    assert_eq!(value("<Tagging><TagSet/></Tagging>", "TagSet", tags, BUCKET, "TagSet"), Some(json!([])));
    assert_eq!(
        value("{\"Version\":\"1\"}", "Policy", json!({ "Policy": "json" }), BUCKET, "Policy"),
        Some(json!({ "Version": "1" }))
    );
    assert_eq!(
        value(
            "<PolicyStatus><IsPublic>TRUE</IsPublic></PolicyStatus>",
            "PolicyStatus",
            json!({ "PolicyStatus": { "IsPublic": "boolean" } }),
            BUCKET,
            "PolicyStatus"
        ),
        Some(json!({ "IsPublic": true }))
    );
    assert_eq!(
        value("<VersioningConfiguration/>", "", json!({ "Versioning": { "Status": "string" } }), BUCKET, "Versioning"),
        Some(json!({}))
    );
}

#[test]
fn json_values_take_their_declared_types() {
    check(
        Protocol::Json,
        "{\"Things\":[{\"arn\":\"a\",\"Created\":1700000000.5,\"Changed\":1700000000000,\"Count\":3.0,\"On\":false,\"Policy\":\"{\\\"a\\\":[1]}\",\
         \"Null\":null,\"Extra\":1,\"Port\":80}]}",
        "Things",
        json!({ "Arn": "string", "Created": "timestamp", "Changed": "timestamp", "Count": "integer", "On": "boolean", "Policy": "json", "Null": "string", "Port": "string" }),
        json!([{
            "Arn": "a", "Created": "2023-11-14T22:13:20.5Z", "Changed": "2023-11-14T22:13:20Z", "Count": 3, "On": false,
            "Policy": { "a": [1] }, "Port": "80",
        }]),
    );
}

#[test]
fn lists_spread_by_a_path_are_put_together() {
    let fields = serde_json::from_value(json!({ "Tags": [{ "Key": "string" }] })).unwrap();
    let shape = Shape::of_field(&wire(PLAIN), &fields, "Tags").unwrap();
    let path = AnswerPath::parse("TagDescriptions[*].Tags").into_list();
    let expect = Some(json!([{ "Key": "a" }, { "Key": "b" }]));
    let xml = "<ListThingsResponse><ListThingsResult><TagDescriptions><member><ResourceArn>x</ResourceArn><Tags><member><Key>a</Key></member></Tags></member>\
               <member><Tags><member><Key>b</Key></member></Tags></member></TagDescriptions></ListThingsResult></ListThingsResponse>";
    assert_eq!(Document::parse(Protocol::Query, "ListThings", xml.as_bytes()).unwrap().value(&path, &shape, &[]).0, expect);
    let json = "{\"TagDescriptions\":[{\"Tags\":[{\"Key\":\"a\"}]},{\"Tags\":[{\"Key\":\"b\"}]}]}";
    assert_eq!(Document::parse(Protocol::Json, "ListThings", json.as_bytes()).unwrap().value(&path, &shape, &[]).0, expect);
}

#[test]
fn what_does_not_fit_is_a_problem_at_its_field() {
    let fields = json!({ "On": "boolean", "N": "integer", "At": "timestamp", "Policy": "json", "List": [{ "Document": "json" }], "Name": "string" });
    let (values, problems) = items(
        Protocol::Query,
        "<ListThingsResponse><Things><member><On>maybe</On><N>many</N><At>soon</At><Policy>{\"cut</Policy><Name>n</Name>\
         <List><member><Document>{</Document></member><member><Document>[</Document></member></List></member></Things></ListThingsResponse>",
        "Things",
        &shape(PLAIN, fields),
    );
    assert_eq!(values, json!([{ "Name": "n", "List": [{}, {}] }]));
    let fields: Vec<&str> = problems.iter().filter_map(|problem| Some(problem.split_once(':')?.0)).collect();
    assert_eq!(fields, ["At", "List[*].Document", "N", "On", "Policy"]);
    let (_, problems) = items(
        Protocol::Json,
        "{\"Things\":[{\"N\":1.5,\"Policy\":\"no\"}]}",
        "Things",
        &shape(PLAIN, json!({ "N": "integer", "Policy": "json" })),
    );
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn answers_of_another_kind_are_refused() {
    let refused = |protocol, body: &str| assert!(Document::parse(protocol, "ListThings", body.as_bytes()).is_err(), "{body}");
    for body in ["", "[]", "\"x\"", "{\"Things\":[", "<html></html>"] {
        refused(Protocol::Json, body);
    }
    for body in ["", "<html><body>Log in</body></html>", "<ListThingsResponse><Things>", "{}"] {
        refused(Protocol::Query, body);
        refused(Protocol::Ec2, body);
    }
    for body in ["", "<html/>", "<Error><Code>InternalError</Code></Error>", "<Tagging><TagSet>"] {
        refused(Protocol::RestXml, body);
    }
}

fn any_type() -> impl Strategy<Value = FieldType> {
    let scalar = prop::sample::select(vec!["string", "integer", "number", "boolean", "timestamp", "json"])
        .prop_map(|name| serde_json::from_value(json!(name)).unwrap());
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| FieldType::List(vec![item])),
            inner.clone().prop_map(|item| FieldType::Object([("*".to_owned(), item)].into())),
            prop::collection::btree_map(prop::sample::select(vec!["a".to_owned(), "as".to_owned(), "b".to_owned()]), inner, 0..3)
                .prop_map(FieldType::Object),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_breaks_decoding(
        xml in "(<(a|b|as|aSet|item|member|key|value|entry)/?>|</(a|b|as|aSet|item|member|key|value|entry)>|&#?[a-z0-9]{0,4};|[0-9a-z{}%. -]{0,6}|<!\\[CDATA\\[|\\]\\]>){0,30}",
        json in "([\\[\\]{}:,]|\"[a-b]{0,2}\"|[0-9.e-]{1,6}|null|true){0,20}",
        field in any_type(),
    ) {
        let fields = [("a".to_owned(), field.clone()), ("b".to_owned(), field)].into();
        let shape = Shape::of_field(&wire(PLAIN), &fields, "a").unwrap();
        let wrapped = format!("<XResponse><a>{xml}</a></XResponse>");
        for (protocol, body) in [(Protocol::RestXml, &xml), (Protocol::Query, &wrapped), (Protocol::Ec2, &wrapped), (Protocol::Json, &json)] {
            let Ok(document) = Document::parse(protocol, "X", body.as_bytes()) else { continue };
            for path in ["", "a", "a[*].b", "as[*].a"] {
                document.value(&AnswerPath::parse(path), &shape, &[]);
                document.items(&AnswerPath::parse(path).into_list(), &shape, &[]);
                document.text(&AnswerPath::parse(path));
            }
        }
    }

    #[test]
    fn well_formed_xml_of_any_shape_is_decoded(depth in 0usize..40, texts in prop::collection::vec("[^<&>]{0,8}", 0..5), field in any_type()) {
        let inner: String = texts.iter().map(|text| format!("<a>{text}</a>")).collect();
        let body = format!("<r>{}{inner}{}</r>", "<b>".repeat(depth), "</b>".repeat(depth));
        let fields = [("b".to_owned(), field)].into();
        let shape = Shape::of_field(&wire(PLAIN), &fields, "b").unwrap();
        let document = Document::parse(Protocol::RestXml, "X", body.as_bytes()).unwrap();
        document.value(&AnswerPath::parse("b"), &shape, &[]);
    }
}

#[test]
fn documents_are_unpacked_however_they_are_escaped() {
    let plain = r#"{"Version":"2012-10-17"}"#;
    let escaped = plain.replace('"', "\\\"");
    for text in [plain, "%7B%22Version%22%3A%222012-10-17%22%7D", escaped.as_str()] {
        let mut decoder = Decoder::at(Vec::new());
        let found = decoder.json(&Value::String(text.to_owned()), &Shape::Scalar(ScalarType::Json));
        assert_eq!(found, Some(serde_json::json!({ "Version": "2012-10-17" })), "{text}");
    }
}
