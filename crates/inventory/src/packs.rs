use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use skywarden_model::{Resource, ResourceId, TypeName};
use zstd::bulk::{Compressor, Decompressor};

/// So many resources are seen before a dictionary is made of them: what resources of an estate have in common is told once.
const SAMPLES: usize = 1_000;

/// From so many the dictionary is made when all is there.
const SETTLING_SAMPLES: usize = 2_000;

/// How large the dictionary may become, in bytes.
const DICTIONARY: usize = 112 << 10;

/// Half a millisecond for a hundred resources; higher levels take twice as long and save a twentieth.
const LEVEL: i32 = 3;

/// Resources of which each is packed by itself.
#[derive(Default)]
pub struct Packs {
    packs: Vec<Pack>,
    codec: Option<Codec>,
}

/// One packed resource, with what it is found by.
struct Pack {
    id: ResourceId,
    type_name: TypeName,
    account: Arc<str>,
    /// Its JSON: plain before there is a dictionary, then packed.
    body: Box<[u8]>,
    /// How long the JSON is, in bytes, if it is packed.
    n_plain: Option<u32>,
}

struct Codec {
    packer: Compressor<'static>,
    /// Whoever reads needs it for himself: it holds what it unpacked last.
    unpacker: Mutex<Decompressor<'static>>,
}

impl Packs {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// Adds a resource.
    pub fn push(&mut self, resource: &Resource) {
        let pack = self.pack(resource);
        self.packs.push(pack);
        if self.codec.is_none() && self.packs.len() >= SAMPLES {
            self.begin_to_pack();
        }
    }

    /// Puts a resource in the place of another.
    pub fn replace(&mut self, place: usize, resource: &Resource) {
        let pack = self.pack(resource);
        if let Some(old) = self.packs.get_mut(place) {
            *old = pack;
        }
    }

    /// The id of the one at a place; `None` behind the last.
    pub fn id(&self, place: usize) -> Option<&ResourceId> {
        self.packs.get(place).map(|pack| &pack.id)
    }

    /// The type of the one at a place; `None` behind the last.
    pub fn type_name(&self, place: usize) -> Option<&TypeName> {
        self.packs.get(place).map(|pack| &pack.type_name)
    }

    /// The account of the one at a place; `None` behind the last.
    pub fn account(&self, place: usize) -> Option<&Arc<str>> {
        self.packs.get(place).map(|pack| &pack.account)
    }

    /// The one at a place as it was pushed; `None` behind the last. Shares id, type and account with its pack.
    pub fn open(&self, place: usize) -> Option<Resource> {
        let pack = self.packs.get(place)?;
        Some(open(pack, self.codec.as_ref()))
    }

    /// Packs all anew by what they have in common now, one after the other: what was pushed first may be of few kinds, and was perhaps
    /// replaced by more. Worth its time where there are many.
    pub fn settle(&mut self) {
        let Some(old) = self.codec.take() else { return };
        let step = (self.packs.len() / SETTLING_SAMPLES).max(1);
        let samples: Vec<Vec<u8>> = self.packs.iter().step_by(step).map(|pack| json(pack, Some(&old)).into_owned()).collect();
        let dictionary = zstd::dict::from_samples(&samples, DICTIONARY).unwrap_or_default();
        let Ok(mut codec) = Codec::new(&dictionary) else {
            self.codec = Some(old);
            return;
        };
        for pack in &mut self.packs {
            let (body, n_plain) = codec.pack(&json(pack, Some(&old)));
            (pack.body, pack.n_plain) = (body, n_plain);
        }
        self.codec = Some(codec);
    }

    /// Brings them in the order of ids, then types, and drops all but the first of those that agree in both.
    pub fn sort(&mut self) {
        self.packs.sort_by(|one, other| (&one.id, &one.type_name).cmp(&(&other.id, &other.type_name)));
        self.packs.dedup_by(|later, first| later.id == first.id && later.type_name == first.type_name);
        self.packs.shrink_to_fit();
    }

    /// Drops all but the first of those that have an id in common; they must be in order.
    pub fn keep_one_of_each_id(&mut self) {
        self.packs.dedup_by(|later, first| later.id == first.id);
    }

    /// Opens all, one after the other, dropping each pack.
    pub fn into_resources(self) -> Vec<Resource> {
        self.into_each(Some)
    }

    /// The same, and makes something of each or nothing.
    pub fn into_each<T>(self, make: impl FnMut(Resource) -> Option<T>) -> Vec<T> {
        let codec = self.codec;
        self.packs.into_iter().map(|pack| open(&pack, codec.as_ref())).filter_map(make).collect()
    }

    /// How many bytes the bodies take.
    pub fn n_bytes(&self) -> usize {
        self.packs.iter().map(|pack| pack.body.len()).sum()
    }

    fn pack(&mut self, resource: &Resource) -> Pack {
        let (body, n_plain) = match &mut self.codec {
            None => (plain(resource).into_boxed_slice(), None),
            Some(codec) => codec.pack(&plain(resource)),
        };
        Pack {
            id: resource.id.clone(),
            type_name: resource.type_name.clone(),
            account: Arc::clone(&resource.scope.account),
            body,
            n_plain,
        }
    }

    /// Makes the dictionary of those that are there, and packs them. If none can be made of them they stay as they are.
    fn begin_to_pack(&mut self) {
        let samples: Vec<&[u8]> = self.packs.iter().map(|pack| &*pack.body).collect();
        let dictionary = zstd::dict::from_samples(&samples, DICTIONARY).unwrap_or_default();
        let Ok(mut codec) = Codec::new(&dictionary) else { return };
        for pack in &mut self.packs {
            (pack.body, pack.n_plain) = codec.pack(&pack.body);
        }
        self.codec = Some(codec);
    }
}

impl FromIterator<Resource> for Packs {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut packs = Packs::new();
        for resource in resources {
            packs.push(&resource);
        }
        packs
    }
}

impl std::fmt::Debug for Packs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} packed resources", self.packs.len())
    }
}

impl Codec {
    fn new(dictionary: &[u8]) -> std::io::Result<Self> {
        let packer = Compressor::with_dictionary(LEVEL, dictionary)?;
        Ok(Self { packer, unpacker: Mutex::new(Decompressor::with_dictionary(dictionary)?) })
    }

    /// What can't be packed stays plain.
    fn pack(&mut self, plain: &[u8]) -> (Box<[u8]>, Option<u32>) {
        match (self.packer.compress(plain), u32::try_from(plain.len())) {
            (Ok(packed), Ok(n_plain)) => (packed.into_boxed_slice(), Some(n_plain)),
            _ => (plain.into(), None),
        }
    }

    fn unpack(&self, packed: &[u8], n_plain: u32) -> Vec<u8> {
        let mut unpacker = self.unpacker.lock().unwrap_or_else(PoisonError::into_inner);
        unpacker.decompress(packed, n_plain as usize).unwrap_or_default()
    }
}

fn plain(resource: &Resource) -> Vec<u8> {
    // Keys are texts and numbers are finite, so that it can't fail.
    serde_json::to_vec(resource).unwrap_or_default()
}

/// The JSON of a pack.
fn json<'p>(pack: &'p Pack, codec: Option<&Codec>) -> Cow<'p, [u8]> {
    match pack.n_plain.zip(codec) {
        None => Cow::Borrowed(&pack.body),
        Some((n_plain, codec)) => Cow::Owned(codec.unpack(&pack.body, n_plain)),
    }
}

#[expect(clippy::expect_used, reason = "what this module packed it can open")]
fn open(pack: &Pack, codec: Option<&Codec>) -> Resource {
    let mut resource: Resource = serde_json::from_slice(&json(pack, codec)).expect("what was packed is a resource");
    resource.id = pack.id.clone();
    resource.type_name = pack.type_name.clone();
    resource.scope.account = Arc::clone(&pack.account);
    resource
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};
    use skywarden_model::{Carried, Scope, Unreadable, UnreadableKind, UnreadableReason};

    use super::*;

    fn resource(number: usize, properties: Value) -> Resource {
        let account: Arc<str> = format!("account-{}", number % 3).into();
        let reason = UnreadableReason {
            kind: UnreadableKind::Denied,
            operation: "Microsoft.Web/sites/config/list/action".to_owned(),
            permission: None,
            code: "AuthorizationFailed".to_owned(),
            message: String::new(),
        };
        Resource {
            id: format!("/subscriptions/{account}/resourcegroups/g/providers/microsoft.web/sites/shop-{number:05}").into(),
            type_name: "Microsoft.Web/sites".into(),
            name: format!("shop-{number:05}"),
            scope: Scope { connector: "azure".into(), account, resource_group: "g".into() },
            location: (number % 2 == 0).then(|| "westeurope".to_owned()),
            tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
            envelope: serde_json::Map::from_iter([("kind".to_owned(), json!("app,linux"))]),
            properties,
            unreadable: vec![Unreadable { field: "properties.config".parse().unwrap(), reason: Arc::new(reason) }],
            carried: Carried::Only(["properties.a".parse().unwrap()].into()),
        }
    }

    fn site(number: usize) -> Resource {
        let state = if number.is_multiple_of(7) { "Stopped" } else { "Running" };
        let host = format!("shop-{number:05}.azurewebsites.net");
        let config = json!({"minTlsVersion": "1.2", "ftpsState": "Disabled", "http20Enabled": true, "number": number});
        resource(number, json!({"state": state, "hostNames": [host], "httpsOnly": true, "siteConfig": config, "none": null}))
    }

    #[test]
    fn what_was_packed_opens_as_it_was() {
        let mut packs: Packs = (0..SAMPLES + 500).map(site).collect();
        assert_eq!(packs.len(), SAMPLES + 500);
        for place in [0, 7, SAMPLES - 1, SAMPLES, SAMPLES + 499] {
            assert_eq!(packs.open(place), Some(site(place)), "{place}");
        }
        packs.settle();
        assert_eq!(packs.open(SAMPLES + 7), Some(site(SAMPLES + 7)));
        assert_eq!(packs.open(SAMPLES + 500), None);
        let n_plain: usize = (0..SAMPLES + 500).map(|number| plain(&site(number)).len()).sum();
        assert!(packs.n_bytes() * 5 < n_plain, "{} of {n_plain}", packs.n_bytes());
    }

    #[test]
    fn they_are_sorted_replaced_and_told_once() {
        let mut packs: Packs = [3, 1, 2, 1].into_iter().map(site).collect();
        packs.sort();
        assert_eq!(packs.len(), 3);
        packs.replace(1, &resource(2, json!({"state": "Gone"})));
        let states: Vec<Value> = packs.into_resources().into_iter().map(|own| own.properties["state"].clone()).collect();
        assert_eq!(states, [json!("Running"), json!("Gone"), json!("Running")]);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            // Of other fractions JSON may tell the last digit otherwise.
            any::<i32>().prop_map(|number| json!(f64::from(number) / 4.0)),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,12}", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn any_properties_open_as_they_were(many in prop::collection::vec(values(), 20..60)) {
            // As many as it takes for a dictionary, then these.
            let mut packs: Packs = (0..SAMPLES).map(|number| resource(number, json!({"n": number}))).collect();
            let own: Vec<Resource> = many.into_iter().enumerate().map(|(n, properties)| resource(n, properties)).collect();
            own.iter().for_each(|own| packs.push(own));
            let opened: Vec<Resource> = packs.into_resources().split_off(SAMPLES);
            prop_assert_eq!(opened, own);
        }
    }
}
